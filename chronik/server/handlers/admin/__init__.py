"""APIs that administer topics, configuration and the cluster, and those that describe them."""

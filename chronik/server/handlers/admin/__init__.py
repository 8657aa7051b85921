"""APIs that administer topics, configuration and the cluster, and those that describe them."""

from chronik.server.handlers.admin import (
    alter_configs,
    create_partitions,
    create_topics,
    delete_records,
    delete_topics,
    describe_acls,
    describe_cluster,
    describe_configs,
    describe_log_dirs,
    describe_topic_partitions,
    init_producer_id,
    metadata,
)

APIS = (
    *metadata.APIS,
    *create_topics.APIS,
    *delete_topics.APIS,
    *delete_records.APIS,
    *create_partitions.APIS,
    *describe_configs.APIS,
    *alter_configs.APIS,
    *describe_cluster.APIS,
    *describe_log_dirs.APIS,
    *describe_topic_partitions.APIS,
    *describe_acls.APIS,
    *init_producer_id.APIS,
)

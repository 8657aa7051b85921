"""The log: what a partition's records are kept in."""

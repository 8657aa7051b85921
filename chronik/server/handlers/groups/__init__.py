"""APIs of consumer groups: finding their coordinator, membership, offsets, administration."""

from chronik.server.handlers.groups import administration, consumer_groups, find_coordinator, membership, offset_commit, offset_delete, offset_fetch

APIS = (
    *find_coordinator.APIS,
    *membership.APIS,
    *offset_commit.APIS,
    *offset_fetch.APIS,
    *offset_delete.APIS,
    *administration.APIS,
    *consumer_groups.APIS,
)

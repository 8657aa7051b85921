"""What requests change, for the audit trail: one function an API, given the metadata before and after, the request and its answer.

The API table takes its ``audited`` column from here. Every API that changes something on somebody's behalf has one;
``tests/server/test_audited.py`` holds the list of those that do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.protocol.apis import ApiKey
from chronik.server.audited import cluster, configs, security, topics
from chronik.server.audited.change import Audited, Changed

__all__ = ["AUDITED", "Audited", "Changed"]

AUDITED: Final[Mapping[int, Audited]] = {
    ApiKey.METADATA: topics.created_by_use,
    ApiKey.CREATE_TOPICS: topics.created,
    ApiKey.DELETE_TOPICS: topics.deleted,
    ApiKey.CREATE_PARTITIONS: topics.extended,
    ApiKey.DELETE_RECORDS: topics.records_deleted,
    ApiKey.ALTER_CONFIGS: configs.altered,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: configs.altered,
    ApiKey.ALTER_CLIENT_QUOTAS: configs.quotas_altered,
    ApiKey.ELECT_LEADERS: cluster.elected,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: cluster.reassigned,
    ApiKey.ALTER_REPLICA_LOG_DIRS: cluster.moved,
    ApiKey.UPDATE_FEATURES: cluster.features_updated,
    ApiKey.UNREGISTER_BROKER: cluster.unregistered,
    ApiKey.DELETE_GROUPS: cluster.groups_deleted,
    ApiKey.OFFSET_DELETE: cluster.offsets_deleted,
    ApiKey.CREATE_ACLS: security.acls_created,
    ApiKey.DELETE_ACLS: security.acls_deleted,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: security.scram_altered,
    ApiKey.CREATE_DELEGATION_TOKEN: security.token_created,
    ApiKey.RENEW_DELEGATION_TOKEN: security.token_renewed,
    ApiKey.EXPIRE_DELEGATION_TOKEN: security.token_expired,
}
"""By API key."""

"""What each API needs, by Kafka's own table (KIP-11 and its successors; "Authorization" in Kafka's documentation).

``tests.server.test_authorization`` proves it, and ``contrib/docs/permissions_table.py`` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from chronik.errors import ErrorCode
from chronik.security.interfaces import Operation as O
from chronik.security.interfaces import ResourceType as R

Permission: TypeAlias = tuple[O, R]
"""An operation on a type of resource."""


@dataclass(frozen=True)
class Need:
    """One thing that a request needs.

    :ivar any_of: permissions of which one is enough.
    :ivar code: what is answered without it; None where what the caller may not know of is left out.
    :ivar when: for which requests; empty for all.
    """

    any_of: tuple[Permission, ...]
    code: ErrorCode | None
    when: str = ""


def _cluster(operation: O, when: str = "") -> Need:
    return Need(((operation, R.CLUSTER),), ErrorCode.CLUSTER_AUTHORIZATION_FAILED, when)


def _topic(operation: O, *others: Permission, when: str = "") -> Need:
    return Need(((operation, R.TOPIC), *others), ErrorCode.TOPIC_AUTHORIZATION_FAILED, when)


def _group(operation: O, when: str = "") -> Need:
    return Need(((operation, R.GROUP),), ErrorCode.GROUP_AUTHORIZATION_FAILED, when)


def _transaction(operation: O, when: str) -> Need:
    return Need(((operation, R.TRANSACTIONAL_ID),), ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, when)


def _configs(operation: O) -> tuple[Need, ...]:
    return (_topic(operation), _cluster(operation, "a broker's, or metrics subscriptions"), _group(operation, "a group's"))


PERMISSIONS: Final[Mapping[str, tuple[Need, ...]]] = {
    "Produce": (
        _topic(O.WRITE),
        _transaction(O.WRITE, "in a transaction"),
        Need(((O.CLUSTER_ACTION, R.CLUSTER),), ErrorCode.INVALID_TOPIC_EXCEPTION, "of a broker's audit, to __chronik_audit"),
    ),
    "Fetch": (_topic(O.READ), Need(((O.CLUSTER_ACTION, R.CLUSTER),), ErrorCode.TOPIC_AUTHORIZATION_FAILED, "of a follower")),
    "ListOffsets": (_topic(O.DESCRIBE),),
    "Metadata": (_topic(O.DESCRIBE), _topic(O.CREATE, (O.CREATE, R.CLUSTER), when="a missing topic that is to be created")),
    "OffsetCommit": (_group(O.READ), _topic(O.READ)),
    "OffsetFetch": (_group(O.DESCRIBE), _topic(O.DESCRIBE)),
    "FindCoordinator": (_group(O.DESCRIBE), _transaction(O.DESCRIBE, "of transactions")),
    "JoinGroup": (_group(O.READ),),
    "Heartbeat": (_group(O.READ),),
    "LeaveGroup": (_group(O.READ),),
    "SyncGroup": (_group(O.READ),),
    "DescribeGroups": (_group(O.DESCRIBE),),
    "ListGroups": (Need(((O.DESCRIBE, R.CLUSTER), (O.DESCRIBE, R.GROUP)), None),),
    "ApiVersions": (),
    "CreateTopics": (_topic(O.CREATE, (O.CREATE, R.CLUSTER)), _topic(O.DESCRIBE_CONFIGS, when="to be told the new topic's configuration")),
    "DeleteTopics": (_topic(O.DELETE, (O.DELETE, R.CLUSTER)),),
    "DeleteRecords": (_topic(O.DELETE),),
    "InitProducerId": (
        Need(((O.IDEMPOTENT_WRITE, R.CLUSTER), (O.WRITE, R.TOPIC)), ErrorCode.CLUSTER_AUTHORIZATION_FAILED),
        _transaction(O.WRITE, "for transactions"),
    ),
    "OffsetForLeaderEpoch": (_topic(O.DESCRIBE, (O.CLUSTER_ACTION, R.CLUSTER)),),
    "DescribeAcls": (_cluster(O.DESCRIBE),),
    "CreateAcls": (_cluster(O.ALTER),),
    "DeleteAcls": (_cluster(O.ALTER),),
    "DescribeConfigs": _configs(O.DESCRIBE_CONFIGS),
    "AlterConfigs": _configs(O.ALTER_CONFIGS),
    "IncrementalAlterConfigs": _configs(O.ALTER_CONFIGS),
    "AlterReplicaLogDirs": (_cluster(O.ALTER),),
    "DescribeLogDirs": (_cluster(O.DESCRIBE),),
    "CreatePartitions": (_topic(O.ALTER),),
    "DeleteGroups": (_group(O.DELETE),),
    "ElectLeaders": (_cluster(O.ALTER),),
    "AlterPartitionReassignments": (_cluster(O.ALTER),),
    "ListPartitionReassignments": (_cluster(O.DESCRIBE),),
    "OffsetDelete": (_group(O.DELETE), _topic(O.READ)),
    "DescribeClientQuotas": (_cluster(O.DESCRIBE_CONFIGS),),
    "AlterClientQuotas": (_cluster(O.ALTER_CONFIGS),),
    "DescribeQuorum": (_cluster(O.DESCRIBE),),
    "UpdateFeatures": (_cluster(O.ALTER),),
    "DescribeCluster": (),
    "DescribeProducers": (_topic(O.READ),),
    "BrokerHeartbeat": (_cluster(O.CLUSTER_ACTION),),
    "UnregisterBroker": (_cluster(O.ALTER),),
    "ConsumerGroupHeartbeat": (_group(O.READ), _topic(O.DESCRIBE)),
    "ConsumerGroupDescribe": (_group(O.DESCRIBE), _topic(O.DESCRIBE)),
    "ListConfigResources": (_cluster(O.DESCRIBE_CONFIGS),),
    "DescribeTopicPartitions": (_topic(O.DESCRIBE),),
    "SaslHandshake": (),
    "SaslAuthenticate": (),
    "DescribeUserScramCredentials": (_cluster(O.DESCRIBE),),
    "AlterUserScramCredentials": (_cluster(O.ALTER),),
    "CreateDelegationToken": (
        Need(((O.CREATE_TOKENS, R.USER),), ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED, "for another owner than oneself"),
    ),
    "RenewDelegationToken": (),
    "ExpireDelegationToken": (),
    "DescribeDelegationToken": (
        Need(((O.DESCRIBE, R.DELEGATION_TOKEN), (O.DESCRIBE_TOKENS, R.USER)), None, "tokens that one neither owns nor may renew"),
    ),
}
"""Every API that is served, and what it needs."""

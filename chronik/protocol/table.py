"""Kafka's messages as rows; written by ``contrib/protocol/generate.py``, not by hand.

``name: (API key, first version, last version, first flexible version, {struct: rows})``, a row being a
:class:`chronik.protocol.schema.Field`.
"""

# fmt: off
from __future__ import annotations

from typing import Any, Final

MESSAGES: Final[dict[str, tuple[int | None, int, int, int | None, dict[str, tuple[tuple[Any, ...], ...]]]]] = {
    "AddOffsetsToTxnRequest": (25, 0, 4, 3, {
        "AddOffsetsToTxnRequest": (
            ('transactional_id', 'string', False, 0, 4, None, None, ''),
            ('producer_id', 'int64', False, 0, 4, None, None, 0),
            ('producer_epoch', 'int16', False, 0, 4, None, None, 0),
            ('group_id', 'string', False, 0, 4, None, None, ''),
        ),
    }),
    "AddOffsetsToTxnResponse": (25, 0, 4, 3, {
        "AddOffsetsToTxnResponse": (
            ('throttle_time_ms', 'int32', False, 0, 4, None, None, 0),
            ('error_code', 'int16', False, 0, 4, None, None, 0),
        ),
    }),
    "AddPartitionsToTxnRequest": (24, 0, 5, 3, {
        "AddPartitionsToTxnTopic": (
            ('name', 'string', False, 0, 5, None, None, ''),
            ('partitions', 'int32', True, 0, 5, None, None, ()),
        ),
        "AddPartitionsToTxnTransaction": (
            ('transactional_id', 'string', False, 4, 5, None, None, ''),
            ('producer_id', 'int64', False, 4, 5, None, None, 0),
            ('producer_epoch', 'int16', False, 4, 5, None, None, 0),
            ('verify_only', 'bool', False, 4, 5, None, None, False),
            ('topics', 'AddPartitionsToTxnTopic', True, 4, 5, None, None, ()),
        ),
        "AddPartitionsToTxnRequest": (
            ('transactions', 'AddPartitionsToTxnTransaction', True, 4, 5, None, None, ()),
            ('v3_and_below_transactional_id', 'string', False, 0, 3, None, None, ''),
            ('v3_and_below_producer_id', 'int64', False, 0, 3, None, None, 0),
            ('v3_and_below_producer_epoch', 'int16', False, 0, 3, None, None, 0),
            ('v3_and_below_topics', 'AddPartitionsToTxnTopic', True, 0, 3, None, None, ()),
        ),
    }),
    "AddPartitionsToTxnResponse": (24, 0, 5, 3, {
        "AddPartitionsToTxnPartitionResult": (
            ('partition_index', 'int32', False, 0, 5, None, None, 0),
            ('partition_error_code', 'int16', False, 0, 5, None, None, 0),
        ),
        "AddPartitionsToTxnTopicResult": (
            ('name', 'string', False, 0, 5, None, None, ''),
            ('results_by_partition', 'AddPartitionsToTxnPartitionResult', True, 0, 5, None, None, ()),
        ),
        "AddPartitionsToTxnResult": (
            ('transactional_id', 'string', False, 4, 5, None, None, ''),
            ('topic_results', 'AddPartitionsToTxnTopicResult', True, 4, 5, None, None, ()),
        ),
        "AddPartitionsToTxnResponse": (
            ('throttle_time_ms', 'int32', False, 0, 5, None, None, 0),
            ('error_code', 'int16', False, 4, 5, None, None, 0),
            ('results_by_transaction', 'AddPartitionsToTxnResult', True, 4, 5, None, None, ()),
            ('results_by_topic_v3_and_below', 'AddPartitionsToTxnTopicResult', True, 0, 3, None, None, ()),
        ),
    }),
    "AddRaftVoterRequest": (80, 0, 1, 0, {
        "Listener": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('host', 'string', False, 0, 1, None, None, ''),
            ('port', 'uint16', False, 0, 1, None, None, 0),
        ),
        "AddRaftVoterRequest": (
            ('cluster_id', 'string', False, 0, 1, 0, None, ''),
            ('timeout_ms', 'int32', False, 0, 1, None, None, 0),
            ('voter_id', 'int32', False, 0, 1, None, None, 0),
            ('voter_directory_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('listeners', 'Listener', True, 0, 1, None, None, ()),
            ('ack_when_committed', 'bool', False, 1, 1, None, None, True),
        ),
    }),
    "AddRaftVoterResponse": (80, 0, 1, 0, {
        "AddRaftVoterResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
        ),
    }),
    "AllocateProducerIdsRequest": (67, 0, 0, 0, {
        "AllocateProducerIdsRequest": (
            ('broker_id', 'int32', False, 0, 0, None, None, 0),
            ('broker_epoch', 'int64', False, 0, 0, None, None, -1),
        ),
    }),
    "AllocateProducerIdsResponse": (67, 0, 0, 0, {
        "AllocateProducerIdsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('producer_id_start', 'int64', False, 0, 0, None, None, 0),
            ('producer_id_len', 'int32', False, 0, 0, None, None, 0),
        ),
    }),
    "AlterClientQuotasRequest": (49, 0, 1, 1, {
        "EntityData": (
            ('entity_type', 'string', False, 0, 1, None, None, ''),
            ('entity_name', 'string', False, 0, 1, 0, None, ''),
        ),
        "OpData": (
            ('key', 'string', False, 0, 1, None, None, ''),
            ('value', 'float64', False, 0, 1, None, None, 0.0),
            ('remove', 'bool', False, 0, 1, None, None, False),
        ),
        "EntryData": (
            ('entity', 'EntityData', True, 0, 1, None, None, ()),
            ('ops', 'OpData', True, 0, 1, None, None, ()),
        ),
        "AlterClientQuotasRequest": (
            ('entries', 'EntryData', True, 0, 1, None, None, ()),
            ('validate_only', 'bool', False, 0, 1, None, None, False),
        ),
    }),
    "AlterClientQuotasResponse": (49, 0, 1, 1, {
        "EntityData": (
            ('entity_type', 'string', False, 0, 1, None, None, ''),
            ('entity_name', 'string', False, 0, 1, 0, None, ''),
        ),
        "EntryData": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
            ('entity', 'EntityData', True, 0, 1, None, None, ()),
        ),
        "AlterClientQuotasResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('entries', 'EntryData', True, 0, 1, None, None, ()),
        ),
    }),
    "AlterConfigsRequest": (33, 0, 2, 2, {
        "AlterableConfig": (
            ('name', 'string', False, 0, 2, None, None, ''),
            ('value', 'string', False, 0, 2, 0, None, ''),
        ),
        "AlterConfigsResource": (
            ('resource_type', 'int8', False, 0, 2, None, None, 0),
            ('resource_name', 'string', False, 0, 2, None, None, ''),
            ('configs', 'AlterableConfig', True, 0, 2, None, None, ()),
        ),
        "AlterConfigsRequest": (
            ('resources', 'AlterConfigsResource', True, 0, 2, None, None, ()),
            ('validate_only', 'bool', False, 0, 2, None, None, False),
        ),
    }),
    "AlterConfigsResponse": (33, 0, 2, 2, {
        "AlterConfigsResourceResponse": (
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 0, 2, 0, None, ''),
            ('resource_type', 'int8', False, 0, 2, None, None, 0),
            ('resource_name', 'string', False, 0, 2, None, None, ''),
        ),
        "AlterConfigsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('responses', 'AlterConfigsResourceResponse', True, 0, 2, None, None, ()),
        ),
    }),
    "AlterPartitionReassignmentsRequest": (45, 0, 1, 0, {
        "ReassignablePartition": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('replicas', 'int32', True, 0, 1, 0, None, None),
        ),
        "ReassignableTopic": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'ReassignablePartition', True, 0, 1, None, None, ()),
        ),
        "AlterPartitionReassignmentsRequest": (
            ('timeout_ms', 'int32', False, 0, 1, None, None, 60000),
            ('allow_replication_factor_change', 'bool', False, 1, 1, None, None, True),
            ('topics', 'ReassignableTopic', True, 0, 1, None, None, ()),
        ),
    }),
    "AlterPartitionReassignmentsResponse": (45, 0, 1, 0, {
        "ReassignablePartitionResponse": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
        ),
        "ReassignableTopicResponse": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'ReassignablePartitionResponse', True, 0, 1, None, None, ()),
        ),
        "AlterPartitionReassignmentsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('allow_replication_factor_change', 'bool', False, 1, 1, None, None, True),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
            ('responses', 'ReassignableTopicResponse', True, 0, 1, None, None, ()),
        ),
    }),
    "AlterPartitionRequest": (56, 2, 3, 2, {
        "PartitionData": (
            ('partition_index', 'int32', False, 2, 3, None, None, 0),
            ('leader_epoch', 'int32', False, 2, 3, None, None, 0),
            ('new_isr_with_epochs', 'BrokerState', True, 3, 3, None, None, ()),
            ('new_isr', 'int32', True, 2, 2, None, None, ()),
            ('leader_recovery_state', 'int8', False, 2, 3, None, None, 0),
            ('partition_epoch', 'int32', False, 2, 3, None, None, 0),
        ),
        "TopicData": (
            ('topic_id', 'uuid', False, 2, 3, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 2, 3, None, None, ()),
        ),
        "BrokerState": (
            ('broker_id', 'int32', False, 3, 3, None, None, 0),
            ('broker_epoch', 'int64', False, 3, 3, None, None, -1),
        ),
        "AlterPartitionRequest": (
            ('broker_id', 'int32', False, 2, 3, None, None, 0),
            ('broker_epoch', 'int64', False, 2, 3, None, None, -1),
            ('topics', 'TopicData', True, 2, 3, None, None, ()),
        ),
    }),
    "AlterPartitionResponse": (56, 2, 3, 2, {
        "PartitionData": (
            ('partition_index', 'int32', False, 2, 3, None, None, 0),
            ('error_code', 'int16', False, 2, 3, None, None, 0),
            ('leader_id', 'int32', False, 2, 3, None, None, 0),
            ('leader_epoch', 'int32', False, 2, 3, None, None, 0),
            ('isr', 'int32', True, 2, 3, None, None, ()),
            ('leader_recovery_state', 'int8', False, 2, 3, None, None, 0),
            ('partition_epoch', 'int32', False, 2, 3, None, None, 0),
        ),
        "TopicData": (
            ('topic_id', 'uuid', False, 2, 3, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 2, 3, None, None, ()),
        ),
        "AlterPartitionResponse": (
            ('throttle_time_ms', 'int32', False, 2, 3, None, None, 0),
            ('error_code', 'int16', False, 2, 3, None, None, 0),
            ('topics', 'TopicData', True, 2, 3, None, None, ()),
        ),
    }),
    "AlterReplicaLogDirsRequest": (34, 1, 2, 2, {
        "AlterReplicaLogDirTopic": (
            ('name', 'string', False, 1, 2, None, None, ''),
            ('partitions', 'int32', True, 1, 2, None, None, ()),
        ),
        "AlterReplicaLogDir": (
            ('path', 'string', False, 1, 2, None, None, ''),
            ('topics', 'AlterReplicaLogDirTopic', True, 1, 2, None, None, ()),
        ),
        "AlterReplicaLogDirsRequest": (
            ('dirs', 'AlterReplicaLogDir', True, 1, 2, None, None, ()),
        ),
    }),
    "AlterReplicaLogDirsResponse": (34, 1, 2, 2, {
        "AlterReplicaLogDirPartitionResult": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
        ),
        "AlterReplicaLogDirTopicResult": (
            ('topic_name', 'string', False, 1, 2, None, None, ''),
            ('partitions', 'AlterReplicaLogDirPartitionResult', True, 1, 2, None, None, ()),
        ),
        "AlterReplicaLogDirsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 2, None, None, 0),
            ('results', 'AlterReplicaLogDirTopicResult', True, 1, 2, None, None, ()),
        ),
    }),
    "AlterShareGroupOffsetsRequest": (91, 0, 0, 0, {
        "AlterShareGroupOffsetsRequestPartition": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('start_offset', 'int64', False, 0, 0, None, None, 0),
        ),
        "AlterShareGroupOffsetsRequestTopic": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'AlterShareGroupOffsetsRequestPartition', True, 0, 0, None, None, ()),
        ),
        "AlterShareGroupOffsetsRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'AlterShareGroupOffsetsRequestTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "AlterShareGroupOffsetsResponse": (91, 0, 0, 0, {
        "AlterShareGroupOffsetsResponsePartition": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
        ),
        "AlterShareGroupOffsetsResponseTopic": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'AlterShareGroupOffsetsResponsePartition', True, 0, 0, None, None, ()),
        ),
        "AlterShareGroupOffsetsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('responses', 'AlterShareGroupOffsetsResponseTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "AlterUserScramCredentialsRequest": (51, 0, 0, 0, {
        "ScramCredentialDeletion": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('mechanism', 'int8', False, 0, 0, None, None, 0),
        ),
        "ScramCredentialUpsertion": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('mechanism', 'int8', False, 0, 0, None, None, 0),
            ('iterations', 'int32', False, 0, 0, None, None, 0),
            ('salt', 'bytes', False, 0, 0, None, None, b''),
            ('salted_password', 'bytes', False, 0, 0, None, None, b''),
        ),
        "AlterUserScramCredentialsRequest": (
            ('deletions', 'ScramCredentialDeletion', True, 0, 0, None, None, ()),
            ('upsertions', 'ScramCredentialUpsertion', True, 0, 0, None, None, ()),
        ),
    }),
    "AlterUserScramCredentialsResponse": (51, 0, 0, 0, {
        "AlterUserScramCredentialsResult": (
            ('user', 'string', False, 0, 0, None, None, ''),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
        ),
        "AlterUserScramCredentialsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('results', 'AlterUserScramCredentialsResult', True, 0, 0, None, None, ()),
        ),
    }),
    "ApiVersionsRequest": (18, 0, 4, 3, {
        "ApiVersionsRequest": (
            ('client_software_name', 'string', False, 3, 4, None, None, ''),
            ('client_software_version', 'string', False, 3, 4, None, None, ''),
        ),
    }),
    "ApiVersionsResponse": (18, 0, 4, 3, {
        "ApiVersion": (
            ('api_key', 'int16', False, 0, 4, None, None, 0),
            ('min_version', 'int16', False, 0, 4, None, None, 0),
            ('max_version', 'int16', False, 0, 4, None, None, 0),
        ),
        "SupportedFeatureKey": (
            ('name', 'string', False, 3, 4, None, None, ''),
            ('min_version', 'int16', False, 3, 4, None, None, 0),
            ('max_version', 'int16', False, 3, 4, None, None, 0),
        ),
        "FinalizedFeatureKey": (
            ('name', 'string', False, 3, 4, None, None, ''),
            ('max_version_level', 'int16', False, 3, 4, None, None, 0),
            ('min_version_level', 'int16', False, 3, 4, None, None, 0),
        ),
        "ApiVersionsResponse": (
            ('error_code', 'int16', False, 0, 4, None, None, 0),
            ('api_keys', 'ApiVersion', True, 0, 4, None, None, ()),
            ('throttle_time_ms', 'int32', False, 1, 4, None, None, 0),
            ('supported_features', 'SupportedFeatureKey', True, 3, 4, None, 0, ()),
            ('finalized_features_epoch', 'int64', False, 3, 4, None, 1, -1),
            ('finalized_features', 'FinalizedFeatureKey', True, 3, 4, None, 2, ()),
            ('zk_migration_ready', 'bool', False, 3, 4, None, 3, False),
        ),
    }),
    "AssignReplicasToDirsRequest": (73, 0, 0, 0, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
        ),
        "TopicData": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 0, None, None, ()),
        ),
        "DirectoryData": (
            ('id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topics', 'TopicData', True, 0, 0, None, None, ()),
        ),
        "AssignReplicasToDirsRequest": (
            ('broker_id', 'int32', False, 0, 0, None, None, 0),
            ('broker_epoch', 'int64', False, 0, 0, None, None, -1),
            ('directories', 'DirectoryData', True, 0, 0, None, None, ()),
        ),
    }),
    "AssignReplicasToDirsResponse": (73, 0, 0, 0, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
        ),
        "TopicData": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 0, None, None, ()),
        ),
        "DirectoryData": (
            ('id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topics', 'TopicData', True, 0, 0, None, None, ()),
        ),
        "AssignReplicasToDirsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('directories', 'DirectoryData', True, 0, 0, None, None, ()),
        ),
    }),
    "BeginQuorumEpochRequest": (53, 0, 1, 1, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('voter_directory_id', 'uuid', False, 1, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "LeaderEndpoint": (
            ('name', 'string', False, 1, 1, None, None, ''),
            ('host', 'string', False, 1, 1, None, None, ''),
            ('port', 'uint16', False, 1, 1, None, None, 0),
        ),
        "BeginQuorumEpochRequest": (
            ('cluster_id', 'string', False, 0, 1, 0, None, None),
            ('voter_id', 'int32', False, 1, 1, None, None, -1),
            ('topics', 'TopicData', True, 0, 1, None, None, ()),
            ('leader_endpoints', 'LeaderEndpoint', True, 1, 1, None, None, ()),
        ),
    }),
    "BeginQuorumEpochResponse": (53, 0, 1, 1, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 1, None, None, 0),
            ('host', 'string', False, 1, 1, None, None, ''),
            ('port', 'uint16', False, 1, 1, None, None, 0),
        ),
        "BeginQuorumEpochResponse": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('topics', 'TopicData', True, 0, 1, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 1, None, 0, ()),
        ),
    }),
    "BrokerHeartbeatRequest": (63, 0, 2, 0, {
        "BrokerHeartbeatRequest": (
            ('broker_id', 'int32', False, 0, 2, None, None, 0),
            ('broker_epoch', 'int64', False, 0, 2, None, None, -1),
            ('current_metadata_offset', 'int64', False, 0, 2, None, None, 0),
            ('want_fence', 'bool', False, 0, 2, None, None, False),
            ('want_shut_down', 'bool', False, 0, 2, None, None, False),
            ('offline_log_dirs', 'uuid', True, 1, 2, None, 0, ()),
            ('cordoned_log_dirs', 'uuid', True, 2, 2, 2, 1, None),
        ),
    }),
    "BrokerHeartbeatResponse": (63, 0, 2, 0, {
        "BrokerHeartbeatResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('is_caught_up', 'bool', False, 0, 2, None, None, False),
            ('is_fenced', 'bool', False, 0, 2, None, None, True),
            ('should_shut_down', 'bool', False, 0, 2, None, None, False),
        ),
    }),
    "BrokerRegistrationRequest": (62, 0, 4, 0, {
        "Listener": (
            ('name', 'string', False, 0, 4, None, None, ''),
            ('host', 'string', False, 0, 4, None, None, ''),
            ('port', 'uint16', False, 0, 4, None, None, 0),
            ('security_protocol', 'int16', False, 0, 4, None, None, 0),
        ),
        "Feature": (
            ('name', 'string', False, 0, 4, None, None, ''),
            ('min_supported_version', 'int16', False, 0, 4, None, None, 0),
            ('max_supported_version', 'int16', False, 0, 4, None, None, 0),
        ),
        "BrokerRegistrationRequest": (
            ('broker_id', 'int32', False, 0, 4, None, None, 0),
            ('cluster_id', 'string', False, 0, 4, None, None, ''),
            ('incarnation_id', 'uuid', False, 0, 4, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('listeners', 'Listener', True, 0, 4, None, None, ()),
            ('features', 'Feature', True, 0, 4, None, None, ()),
            ('rack', 'string', False, 0, 4, 0, None, ''),
            ('is_migrating_zk_broker', 'bool', False, 1, 4, None, None, False),
            ('log_dirs', 'uuid', True, 2, 4, None, None, ()),
            ('previous_broker_epoch', 'int64', False, 3, 4, None, None, -1),
        ),
    }),
    "BrokerRegistrationResponse": (62, 0, 4, 0, {
        "BrokerRegistrationResponse": (
            ('throttle_time_ms', 'int32', False, 0, 4, None, None, 0),
            ('error_code', 'int16', False, 0, 4, None, None, 0),
            ('broker_epoch', 'int64', False, 0, 4, None, None, -1),
        ),
    }),
    "ConsumerGroupCurrentMemberAssignmentKey": (None, 8, 8, None, {
        "ConsumerGroupCurrentMemberAssignmentKey": (
            ('group_id', 'string', False, 8, 8, None, None, ''),
            ('member_id', 'string', False, 8, 8, None, None, ''),
        ),
    }),
    "ConsumerGroupCurrentMemberAssignmentValue": (None, 0, 0, 0, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
            ('assignment_epochs', 'int32', True, 0, 0, 0, 0, None),
        ),
        "ConsumerGroupCurrentMemberAssignmentValue": (
            ('member_epoch', 'int32', False, 0, 0, None, None, 0),
            ('previous_member_epoch', 'int32', False, 0, 0, None, None, 0),
            ('state', 'int8', False, 0, 0, None, None, 0),
            ('assigned_partitions', 'TopicPartitions', True, 0, 0, None, None, ()),
            ('partitions_pending_revocation', 'TopicPartitions', True, 0, 0, None, None, ()),
        ),
    }),
    "ConsumerGroupDescribeRequest": (69, 0, 1, 0, {
        "ConsumerGroupDescribeRequest": (
            ('group_ids', 'string', True, 0, 1, None, None, ()),
            ('include_authorized_operations', 'bool', False, 0, 1, None, None, False),
        ),
    }),
    "ConsumerGroupDescribeResponse": (69, 0, 1, 0, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'int32', True, 0, 1, None, None, ()),
        ),
        "Assignment": (
            ('topic_partitions', 'TopicPartitions', True, 0, 1, None, None, ()),
        ),
        "Member": (
            ('member_id', 'string', False, 0, 1, None, None, ''),
            ('instance_id', 'string', False, 0, 1, 0, None, None),
            ('rack_id', 'string', False, 0, 1, 0, None, None),
            ('member_epoch', 'int32', False, 0, 1, None, None, 0),
            ('client_id', 'string', False, 0, 1, None, None, ''),
            ('client_host', 'string', False, 0, 1, None, None, ''),
            ('subscribed_topic_names', 'string', True, 0, 1, None, None, ()),
            ('subscribed_topic_regex', 'string', False, 0, 1, 0, None, None),
            ('assignment', 'Assignment', False, 0, 1, None, None, None),
            ('target_assignment', 'Assignment', False, 0, 1, None, None, None),
            ('member_type', 'int8', False, 1, 1, None, None, -1),
        ),
        "DescribedGroup": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('group_state', 'string', False, 0, 1, None, None, ''),
            ('group_epoch', 'int32', False, 0, 1, None, None, 0),
            ('assignment_epoch', 'int32', False, 0, 1, None, None, 0),
            ('assignor_name', 'string', False, 0, 1, None, None, ''),
            ('members', 'Member', True, 0, 1, None, None, ()),
            ('authorized_operations', 'int32', False, 0, 1, None, None, -2147483648),
        ),
        "ConsumerGroupDescribeResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('groups', 'DescribedGroup', True, 0, 1, None, None, ()),
        ),
    }),
    "ConsumerGroupHeartbeatRequest": (68, 0, 1, 0, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 0, 1, None, None, ()),
        ),
        "ConsumerGroupHeartbeatRequest": (
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('member_id', 'string', False, 0, 1, None, None, ''),
            ('member_epoch', 'int32', False, 0, 1, None, None, 0),
            ('instance_id', 'string', False, 0, 1, 0, None, None),
            ('rack_id', 'string', False, 0, 1, 0, None, None),
            ('rebalance_timeout_ms', 'int32', False, 0, 1, None, None, -1),
            ('subscribed_topic_names', 'string', True, 0, 1, 0, None, None),
            ('subscribed_topic_regex', 'string', False, 1, 1, 1, None, None),
            ('server_assignor', 'string', False, 0, 1, 0, None, None),
            ('topic_partitions', 'TopicPartitions', True, 0, 1, 0, None, None),
        ),
    }),
    "ConsumerGroupHeartbeatResponse": (68, 0, 1, 0, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 0, 1, None, None, ()),
        ),
        "Assignment": (
            ('topic_partitions', 'TopicPartitions', True, 0, 1, None, None, ()),
        ),
        "ConsumerGroupHeartbeatResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
            ('member_id', 'string', False, 0, 1, 0, None, None),
            ('member_epoch', 'int32', False, 0, 1, None, None, 0),
            ('heartbeat_interval_ms', 'int32', False, 0, 1, None, None, 0),
            ('assignment', 'Assignment', False, 0, 1, 0, None, None),
        ),
    }),
    "ConsumerGroupMemberMetadataKey": (None, 5, 5, None, {
        "ConsumerGroupMemberMetadataKey": (
            ('group_id', 'string', False, 5, 5, None, None, ''),
            ('member_id', 'string', False, 5, 5, None, None, ''),
        ),
    }),
    "ConsumerGroupMemberMetadataValue": (None, 0, 0, 0, {
        "ClassicProtocol": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('metadata', 'bytes', False, 0, 0, None, None, b''),
        ),
        "ClassicMemberMetadata": (
            ('session_timeout_ms', 'int32', False, 0, 0, None, None, 0),
            ('supported_protocols', 'ClassicProtocol', True, 0, 0, None, None, ()),
        ),
        "ConsumerGroupMemberMetadataValue": (
            ('instance_id', 'string', False, 0, 0, 0, None, ''),
            ('rack_id', 'string', False, 0, 0, 0, None, ''),
            ('client_id', 'string', False, 0, 0, None, None, ''),
            ('client_host', 'string', False, 0, 0, None, None, ''),
            ('subscribed_topic_names', 'string', True, 0, 0, None, None, ()),
            ('subscribed_topic_regex', 'string', False, 0, 0, 0, None, ''),
            ('rebalance_timeout_ms', 'int32', False, 0, 0, None, None, -1),
            ('server_assignor', 'string', False, 0, 0, 0, None, ''),
            ('classic_member_metadata', 'ClassicMemberMetadata', False, 0, 0, 0, 0, None),
        ),
    }),
    "ConsumerGroupMetadataKey": (None, 3, 3, None, {
        "ConsumerGroupMetadataKey": (
            ('group_id', 'string', False, 3, 3, None, None, ''),
        ),
    }),
    "ConsumerGroupMetadataValue": (None, 0, 0, 0, {
        "ConsumerGroupMetadataValue": (
            ('epoch', 'int32', False, 0, 0, None, None, 0),
            ('metadata_hash', 'int64', False, 0, 0, None, 0, 0),
        ),
    }),
    "ConsumerGroupPartitionMetadataKey": (None, 4, 4, None, {
        "ConsumerGroupPartitionMetadataKey": (
            ('group_id', 'string', False, 4, 4, None, None, ''),
        ),
    }),
    "ConsumerGroupPartitionMetadataValue": (None, 0, 0, 0, {
        "PartitionMetadata": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('racks', 'string', True, 0, 0, None, None, ()),
        ),
        "TopicMetadata": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('num_partitions', 'int32', False, 0, 0, None, None, 0),
            ('partition_metadata', 'PartitionMetadata', True, 0, 0, None, None, ()),
        ),
        "ConsumerGroupPartitionMetadataValue": (
            ('topics', 'TopicMetadata', True, 0, 0, None, None, ()),
        ),
    }),
    "ConsumerGroupRegularExpressionKey": (None, 16, 16, None, {
        "ConsumerGroupRegularExpressionKey": (
            ('group_id', 'string', False, 16, 16, None, None, ''),
            ('regular_expression', 'string', False, 16, 16, None, None, ''),
        ),
    }),
    "ConsumerGroupRegularExpressionValue": (None, 0, 0, 0, {
        "ConsumerGroupRegularExpressionValue": (
            ('topics', 'string', True, 0, 0, None, None, ()),
            ('version', 'int64', False, 0, 0, None, None, 0),
            ('timestamp', 'int64', False, 0, 0, None, None, 0),
        ),
    }),
    "ConsumerGroupTargetAssignmentMemberKey": (None, 7, 7, None, {
        "ConsumerGroupTargetAssignmentMemberKey": (
            ('group_id', 'string', False, 7, 7, None, None, ''),
            ('member_id', 'string', False, 7, 7, None, None, ''),
        ),
    }),
    "ConsumerGroupTargetAssignmentMemberValue": (None, 0, 0, 0, {
        "TopicPartition": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "ConsumerGroupTargetAssignmentMemberValue": (
            ('topic_partitions', 'TopicPartition', True, 0, 0, None, None, ()),
        ),
    }),
    "ConsumerGroupTargetAssignmentMetadataKey": (None, 6, 6, None, {
        "ConsumerGroupTargetAssignmentMetadataKey": (
            ('group_id', 'string', False, 6, 6, None, None, ''),
        ),
    }),
    "ConsumerGroupTargetAssignmentMetadataValue": (None, 0, 0, 0, {
        "ConsumerGroupTargetAssignmentMetadataValue": (
            ('assignment_epoch', 'int32', False, 0, 0, None, None, 0),
            ('assignment_timestamp', 'int64', False, 0, 0, None, 0, 0),
        ),
    }),
    "ConsumerProtocolAssignment": (None, 0, 3, None, {
        "TopicPartition": (
            ('topic', 'string', False, 0, 3, None, None, ''),
            ('partitions', 'int32', True, 0, 3, None, None, ()),
        ),
        "ConsumerProtocolAssignment": (
            ('assigned_partitions', 'TopicPartition', True, 0, 3, None, None, ()),
            ('user_data', 'bytes', False, 0, 3, 0, None, None),
        ),
    }),
    "ConsumerProtocolSubscription": (None, 0, 3, None, {
        "TopicPartition": (
            ('topic', 'string', False, 1, 3, None, None, ''),
            ('partitions', 'int32', True, 1, 3, None, None, ()),
        ),
        "ConsumerProtocolSubscription": (
            ('topics', 'string', True, 0, 3, None, None, ()),
            ('user_data', 'bytes', False, 0, 3, 0, None, None),
            ('owned_partitions', 'TopicPartition', True, 1, 3, None, None, ()),
            ('generation_id', 'int32', False, 2, 3, None, None, -1),
            ('rack_id', 'string', False, 3, 3, 3, None, None),
        ),
    }),
    "ControlRecordTypeSchema": (None, 0, 0, None, {
        "ControlRecordTypeSchema": (
            ('type', 'int16', False, 0, 0, None, None, 0),
        ),
    }),
    "ControllerRegistrationRequest": (70, 0, 0, 0, {
        "Listener": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
            ('security_protocol', 'int16', False, 0, 0, None, None, 0),
        ),
        "Feature": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('min_supported_version', 'int16', False, 0, 0, None, None, 0),
            ('max_supported_version', 'int16', False, 0, 0, None, None, 0),
        ),
        "ControllerRegistrationRequest": (
            ('controller_id', 'int32', False, 0, 0, None, None, 0),
            ('incarnation_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('zk_migration_ready', 'bool', False, 0, 0, None, None, False),
            ('listeners', 'Listener', True, 0, 0, None, None, ()),
            ('features', 'Feature', True, 0, 0, None, None, ()),
        ),
    }),
    "ControllerRegistrationResponse": (70, 0, 0, 0, {
        "ControllerRegistrationResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
        ),
    }),
    "CreateAclsRequest": (30, 1, 3, 2, {
        "AclCreation": (
            ('resource_type', 'int8', False, 1, 3, None, None, 0),
            ('resource_name', 'string', False, 1, 3, None, None, ''),
            ('resource_pattern_type', 'int8', False, 1, 3, None, None, 3),
            ('principal', 'string', False, 1, 3, None, None, ''),
            ('host', 'string', False, 1, 3, None, None, ''),
            ('operation', 'int8', False, 1, 3, None, None, 0),
            ('permission_type', 'int8', False, 1, 3, None, None, 0),
        ),
        "CreateAclsRequest": (
            ('creations', 'AclCreation', True, 1, 3, None, None, ()),
        ),
    }),
    "CreateAclsResponse": (30, 1, 3, 2, {
        "AclCreationResult": (
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('error_message', 'string', False, 1, 3, 1, None, ''),
        ),
        "CreateAclsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 3, None, None, 0),
            ('results', 'AclCreationResult', True, 1, 3, None, None, ()),
        ),
    }),
    "CreateDelegationTokenRequest": (38, 1, 3, 2, {
        "CreatableRenewers": (
            ('principal_type', 'string', False, 1, 3, None, None, ''),
            ('principal_name', 'string', False, 1, 3, None, None, ''),
        ),
        "CreateDelegationTokenRequest": (
            ('owner_principal_type', 'string', False, 3, 3, 3, None, ''),
            ('owner_principal_name', 'string', False, 3, 3, 3, None, ''),
            ('renewers', 'CreatableRenewers', True, 1, 3, None, None, ()),
            ('max_lifetime_ms', 'int64', False, 1, 3, None, None, 0),
        ),
    }),
    "CreateDelegationTokenResponse": (38, 1, 3, 2, {
        "CreateDelegationTokenResponse": (
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('principal_type', 'string', False, 1, 3, None, None, ''),
            ('principal_name', 'string', False, 1, 3, None, None, ''),
            ('token_requester_principal_type', 'string', False, 3, 3, None, None, ''),
            ('token_requester_principal_name', 'string', False, 3, 3, None, None, ''),
            ('issue_timestamp_ms', 'int64', False, 1, 3, None, None, 0),
            ('expiry_timestamp_ms', 'int64', False, 1, 3, None, None, 0),
            ('max_timestamp_ms', 'int64', False, 1, 3, None, None, 0),
            ('token_id', 'string', False, 1, 3, None, None, ''),
            ('hmac', 'bytes', False, 1, 3, None, None, b''),
            ('throttle_time_ms', 'int32', False, 1, 3, None, None, 0),
        ),
    }),
    "CreatePartitionsRequest": (37, 0, 3, 2, {
        "CreatePartitionsAssignment": (
            ('broker_ids', 'int32', True, 0, 3, None, None, ()),
        ),
        "CreatePartitionsTopic": (
            ('name', 'string', False, 0, 3, None, None, ''),
            ('count', 'int32', False, 0, 3, None, None, 0),
            ('assignments', 'CreatePartitionsAssignment', True, 0, 3, 0, None, ()),
        ),
        "CreatePartitionsRequest": (
            ('topics', 'CreatePartitionsTopic', True, 0, 3, None, None, ()),
            ('timeout_ms', 'int32', False, 0, 3, None, None, 0),
            ('validate_only', 'bool', False, 0, 3, None, None, False),
        ),
    }),
    "CreatePartitionsResponse": (37, 0, 3, 2, {
        "CreatePartitionsTopicResult": (
            ('name', 'string', False, 0, 3, None, None, ''),
            ('error_code', 'int16', False, 0, 3, None, None, 0),
            ('error_message', 'string', False, 0, 3, 0, None, None),
        ),
        "CreatePartitionsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 3, None, None, 0),
            ('results', 'CreatePartitionsTopicResult', True, 0, 3, None, None, ()),
        ),
    }),
    "CreateTopicsRequest": (19, 2, 7, 5, {
        "CreatableReplicaAssignment": (
            ('partition_index', 'int32', False, 2, 7, None, None, 0),
            ('broker_ids', 'int32', True, 2, 7, None, None, ()),
        ),
        "CreatableTopicConfig": (
            ('name', 'string', False, 2, 7, None, None, ''),
            ('value', 'string', False, 2, 7, 2, None, ''),
        ),
        "CreatableTopic": (
            ('name', 'string', False, 2, 7, None, None, ''),
            ('num_partitions', 'int32', False, 2, 7, None, None, 0),
            ('replication_factor', 'int16', False, 2, 7, None, None, 0),
            ('assignments', 'CreatableReplicaAssignment', True, 2, 7, None, None, ()),
            ('configs', 'CreatableTopicConfig', True, 2, 7, None, None, ()),
        ),
        "CreateTopicsRequest": (
            ('topics', 'CreatableTopic', True, 2, 7, None, None, ()),
            ('timeout_ms', 'int32', False, 2, 7, None, None, 60000),
            ('validate_only', 'bool', False, 2, 7, None, None, False),
        ),
    }),
    "CreateTopicsResponse": (19, 2, 7, 5, {
        "CreatableTopicResult": (
            ('name', 'string', False, 2, 7, None, None, ''),
            ('topic_id', 'uuid', False, 7, 7, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('error_code', 'int16', False, 2, 7, None, None, 0),
            ('error_message', 'string', False, 2, 7, 2, None, ''),
            ('topic_config_error_code', 'int16', False, 5, 7, None, 0, 0),
            ('num_partitions', 'int32', False, 5, 7, None, None, -1),
            ('replication_factor', 'int16', False, 5, 7, None, None, -1),
            ('configs', 'CreatableTopicConfigs', True, 5, 7, 5, None, ()),
        ),
        "CreatableTopicConfigs": (
            ('name', 'string', False, 5, 7, None, None, ''),
            ('value', 'string', False, 5, 7, 5, None, ''),
            ('read_only', 'bool', False, 5, 7, None, None, False),
            ('config_source', 'int8', False, 5, 7, None, None, -1),
            ('is_sensitive', 'bool', False, 5, 7, None, None, False),
        ),
        "CreateTopicsResponse": (
            ('throttle_time_ms', 'int32', False, 2, 7, None, None, 0),
            ('topics', 'CreatableTopicResult', True, 2, 7, None, None, ()),
        ),
    }),
    "DefaultPrincipalData": (None, 0, 0, 0, {
        "DefaultPrincipalData": (
            ('type', 'string', False, 0, 0, None, None, ''),
            ('name', 'string', False, 0, 0, None, None, ''),
            ('token_authenticated', 'bool', False, 0, 0, None, None, False),
        ),
    }),
    "DeleteAclsRequest": (31, 1, 3, 2, {
        "DeleteAclsFilter": (
            ('resource_type_filter', 'int8', False, 1, 3, None, None, 0),
            ('resource_name_filter', 'string', False, 1, 3, 1, None, ''),
            ('pattern_type_filter', 'int8', False, 1, 3, None, None, 3),
            ('principal_filter', 'string', False, 1, 3, 1, None, ''),
            ('host_filter', 'string', False, 1, 3, 1, None, ''),
            ('operation', 'int8', False, 1, 3, None, None, 0),
            ('permission_type', 'int8', False, 1, 3, None, None, 0),
        ),
        "DeleteAclsRequest": (
            ('filters', 'DeleteAclsFilter', True, 1, 3, None, None, ()),
        ),
    }),
    "DeleteAclsResponse": (31, 1, 3, 2, {
        "DeleteAclsMatchingAcl": (
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('error_message', 'string', False, 1, 3, 1, None, ''),
            ('resource_type', 'int8', False, 1, 3, None, None, 0),
            ('resource_name', 'string', False, 1, 3, None, None, ''),
            ('pattern_type', 'int8', False, 1, 3, None, None, 3),
            ('principal', 'string', False, 1, 3, None, None, ''),
            ('host', 'string', False, 1, 3, None, None, ''),
            ('operation', 'int8', False, 1, 3, None, None, 0),
            ('permission_type', 'int8', False, 1, 3, None, None, 0),
        ),
        "DeleteAclsFilterResult": (
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('error_message', 'string', False, 1, 3, 1, None, ''),
            ('matching_acls', 'DeleteAclsMatchingAcl', True, 1, 3, None, None, ()),
        ),
        "DeleteAclsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 3, None, None, 0),
            ('filter_results', 'DeleteAclsFilterResult', True, 1, 3, None, None, ()),
        ),
    }),
    "DeleteGroupsRequest": (42, 0, 2, 2, {
        "DeleteGroupsRequest": (
            ('groups_names', 'string', True, 0, 2, None, None, ()),
        ),
    }),
    "DeleteGroupsResponse": (42, 0, 2, 2, {
        "DeletableGroupResult": (
            ('group_id', 'string', False, 0, 2, None, None, ''),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
        ),
        "DeleteGroupsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('results', 'DeletableGroupResult', True, 0, 2, None, None, ()),
        ),
    }),
    "DeleteRecordsRequest": (21, 0, 2, 2, {
        "DeleteRecordsPartition": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
            ('offset', 'int64', False, 0, 2, None, None, 0),
        ),
        "DeleteRecordsTopic": (
            ('name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'DeleteRecordsPartition', True, 0, 2, None, None, ()),
        ),
        "DeleteRecordsRequest": (
            ('topics', 'DeleteRecordsTopic', True, 0, 2, None, None, ()),
            ('timeout_ms', 'int32', False, 0, 2, None, None, 0),
        ),
    }),
    "DeleteRecordsResponse": (21, 0, 2, 2, {
        "DeleteRecordsPartitionResult": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
            ('low_watermark', 'int64', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
        ),
        "DeleteRecordsTopicResult": (
            ('name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'DeleteRecordsPartitionResult', True, 0, 2, None, None, ()),
        ),
        "DeleteRecordsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('topics', 'DeleteRecordsTopicResult', True, 0, 2, None, None, ()),
        ),
    }),
    "DeleteShareGroupOffsetsRequest": (92, 0, 0, 0, {
        "DeleteShareGroupOffsetsRequestTopic": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
        ),
        "DeleteShareGroupOffsetsRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'DeleteShareGroupOffsetsRequestTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "DeleteShareGroupOffsetsResponse": (92, 0, 0, 0, {
        "DeleteShareGroupOffsetsResponseTopic": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
        ),
        "DeleteShareGroupOffsetsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('responses', 'DeleteShareGroupOffsetsResponseTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "DeleteShareGroupStateRequest": (86, 0, 0, 0, {
        "PartitionData": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
        ),
        "DeleteStateData": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 0, None, None, ()),
        ),
        "DeleteShareGroupStateRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'DeleteStateData', True, 0, 0, None, None, ()),
        ),
    }),
    "DeleteShareGroupStateResponse": (86, 0, 0, 0, {
        "PartitionResult": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
        ),
        "DeleteStateResult": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionResult', True, 0, 0, None, None, ()),
        ),
        "DeleteShareGroupStateResponse": (
            ('results', 'DeleteStateResult', True, 0, 0, None, None, ()),
        ),
    }),
    "DeleteTopicsRequest": (20, 1, 6, 4, {
        "DeleteTopicState": (
            ('name', 'string', False, 6, 6, 6, None, None),
            ('topic_id', 'uuid', False, 6, 6, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
        "DeleteTopicsRequest": (
            ('topics', 'DeleteTopicState', True, 6, 6, None, None, ()),
            ('topic_names', 'string', True, 1, 5, None, None, ()),
            ('timeout_ms', 'int32', False, 1, 6, None, None, 0),
        ),
    }),
    "DeleteTopicsResponse": (20, 1, 6, 4, {
        "DeletableTopicResult": (
            ('name', 'string', False, 1, 6, 6, None, ''),
            ('topic_id', 'uuid', False, 6, 6, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('error_code', 'int16', False, 1, 6, None, None, 0),
            ('error_message', 'string', False, 5, 6, 5, None, None),
        ),
        "DeleteTopicsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 6, None, None, 0),
            ('responses', 'DeletableTopicResult', True, 1, 6, None, None, ()),
        ),
    }),
    "DescribeAclsRequest": (29, 1, 3, 2, {
        "DescribeAclsRequest": (
            ('resource_type_filter', 'int8', False, 1, 3, None, None, 0),
            ('resource_name_filter', 'string', False, 1, 3, 1, None, ''),
            ('pattern_type_filter', 'int8', False, 1, 3, None, None, 3),
            ('principal_filter', 'string', False, 1, 3, 1, None, ''),
            ('host_filter', 'string', False, 1, 3, 1, None, ''),
            ('operation', 'int8', False, 1, 3, None, None, 0),
            ('permission_type', 'int8', False, 1, 3, None, None, 0),
        ),
    }),
    "DescribeAclsResponse": (29, 1, 3, 2, {
        "AclDescription": (
            ('principal', 'string', False, 1, 3, None, None, ''),
            ('host', 'string', False, 1, 3, None, None, ''),
            ('operation', 'int8', False, 1, 3, None, None, 0),
            ('permission_type', 'int8', False, 1, 3, None, None, 0),
        ),
        "DescribeAclsResource": (
            ('resource_type', 'int8', False, 1, 3, None, None, 0),
            ('resource_name', 'string', False, 1, 3, None, None, ''),
            ('pattern_type', 'int8', False, 1, 3, None, None, 3),
            ('acls', 'AclDescription', True, 1, 3, None, None, ()),
        ),
        "DescribeAclsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 3, None, None, 0),
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('error_message', 'string', False, 1, 3, 1, None, ''),
            ('resources', 'DescribeAclsResource', True, 1, 3, None, None, ()),
        ),
    }),
    "DescribeClientQuotasRequest": (48, 0, 1, 1, {
        "ComponentData": (
            ('entity_type', 'string', False, 0, 1, None, None, ''),
            ('match_type', 'int8', False, 0, 1, None, None, 0),
            ('match', 'string', False, 0, 1, 0, None, ''),
        ),
        "DescribeClientQuotasRequest": (
            ('components', 'ComponentData', True, 0, 1, None, None, ()),
            ('strict', 'bool', False, 0, 1, None, None, False),
        ),
    }),
    "DescribeClientQuotasResponse": (48, 0, 1, 1, {
        "EntityData": (
            ('entity_type', 'string', False, 0, 1, None, None, ''),
            ('entity_name', 'string', False, 0, 1, 0, None, ''),
        ),
        "ValueData": (
            ('key', 'string', False, 0, 1, None, None, ''),
            ('value', 'float64', False, 0, 1, None, None, 0.0),
        ),
        "EntryData": (
            ('entity', 'EntityData', True, 0, 1, None, None, ()),
            ('values', 'ValueData', True, 0, 1, None, None, ()),
        ),
        "DescribeClientQuotasResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
            ('entries', 'EntryData', True, 0, 1, 0, None, ()),
        ),
    }),
    "DescribeClusterRequest": (60, 0, 2, 0, {
        "DescribeClusterRequest": (
            ('include_cluster_authorized_operations', 'bool', False, 0, 2, None, None, False),
            ('endpoint_type', 'int8', False, 1, 2, None, None, 1),
            ('include_fenced_brokers', 'bool', False, 2, 2, None, None, False),
        ),
    }),
    "DescribeClusterResponse": (60, 0, 2, 0, {
        "DescribeClusterBroker": (
            ('broker_id', 'int32', False, 0, 2, None, None, 0),
            ('host', 'string', False, 0, 2, None, None, ''),
            ('port', 'int32', False, 0, 2, None, None, 0),
            ('rack', 'string', False, 0, 2, 0, None, None),
            ('is_fenced', 'bool', False, 2, 2, None, None, False),
        ),
        "DescribeClusterResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 0, 2, 0, None, None),
            ('endpoint_type', 'int8', False, 1, 2, None, None, 1),
            ('cluster_id', 'string', False, 0, 2, None, None, ''),
            ('controller_id', 'int32', False, 0, 2, None, None, -1),
            ('brokers', 'DescribeClusterBroker', True, 0, 2, None, None, ()),
            ('cluster_authorized_operations', 'int32', False, 0, 2, None, None, -2147483648),
        ),
    }),
    "DescribeConfigsRequest": (32, 1, 4, 4, {
        "DescribeConfigsResource": (
            ('resource_type', 'int8', False, 1, 4, None, None, 0),
            ('resource_name', 'string', False, 1, 4, None, None, ''),
            ('configuration_keys', 'string', True, 1, 4, 1, None, ()),
        ),
        "DescribeConfigsRequest": (
            ('resources', 'DescribeConfigsResource', True, 1, 4, None, None, ()),
            ('include_synonyms', 'bool', False, 1, 4, None, None, False),
            ('include_documentation', 'bool', False, 3, 4, None, None, False),
        ),
    }),
    "DescribeConfigsResponse": (32, 1, 4, 4, {
        "DescribeConfigsSynonym": (
            ('name', 'string', False, 1, 4, None, None, ''),
            ('value', 'string', False, 1, 4, 1, None, ''),
            ('source', 'int8', False, 1, 4, None, None, 0),
        ),
        "DescribeConfigsResourceResult": (
            ('name', 'string', False, 1, 4, None, None, ''),
            ('value', 'string', False, 1, 4, 1, None, ''),
            ('read_only', 'bool', False, 1, 4, None, None, False),
            ('config_source', 'int8', False, 1, 4, None, None, -1),
            ('is_sensitive', 'bool', False, 1, 4, None, None, False),
            ('synonyms', 'DescribeConfigsSynonym', True, 1, 4, None, None, ()),
            ('config_type', 'int8', False, 3, 4, None, None, 0),
            ('documentation', 'string', False, 3, 4, 3, None, ''),
        ),
        "DescribeConfigsResult": (
            ('error_code', 'int16', False, 1, 4, None, None, 0),
            ('error_message', 'string', False, 1, 4, 1, None, ''),
            ('resource_type', 'int8', False, 1, 4, None, None, 0),
            ('resource_name', 'string', False, 1, 4, None, None, ''),
            ('configs', 'DescribeConfigsResourceResult', True, 1, 4, None, None, ()),
        ),
        "DescribeConfigsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 4, None, None, 0),
            ('results', 'DescribeConfigsResult', True, 1, 4, None, None, ()),
        ),
    }),
    "DescribeDelegationTokenRequest": (41, 1, 3, 2, {
        "DescribeDelegationTokenOwner": (
            ('principal_type', 'string', False, 1, 3, None, None, ''),
            ('principal_name', 'string', False, 1, 3, None, None, ''),
        ),
        "DescribeDelegationTokenRequest": (
            ('owners', 'DescribeDelegationTokenOwner', True, 1, 3, 1, None, ()),
        ),
    }),
    "DescribeDelegationTokenResponse": (41, 1, 3, 2, {
        "DescribedDelegationTokenRenewer": (
            ('principal_type', 'string', False, 1, 3, None, None, ''),
            ('principal_name', 'string', False, 1, 3, None, None, ''),
        ),
        "DescribedDelegationToken": (
            ('principal_type', 'string', False, 1, 3, None, None, ''),
            ('principal_name', 'string', False, 1, 3, None, None, ''),
            ('token_requester_principal_type', 'string', False, 3, 3, None, None, ''),
            ('token_requester_principal_name', 'string', False, 3, 3, None, None, ''),
            ('issue_timestamp', 'int64', False, 1, 3, None, None, 0),
            ('expiry_timestamp', 'int64', False, 1, 3, None, None, 0),
            ('max_timestamp', 'int64', False, 1, 3, None, None, 0),
            ('token_id', 'string', False, 1, 3, None, None, ''),
            ('hmac', 'bytes', False, 1, 3, None, None, b''),
            ('renewers', 'DescribedDelegationTokenRenewer', True, 1, 3, None, None, ()),
        ),
        "DescribeDelegationTokenResponse": (
            ('error_code', 'int16', False, 1, 3, None, None, 0),
            ('tokens', 'DescribedDelegationToken', True, 1, 3, None, None, ()),
            ('throttle_time_ms', 'int32', False, 1, 3, None, None, 0),
        ),
    }),
    "DescribeGroupsRequest": (15, 0, 6, 5, {
        "DescribeGroupsRequest": (
            ('groups', 'string', True, 0, 6, None, None, ()),
            ('include_authorized_operations', 'bool', False, 3, 6, None, None, False),
        ),
    }),
    "DescribeGroupsResponse": (15, 0, 6, 5, {
        "DescribedGroupMember": (
            ('member_id', 'string', False, 0, 6, None, None, ''),
            ('group_instance_id', 'string', False, 4, 6, 4, None, None),
            ('client_id', 'string', False, 0, 6, None, None, ''),
            ('client_host', 'string', False, 0, 6, None, None, ''),
            ('member_metadata', 'bytes', False, 0, 6, None, None, b''),
            ('member_assignment', 'bytes', False, 0, 6, None, None, b''),
        ),
        "DescribedGroup": (
            ('error_code', 'int16', False, 0, 6, None, None, 0),
            ('error_message', 'string', False, 6, 6, 6, None, None),
            ('group_id', 'string', False, 0, 6, None, None, ''),
            ('group_state', 'string', False, 0, 6, None, None, ''),
            ('protocol_type', 'string', False, 0, 6, None, None, ''),
            ('protocol_data', 'string', False, 0, 6, None, None, ''),
            ('members', 'DescribedGroupMember', True, 0, 6, None, None, ()),
            ('authorized_operations', 'int32', False, 3, 6, None, None, -2147483648),
        ),
        "DescribeGroupsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 6, None, None, 0),
            ('groups', 'DescribedGroup', True, 0, 6, None, None, ()),
        ),
    }),
    "DescribeLogDirsRequest": (35, 1, 5, 2, {
        "DescribableLogDirTopic": (
            ('topic', 'string', False, 1, 5, None, None, ''),
            ('partitions', 'int32', True, 1, 5, None, None, ()),
        ),
        "DescribeLogDirsRequest": (
            ('topics', 'DescribableLogDirTopic', True, 1, 5, 1, None, ()),
        ),
    }),
    "DescribeLogDirsResponse": (35, 1, 5, 2, {
        "DescribeLogDirsPartition": (
            ('partition_index', 'int32', False, 1, 5, None, None, 0),
            ('partition_size', 'int64', False, 1, 5, None, None, 0),
            ('offset_lag', 'int64', False, 1, 5, None, None, 0),
            ('is_future_key', 'bool', False, 1, 5, None, None, False),
        ),
        "DescribeLogDirsTopic": (
            ('name', 'string', False, 1, 5, None, None, ''),
            ('partitions', 'DescribeLogDirsPartition', True, 1, 5, None, None, ()),
        ),
        "DescribeLogDirsResult": (
            ('error_code', 'int16', False, 1, 5, None, None, 0),
            ('log_dir', 'string', False, 1, 5, None, None, ''),
            ('topics', 'DescribeLogDirsTopic', True, 1, 5, None, None, ()),
            ('total_bytes', 'int64', False, 4, 5, None, None, -1),
            ('usable_bytes', 'int64', False, 4, 5, None, None, -1),
            ('is_cordoned', 'bool', False, 5, 5, None, None, False),
        ),
        "DescribeLogDirsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 5, None, None, 0),
            ('error_code', 'int16', False, 3, 5, None, None, 0),
            ('results', 'DescribeLogDirsResult', True, 1, 5, None, None, ()),
        ),
    }),
    "DescribeProducersRequest": (61, 0, 0, 0, {
        "TopicRequest": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partition_indexes', 'int32', True, 0, 0, None, None, ()),
        ),
        "DescribeProducersRequest": (
            ('topics', 'TopicRequest', True, 0, 0, None, None, ()),
        ),
    }),
    "DescribeProducersResponse": (61, 0, 0, 0, {
        "ProducerState": (
            ('producer_id', 'int64', False, 0, 0, None, None, 0),
            ('producer_epoch', 'int32', False, 0, 0, None, None, 0),
            ('last_sequence', 'int32', False, 0, 0, None, None, -1),
            ('last_timestamp', 'int64', False, 0, 0, None, None, -1),
            ('coordinator_epoch', 'int32', False, 0, 0, None, None, 0),
            ('current_txn_start_offset', 'int64', False, 0, 0, None, None, -1),
        ),
        "PartitionResponse": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('active_producers', 'ProducerState', True, 0, 0, None, None, ()),
        ),
        "TopicResponse": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'PartitionResponse', True, 0, 0, None, None, ()),
        ),
        "DescribeProducersResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('topics', 'TopicResponse', True, 0, 0, None, None, ()),
        ),
    }),
    "DescribeQuorumRequest": (55, 0, 2, 0, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 2, None, None, ()),
        ),
        "DescribeQuorumRequest": (
            ('topics', 'TopicData', True, 0, 2, None, None, ()),
        ),
    }),
    "DescribeQuorumResponse": (55, 0, 2, 0, {
        "ReplicaState": (
            ('replica_id', 'int32', False, 0, 2, None, None, 0),
            ('replica_directory_id', 'uuid', False, 2, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('log_end_offset', 'int64', False, 0, 2, None, None, 0),
            ('last_fetch_timestamp', 'int64', False, 1, 2, None, None, -1),
            ('last_caught_up_timestamp', 'int64', False, 1, 2, None, None, -1),
        ),
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 2, 2, 2, None, ''),
            ('leader_id', 'int32', False, 0, 2, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 2, None, None, 0),
            ('high_watermark', 'int64', False, 0, 2, None, None, 0),
            ('current_voters', 'ReplicaState', True, 0, 2, None, None, ()),
            ('observers', 'ReplicaState', True, 0, 2, None, None, ()),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 2, None, None, ()),
        ),
        "Listener": (
            ('name', 'string', False, 2, 2, None, None, ''),
            ('host', 'string', False, 2, 2, None, None, ''),
            ('port', 'uint16', False, 2, 2, None, None, 0),
        ),
        "Node": (
            ('node_id', 'int32', False, 2, 2, None, None, 0),
            ('listeners', 'Listener', True, 2, 2, None, None, ()),
        ),
        "DescribeQuorumResponse": (
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 2, 2, 2, None, ''),
            ('topics', 'TopicData', True, 0, 2, None, None, ()),
            ('nodes', 'Node', True, 2, 2, None, None, ()),
        ),
    }),
    "DescribeShareGroupOffsetsRequest": (90, 0, 1, 0, {
        "DescribeShareGroupOffsetsRequestTopic": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'int32', True, 0, 1, None, None, ()),
        ),
        "DescribeShareGroupOffsetsRequestGroup": (
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('topics', 'DescribeShareGroupOffsetsRequestTopic', True, 0, 1, 0, None, ()),
        ),
        "DescribeShareGroupOffsetsRequest": (
            ('groups', 'DescribeShareGroupOffsetsRequestGroup', True, 0, 1, None, None, ()),
        ),
    }),
    "DescribeShareGroupOffsetsResponse": (90, 0, 1, 0, {
        "DescribeShareGroupOffsetsResponsePartition": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('start_offset', 'int64', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
            ('lag', 'int64', False, 1, 1, None, None, -1),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
        ),
        "DescribeShareGroupOffsetsResponseTopic": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'DescribeShareGroupOffsetsResponsePartition', True, 0, 1, None, None, ()),
        ),
        "DescribeShareGroupOffsetsResponseGroup": (
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('topics', 'DescribeShareGroupOffsetsResponseTopic', True, 0, 1, None, None, ()),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
        ),
        "DescribeShareGroupOffsetsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('groups', 'DescribeShareGroupOffsetsResponseGroup', True, 0, 1, None, None, ()),
        ),
    }),
    "DescribeTopicPartitionsRequest": (75, 0, 0, 0, {
        "TopicRequest": (
            ('name', 'string', False, 0, 0, None, None, ''),
        ),
        "Cursor": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
        ),
        "DescribeTopicPartitionsRequest": (
            ('topics', 'TopicRequest', True, 0, 0, None, None, ()),
            ('response_partition_limit', 'int32', False, 0, 0, None, None, 2000),
            ('cursor', 'Cursor', False, 0, 0, 0, None, None),
        ),
    }),
    "DescribeTopicPartitionsResponse": (75, 0, 0, 0, {
        "DescribeTopicPartitionsResponsePartition": (
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('leader_id', 'int32', False, 0, 0, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 0, None, None, -1),
            ('replica_nodes', 'int32', True, 0, 0, None, None, ()),
            ('isr_nodes', 'int32', True, 0, 0, None, None, ()),
            ('eligible_leader_replicas', 'int32', True, 0, 0, 0, None, None),
            ('last_known_elr', 'int32', True, 0, 0, 0, None, None),
            ('offline_replicas', 'int32', True, 0, 0, None, None, ()),
        ),
        "DescribeTopicPartitionsResponseTopic": (
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('name', 'string', False, 0, 0, 0, None, ''),
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('is_internal', 'bool', False, 0, 0, None, None, False),
            ('partitions', 'DescribeTopicPartitionsResponsePartition', True, 0, 0, None, None, ()),
            ('topic_authorized_operations', 'int32', False, 0, 0, None, None, -2147483648),
        ),
        "Cursor": (
            ('topic_name', 'string', False, 0, 0, None, None, ''),
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
        ),
        "DescribeTopicPartitionsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('topics', 'DescribeTopicPartitionsResponseTopic', True, 0, 0, None, None, ()),
            ('next_cursor', 'Cursor', False, 0, 0, 0, None, None),
        ),
    }),
    "DescribeTransactionsRequest": (65, 0, 0, 0, {
        "DescribeTransactionsRequest": (
            ('transactional_ids', 'string', True, 0, 0, None, None, ()),
        ),
    }),
    "DescribeTransactionsResponse": (65, 0, 0, 0, {
        "TopicData": (
            ('topic', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "TransactionState": (
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('transactional_id', 'string', False, 0, 0, None, None, ''),
            ('transaction_state', 'string', False, 0, 0, None, None, ''),
            ('transaction_timeout_ms', 'int32', False, 0, 0, None, None, 0),
            ('transaction_start_time_ms', 'int64', False, 0, 0, None, None, 0),
            ('producer_id', 'int64', False, 0, 0, None, None, 0),
            ('producer_epoch', 'int16', False, 0, 0, None, None, 0),
            ('topics', 'TopicData', True, 0, 0, None, None, ()),
        ),
        "DescribeTransactionsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('transaction_states', 'TransactionState', True, 0, 0, None, None, ()),
        ),
    }),
    "DescribeUserScramCredentialsRequest": (50, 0, 0, 0, {
        "UserName": (
            ('name', 'string', False, 0, 0, None, None, ''),
        ),
        "DescribeUserScramCredentialsRequest": (
            ('users', 'UserName', True, 0, 0, 0, None, ()),
        ),
    }),
    "DescribeUserScramCredentialsResponse": (50, 0, 0, 0, {
        "CredentialInfo": (
            ('mechanism', 'int8', False, 0, 0, None, None, 0),
            ('iterations', 'int32', False, 0, 0, None, None, 0),
        ),
        "DescribeUserScramCredentialsResult": (
            ('user', 'string', False, 0, 0, None, None, ''),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
            ('credential_infos', 'CredentialInfo', True, 0, 0, None, None, ()),
        ),
        "DescribeUserScramCredentialsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
            ('results', 'DescribeUserScramCredentialsResult', True, 0, 0, None, None, ()),
        ),
    }),
    "ElectLeadersRequest": (43, 0, 2, 2, {
        "TopicPartitions": (
            ('topic', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'int32', True, 0, 2, None, None, ()),
        ),
        "ElectLeadersRequest": (
            ('election_type', 'int8', False, 1, 2, None, None, 0),
            ('topic_partitions', 'TopicPartitions', True, 0, 2, 0, None, ()),
            ('timeout_ms', 'int32', False, 0, 2, None, None, 60000),
        ),
    }),
    "ElectLeadersResponse": (43, 0, 2, 2, {
        "PartitionResult": (
            ('partition_id', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 0, 2, 0, None, ''),
        ),
        "ReplicaElectionResult": (
            ('topic', 'string', False, 0, 2, None, None, ''),
            ('partition_result', 'PartitionResult', True, 0, 2, None, None, ()),
        ),
        "ElectLeadersResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('replica_election_results', 'ReplicaElectionResult', True, 0, 2, None, None, ()),
        ),
    }),
    "EndQuorumEpochRequest": (54, 0, 1, 1, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
            ('preferred_candidates', 'ReplicaInfo', True, 1, 1, None, None, ()),
            ('preferred_successors', 'int32', True, 0, 0, None, None, ()),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "ReplicaInfo": (
            ('candidate_id', 'int32', False, 1, 1, None, None, 0),
            ('candidate_directory_id', 'uuid', False, 1, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
        "LeaderEndpoint": (
            ('name', 'string', False, 1, 1, None, None, ''),
            ('host', 'string', False, 1, 1, None, None, ''),
            ('port', 'uint16', False, 1, 1, None, None, 0),
        ),
        "EndQuorumEpochRequest": (
            ('cluster_id', 'string', False, 0, 1, 0, None, None),
            ('topics', 'TopicData', True, 0, 1, None, None, ()),
            ('leader_endpoints', 'LeaderEndpoint', True, 1, 1, None, None, ()),
        ),
    }),
    "EndQuorumEpochResponse": (54, 0, 1, 1, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 1, None, None, 0),
            ('host', 'string', False, 1, 1, None, None, ''),
            ('port', 'uint16', False, 1, 1, None, None, 0),
        ),
        "EndQuorumEpochResponse": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('topics', 'TopicData', True, 0, 1, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 1, None, 0, ()),
        ),
    }),
    "EndTxnMarker": (None, 0, 0, None, {
        "EndTxnMarker": (
            ('coordinator_epoch', 'int32', False, 0, 0, None, None, 0),
        ),
    }),
    "EndTxnRequest": (26, 0, 5, 3, {
        "EndTxnRequest": (
            ('transactional_id', 'string', False, 0, 5, None, None, ''),
            ('producer_id', 'int64', False, 0, 5, None, None, 0),
            ('producer_epoch', 'int16', False, 0, 5, None, None, 0),
            ('committed', 'bool', False, 0, 5, None, None, False),
        ),
    }),
    "EndTxnResponse": (26, 0, 5, 3, {
        "EndTxnResponse": (
            ('throttle_time_ms', 'int32', False, 0, 5, None, None, 0),
            ('error_code', 'int16', False, 0, 5, None, None, 0),
            ('producer_id', 'int64', False, 5, 5, None, None, -1),
            ('producer_epoch', 'int16', False, 5, 5, None, None, -1),
        ),
    }),
    "EnvelopeRequest": (58, 0, 0, 0, {
        "EnvelopeRequest": (
            ('request_data', 'bytes', False, 0, 0, None, None, b''),
            ('request_principal', 'bytes', False, 0, 0, 0, None, b''),
            ('client_host_address', 'bytes', False, 0, 0, None, None, b''),
        ),
    }),
    "EnvelopeResponse": (58, 0, 0, 0, {
        "EnvelopeResponse": (
            ('response_data', 'bytes', False, 0, 0, 0, None, None),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
        ),
    }),
    "ExpireDelegationTokenRequest": (40, 1, 2, 2, {
        "ExpireDelegationTokenRequest": (
            ('hmac', 'bytes', False, 1, 2, None, None, b''),
            ('expiry_time_period_ms', 'int64', False, 1, 2, None, None, 0),
        ),
    }),
    "ExpireDelegationTokenResponse": (40, 1, 2, 2, {
        "ExpireDelegationTokenResponse": (
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('expiry_timestamp_ms', 'int64', False, 1, 2, None, None, 0),
            ('throttle_time_ms', 'int32', False, 1, 2, None, None, 0),
        ),
    }),
    "FetchRequest": (1, 4, 18, 12, {
        "FetchPartition": (
            ('partition', 'int32', False, 4, 18, None, None, 0),
            ('current_leader_epoch', 'int32', False, 9, 18, None, None, -1),
            ('fetch_offset', 'int64', False, 4, 18, None, None, 0),
            ('last_fetched_epoch', 'int32', False, 12, 18, None, None, -1),
            ('log_start_offset', 'int64', False, 5, 18, None, None, -1),
            ('partition_max_bytes', 'int32', False, 4, 18, None, None, 0),
            ('replica_directory_id', 'uuid', False, 17, 18, None, 0, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('high_watermark', 'int64', False, 18, 18, None, 1, 9223372036854775807),
        ),
        "FetchTopic": (
            ('topic_id', 'uuid', False, 13, 18, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic', 'string', False, 4, 12, None, None, ''),
            ('partitions', 'FetchPartition', True, 4, 18, None, None, ()),
        ),
        "ForgottenTopic": (
            ('topic_id', 'uuid', False, 13, 18, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic', 'string', False, 7, 12, None, None, ''),
            ('partitions', 'int32', True, 7, 18, None, None, ()),
        ),
        "ReplicaState": (
            ('replica_id', 'int32', False, 15, 18, None, None, -1),
            ('replica_epoch', 'int64', False, 15, 18, None, None, -1),
        ),
        "FetchRequest": (
            ('cluster_id', 'string', False, 12, 18, 12, 0, None),
            ('replica_state', 'ReplicaState', False, 15, 18, None, 1, None),
            ('replica_id', 'int32', False, 4, 14, None, None, -1),
            ('max_wait_ms', 'int32', False, 4, 18, None, None, 0),
            ('min_bytes', 'int32', False, 4, 18, None, None, 0),
            ('max_bytes', 'int32', False, 4, 18, None, None, 2147483647),
            ('isolation_level', 'int8', False, 4, 18, None, None, 0),
            ('session_id', 'int32', False, 7, 18, None, None, 0),
            ('session_epoch', 'int32', False, 7, 18, None, None, -1),
            ('topics', 'FetchTopic', True, 4, 18, None, None, ()),
            ('forgotten_topics_data', 'ForgottenTopic', True, 7, 18, None, None, ()),
            ('rack_id', 'string', False, 11, 18, None, None, ''),
        ),
    }),
    "FetchResponse": (1, 4, 18, 12, {
        "AbortedTransaction": (
            ('producer_id', 'int64', False, 4, 18, None, None, 0),
            ('first_offset', 'int64', False, 4, 18, None, None, 0),
        ),
        "PartitionData": (
            ('partition_index', 'int32', False, 4, 18, None, None, 0),
            ('error_code', 'int16', False, 4, 18, None, None, 0),
            ('high_watermark', 'int64', False, 4, 18, None, None, 0),
            ('last_stable_offset', 'int64', False, 4, 18, None, None, -1),
            ('log_start_offset', 'int64', False, 5, 18, None, None, -1),
            ('diverging_epoch', 'EpochEndOffset', False, 12, 18, None, 0, None),
            ('current_leader', 'LeaderIdAndEpoch', False, 12, 18, None, 1, None),
            ('snapshot_id', 'SnapshotId', False, 12, 18, None, 2, None),
            ('aborted_transactions', 'AbortedTransaction', True, 4, 18, 4, None, ()),
            ('preferred_read_replica', 'int32', False, 11, 18, None, None, -1),
            ('records', 'records', False, 4, 18, 4, None, None),
        ),
        "FetchableTopicResponse": (
            ('topic_id', 'uuid', False, 13, 18, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic', 'string', False, 4, 12, None, None, ''),
            ('partitions', 'PartitionData', True, 4, 18, None, None, ()),
        ),
        "EpochEndOffset": (
            ('epoch', 'int32', False, 12, 18, None, None, -1),
            ('end_offset', 'int64', False, 12, 18, None, None, -1),
        ),
        "LeaderIdAndEpoch": (
            ('leader_id', 'int32', False, 12, 18, None, None, -1),
            ('leader_epoch', 'int32', False, 12, 18, None, None, -1),
        ),
        "SnapshotId": (
            ('end_offset', 'int64', False, 12, 18, None, None, -1),
            ('epoch', 'int32', False, 12, 18, None, None, -1),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 16, 18, None, None, 0),
            ('host', 'string', False, 16, 18, None, None, ''),
            ('port', 'int32', False, 16, 18, None, None, 0),
            ('rack', 'string', False, 16, 18, 16, None, None),
        ),
        "FetchResponse": (
            ('throttle_time_ms', 'int32', False, 4, 18, None, None, 0),
            ('error_code', 'int16', False, 7, 18, None, None, 0),
            ('session_id', 'int32', False, 7, 18, None, None, 0),
            ('responses', 'FetchableTopicResponse', True, 4, 18, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 16, 18, None, 0, ()),
        ),
    }),
    "FetchSnapshotRequest": (59, 0, 1, 0, {
        "SnapshotId": (
            ('end_offset', 'int64', False, 0, 1, None, None, 0),
            ('epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "PartitionSnapshot": (
            ('partition', 'int32', False, 0, 1, None, None, 0),
            ('current_leader_epoch', 'int32', False, 0, 1, None, None, 0),
            ('snapshot_id', 'SnapshotId', False, 0, 1, None, None, None),
            ('position', 'int64', False, 0, 1, None, None, 0),
            ('replica_directory_id', 'uuid', False, 1, 1, None, 0, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
        "TopicSnapshot": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionSnapshot', True, 0, 1, None, None, ()),
        ),
        "FetchSnapshotRequest": (
            ('cluster_id', 'string', False, 0, 1, 0, 0, None),
            ('replica_id', 'int32', False, 0, 1, None, None, -1),
            ('max_bytes', 'int32', False, 0, 1, None, None, 2147483647),
            ('topics', 'TopicSnapshot', True, 0, 1, None, None, ()),
        ),
    }),
    "FetchSnapshotResponse": (59, 0, 1, 0, {
        "SnapshotId": (
            ('end_offset', 'int64', False, 0, 1, None, None, 0),
            ('epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "LeaderIdAndEpoch": (
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "PartitionSnapshot": (
            ('index', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('snapshot_id', 'SnapshotId', False, 0, 1, None, None, None),
            ('current_leader', 'LeaderIdAndEpoch', False, 0, 1, None, 0, None),
            ('size', 'int64', False, 0, 1, None, None, 0),
            ('position', 'int64', False, 0, 1, None, None, 0),
            ('unaligned_records', 'records', False, 0, 1, None, None, None),
        ),
        "TopicSnapshot": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('partitions', 'PartitionSnapshot', True, 0, 1, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 1, None, None, 0),
            ('host', 'string', False, 1, 1, None, None, ''),
            ('port', 'uint16', False, 1, 1, None, None, 0),
        ),
        "FetchSnapshotResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('topics', 'TopicSnapshot', True, 0, 1, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 1, None, 0, ()),
        ),
    }),
    "FindCoordinatorRequest": (10, 0, 6, 3, {
        "FindCoordinatorRequest": (
            ('key', 'string', False, 0, 3, None, None, ''),
            ('key_type', 'int8', False, 1, 6, None, None, 0),
            ('coordinator_keys', 'string', True, 4, 6, None, None, ()),
        ),
    }),
    "FindCoordinatorResponse": (10, 0, 6, 3, {
        "Coordinator": (
            ('key', 'string', False, 4, 6, None, None, ''),
            ('node_id', 'int32', False, 4, 6, None, None, 0),
            ('host', 'string', False, 4, 6, None, None, ''),
            ('port', 'int32', False, 4, 6, None, None, 0),
            ('error_code', 'int16', False, 4, 6, None, None, 0),
            ('error_message', 'string', False, 4, 6, 4, None, ''),
        ),
        "FindCoordinatorResponse": (
            ('throttle_time_ms', 'int32', False, 1, 6, None, None, 0),
            ('coordinators', 'Coordinator', True, 4, 6, None, None, ()),
            ('error_code', 'int16', False, 0, 3, None, None, 0),
            ('error_message', 'string', False, 1, 3, 1, None, ''),
            ('node_id', 'int32', False, 0, 3, None, None, 0),
            ('host', 'string', False, 0, 3, None, None, ''),
            ('port', 'int32', False, 0, 3, None, None, 0),
        ),
    }),
    "GetTelemetrySubscriptionsRequest": (71, 0, 0, 0, {
        "GetTelemetrySubscriptionsRequest": (
            ('client_instance_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
    }),
    "GetTelemetrySubscriptionsResponse": (71, 0, 0, 0, {
        "GetTelemetrySubscriptionsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('client_instance_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('subscription_id', 'int32', False, 0, 0, None, None, 0),
            ('accepted_compression_types', 'int8', True, 0, 0, None, None, ()),
            ('push_interval_ms', 'int32', False, 0, 0, None, None, 0),
            ('telemetry_max_bytes', 'int32', False, 0, 0, None, None, 0),
            ('delta_temporality', 'bool', False, 0, 0, None, None, False),
            ('requested_metrics', 'string', True, 0, 0, None, None, ()),
        ),
    }),
    "GroupMetadataKey": (None, 2, 2, None, {
        "GroupMetadataKey": (
            ('group', 'string', False, 2, 2, None, None, ''),
        ),
    }),
    "GroupMetadataValue": (None, 0, 4, 4, {
        "MemberMetadata": (
            ('member_id', 'string', False, 0, 4, None, None, ''),
            ('group_instance_id', 'string', False, 3, 4, 3, None, None),
            ('client_id', 'string', False, 0, 4, None, None, ''),
            ('client_host', 'string', False, 0, 4, None, None, ''),
            ('rebalance_timeout', 'int32', False, 1, 4, None, None, -1),
            ('session_timeout', 'int32', False, 0, 4, None, None, 0),
            ('subscription', 'bytes', False, 0, 4, None, None, b''),
            ('assignment', 'bytes', False, 0, 4, None, None, b''),
        ),
        "GroupMetadataValue": (
            ('protocol_type', 'string', False, 0, 4, None, None, ''),
            ('generation', 'int32', False, 0, 4, None, None, 0),
            ('protocol', 'string', False, 0, 4, 0, None, ''),
            ('leader', 'string', False, 0, 4, 0, None, ''),
            ('current_state_timestamp', 'int64', False, 2, 4, None, None, -1),
            ('members', 'MemberMetadata', True, 0, 4, None, None, ()),
        ),
    }),
    "HeartbeatRequest": (12, 0, 4, 4, {
        "HeartbeatRequest": (
            ('group_id', 'string', False, 0, 4, None, None, ''),
            ('generation_id', 'int32', False, 0, 4, None, None, 0),
            ('member_id', 'string', False, 0, 4, None, None, ''),
            ('group_instance_id', 'string', False, 3, 4, 3, None, None),
        ),
    }),
    "HeartbeatResponse": (12, 0, 4, 4, {
        "HeartbeatResponse": (
            ('throttle_time_ms', 'int32', False, 1, 4, None, None, 0),
            ('error_code', 'int16', False, 0, 4, None, None, 0),
        ),
    }),
    "IncrementalAlterConfigsRequest": (44, 0, 1, 1, {
        "AlterableConfig": (
            ('name', 'string', False, 0, 1, None, None, ''),
            ('config_operation', 'int8', False, 0, 1, None, None, 0),
            ('value', 'string', False, 0, 1, 0, None, ''),
        ),
        "AlterConfigsResource": (
            ('resource_type', 'int8', False, 0, 1, None, None, 0),
            ('resource_name', 'string', False, 0, 1, None, None, ''),
            ('configs', 'AlterableConfig', True, 0, 1, None, None, ()),
        ),
        "IncrementalAlterConfigsRequest": (
            ('resources', 'AlterConfigsResource', True, 0, 1, None, None, ()),
            ('validate_only', 'bool', False, 0, 1, None, None, False),
        ),
    }),
    "IncrementalAlterConfigsResponse": (44, 0, 1, 1, {
        "AlterConfigsResourceResponse": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
            ('resource_type', 'int8', False, 0, 1, None, None, 0),
            ('resource_name', 'string', False, 0, 1, None, None, ''),
        ),
        "IncrementalAlterConfigsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('responses', 'AlterConfigsResourceResponse', True, 0, 1, None, None, ()),
        ),
    }),
    "InitProducerIdRequest": (22, 0, 6, 2, {
        "InitProducerIdRequest": (
            ('transactional_id', 'string', False, 0, 6, 0, None, ''),
            ('transaction_timeout_ms', 'int32', False, 0, 6, None, None, 0),
            ('producer_id', 'int64', False, 3, 6, None, None, -1),
            ('producer_epoch', 'int16', False, 3, 6, None, None, -1),
            ('enable2_pc', 'bool', False, 6, 6, None, None, False),
            ('keep_prepared_txn', 'bool', False, 6, 6, None, None, False),
        ),
    }),
    "InitProducerIdResponse": (22, 0, 6, 2, {
        "InitProducerIdResponse": (
            ('throttle_time_ms', 'int32', False, 0, 6, None, None, 0),
            ('error_code', 'int16', False, 0, 6, None, None, 0),
            ('producer_id', 'int64', False, 0, 6, None, None, -1),
            ('producer_epoch', 'int16', False, 0, 6, None, None, 0),
            ('ongoing_txn_producer_id', 'int64', False, 6, 6, None, None, -1),
            ('ongoing_txn_producer_epoch', 'int16', False, 6, 6, None, None, -1),
        ),
    }),
    "InitializeShareGroupStateRequest": (83, 0, 0, 0, {
        "PartitionData": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('state_epoch', 'int32', False, 0, 0, None, None, 0),
            ('start_offset', 'int64', False, 0, 0, None, None, 0),
        ),
        "InitializeStateData": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 0, None, None, ()),
        ),
        "InitializeShareGroupStateRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'InitializeStateData', True, 0, 0, None, None, ()),
        ),
    }),
    "InitializeShareGroupStateResponse": (83, 0, 0, 0, {
        "PartitionResult": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
        ),
        "InitializeStateResult": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionResult', True, 0, 0, None, None, ()),
        ),
        "InitializeShareGroupStateResponse": (
            ('results', 'InitializeStateResult', True, 0, 0, None, None, ()),
        ),
    }),
    "JoinGroupRequest": (11, 0, 9, 6, {
        "JoinGroupRequestProtocol": (
            ('name', 'string', False, 0, 9, None, None, ''),
            ('metadata', 'bytes', False, 0, 9, None, None, b''),
        ),
        "JoinGroupRequest": (
            ('group_id', 'string', False, 0, 9, None, None, ''),
            ('session_timeout_ms', 'int32', False, 0, 9, None, None, 0),
            ('rebalance_timeout_ms', 'int32', False, 1, 9, None, None, -1),
            ('member_id', 'string', False, 0, 9, None, None, ''),
            ('group_instance_id', 'string', False, 5, 9, 5, None, None),
            ('protocol_type', 'string', False, 0, 9, None, None, ''),
            ('protocols', 'JoinGroupRequestProtocol', True, 0, 9, None, None, ()),
            ('reason', 'string', False, 8, 9, 8, None, None),
        ),
    }),
    "JoinGroupResponse": (11, 0, 9, 6, {
        "JoinGroupResponseMember": (
            ('member_id', 'string', False, 0, 9, None, None, ''),
            ('group_instance_id', 'string', False, 5, 9, 5, None, None),
            ('metadata', 'bytes', False, 0, 9, None, None, b''),
        ),
        "JoinGroupResponse": (
            ('throttle_time_ms', 'int32', False, 2, 9, None, None, 0),
            ('error_code', 'int16', False, 0, 9, None, None, 0),
            ('generation_id', 'int32', False, 0, 9, None, None, -1),
            ('protocol_type', 'string', False, 7, 9, 7, None, None),
            ('protocol_name', 'string', False, 0, 9, 7, None, ''),
            ('leader', 'string', False, 0, 9, None, None, ''),
            ('skip_assignment', 'bool', False, 9, 9, None, None, False),
            ('member_id', 'string', False, 0, 9, None, None, ''),
            ('members', 'JoinGroupResponseMember', True, 0, 9, None, None, ()),
        ),
    }),
    "KRaftVersionRecord": (None, 0, 0, 0, {
        "KRaftVersionRecord": (
            ('version', 'int16', False, 0, 0, None, None, 0),
            ('k_raft_version', 'int16', False, 0, 0, None, None, 0),
        ),
    }),
    "LeaderChangeMessage": (None, 0, 1, 0, {
        "Voter": (
            ('voter_id', 'int32', False, 0, 1, None, None, 0),
            ('voter_directory_id', 'uuid', False, 1, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
        "LeaderChangeMessage": (
            ('version', 'int16', False, 0, 1, None, None, 0),
            ('leader_id', 'int32', False, 0, 1, None, None, 0),
            ('voters', 'Voter', True, 0, 1, None, None, ()),
            ('granting_voters', 'Voter', True, 0, 1, None, None, ()),
        ),
    }),
    "LeaveGroupRequest": (13, 0, 5, 4, {
        "MemberIdentity": (
            ('member_id', 'string', False, 3, 5, None, None, ''),
            ('group_instance_id', 'string', False, 3, 5, 3, None, None),
            ('reason', 'string', False, 5, 5, 5, None, None),
        ),
        "LeaveGroupRequest": (
            ('group_id', 'string', False, 0, 5, None, None, ''),
            ('members', 'MemberIdentity', True, 3, 5, None, None, ()),
            ('member_id', 'string', False, 0, 2, None, None, ''),
        ),
    }),
    "LeaveGroupResponse": (13, 0, 5, 4, {
        "MemberResponse": (
            ('member_id', 'string', False, 3, 5, None, None, ''),
            ('group_instance_id', 'string', False, 3, 5, 3, None, ''),
            ('error_code', 'int16', False, 3, 5, None, None, 0),
        ),
        "LeaveGroupResponse": (
            ('throttle_time_ms', 'int32', False, 1, 5, None, None, 0),
            ('error_code', 'int16', False, 0, 5, None, None, 0),
            ('members', 'MemberResponse', True, 3, 5, None, None, ()),
        ),
    }),
    "ListConfigResourcesRequest": (74, 0, 1, 0, {
        "ListConfigResourcesRequest": (
            ('resource_types', 'int8', True, 1, 1, None, None, ()),
        ),
    }),
    "ListConfigResourcesResponse": (74, 0, 1, 0, {
        "ConfigResource": (
            ('resource_name', 'string', False, 0, 1, None, None, ''),
            ('resource_type', 'int8', False, 1, 1, None, None, 16),
        ),
        "ListConfigResourcesResponse": (
            ('throttle_time_ms', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('config_resources', 'ConfigResource', True, 0, 1, None, None, ()),
        ),
    }),
    "ListGroupsRequest": (16, 0, 5, 3, {
        "ListGroupsRequest": (
            ('states_filter', 'string', True, 4, 5, None, None, ()),
            ('types_filter', 'string', True, 5, 5, None, None, ()),
        ),
    }),
    "ListGroupsResponse": (16, 0, 5, 3, {
        "ListedGroup": (
            ('group_id', 'string', False, 0, 5, None, None, ''),
            ('protocol_type', 'string', False, 0, 5, None, None, ''),
            ('group_state', 'string', False, 4, 5, None, None, ''),
            ('group_type', 'string', False, 5, 5, None, None, ''),
        ),
        "ListGroupsResponse": (
            ('throttle_time_ms', 'int32', False, 1, 5, None, None, 0),
            ('error_code', 'int16', False, 0, 5, None, None, 0),
            ('groups', 'ListedGroup', True, 0, 5, None, None, ()),
        ),
    }),
    "ListOffsetsRequest": (2, 1, 11, 6, {
        "ListOffsetsPartition": (
            ('partition_index', 'int32', False, 1, 11, None, None, 0),
            ('current_leader_epoch', 'int32', False, 4, 11, None, None, -1),
            ('timestamp', 'int64', False, 1, 11, None, None, 0),
        ),
        "ListOffsetsTopic": (
            ('name', 'string', False, 1, 11, None, None, ''),
            ('partitions', 'ListOffsetsPartition', True, 1, 11, None, None, ()),
        ),
        "ListOffsetsRequest": (
            ('replica_id', 'int32', False, 1, 11, None, None, 0),
            ('isolation_level', 'int8', False, 2, 11, None, None, 0),
            ('topics', 'ListOffsetsTopic', True, 1, 11, None, None, ()),
            ('timeout_ms', 'int32', False, 10, 11, None, None, 0),
        ),
    }),
    "ListOffsetsResponse": (2, 1, 11, 6, {
        "ListOffsetsPartitionResponse": (
            ('partition_index', 'int32', False, 1, 11, None, None, 0),
            ('error_code', 'int16', False, 1, 11, None, None, 0),
            ('timestamp', 'int64', False, 1, 11, None, None, -1),
            ('offset', 'int64', False, 1, 11, None, None, -1),
            ('leader_epoch', 'int32', False, 4, 11, None, None, -1),
        ),
        "ListOffsetsTopicResponse": (
            ('name', 'string', False, 1, 11, None, None, ''),
            ('partitions', 'ListOffsetsPartitionResponse', True, 1, 11, None, None, ()),
        ),
        "ListOffsetsResponse": (
            ('throttle_time_ms', 'int32', False, 2, 11, None, None, 0),
            ('topics', 'ListOffsetsTopicResponse', True, 1, 11, None, None, ()),
        ),
    }),
    "ListPartitionReassignmentsRequest": (46, 0, 0, 0, {
        "ListPartitionReassignmentsTopics": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partition_indexes', 'int32', True, 0, 0, None, None, ()),
        ),
        "ListPartitionReassignmentsRequest": (
            ('timeout_ms', 'int32', False, 0, 0, None, None, 60000),
            ('topics', 'ListPartitionReassignmentsTopics', True, 0, 0, 0, None, None),
        ),
    }),
    "ListPartitionReassignmentsResponse": (46, 0, 0, 0, {
        "OngoingPartitionReassignment": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('replicas', 'int32', True, 0, 0, None, None, ()),
            ('adding_replicas', 'int32', True, 0, 0, None, None, ()),
            ('removing_replicas', 'int32', True, 0, 0, None, None, ()),
        ),
        "OngoingTopicReassignment": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'OngoingPartitionReassignment', True, 0, 0, None, None, ()),
        ),
        "ListPartitionReassignmentsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
            ('topics', 'OngoingTopicReassignment', True, 0, 0, None, None, ()),
        ),
    }),
    "ListTransactionsRequest": (66, 0, 2, 0, {
        "ListTransactionsRequest": (
            ('state_filters', 'string', True, 0, 2, None, None, ()),
            ('producer_id_filters', 'int64', True, 0, 2, None, None, ()),
            ('duration_filter', 'int64', False, 1, 2, None, None, -1),
            ('transactional_id_pattern', 'string', False, 2, 2, 2, None, None),
        ),
    }),
    "ListTransactionsResponse": (66, 0, 2, 0, {
        "TransactionState": (
            ('transactional_id', 'string', False, 0, 2, None, None, ''),
            ('producer_id', 'int64', False, 0, 2, None, None, 0),
            ('transaction_state', 'string', False, 0, 2, None, None, ''),
        ),
        "ListTransactionsResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('unknown_state_filters', 'string', True, 0, 2, None, None, ()),
            ('transaction_states', 'TransactionState', True, 0, 2, None, None, ()),
        ),
    }),
    "MetadataRequest": (3, 0, 13, 9, {
        "MetadataRequestTopic": (
            ('topic_id', 'uuid', False, 10, 13, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 0, 13, 10, None, ''),
        ),
        "MetadataRequest": (
            ('topics', 'MetadataRequestTopic', True, 0, 13, 1, None, ()),
            ('allow_auto_topic_creation', 'bool', False, 4, 13, None, None, True),
            ('include_cluster_authorized_operations', 'bool', False, 8, 10, None, None, False),
            ('include_topic_authorized_operations', 'bool', False, 8, 13, None, None, False),
        ),
    }),
    "MetadataResponse": (3, 0, 13, 9, {
        "MetadataResponseBroker": (
            ('node_id', 'int32', False, 0, 13, None, None, 0),
            ('host', 'string', False, 0, 13, None, None, ''),
            ('port', 'int32', False, 0, 13, None, None, 0),
            ('rack', 'string', False, 1, 13, 1, None, None),
        ),
        "MetadataResponsePartition": (
            ('error_code', 'int16', False, 0, 13, None, None, 0),
            ('partition_index', 'int32', False, 0, 13, None, None, 0),
            ('leader_id', 'int32', False, 0, 13, None, None, 0),
            ('leader_epoch', 'int32', False, 7, 13, None, None, -1),
            ('replica_nodes', 'int32', True, 0, 13, None, None, ()),
            ('isr_nodes', 'int32', True, 0, 13, None, None, ()),
            ('offline_replicas', 'int32', True, 5, 13, None, None, ()),
        ),
        "MetadataResponseTopic": (
            ('error_code', 'int16', False, 0, 13, None, None, 0),
            ('name', 'string', False, 0, 13, 12, None, ''),
            ('topic_id', 'uuid', False, 10, 13, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('is_internal', 'bool', False, 1, 13, None, None, False),
            ('partitions', 'MetadataResponsePartition', True, 0, 13, None, None, ()),
            ('topic_authorized_operations', 'int32', False, 8, 13, None, None, -2147483648),
        ),
        "MetadataResponse": (
            ('throttle_time_ms', 'int32', False, 3, 13, None, None, 0),
            ('brokers', 'MetadataResponseBroker', True, 0, 13, None, None, ()),
            ('cluster_id', 'string', False, 2, 13, 2, None, None),
            ('controller_id', 'int32', False, 1, 13, None, None, -1),
            ('topics', 'MetadataResponseTopic', True, 0, 13, None, None, ()),
            ('error_code', 'int16', False, 13, 13, None, None, 0),
            ('cluster_authorized_operations', 'int32', False, 8, 10, None, None, -2147483648),
        ),
    }),
    "OffsetCommitKey": (None, 0, 1, None, {
        "OffsetCommitKey": (
            ('group', 'string', False, 0, 1, None, None, ''),
            ('topic', 'string', False, 0, 1, None, None, ''),
            ('partition', 'int32', False, 0, 1, None, None, 0),
        ),
    }),
    "OffsetCommitRequest": (8, 2, 10, 8, {
        "OffsetCommitRequestPartition": (
            ('partition_index', 'int32', False, 2, 10, None, None, 0),
            ('committed_offset', 'int64', False, 2, 10, None, None, 0),
            ('committed_leader_epoch', 'int32', False, 6, 10, None, None, -1),
            ('committed_metadata', 'string', False, 2, 10, 2, None, ''),
        ),
        "OffsetCommitRequestTopic": (
            ('topic_id', 'uuid', False, 10, 10, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 2, 9, None, None, ''),
            ('partitions', 'OffsetCommitRequestPartition', True, 2, 10, None, None, ()),
        ),
        "OffsetCommitRequest": (
            ('group_id', 'string', False, 2, 10, None, None, ''),
            ('generation_id_or_member_epoch', 'int32', False, 2, 10, None, None, -1),
            ('member_id', 'string', False, 2, 10, None, None, ''),
            ('group_instance_id', 'string', False, 7, 10, 7, None, None),
            ('retention_time_ms', 'int64', False, 2, 4, None, None, -1),
            ('topics', 'OffsetCommitRequestTopic', True, 2, 10, None, None, ()),
        ),
    }),
    "OffsetCommitResponse": (8, 2, 10, 8, {
        "OffsetCommitResponsePartition": (
            ('partition_index', 'int32', False, 2, 10, None, None, 0),
            ('error_code', 'int16', False, 2, 10, None, None, 0),
        ),
        "OffsetCommitResponseTopic": (
            ('topic_id', 'uuid', False, 10, 10, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 2, 9, None, None, ''),
            ('partitions', 'OffsetCommitResponsePartition', True, 2, 10, None, None, ()),
        ),
        "OffsetCommitResponse": (
            ('throttle_time_ms', 'int32', False, 3, 10, None, None, 0),
            ('topics', 'OffsetCommitResponseTopic', True, 2, 10, None, None, ()),
        ),
    }),
    "OffsetCommitValue": (None, 0, 4, 4, {
        "OffsetCommitValue": (
            ('offset', 'int64', False, 0, 4, None, None, 0),
            ('leader_epoch', 'int32', False, 3, 4, None, None, -1),
            ('metadata', 'string', False, 0, 4, None, None, ''),
            ('commit_timestamp', 'int64', False, 0, 4, None, None, 0),
            ('expire_timestamp', 'int64', False, 1, 1, None, None, -1),
            ('topic_id', 'uuid', False, 4, 4, None, 0, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
    }),
    "OffsetDeleteRequest": (47, 0, 0, None, {
        "OffsetDeleteRequestPartition": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
        ),
        "OffsetDeleteRequestTopic": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'OffsetDeleteRequestPartition', True, 0, 0, None, None, ()),
        ),
        "OffsetDeleteRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'OffsetDeleteRequestTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "OffsetDeleteResponse": (47, 0, 0, None, {
        "OffsetDeleteResponsePartition": (
            ('partition_index', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
        ),
        "OffsetDeleteResponseTopic": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'OffsetDeleteResponsePartition', True, 0, 0, None, None, ()),
        ),
        "OffsetDeleteResponse": (
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('topics', 'OffsetDeleteResponseTopic', True, 0, 0, None, None, ()),
        ),
    }),
    "OffsetFetchRequest": (9, 1, 10, 6, {
        "OffsetFetchRequestTopic": (
            ('name', 'string', False, 1, 7, None, None, ''),
            ('partition_indexes', 'int32', True, 1, 7, None, None, ()),
        ),
        "OffsetFetchRequestTopics": (
            ('topic_id', 'uuid', False, 10, 10, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 8, 9, None, None, ''),
            ('partition_indexes', 'int32', True, 8, 10, None, None, ()),
        ),
        "OffsetFetchRequestGroup": (
            ('group_id', 'string', False, 8, 10, None, None, ''),
            ('member_id', 'string', False, 9, 10, 9, None, None),
            ('member_epoch', 'int32', False, 9, 10, None, None, -1),
            ('topics', 'OffsetFetchRequestTopics', True, 8, 10, 8, None, ()),
        ),
        "OffsetFetchRequest": (
            ('groups', 'OffsetFetchRequestGroup', True, 8, 10, None, None, ()),
            ('group_id', 'string', False, 1, 7, None, None, ''),
            ('topics', 'OffsetFetchRequestTopic', True, 1, 7, 2, None, ()),
            ('require_stable', 'bool', False, 7, 10, None, None, False),
        ),
    }),
    "OffsetFetchResponse": (9, 1, 10, 6, {
        "OffsetFetchResponsePartition": (
            ('partition_index', 'int32', False, 1, 7, None, None, 0),
            ('committed_offset', 'int64', False, 1, 7, None, None, 0),
            ('committed_leader_epoch', 'int32', False, 5, 7, None, None, -1),
            ('metadata', 'string', False, 1, 7, 1, None, ''),
            ('error_code', 'int16', False, 1, 7, None, None, 0),
        ),
        "OffsetFetchResponseTopic": (
            ('name', 'string', False, 1, 7, None, None, ''),
            ('partitions', 'OffsetFetchResponsePartition', True, 1, 7, None, None, ()),
        ),
        "OffsetFetchResponsePartitions": (
            ('partition_index', 'int32', False, 8, 10, None, None, 0),
            ('committed_offset', 'int64', False, 8, 10, None, None, 0),
            ('committed_leader_epoch', 'int32', False, 8, 10, None, None, -1),
            ('metadata', 'string', False, 8, 10, 8, None, ''),
            ('error_code', 'int16', False, 8, 10, None, None, 0),
        ),
        "OffsetFetchResponseTopics": (
            ('topic_id', 'uuid', False, 10, 10, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 8, 9, None, None, ''),
            ('partitions', 'OffsetFetchResponsePartitions', True, 8, 10, None, None, ()),
        ),
        "OffsetFetchResponseGroup": (
            ('group_id', 'string', False, 8, 10, None, None, ''),
            ('topics', 'OffsetFetchResponseTopics', True, 8, 10, None, None, ()),
            ('error_code', 'int16', False, 8, 10, None, None, 0),
        ),
        "OffsetFetchResponse": (
            ('throttle_time_ms', 'int32', False, 3, 10, None, None, 0),
            ('groups', 'OffsetFetchResponseGroup', True, 8, 10, None, None, ()),
            ('topics', 'OffsetFetchResponseTopic', True, 1, 7, None, None, ()),
            ('error_code', 'int16', False, 2, 7, None, None, 0),
        ),
    }),
    "OffsetForLeaderEpochRequest": (23, 2, 4, 4, {
        "OffsetForLeaderPartition": (
            ('partition', 'int32', False, 2, 4, None, None, 0),
            ('current_leader_epoch', 'int32', False, 2, 4, None, None, -1),
            ('leader_epoch', 'int32', False, 2, 4, None, None, 0),
        ),
        "OffsetForLeaderTopic": (
            ('topic', 'string', False, 2, 4, None, None, ''),
            ('partitions', 'OffsetForLeaderPartition', True, 2, 4, None, None, ()),
        ),
        "OffsetForLeaderEpochRequest": (
            ('replica_id', 'int32', False, 3, 4, None, None, -2),
            ('topics', 'OffsetForLeaderTopic', True, 2, 4, None, None, ()),
        ),
    }),
    "OffsetForLeaderEpochResponse": (23, 2, 4, 4, {
        "EpochEndOffset": (
            ('error_code', 'int16', False, 2, 4, None, None, 0),
            ('partition', 'int32', False, 2, 4, None, None, 0),
            ('leader_epoch', 'int32', False, 2, 4, None, None, -1),
            ('end_offset', 'int64', False, 2, 4, None, None, -1),
        ),
        "OffsetForLeaderTopicResult": (
            ('topic', 'string', False, 2, 4, None, None, ''),
            ('partitions', 'EpochEndOffset', True, 2, 4, None, None, ()),
        ),
        "OffsetForLeaderEpochResponse": (
            ('throttle_time_ms', 'int32', False, 2, 4, None, None, 0),
            ('topics', 'OffsetForLeaderTopicResult', True, 2, 4, None, None, ()),
        ),
    }),
    "ProduceRequest": (0, 3, 13, 9, {
        "PartitionProduceData": (
            ('index', 'int32', False, 3, 13, None, None, 0),
            ('records', 'records', False, 3, 13, 3, None, None),
        ),
        "TopicProduceData": (
            ('topic_id', 'uuid', False, 13, 13, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 3, 12, None, None, ''),
            ('partition_data', 'PartitionProduceData', True, 3, 13, None, None, ()),
        ),
        "ProduceRequest": (
            ('transactional_id', 'string', False, 3, 13, 3, None, None),
            ('acks', 'int16', False, 3, 13, None, None, 0),
            ('timeout_ms', 'int32', False, 3, 13, None, None, 0),
            ('topic_data', 'TopicProduceData', True, 3, 13, None, None, ()),
        ),
    }),
    "ProduceResponse": (0, 3, 13, 9, {
        "PartitionProduceResponse": (
            ('index', 'int32', False, 3, 13, None, None, 0),
            ('error_code', 'int16', False, 3, 13, None, None, 0),
            ('base_offset', 'int64', False, 3, 13, None, None, 0),
            ('log_append_time_ms', 'int64', False, 3, 13, None, None, -1),
            ('log_start_offset', 'int64', False, 5, 13, None, None, -1),
            ('record_errors', 'BatchIndexAndErrorMessage', True, 8, 13, None, None, ()),
            ('error_message', 'string', False, 8, 13, 8, None, None),
            ('current_leader', 'LeaderIdAndEpoch', False, 10, 13, None, 0, None),
        ),
        "TopicProduceResponse": (
            ('topic_id', 'uuid', False, 13, 13, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('name', 'string', False, 3, 12, None, None, ''),
            ('partition_responses', 'PartitionProduceResponse', True, 3, 13, None, None, ()),
        ),
        "BatchIndexAndErrorMessage": (
            ('batch_index', 'int32', False, 8, 13, None, None, 0),
            ('batch_index_error_message', 'string', False, 8, 13, 8, None, None),
        ),
        "LeaderIdAndEpoch": (
            ('leader_id', 'int32', False, 10, 13, None, None, -1),
            ('leader_epoch', 'int32', False, 10, 13, None, None, -1),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 10, 13, None, None, 0),
            ('host', 'string', False, 10, 13, None, None, ''),
            ('port', 'int32', False, 10, 13, None, None, 0),
            ('rack', 'string', False, 10, 13, 10, None, None),
        ),
        "ProduceResponse": (
            ('responses', 'TopicProduceResponse', True, 3, 13, None, None, ()),
            ('throttle_time_ms', 'int32', False, 3, 13, None, None, 0),
            ('node_endpoints', 'NodeEndpoint', True, 10, 13, None, 0, ()),
        ),
    }),
    "PushTelemetryRequest": (72, 0, 0, 0, {
        "PushTelemetryRequest": (
            ('client_instance_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('subscription_id', 'int32', False, 0, 0, None, None, 0),
            ('terminating', 'bool', False, 0, 0, None, None, False),
            ('compression_type', 'int8', False, 0, 0, None, None, 0),
            ('metrics', 'bytes', False, 0, 0, None, None, b''),
        ),
    }),
    "PushTelemetryResponse": (72, 0, 0, 0, {
        "PushTelemetryResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
        ),
    }),
    "ReadShareGroupStateRequest": (84, 0, 0, 0, {
        "PartitionData": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 0, None, None, 0),
        ),
        "ReadStateData": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 0, None, None, ()),
        ),
        "ReadShareGroupStateRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('topics', 'ReadStateData', True, 0, 0, None, None, ()),
        ),
    }),
    "ReadShareGroupStateResponse": (84, 0, 0, 0, {
        "StateBatch": (
            ('first_offset', 'int64', False, 0, 0, None, None, 0),
            ('last_offset', 'int64', False, 0, 0, None, None, 0),
            ('delivery_state', 'int8', False, 0, 0, None, None, 0),
            ('delivery_count', 'int16', False, 0, 0, None, None, 0),
        ),
        "PartitionResult": (
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('state_epoch', 'int32', False, 0, 0, None, None, 0),
            ('start_offset', 'int64', False, 0, 0, None, None, 0),
            ('state_batches', 'StateBatch', True, 0, 0, None, None, ()),
        ),
        "ReadStateResult": (
            ('topic_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionResult', True, 0, 0, None, None, ()),
        ),
        "ReadShareGroupStateResponse": (
            ('results', 'ReadStateResult', True, 0, 0, None, None, ()),
        ),
    }),
    "ReadShareGroupStateSummaryRequest": (87, 0, 1, 0, {
        "PartitionData": (
            ('partition', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
        ),
        "ReadStateSummaryData": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "ReadShareGroupStateSummaryRequest": (
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('topics', 'ReadStateSummaryData', True, 0, 1, None, None, ()),
        ),
    }),
    "ReadShareGroupStateSummaryResponse": (87, 0, 1, 0, {
        "PartitionResult": (
            ('partition', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
            ('state_epoch', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
            ('start_offset', 'int64', False, 0, 1, None, None, 0),
            ('delivery_complete_count', 'int32', False, 1, 1, None, None, -1),
        ),
        "ReadStateSummaryResult": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionResult', True, 0, 1, None, None, ()),
        ),
        "ReadShareGroupStateSummaryResponse": (
            ('results', 'ReadStateSummaryResult', True, 0, 1, None, None, ()),
        ),
    }),
    "RemoveRaftVoterRequest": (81, 0, 0, 0, {
        "RemoveRaftVoterRequest": (
            ('cluster_id', 'string', False, 0, 0, 0, None, ''),
            ('voter_id', 'int32', False, 0, 0, None, None, 0),
            ('voter_directory_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
        ),
    }),
    "RemoveRaftVoterResponse": (81, 0, 0, 0, {
        "RemoveRaftVoterResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
        ),
    }),
    "RenewDelegationTokenRequest": (39, 1, 2, 2, {
        "RenewDelegationTokenRequest": (
            ('hmac', 'bytes', False, 1, 2, None, None, b''),
            ('renew_period_ms', 'int64', False, 1, 2, None, None, 0),
        ),
    }),
    "RenewDelegationTokenResponse": (39, 1, 2, 2, {
        "RenewDelegationTokenResponse": (
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('expiry_timestamp_ms', 'int64', False, 1, 2, None, None, 0),
            ('throttle_time_ms', 'int32', False, 1, 2, None, None, 0),
        ),
    }),
    "SaslAuthenticateRequest": (36, 0, 2, 2, {
        "SaslAuthenticateRequest": (
            ('auth_bytes', 'bytes', False, 0, 2, None, None, b''),
        ),
    }),
    "SaslAuthenticateResponse": (36, 0, 2, 2, {
        "SaslAuthenticateResponse": (
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 0, 2, 0, None, ''),
            ('auth_bytes', 'bytes', False, 0, 2, None, None, b''),
            ('session_lifetime_ms', 'int64', False, 1, 2, None, None, 0),
        ),
    }),
    "SaslHandshakeRequest": (17, 0, 1, None, {
        "SaslHandshakeRequest": (
            ('mechanism', 'string', False, 0, 1, None, None, ''),
        ),
    }),
    "SaslHandshakeResponse": (17, 0, 1, None, {
        "SaslHandshakeResponse": (
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('mechanisms', 'string', True, 0, 1, None, None, ()),
        ),
    }),
    "ShareAcknowledgeRequest": (79, 1, 2, 1, {
        "AcknowledgementBatch": (
            ('first_offset', 'int64', False, 1, 2, None, None, 0),
            ('last_offset', 'int64', False, 1, 2, None, None, 0),
            ('acknowledge_types', 'int8', True, 1, 2, None, None, ()),
        ),
        "AcknowledgePartition": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('acknowledgement_batches', 'AcknowledgementBatch', True, 1, 2, None, None, ()),
        ),
        "AcknowledgeTopic": (
            ('topic_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'AcknowledgePartition', True, 1, 2, None, None, ()),
        ),
        "ShareAcknowledgeRequest": (
            ('group_id', 'string', False, 1, 2, 1, None, None),
            ('member_id', 'string', False, 1, 2, 1, None, ''),
            ('share_session_epoch', 'int32', False, 1, 2, None, None, 0),
            ('is_renew_ack', 'bool', False, 2, 2, None, None, False),
            ('topics', 'AcknowledgeTopic', True, 1, 2, None, None, ()),
        ),
    }),
    "ShareAcknowledgeResponse": (79, 1, 2, 1, {
        "LeaderIdAndEpoch": (
            ('leader_id', 'int32', False, 1, 2, None, None, 0),
            ('leader_epoch', 'int32', False, 1, 2, None, None, 0),
        ),
        "PartitionData": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('error_message', 'string', False, 1, 2, 1, None, None),
            ('current_leader', 'LeaderIdAndEpoch', False, 1, 2, None, None, None),
        ),
        "ShareAcknowledgeTopicResponse": (
            ('topic_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 1, 2, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 2, None, None, 0),
            ('host', 'string', False, 1, 2, None, None, ''),
            ('port', 'int32', False, 1, 2, None, None, 0),
            ('rack', 'string', False, 1, 2, 1, None, None),
        ),
        "ShareAcknowledgeResponse": (
            ('throttle_time_ms', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('error_message', 'string', False, 1, 2, 1, None, None),
            ('acquisition_lock_timeout_ms', 'int32', False, 2, 2, None, None, 0),
            ('responses', 'ShareAcknowledgeTopicResponse', True, 1, 2, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 2, None, None, ()),
        ),
    }),
    "ShareFetchRequest": (78, 1, 2, 1, {
        "AcknowledgementBatch": (
            ('first_offset', 'int64', False, 1, 2, None, None, 0),
            ('last_offset', 'int64', False, 1, 2, None, None, 0),
            ('acknowledge_types', 'int8', True, 1, 2, None, None, ()),
        ),
        "FetchPartition": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('acknowledgement_batches', 'AcknowledgementBatch', True, 1, 2, None, None, ()),
        ),
        "FetchTopic": (
            ('topic_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'FetchPartition', True, 1, 2, None, None, ()),
        ),
        "ForgottenTopic": (
            ('topic_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 1, 2, None, None, ()),
        ),
        "ShareFetchRequest": (
            ('group_id', 'string', False, 1, 2, 1, None, None),
            ('member_id', 'string', False, 1, 2, 1, None, ''),
            ('share_session_epoch', 'int32', False, 1, 2, None, None, 0),
            ('max_wait_ms', 'int32', False, 1, 2, None, None, 0),
            ('min_bytes', 'int32', False, 1, 2, None, None, 0),
            ('max_bytes', 'int32', False, 1, 2, None, None, 2147483647),
            ('max_records', 'int32', False, 1, 2, None, None, 0),
            ('batch_size', 'int32', False, 1, 2, None, None, 0),
            ('share_acquire_mode', 'int8', False, 2, 2, None, None, 0),
            ('is_renew_ack', 'bool', False, 2, 2, None, None, False),
            ('topics', 'FetchTopic', True, 1, 2, None, None, ()),
            ('forgotten_topics_data', 'ForgottenTopic', True, 1, 2, None, None, ()),
        ),
    }),
    "ShareFetchResponse": (78, 1, 2, 1, {
        "LeaderIdAndEpoch": (
            ('leader_id', 'int32', False, 1, 2, None, None, 0),
            ('leader_epoch', 'int32', False, 1, 2, None, None, 0),
        ),
        "AcquiredRecords": (
            ('first_offset', 'int64', False, 1, 2, None, None, 0),
            ('last_offset', 'int64', False, 1, 2, None, None, 0),
            ('delivery_count', 'int16', False, 1, 2, None, None, 0),
        ),
        "PartitionData": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('error_message', 'string', False, 1, 2, 1, None, None),
            ('acknowledge_error_code', 'int16', False, 1, 2, None, None, 0),
            ('acknowledge_error_message', 'string', False, 1, 2, 1, None, None),
            ('current_leader', 'LeaderIdAndEpoch', False, 1, 2, None, None, None),
            ('records', 'records', False, 1, 2, None, None, None),
            ('acquired_records', 'AcquiredRecords', True, 1, 2, None, None, ()),
        ),
        "ShareFetchableTopicResponse": (
            ('topic_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 1, 2, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 2, None, None, 0),
            ('host', 'string', False, 1, 2, None, None, ''),
            ('port', 'int32', False, 1, 2, None, None, 0),
            ('rack', 'string', False, 1, 2, 1, None, None),
        ),
        "ShareFetchResponse": (
            ('throttle_time_ms', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
            ('error_message', 'string', False, 1, 2, 1, None, None),
            ('acquisition_lock_timeout_ms', 'int32', False, 1, 2, None, None, 0),
            ('responses', 'ShareFetchableTopicResponse', True, 1, 2, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 2, None, None, ()),
        ),
    }),
    "ShareGroupDescribeRequest": (77, 1, 1, 1, {
        "ShareGroupDescribeRequest": (
            ('group_ids', 'string', True, 1, 1, None, None, ()),
            ('include_authorized_operations', 'bool', False, 1, 1, None, None, False),
        ),
    }),
    "ShareGroupDescribeResponse": (77, 1, 1, 1, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 1, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('topic_name', 'string', False, 1, 1, None, None, ''),
            ('partitions', 'int32', True, 1, 1, None, None, ()),
        ),
        "Assignment": (
            ('topic_partitions', 'TopicPartitions', True, 1, 1, None, None, ()),
        ),
        "Member": (
            ('member_id', 'string', False, 1, 1, None, None, ''),
            ('rack_id', 'string', False, 1, 1, 1, None, None),
            ('member_epoch', 'int32', False, 1, 1, None, None, 0),
            ('client_id', 'string', False, 1, 1, None, None, ''),
            ('client_host', 'string', False, 1, 1, None, None, ''),
            ('subscribed_topic_names', 'string', True, 1, 1, None, None, ()),
            ('assignment', 'Assignment', False, 1, 1, None, None, None),
        ),
        "DescribedGroup": (
            ('error_code', 'int16', False, 1, 1, None, None, 0),
            ('error_message', 'string', False, 1, 1, 1, None, None),
            ('group_id', 'string', False, 1, 1, None, None, ''),
            ('group_state', 'string', False, 1, 1, None, None, ''),
            ('group_epoch', 'int32', False, 1, 1, None, None, 0),
            ('assignment_epoch', 'int32', False, 1, 1, None, None, 0),
            ('assignor_name', 'string', False, 1, 1, None, None, ''),
            ('members', 'Member', True, 1, 1, None, None, ()),
            ('authorized_operations', 'int32', False, 1, 1, None, None, -2147483648),
        ),
        "ShareGroupDescribeResponse": (
            ('throttle_time_ms', 'int32', False, 1, 1, None, None, 0),
            ('groups', 'DescribedGroup', True, 1, 1, None, None, ()),
        ),
    }),
    "ShareGroupHeartbeatRequest": (76, 1, 1, 1, {
        "ShareGroupHeartbeatRequest": (
            ('group_id', 'string', False, 1, 1, None, None, ''),
            ('member_id', 'string', False, 1, 1, None, None, ''),
            ('member_epoch', 'int32', False, 1, 1, None, None, 0),
            ('rack_id', 'string', False, 1, 1, 1, None, None),
            ('subscribed_topic_names', 'string', True, 1, 1, 1, None, None),
        ),
    }),
    "ShareGroupHeartbeatResponse": (76, 1, 1, 1, {
        "TopicPartitions": (
            ('topic_id', 'uuid', False, 1, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'int32', True, 1, 1, None, None, ()),
        ),
        "Assignment": (
            ('topic_partitions', 'TopicPartitions', True, 1, 1, None, None, ()),
        ),
        "ShareGroupHeartbeatResponse": (
            ('throttle_time_ms', 'int32', False, 1, 1, None, None, 0),
            ('error_code', 'int16', False, 1, 1, None, None, 0),
            ('error_message', 'string', False, 1, 1, 1, None, None),
            ('member_id', 'string', False, 1, 1, 1, None, None),
            ('member_epoch', 'int32', False, 1, 1, None, None, 0),
            ('heartbeat_interval_ms', 'int32', False, 1, 1, None, None, 0),
            ('assignment', 'Assignment', False, 1, 1, 1, None, None),
        ),
    }),
    "SnapshotFooterRecord": (None, 0, 0, 0, {
        "SnapshotFooterRecord": (
            ('version', 'int16', False, 0, 0, None, None, 0),
        ),
    }),
    "SnapshotHeaderRecord": (None, 0, 0, 0, {
        "SnapshotHeaderRecord": (
            ('version', 'int16', False, 0, 0, None, None, 0),
            ('last_contained_log_timestamp', 'int64', False, 0, 0, None, None, 0),
        ),
    }),
    "StreamsGroupDescribeRequest": (89, 0, 0, 0, {
        "StreamsGroupDescribeRequest": (
            ('group_ids', 'string', True, 0, 0, None, None, ()),
            ('include_authorized_operations', 'bool', False, 0, 0, None, None, False),
        ),
    }),
    "StreamsGroupDescribeResponse": (89, 0, 0, 0, {
        "KeyValue": (
            ('key', 'string', False, 0, 0, None, None, ''),
            ('value', 'string', False, 0, 0, None, None, ''),
        ),
        "TopicInfo": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', False, 0, 0, None, None, 0),
            ('replication_factor', 'int16', False, 0, 0, None, None, 0),
            ('topic_configs', 'KeyValue', True, 0, 0, None, None, ()),
        ),
        "Subtopology": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('source_topics', 'string', True, 0, 0, None, None, ()),
            ('repartition_sink_topics', 'string', True, 0, 0, None, None, ()),
            ('state_changelog_topics', 'TopicInfo', True, 0, 0, None, None, ()),
            ('repartition_source_topics', 'TopicInfo', True, 0, 0, None, None, ()),
        ),
        "Topology": (
            ('epoch', 'int32', False, 0, 0, None, None, 0),
            ('subtopologies', 'Subtopology', True, 0, 0, 0, None, None),
        ),
        "Endpoint": (
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
        ),
        "TaskOffset": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('offset', 'int64', False, 0, 0, None, None, 0),
        ),
        "TaskIds": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "Assignment": (
            ('active_tasks', 'TaskIds', True, 0, 0, None, None, ()),
            ('standby_tasks', 'TaskIds', True, 0, 0, None, None, ()),
            ('warmup_tasks', 'TaskIds', True, 0, 0, None, None, ()),
        ),
        "Member": (
            ('member_id', 'string', False, 0, 0, None, None, ''),
            ('member_epoch', 'int32', False, 0, 0, None, None, 0),
            ('instance_id', 'string', False, 0, 0, 0, None, None),
            ('rack_id', 'string', False, 0, 0, 0, None, None),
            ('client_id', 'string', False, 0, 0, None, None, ''),
            ('client_host', 'string', False, 0, 0, None, None, ''),
            ('topology_epoch', 'int32', False, 0, 0, None, None, 0),
            ('process_id', 'string', False, 0, 0, None, None, ''),
            ('user_endpoint', 'Endpoint', False, 0, 0, 0, None, None),
            ('client_tags', 'KeyValue', True, 0, 0, None, None, ()),
            ('task_offsets', 'TaskOffset', True, 0, 0, None, None, ()),
            ('task_end_offsets', 'TaskOffset', True, 0, 0, None, None, ()),
            ('assignment', 'Assignment', False, 0, 0, None, None, None),
            ('target_assignment', 'Assignment', False, 0, 0, None, None, None),
            ('is_classic', 'bool', False, 0, 0, None, None, False),
        ),
        "DescribedGroup": (
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('group_state', 'string', False, 0, 0, None, None, ''),
            ('group_epoch', 'int32', False, 0, 0, None, None, 0),
            ('assignment_epoch', 'int32', False, 0, 0, None, None, 0),
            ('topology', 'Topology', False, 0, 0, 0, None, None),
            ('members', 'Member', True, 0, 0, None, None, ()),
            ('authorized_operations', 'int32', False, 0, 0, None, None, -2147483648),
        ),
        "StreamsGroupDescribeResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('groups', 'DescribedGroup', True, 0, 0, None, None, ()),
        ),
    }),
    "StreamsGroupHeartbeatRequest": (88, 0, 0, 0, {
        "KeyValue": (
            ('key', 'string', False, 0, 0, None, None, ''),
            ('value', 'string', False, 0, 0, None, None, ''),
        ),
        "TopicInfo": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', False, 0, 0, None, None, 0),
            ('replication_factor', 'int16', False, 0, 0, None, None, 0),
            ('topic_configs', 'KeyValue', True, 0, 0, None, None, ()),
        ),
        "CopartitionGroup": (
            ('source_topics', 'int16', True, 0, 0, None, None, ()),
            ('source_topic_regex', 'int16', True, 0, 0, None, None, ()),
            ('repartition_source_topics', 'int16', True, 0, 0, None, None, ()),
        ),
        "Subtopology": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('source_topics', 'string', True, 0, 0, None, None, ()),
            ('source_topic_regex', 'string', True, 0, 0, None, None, ()),
            ('state_changelog_topics', 'TopicInfo', True, 0, 0, None, None, ()),
            ('repartition_sink_topics', 'string', True, 0, 0, None, None, ()),
            ('repartition_source_topics', 'TopicInfo', True, 0, 0, None, None, ()),
            ('copartition_groups', 'CopartitionGroup', True, 0, 0, None, None, ()),
        ),
        "Topology": (
            ('epoch', 'int32', False, 0, 0, None, None, 0),
            ('subtopologies', 'Subtopology', True, 0, 0, None, None, ()),
        ),
        "TaskIds": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "Endpoint": (
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
        ),
        "TaskOffset": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('partition', 'int32', False, 0, 0, None, None, 0),
            ('offset', 'int64', False, 0, 0, None, None, 0),
        ),
        "StreamsGroupHeartbeatRequest": (
            ('group_id', 'string', False, 0, 0, None, None, ''),
            ('member_id', 'string', False, 0, 0, None, None, ''),
            ('member_epoch', 'int32', False, 0, 0, None, None, 0),
            ('endpoint_information_epoch', 'int32', False, 0, 0, None, None, 0),
            ('instance_id', 'string', False, 0, 0, 0, None, None),
            ('rack_id', 'string', False, 0, 0, 0, None, None),
            ('rebalance_timeout_ms', 'int32', False, 0, 0, None, None, -1),
            ('topology', 'Topology', False, 0, 0, 0, None, None),
            ('active_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('standby_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('warmup_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('process_id', 'string', False, 0, 0, 0, None, None),
            ('user_endpoint', 'Endpoint', False, 0, 0, 0, None, None),
            ('client_tags', 'KeyValue', True, 0, 0, 0, None, None),
            ('task_offsets', 'TaskOffset', True, 0, 0, 0, None, None),
            ('task_end_offsets', 'TaskOffset', True, 0, 0, 0, None, None),
            ('shutdown_application', 'bool', False, 0, 0, None, None, False),
        ),
    }),
    "StreamsGroupHeartbeatResponse": (88, 0, 0, 0, {
        "Status": (
            ('status_code', 'int8', False, 0, 0, None, None, 0),
            ('status_detail', 'string', False, 0, 0, None, None, ''),
        ),
        "TaskIds": (
            ('subtopology_id', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "Endpoint": (
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
        ),
        "TopicPartition": (
            ('topic', 'string', False, 0, 0, None, None, ''),
            ('partitions', 'int32', True, 0, 0, None, None, ()),
        ),
        "EndpointToPartitions": (
            ('user_endpoint', 'Endpoint', False, 0, 0, None, None, None),
            ('active_partitions', 'TopicPartition', True, 0, 0, None, None, ()),
            ('standby_partitions', 'TopicPartition', True, 0, 0, None, None, ()),
        ),
        "StreamsGroupHeartbeatResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, None),
            ('member_id', 'string', False, 0, 0, None, None, ''),
            ('member_epoch', 'int32', False, 0, 0, None, None, 0),
            ('heartbeat_interval_ms', 'int32', False, 0, 0, None, None, 0),
            ('acceptable_recovery_lag', 'int32', False, 0, 0, None, None, 0),
            ('task_offset_interval_ms', 'int32', False, 0, 0, None, None, 0),
            ('status', 'Status', True, 0, 0, 0, None, None),
            ('active_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('standby_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('warmup_tasks', 'TaskIds', True, 0, 0, 0, None, None),
            ('endpoint_information_epoch', 'int32', False, 0, 0, None, None, 0),
            ('partitions_by_user_endpoint', 'EndpointToPartitions', True, 0, 0, 0, None, None),
        ),
    }),
    "SyncGroupRequest": (14, 0, 5, 4, {
        "SyncGroupRequestAssignment": (
            ('member_id', 'string', False, 0, 5, None, None, ''),
            ('assignment', 'bytes', False, 0, 5, None, None, b''),
        ),
        "SyncGroupRequest": (
            ('group_id', 'string', False, 0, 5, None, None, ''),
            ('generation_id', 'int32', False, 0, 5, None, None, 0),
            ('member_id', 'string', False, 0, 5, None, None, ''),
            ('group_instance_id', 'string', False, 3, 5, 3, None, None),
            ('protocol_type', 'string', False, 5, 5, 5, None, None),
            ('protocol_name', 'string', False, 5, 5, 5, None, None),
            ('assignments', 'SyncGroupRequestAssignment', True, 0, 5, None, None, ()),
        ),
    }),
    "SyncGroupResponse": (14, 0, 5, 4, {
        "SyncGroupResponse": (
            ('throttle_time_ms', 'int32', False, 1, 5, None, None, 0),
            ('error_code', 'int16', False, 0, 5, None, None, 0),
            ('protocol_type', 'string', False, 5, 5, 5, None, None),
            ('protocol_name', 'string', False, 5, 5, 5, None, None),
            ('assignment', 'bytes', False, 0, 5, None, None, b''),
        ),
    }),
    "TransactionLogKey": (None, 0, 0, None, {
        "TransactionLogKey": (
            ('transactional_id', 'string', False, 0, 0, None, None, ''),
        ),
    }),
    "TransactionLogValue": (None, 0, 1, 1, {
        "PartitionsSchema": (
            ('topic', 'string', False, 0, 1, None, None, ''),
            ('partition_ids', 'int32', True, 0, 1, None, None, ()),
        ),
        "TransactionLogValue": (
            ('producer_id', 'int64', False, 0, 1, None, None, 0),
            ('previous_producer_id', 'int64', False, 1, 1, None, 0, -1),
            ('next_producer_id', 'int64', False, 1, 1, None, 1, -1),
            ('producer_epoch', 'int16', False, 0, 1, None, None, 0),
            ('transaction_timeout_ms', 'int32', False, 0, 1, None, None, 0),
            ('transaction_status', 'int8', False, 0, 1, None, None, 0),
            ('transaction_partitions', 'PartitionsSchema', True, 0, 1, 0, None, ()),
            ('transaction_last_update_timestamp_ms', 'int64', False, 0, 1, None, None, 0),
            ('transaction_start_timestamp_ms', 'int64', False, 0, 1, None, None, 0),
            ('client_transaction_version', 'int16', False, 1, 1, None, 2, 0),
        ),
    }),
    "TxnOffsetCommitRequest": (28, 0, 5, 3, {
        "TxnOffsetCommitRequestPartition": (
            ('partition_index', 'int32', False, 0, 5, None, None, 0),
            ('committed_offset', 'int64', False, 0, 5, None, None, 0),
            ('committed_leader_epoch', 'int32', False, 2, 5, None, None, -1),
            ('committed_metadata', 'string', False, 0, 5, 0, None, ''),
        ),
        "TxnOffsetCommitRequestTopic": (
            ('name', 'string', False, 0, 5, None, None, ''),
            ('partitions', 'TxnOffsetCommitRequestPartition', True, 0, 5, None, None, ()),
        ),
        "TxnOffsetCommitRequest": (
            ('transactional_id', 'string', False, 0, 5, None, None, ''),
            ('group_id', 'string', False, 0, 5, None, None, ''),
            ('producer_id', 'int64', False, 0, 5, None, None, 0),
            ('producer_epoch', 'int16', False, 0, 5, None, None, 0),
            ('generation_id', 'int32', False, 3, 5, None, None, -1),
            ('member_id', 'string', False, 3, 5, None, None, ''),
            ('group_instance_id', 'string', False, 3, 5, 3, None, None),
            ('topics', 'TxnOffsetCommitRequestTopic', True, 0, 5, None, None, ()),
        ),
    }),
    "TxnOffsetCommitResponse": (28, 0, 5, 3, {
        "TxnOffsetCommitResponsePartition": (
            ('partition_index', 'int32', False, 0, 5, None, None, 0),
            ('error_code', 'int16', False, 0, 5, None, None, 0),
        ),
        "TxnOffsetCommitResponseTopic": (
            ('name', 'string', False, 0, 5, None, None, ''),
            ('partitions', 'TxnOffsetCommitResponsePartition', True, 0, 5, None, None, ()),
        ),
        "TxnOffsetCommitResponse": (
            ('throttle_time_ms', 'int32', False, 0, 5, None, None, 0),
            ('topics', 'TxnOffsetCommitResponseTopic', True, 0, 5, None, None, ()),
        ),
    }),
    "UnregisterBrokerRequest": (64, 0, 0, 0, {
        "UnregisterBrokerRequest": (
            ('broker_id', 'int32', False, 0, 0, None, None, 0),
        ),
    }),
    "UnregisterBrokerResponse": (64, 0, 0, 0, {
        "UnregisterBrokerResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('error_message', 'string', False, 0, 0, 0, None, ''),
        ),
    }),
    "UpdateFeaturesRequest": (57, 0, 2, 0, {
        "FeatureUpdateKey": (
            ('feature', 'string', False, 0, 2, None, None, ''),
            ('max_version_level', 'int16', False, 0, 2, None, None, 0),
            ('upgrade_type', 'int8', False, 1, 2, None, None, 1),
            ('allow_downgrade', 'bool', False, 0, 0, None, None, False),
        ),
        "UpdateFeaturesRequest": (
            ('timeout_ms', 'int32', False, 0, 2, None, None, 60000),
            ('feature_updates', 'FeatureUpdateKey', True, 0, 2, None, None, ()),
            ('validate_only', 'bool', False, 1, 2, None, None, False),
        ),
    }),
    "UpdateFeaturesResponse": (57, 0, 2, 0, {
        "UpdatableFeatureResult": (
            ('feature', 'string', False, 0, 1, None, None, ''),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, ''),
        ),
        "UpdateFeaturesResponse": (
            ('throttle_time_ms', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('error_message', 'string', False, 0, 2, 0, None, ''),
            ('results', 'UpdatableFeatureResult', True, 0, 1, None, None, ()),
        ),
    }),
    "UpdateRaftVoterRequest": (82, 0, 0, 0, {
        "Listener": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
        ),
        "KRaftVersionFeature": (
            ('min_supported_version', 'int16', False, 0, 0, None, None, 0),
            ('max_supported_version', 'int16', False, 0, 0, None, None, 0),
        ),
        "UpdateRaftVoterRequest": (
            ('cluster_id', 'string', False, 0, 0, 0, None, ''),
            ('current_leader_epoch', 'int32', False, 0, 0, None, None, 0),
            ('voter_id', 'int32', False, 0, 0, None, None, 0),
            ('voter_directory_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('listeners', 'Listener', True, 0, 0, None, None, ()),
            ('k_raft_version_feature', 'KRaftVersionFeature', False, 0, 0, None, None, None),
        ),
    }),
    "UpdateRaftVoterResponse": (82, 0, 0, 0, {
        "CurrentLeader": (
            ('leader_id', 'int32', False, 0, 0, None, None, -1),
            ('leader_epoch', 'int32', False, 0, 0, None, None, -1),
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'int32', False, 0, 0, None, None, 0),
        ),
        "UpdateRaftVoterResponse": (
            ('throttle_time_ms', 'int32', False, 0, 0, None, None, 0),
            ('error_code', 'int16', False, 0, 0, None, None, 0),
            ('current_leader', 'CurrentLeader', False, 0, 0, None, 0, None),
        ),
    }),
    "VoteRequest": (52, 0, 2, 0, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
            ('replica_epoch', 'int32', False, 0, 2, None, None, 0),
            ('replica_id', 'int32', False, 0, 2, None, None, 0),
            ('replica_directory_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('voter_directory_id', 'uuid', False, 1, 2, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('last_offset_epoch', 'int32', False, 0, 2, None, None, 0),
            ('last_offset', 'int64', False, 0, 2, None, None, 0),
            ('pre_vote', 'bool', False, 2, 2, None, None, False),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 2, None, None, ()),
        ),
        "VoteRequest": (
            ('cluster_id', 'string', False, 0, 2, 0, None, None),
            ('voter_id', 'int32', False, 1, 2, None, None, -1),
            ('topics', 'TopicData', True, 0, 2, None, None, ()),
        ),
    }),
    "VoteResponse": (52, 0, 2, 0, {
        "PartitionData": (
            ('partition_index', 'int32', False, 0, 2, None, None, 0),
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('leader_id', 'int32', False, 0, 2, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 2, None, None, 0),
            ('vote_granted', 'bool', False, 0, 2, None, None, False),
        ),
        "TopicData": (
            ('topic_name', 'string', False, 0, 2, None, None, ''),
            ('partitions', 'PartitionData', True, 0, 2, None, None, ()),
        ),
        "NodeEndpoint": (
            ('node_id', 'int32', False, 1, 2, None, None, 0),
            ('host', 'string', False, 1, 2, None, None, ''),
            ('port', 'uint16', False, 1, 2, None, None, 0),
        ),
        "VoteResponse": (
            ('error_code', 'int16', False, 0, 2, None, None, 0),
            ('topics', 'TopicData', True, 0, 2, None, None, ()),
            ('node_endpoints', 'NodeEndpoint', True, 1, 2, None, 0, ()),
        ),
    }),
    "VotersRecord": (None, 0, 0, 0, {
        "Endpoint": (
            ('name', 'string', False, 0, 0, None, None, ''),
            ('host', 'string', False, 0, 0, None, None, ''),
            ('port', 'uint16', False, 0, 0, None, None, 0),
        ),
        "KRaftVersionFeature": (
            ('min_supported_version', 'int16', False, 0, 0, None, None, 0),
            ('max_supported_version', 'int16', False, 0, 0, None, None, 0),
        ),
        "Voter": (
            ('voter_id', 'int32', False, 0, 0, None, None, 0),
            ('voter_directory_id', 'uuid', False, 0, 0, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('endpoints', 'Endpoint', True, 0, 0, None, None, ()),
            ('k_raft_version_feature', 'KRaftVersionFeature', False, 0, 0, None, None, None),
        ),
        "VotersRecord": (
            ('version', 'int16', False, 0, 0, None, None, 0),
            ('voters', 'Voter', True, 0, 0, None, None, ()),
        ),
    }),
    "WriteShareGroupStateRequest": (85, 0, 1, 0, {
        "StateBatch": (
            ('first_offset', 'int64', False, 0, 1, None, None, 0),
            ('last_offset', 'int64', False, 0, 1, None, None, 0),
            ('delivery_state', 'int8', False, 0, 1, None, None, 0),
            ('delivery_count', 'int16', False, 0, 1, None, None, 0),
        ),
        "PartitionData": (
            ('partition', 'int32', False, 0, 1, None, None, 0),
            ('state_epoch', 'int32', False, 0, 1, None, None, 0),
            ('leader_epoch', 'int32', False, 0, 1, None, None, 0),
            ('start_offset', 'int64', False, 0, 1, None, None, 0),
            ('delivery_complete_count', 'int32', False, 1, 1, None, None, -1),
            ('state_batches', 'StateBatch', True, 0, 1, None, None, ()),
        ),
        "WriteStateData": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionData', True, 0, 1, None, None, ()),
        ),
        "WriteShareGroupStateRequest": (
            ('group_id', 'string', False, 0, 1, None, None, ''),
            ('topics', 'WriteStateData', True, 0, 1, None, None, ()),
        ),
    }),
    "WriteShareGroupStateResponse": (85, 0, 1, 0, {
        "PartitionResult": (
            ('partition', 'int32', False, 0, 1, None, None, 0),
            ('error_code', 'int16', False, 0, 1, None, None, 0),
            ('error_message', 'string', False, 0, 1, 0, None, None),
        ),
        "WriteStateResult": (
            ('topic_id', 'uuid', False, 0, 1, None, None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'),
            ('partitions', 'PartitionResult', True, 0, 1, None, None, ()),
        ),
        "WriteShareGroupStateResponse": (
            ('results', 'WriteStateResult', True, 0, 1, None, None, ()),
        ),
    }),
    "WriteTxnMarkersRequest": (27, 1, 2, 1, {
        "WritableTxnMarkerTopic": (
            ('name', 'string', False, 1, 2, None, None, ''),
            ('partition_indexes', 'int32', True, 1, 2, None, None, ()),
        ),
        "WritableTxnMarker": (
            ('producer_id', 'int64', False, 1, 2, None, None, 0),
            ('producer_epoch', 'int16', False, 1, 2, None, None, 0),
            ('transaction_result', 'bool', False, 1, 2, None, None, False),
            ('topics', 'WritableTxnMarkerTopic', True, 1, 2, None, None, ()),
            ('coordinator_epoch', 'int32', False, 1, 2, None, None, 0),
            ('transaction_version', 'int8', False, 2, 2, None, None, 0),
        ),
        "WriteTxnMarkersRequest": (
            ('markers', 'WritableTxnMarker', True, 1, 2, None, None, ()),
        ),
    }),
    "WriteTxnMarkersResponse": (27, 1, 2, 1, {
        "WritableTxnMarkerPartitionResult": (
            ('partition_index', 'int32', False, 1, 2, None, None, 0),
            ('error_code', 'int16', False, 1, 2, None, None, 0),
        ),
        "WritableTxnMarkerTopicResult": (
            ('name', 'string', False, 1, 2, None, None, ''),
            ('partitions', 'WritableTxnMarkerPartitionResult', True, 1, 2, None, None, ()),
        ),
        "WritableTxnMarkerResult": (
            ('producer_id', 'int64', False, 1, 2, None, None, 0),
            ('topics', 'WritableTxnMarkerTopicResult', True, 1, 2, None, None, ()),
        ),
        "WriteTxnMarkersResponse": (
            ('markers', 'WritableTxnMarkerResult', True, 1, 2, None, None, ()),
        ),
    }),
}

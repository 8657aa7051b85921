"""Kafka's messages; written by ``contrib/protocol/generate.py``, not by hand."""

# fmt: off
# ruff: noqa: F821
from typing import Final

from chronik.protocol.message import Message as Message
from chronik.protocol.message import Records as Records
from chronik.protocol.message import Struct as Struct

class AddOffsetsToTxnRequest(Message):
    transactional_id: Final[str]
    producer_id: Final[int]
    producer_epoch: Final[int]
    group_id: Final[str]
    def __init__(
        self, *, transactional_id: str = ..., producer_id: int = ..., producer_epoch: int = ..., group_id: str = ...
    ) -> None: ...

class AddOffsetsToTxnResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ...
    ) -> None: ...

class AddPartitionsToTxnRequest(Message):
    class AddPartitionsToTxnTopic(Struct):
        name: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class AddPartitionsToTxnTransaction(Struct):
        AddPartitionsToTxnTopic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
        transactional_id: Final[str]
        producer_id: Final[int]
        producer_epoch: Final[int]
        verify_only: Final[bool]
        topics: Final[tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic, ...]]
        def __init__(
            self, *, transactional_id: str = ..., producer_id: int = ..., producer_epoch: int = ..., verify_only: bool = ..., topics:
            tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic, ...] = ...
        ) -> None: ...
    transactions: Final[tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction, ...]]
    v3_and_below_transactional_id: Final[str]
    v3_and_below_producer_id: Final[int]
    v3_and_below_producer_epoch: Final[int]
    v3_and_below_topics: Final[tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic, ...]]
    def __init__(
        self, *, transactions: tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction, ...] = ..., v3_and_below_transactional_id: str = ...,
        v3_and_below_producer_id: int = ..., v3_and_below_producer_epoch: int = ..., v3_and_below_topics:
        tuple[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic, ...] = ...
    ) -> None: ...

class AddPartitionsToTxnResponse(Message):
    class AddPartitionsToTxnPartitionResult(Struct):
        partition_index: Final[int]
        partition_error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., partition_error_code: int = ...
        ) -> None: ...
    class AddPartitionsToTxnTopicResult(Struct):
        AddPartitionsToTxnPartitionResult = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult
        name: Final[str]
        results_by_partition: Final[tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult, ...]]
        def __init__(
            self, *, name: str = ..., results_by_partition: tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult, ...] = ...
        ) -> None: ...
    class AddPartitionsToTxnResult(Struct):
        AddPartitionsToTxnTopicResult = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
        transactional_id: Final[str]
        topic_results: Final[tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult, ...]]
        def __init__(
            self, *, transactional_id: str = ..., topic_results: tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    results_by_transaction: Final[tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnResult, ...]]
    results_by_topic_v3_and_below: Final[tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., results_by_transaction:
        tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnResult, ...] = ..., results_by_topic_v3_and_below:
        tuple[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult, ...] = ...
    ) -> None: ...

class AddRaftVoterRequest(Message):
    class Listener(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    timeout_ms: Final[int]
    voter_id: Final[int]
    voter_directory_id: Final[bytes]
    listeners: Final[tuple[AddRaftVoterRequest.Listener, ...]]
    ack_when_committed: Final[bool]
    def __init__(
        self, *, cluster_id: str | None = ..., timeout_ms: int = ..., voter_id: int = ..., voter_directory_id: bytes = ..., listeners:
        tuple[AddRaftVoterRequest.Listener, ...] = ..., ack_when_committed: bool = ...
    ) -> None: ...

class AddRaftVoterResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ...
    ) -> None: ...

class AllocateProducerIdsRequest(Message):
    broker_id: Final[int]
    broker_epoch: Final[int]
    def __init__(
        self, *, broker_id: int = ..., broker_epoch: int = ...
    ) -> None: ...

class AllocateProducerIdsResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    producer_id_start: Final[int]
    producer_id_len: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., producer_id_start: int = ..., producer_id_len: int = ...
    ) -> None: ...

class AlterClientQuotasRequest(Message):
    class EntityData(Struct):
        entity_type: Final[str]
        entity_name: Final[str | None]
        def __init__(
            self, *, entity_type: str = ..., entity_name: str | None = ...
        ) -> None: ...
    class OpData(Struct):
        key: Final[str]
        value: Final[float]
        remove: Final[bool]
        def __init__(
            self, *, key: str = ..., value: float = ..., remove: bool = ...
        ) -> None: ...
    class EntryData(Struct):
        EntityData = AlterClientQuotasRequest.EntityData
        OpData = AlterClientQuotasRequest.OpData
        entity: Final[tuple[AlterClientQuotasRequest.EntityData, ...]]
        ops: Final[tuple[AlterClientQuotasRequest.OpData, ...]]
        def __init__(
            self, *, entity: tuple[AlterClientQuotasRequest.EntityData, ...] = ..., ops: tuple[AlterClientQuotasRequest.OpData, ...] = ...
        ) -> None: ...
    entries: Final[tuple[AlterClientQuotasRequest.EntryData, ...]]
    validate_only: Final[bool]
    def __init__(
        self, *, entries: tuple[AlterClientQuotasRequest.EntryData, ...] = ..., validate_only: bool = ...
    ) -> None: ...

class AlterClientQuotasResponse(Message):
    class EntityData(Struct):
        entity_type: Final[str]
        entity_name: Final[str | None]
        def __init__(
            self, *, entity_type: str = ..., entity_name: str | None = ...
        ) -> None: ...
    class EntryData(Struct):
        EntityData = AlterClientQuotasResponse.EntityData
        error_code: Final[int]
        error_message: Final[str | None]
        entity: Final[tuple[AlterClientQuotasResponse.EntityData, ...]]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., entity: tuple[AlterClientQuotasResponse.EntityData, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    entries: Final[tuple[AlterClientQuotasResponse.EntryData, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., entries: tuple[AlterClientQuotasResponse.EntryData, ...] = ...
    ) -> None: ...

class AlterConfigsRequest(Message):
    class AlterableConfig(Struct):
        name: Final[str]
        value: Final[str | None]
        def __init__(
            self, *, name: str = ..., value: str | None = ...
        ) -> None: ...
    class AlterConfigsResource(Struct):
        AlterableConfig = AlterConfigsRequest.AlterableConfig
        resource_type: Final[int]
        resource_name: Final[str]
        configs: Final[tuple[AlterConfigsRequest.AlterableConfig, ...]]
        def __init__(
            self, *, resource_type: int = ..., resource_name: str = ..., configs: tuple[AlterConfigsRequest.AlterableConfig, ...] = ...
        ) -> None: ...
    resources: Final[tuple[AlterConfigsRequest.AlterConfigsResource, ...]]
    validate_only: Final[bool]
    def __init__(
        self, *, resources: tuple[AlterConfigsRequest.AlterConfigsResource, ...] = ..., validate_only: bool = ...
    ) -> None: ...

class AlterConfigsResponse(Message):
    class AlterConfigsResourceResponse(Struct):
        error_code: Final[int]
        error_message: Final[str | None]
        resource_type: Final[int]
        resource_name: Final[str]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., resource_type: int = ..., resource_name: str = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    responses: Final[tuple[AlterConfigsResponse.AlterConfigsResourceResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., responses: tuple[AlterConfigsResponse.AlterConfigsResourceResponse, ...] = ...
    ) -> None: ...

class AlterPartitionReassignmentsRequest(Message):
    class ReassignablePartition(Struct):
        partition_index: Final[int]
        replicas: Final[tuple[int, ...] | None]
        def __init__(
            self, *, partition_index: int = ..., replicas: tuple[int, ...] | None = ...
        ) -> None: ...
    class ReassignableTopic(Struct):
        ReassignablePartition = AlterPartitionReassignmentsRequest.ReassignablePartition
        name: Final[str]
        partitions: Final[tuple[AlterPartitionReassignmentsRequest.ReassignablePartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[AlterPartitionReassignmentsRequest.ReassignablePartition, ...] = ...
        ) -> None: ...
    timeout_ms: Final[int]
    allow_replication_factor_change: Final[bool]
    topics: Final[tuple[AlterPartitionReassignmentsRequest.ReassignableTopic, ...]]
    def __init__(
        self, *, timeout_ms: int = ..., allow_replication_factor_change: bool = ..., topics:
        tuple[AlterPartitionReassignmentsRequest.ReassignableTopic, ...] = ...
    ) -> None: ...

class AlterPartitionReassignmentsResponse(Message):
    class ReassignablePartitionResponse(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class ReassignableTopicResponse(Struct):
        ReassignablePartitionResponse = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse
        name: Final[str]
        partitions: Final[tuple[AlterPartitionReassignmentsResponse.ReassignablePartitionResponse, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[AlterPartitionReassignmentsResponse.ReassignablePartitionResponse, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    allow_replication_factor_change: Final[bool]
    error_code: Final[int]
    error_message: Final[str | None]
    responses: Final[tuple[AlterPartitionReassignmentsResponse.ReassignableTopicResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., allow_replication_factor_change: bool = ..., error_code: int = ..., error_message: str | None = ...,
        responses: tuple[AlterPartitionReassignmentsResponse.ReassignableTopicResponse, ...] = ...
    ) -> None: ...

class AlterPartitionRequest(Message):
    class PartitionData(Struct):
        BrokerState = AlterPartitionRequest.BrokerState
        partition_index: Final[int]
        leader_epoch: Final[int]
        new_isr_with_epochs: Final[tuple[AlterPartitionRequest.BrokerState, ...]]
        new_isr: Final[tuple[int, ...]]
        leader_recovery_state: Final[int]
        partition_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., leader_epoch: int = ..., new_isr_with_epochs: tuple[AlterPartitionRequest.BrokerState, ...] = ...,
            new_isr: tuple[int, ...] = ..., leader_recovery_state: int = ..., partition_epoch: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = AlterPartitionRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[AlterPartitionRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[AlterPartitionRequest.PartitionData, ...] = ...
        ) -> None: ...
    class BrokerState(Struct):
        broker_id: Final[int]
        broker_epoch: Final[int]
        def __init__(
            self, *, broker_id: int = ..., broker_epoch: int = ...
        ) -> None: ...
    broker_id: Final[int]
    broker_epoch: Final[int]
    topics: Final[tuple[AlterPartitionRequest.TopicData, ...]]
    def __init__(
        self, *, broker_id: int = ..., broker_epoch: int = ..., topics: tuple[AlterPartitionRequest.TopicData, ...] = ...
    ) -> None: ...

class AlterPartitionResponse(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        isr: Final[tuple[int, ...]]
        leader_recovery_state: Final[int]
        partition_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., leader_id: int = ..., leader_epoch: int = ..., isr: tuple[int, ...] = ...,
            leader_recovery_state: int = ..., partition_epoch: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = AlterPartitionResponse.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[AlterPartitionResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[AlterPartitionResponse.PartitionData, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    topics: Final[tuple[AlterPartitionResponse.TopicData, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., topics: tuple[AlterPartitionResponse.TopicData, ...] = ...
    ) -> None: ...

class AlterReplicaLogDirsRequest(Message):
    class AlterReplicaLogDirTopic(Struct):
        name: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class AlterReplicaLogDir(Struct):
        AlterReplicaLogDirTopic = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic
        path: Final[str]
        topics: Final[tuple[AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic, ...]]
        def __init__(
            self, *, path: str = ..., topics: tuple[AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic, ...] = ...
        ) -> None: ...
    dirs: Final[tuple[AlterReplicaLogDirsRequest.AlterReplicaLogDir, ...]]
    def __init__(
        self, *, dirs: tuple[AlterReplicaLogDirsRequest.AlterReplicaLogDir, ...] = ...
    ) -> None: ...

class AlterReplicaLogDirsResponse(Message):
    class AlterReplicaLogDirPartitionResult(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class AlterReplicaLogDirTopicResult(Struct):
        AlterReplicaLogDirPartitionResult = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult
        topic_name: Final[str]
        partitions: Final[tuple[AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult, ...] = ...
    ) -> None: ...

class AlterShareGroupOffsetsRequest(Message):
    class AlterShareGroupOffsetsRequestPartition(Struct):
        partition_index: Final[int]
        start_offset: Final[int]
        def __init__(
            self, *, partition_index: int = ..., start_offset: int = ...
        ) -> None: ...
    class AlterShareGroupOffsetsRequestTopic(Struct):
        AlterShareGroupOffsetsRequestPartition = AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition
        topic_name: Final[str]
        partitions: Final[tuple[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic, ...] = ...
    ) -> None: ...

class AlterShareGroupOffsetsResponse(Message):
    class AlterShareGroupOffsetsResponsePartition(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class AlterShareGroupOffsetsResponseTopic(Struct):
        AlterShareGroupOffsetsResponsePartition = AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition
        topic_name: Final[str]
        topic_id: Final[bytes]
        partitions: Final[tuple[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition, ...]]
        def __init__(
            self, *, topic_name: str = ..., topic_id: bytes = ..., partitions:
            tuple[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    responses: Final[tuple[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponseTopic, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., responses:
        tuple[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponseTopic, ...] = ...
    ) -> None: ...

class AlterUserScramCredentialsRequest(Message):
    class ScramCredentialDeletion(Struct):
        name: Final[str]
        mechanism: Final[int]
        def __init__(
            self, *, name: str = ..., mechanism: int = ...
        ) -> None: ...
    class ScramCredentialUpsertion(Struct):
        name: Final[str]
        mechanism: Final[int]
        iterations: Final[int]
        salt: Final[bytes]
        salted_password: Final[bytes]
        def __init__(
            self, *, name: str = ..., mechanism: int = ..., iterations: int = ..., salt: bytes = ..., salted_password: bytes = ...
        ) -> None: ...
    deletions: Final[tuple[AlterUserScramCredentialsRequest.ScramCredentialDeletion, ...]]
    upsertions: Final[tuple[AlterUserScramCredentialsRequest.ScramCredentialUpsertion, ...]]
    def __init__(
        self, *, deletions: tuple[AlterUserScramCredentialsRequest.ScramCredentialDeletion, ...] = ..., upsertions:
        tuple[AlterUserScramCredentialsRequest.ScramCredentialUpsertion, ...] = ...
    ) -> None: ...

class AlterUserScramCredentialsResponse(Message):
    class AlterUserScramCredentialsResult(Struct):
        user: Final[str]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, user: str = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult, ...] = ...
    ) -> None: ...

class ApiVersionsRequest(Message):
    client_software_name: Final[str]
    client_software_version: Final[str]
    def __init__(
        self, *, client_software_name: str = ..., client_software_version: str = ...
    ) -> None: ...

class ApiVersionsResponse(Message):
    class ApiVersion(Struct):
        api_key: Final[int]
        min_version: Final[int]
        max_version: Final[int]
        def __init__(
            self, *, api_key: int = ..., min_version: int = ..., max_version: int = ...
        ) -> None: ...
    class SupportedFeatureKey(Struct):
        name: Final[str]
        min_version: Final[int]
        max_version: Final[int]
        def __init__(
            self, *, name: str = ..., min_version: int = ..., max_version: int = ...
        ) -> None: ...
    class FinalizedFeatureKey(Struct):
        name: Final[str]
        max_version_level: Final[int]
        min_version_level: Final[int]
        def __init__(
            self, *, name: str = ..., max_version_level: int = ..., min_version_level: int = ...
        ) -> None: ...
    error_code: Final[int]
    api_keys: Final[tuple[ApiVersionsResponse.ApiVersion, ...]]
    throttle_time_ms: Final[int]
    supported_features: Final[tuple[ApiVersionsResponse.SupportedFeatureKey, ...]]
    finalized_features_epoch: Final[int]
    finalized_features: Final[tuple[ApiVersionsResponse.FinalizedFeatureKey, ...]]
    zk_migration_ready: Final[bool]
    def __init__(
        self, *, error_code: int = ..., api_keys: tuple[ApiVersionsResponse.ApiVersion, ...] = ..., throttle_time_ms: int = ..., supported_features:
        tuple[ApiVersionsResponse.SupportedFeatureKey, ...] = ..., finalized_features_epoch: int = ..., finalized_features:
        tuple[ApiVersionsResponse.FinalizedFeatureKey, ...] = ..., zk_migration_ready: bool = ...
    ) -> None: ...

class AssignReplicasToDirsRequest(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        def __init__(
            self, *, partition_index: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = AssignReplicasToDirsRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[AssignReplicasToDirsRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[AssignReplicasToDirsRequest.PartitionData, ...] = ...
        ) -> None: ...
    class DirectoryData(Struct):
        TopicData = AssignReplicasToDirsRequest.TopicData
        id: Final[bytes]
        topics: Final[tuple[AssignReplicasToDirsRequest.TopicData, ...]]
        def __init__(
            self, *, id: bytes = ..., topics: tuple[AssignReplicasToDirsRequest.TopicData, ...] = ...
        ) -> None: ...
    broker_id: Final[int]
    broker_epoch: Final[int]
    directories: Final[tuple[AssignReplicasToDirsRequest.DirectoryData, ...]]
    def __init__(
        self, *, broker_id: int = ..., broker_epoch: int = ..., directories: tuple[AssignReplicasToDirsRequest.DirectoryData, ...] = ...
    ) -> None: ...

class AssignReplicasToDirsResponse(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = AssignReplicasToDirsResponse.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[AssignReplicasToDirsResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[AssignReplicasToDirsResponse.PartitionData, ...] = ...
        ) -> None: ...
    class DirectoryData(Struct):
        TopicData = AssignReplicasToDirsResponse.TopicData
        id: Final[bytes]
        topics: Final[tuple[AssignReplicasToDirsResponse.TopicData, ...]]
        def __init__(
            self, *, id: bytes = ..., topics: tuple[AssignReplicasToDirsResponse.TopicData, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    directories: Final[tuple[AssignReplicasToDirsResponse.DirectoryData, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., directories: tuple[AssignReplicasToDirsResponse.DirectoryData, ...] = ...
    ) -> None: ...

class BeginQuorumEpochRequest(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        voter_directory_id: Final[bytes]
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., voter_directory_id: bytes = ..., leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = BeginQuorumEpochRequest.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[BeginQuorumEpochRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[BeginQuorumEpochRequest.PartitionData, ...] = ...
        ) -> None: ...
    class LeaderEndpoint(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    voter_id: Final[int]
    topics: Final[tuple[BeginQuorumEpochRequest.TopicData, ...]]
    leader_endpoints: Final[tuple[BeginQuorumEpochRequest.LeaderEndpoint, ...]]
    def __init__(
        self, *, cluster_id: str | None = ..., voter_id: int = ..., topics: tuple[BeginQuorumEpochRequest.TopicData, ...] = ..., leader_endpoints:
        tuple[BeginQuorumEpochRequest.LeaderEndpoint, ...] = ...
    ) -> None: ...

class BeginQuorumEpochResponse(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = BeginQuorumEpochResponse.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[BeginQuorumEpochResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[BeginQuorumEpochResponse.PartitionData, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ...
        ) -> None: ...
    error_code: Final[int]
    topics: Final[tuple[BeginQuorumEpochResponse.TopicData, ...]]
    node_endpoints: Final[tuple[BeginQuorumEpochResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, error_code: int = ..., topics: tuple[BeginQuorumEpochResponse.TopicData, ...] = ..., node_endpoints:
        tuple[BeginQuorumEpochResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class BrokerHeartbeatRequest(Message):
    broker_id: Final[int]
    broker_epoch: Final[int]
    current_metadata_offset: Final[int]
    want_fence: Final[bool]
    want_shut_down: Final[bool]
    offline_log_dirs: Final[tuple[bytes, ...]]
    cordoned_log_dirs: Final[tuple[bytes, ...] | None]
    def __init__(
        self, *, broker_id: int = ..., broker_epoch: int = ..., current_metadata_offset: int = ..., want_fence: bool = ..., want_shut_down: bool =
        ..., offline_log_dirs: tuple[bytes, ...] = ..., cordoned_log_dirs: tuple[bytes, ...] | None = ...
    ) -> None: ...

class BrokerHeartbeatResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    is_caught_up: Final[bool]
    is_fenced: Final[bool]
    should_shut_down: Final[bool]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., is_caught_up: bool = ..., is_fenced: bool = ..., should_shut_down: bool = ...
    ) -> None: ...

class BrokerRegistrationRequest(Message):
    class Listener(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        security_protocol: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ..., security_protocol: int = ...
        ) -> None: ...
    class Feature(Struct):
        name: Final[str]
        min_supported_version: Final[int]
        max_supported_version: Final[int]
        def __init__(
            self, *, name: str = ..., min_supported_version: int = ..., max_supported_version: int = ...
        ) -> None: ...
    broker_id: Final[int]
    cluster_id: Final[str]
    incarnation_id: Final[bytes]
    listeners: Final[tuple[BrokerRegistrationRequest.Listener, ...]]
    features: Final[tuple[BrokerRegistrationRequest.Feature, ...]]
    rack: Final[str | None]
    is_migrating_zk_broker: Final[bool]
    log_dirs: Final[tuple[bytes, ...]]
    previous_broker_epoch: Final[int]
    def __init__(
        self, *, broker_id: int = ..., cluster_id: str = ..., incarnation_id: bytes = ..., listeners: tuple[BrokerRegistrationRequest.Listener, ...] =
        ..., features: tuple[BrokerRegistrationRequest.Feature, ...] = ..., rack: str | None = ..., is_migrating_zk_broker: bool = ..., log_dirs:
        tuple[bytes, ...] = ..., previous_broker_epoch: int = ...
    ) -> None: ...

class BrokerRegistrationResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    broker_epoch: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., broker_epoch: int = ...
    ) -> None: ...

class ConsumerGroupCurrentMemberAssignmentKey(Message):
    group_id: Final[str]
    member_id: Final[str]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ...
    ) -> None: ...

class ConsumerGroupCurrentMemberAssignmentValue(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        assignment_epochs: Final[tuple[int, ...] | None]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ..., assignment_epochs: tuple[int, ...] | None = ...
        ) -> None: ...
    member_epoch: Final[int]
    previous_member_epoch: Final[int]
    state: Final[int]
    assigned_partitions: Final[tuple[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions, ...]]
    partitions_pending_revocation: Final[tuple[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions, ...]]
    def __init__(
        self, *, member_epoch: int = ..., previous_member_epoch: int = ..., state: int = ..., assigned_partitions:
        tuple[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions, ...] = ..., partitions_pending_revocation:
        tuple[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions, ...] = ...
    ) -> None: ...

class ConsumerGroupDescribeRequest(Message):
    group_ids: Final[tuple[str, ...]]
    include_authorized_operations: Final[bool]
    def __init__(
        self, *, group_ids: tuple[str, ...] = ..., include_authorized_operations: bool = ...
    ) -> None: ...

class ConsumerGroupDescribeResponse(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        topic_name: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic_name: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Assignment(Struct):
        TopicPartitions = ConsumerGroupDescribeResponse.TopicPartitions
        topic_partitions: Final[tuple[ConsumerGroupDescribeResponse.TopicPartitions, ...]]
        def __init__(
            self, *, topic_partitions: tuple[ConsumerGroupDescribeResponse.TopicPartitions, ...] = ...
        ) -> None: ...
    class Member(Struct):
        Assignment = ConsumerGroupDescribeResponse.Assignment
        member_id: Final[str]
        instance_id: Final[str | None]
        rack_id: Final[str | None]
        member_epoch: Final[int]
        client_id: Final[str]
        client_host: Final[str]
        subscribed_topic_names: Final[tuple[str, ...]]
        subscribed_topic_regex: Final[str | None]
        assignment: Final[ConsumerGroupDescribeResponse.Assignment]
        target_assignment: Final[ConsumerGroupDescribeResponse.Assignment]
        member_type: Final[int]
        def __init__(
            self, *, member_id: str = ..., instance_id: str | None = ..., rack_id: str | None = ..., member_epoch: int = ..., client_id: str = ...,
            client_host: str = ..., subscribed_topic_names: tuple[str, ...] = ..., subscribed_topic_regex: str | None = ..., assignment:
            ConsumerGroupDescribeResponse.Assignment = ..., target_assignment: ConsumerGroupDescribeResponse.Assignment = ..., member_type: int = ...
        ) -> None: ...
    class DescribedGroup(Struct):
        Member = ConsumerGroupDescribeResponse.Member
        error_code: Final[int]
        error_message: Final[str | None]
        group_id: Final[str]
        group_state: Final[str]
        group_epoch: Final[int]
        assignment_epoch: Final[int]
        assignor_name: Final[str]
        members: Final[tuple[ConsumerGroupDescribeResponse.Member, ...]]
        authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., group_id: str = ..., group_state: str = ..., group_epoch: int = ...,
            assignment_epoch: int = ..., assignor_name: str = ..., members: tuple[ConsumerGroupDescribeResponse.Member, ...] = ...,
            authorized_operations: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[ConsumerGroupDescribeResponse.DescribedGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[ConsumerGroupDescribeResponse.DescribedGroup, ...] = ...
    ) -> None: ...

class ConsumerGroupHeartbeatRequest(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    member_id: Final[str]
    member_epoch: Final[int]
    instance_id: Final[str | None]
    rack_id: Final[str | None]
    rebalance_timeout_ms: Final[int]
    subscribed_topic_names: Final[tuple[str, ...] | None]
    subscribed_topic_regex: Final[str | None]
    server_assignor: Final[str | None]
    topic_partitions: Final[tuple[ConsumerGroupHeartbeatRequest.TopicPartitions, ...] | None]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ..., member_epoch: int = ..., instance_id: str | None = ..., rack_id: str | None = ...,
        rebalance_timeout_ms: int = ..., subscribed_topic_names: tuple[str, ...] | None = ..., subscribed_topic_regex: str | None = ...,
        server_assignor: str | None = ..., topic_partitions: tuple[ConsumerGroupHeartbeatRequest.TopicPartitions, ...] | None = ...
    ) -> None: ...

class ConsumerGroupHeartbeatResponse(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Assignment(Struct):
        TopicPartitions = ConsumerGroupHeartbeatResponse.TopicPartitions
        topic_partitions: Final[tuple[ConsumerGroupHeartbeatResponse.TopicPartitions, ...]]
        def __init__(
            self, *, topic_partitions: tuple[ConsumerGroupHeartbeatResponse.TopicPartitions, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    member_id: Final[str | None]
    member_epoch: Final[int]
    heartbeat_interval_ms: Final[int]
    assignment: Final[ConsumerGroupHeartbeatResponse.Assignment | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., member_id: str | None = ..., member_epoch: int =
        ..., heartbeat_interval_ms: int = ..., assignment: ConsumerGroupHeartbeatResponse.Assignment | None = ...
    ) -> None: ...

class ConsumerGroupMemberMetadataKey(Message):
    group_id: Final[str]
    member_id: Final[str]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ...
    ) -> None: ...

class ConsumerGroupMemberMetadataValue(Message):
    class ClassicProtocol(Struct):
        name: Final[str]
        metadata: Final[bytes]
        def __init__(
            self, *, name: str = ..., metadata: bytes = ...
        ) -> None: ...
    class ClassicMemberMetadata(Struct):
        ClassicProtocol = ConsumerGroupMemberMetadataValue.ClassicProtocol
        session_timeout_ms: Final[int]
        supported_protocols: Final[tuple[ConsumerGroupMemberMetadataValue.ClassicProtocol, ...]]
        def __init__(
            self, *, session_timeout_ms: int = ..., supported_protocols: tuple[ConsumerGroupMemberMetadataValue.ClassicProtocol, ...] = ...
        ) -> None: ...
    instance_id: Final[str | None]
    rack_id: Final[str | None]
    client_id: Final[str]
    client_host: Final[str]
    subscribed_topic_names: Final[tuple[str, ...]]
    subscribed_topic_regex: Final[str | None]
    rebalance_timeout_ms: Final[int]
    server_assignor: Final[str | None]
    classic_member_metadata: Final[ConsumerGroupMemberMetadataValue.ClassicMemberMetadata | None]
    def __init__(
        self, *, instance_id: str | None = ..., rack_id: str | None = ..., client_id: str = ..., client_host: str = ..., subscribed_topic_names:
        tuple[str, ...] = ..., subscribed_topic_regex: str | None = ..., rebalance_timeout_ms: int = ..., server_assignor: str | None = ...,
        classic_member_metadata: ConsumerGroupMemberMetadataValue.ClassicMemberMetadata | None = ...
    ) -> None: ...

class ConsumerGroupMetadataKey(Message):
    group_id: Final[str]
    def __init__(
        self, *, group_id: str = ...
    ) -> None: ...

class ConsumerGroupMetadataValue(Message):
    epoch: Final[int]
    metadata_hash: Final[int]
    def __init__(
        self, *, epoch: int = ..., metadata_hash: int = ...
    ) -> None: ...

class ConsumerGroupPartitionMetadataKey(Message):
    group_id: Final[str]
    def __init__(
        self, *, group_id: str = ...
    ) -> None: ...

class ConsumerGroupPartitionMetadataValue(Message):
    class PartitionMetadata(Struct):
        partition: Final[int]
        racks: Final[tuple[str, ...]]
        def __init__(
            self, *, partition: int = ..., racks: tuple[str, ...] = ...
        ) -> None: ...
    class TopicMetadata(Struct):
        PartitionMetadata = ConsumerGroupPartitionMetadataValue.PartitionMetadata
        topic_id: Final[bytes]
        topic_name: Final[str]
        num_partitions: Final[int]
        partition_metadata: Final[tuple[ConsumerGroupPartitionMetadataValue.PartitionMetadata, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic_name: str = ..., num_partitions: int = ..., partition_metadata:
            tuple[ConsumerGroupPartitionMetadataValue.PartitionMetadata, ...] = ...
        ) -> None: ...
    topics: Final[tuple[ConsumerGroupPartitionMetadataValue.TopicMetadata, ...]]
    def __init__(
        self, *, topics: tuple[ConsumerGroupPartitionMetadataValue.TopicMetadata, ...] = ...
    ) -> None: ...

class ConsumerGroupRegularExpressionKey(Message):
    group_id: Final[str]
    regular_expression: Final[str]
    def __init__(
        self, *, group_id: str = ..., regular_expression: str = ...
    ) -> None: ...

class ConsumerGroupRegularExpressionValue(Message):
    topics: Final[tuple[str, ...]]
    version: Final[int]
    timestamp: Final[int]
    def __init__(
        self, *, topics: tuple[str, ...] = ..., version: int = ..., timestamp: int = ...
    ) -> None: ...

class ConsumerGroupTargetAssignmentMemberKey(Message):
    group_id: Final[str]
    member_id: Final[str]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ...
    ) -> None: ...

class ConsumerGroupTargetAssignmentMemberValue(Message):
    class TopicPartition(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    topic_partitions: Final[tuple[ConsumerGroupTargetAssignmentMemberValue.TopicPartition, ...]]
    def __init__(
        self, *, topic_partitions: tuple[ConsumerGroupTargetAssignmentMemberValue.TopicPartition, ...] = ...
    ) -> None: ...

class ConsumerGroupTargetAssignmentMetadataKey(Message):
    group_id: Final[str]
    def __init__(
        self, *, group_id: str = ...
    ) -> None: ...

class ConsumerGroupTargetAssignmentMetadataValue(Message):
    assignment_epoch: Final[int]
    assignment_timestamp: Final[int]
    def __init__(
        self, *, assignment_epoch: int = ..., assignment_timestamp: int = ...
    ) -> None: ...

class ConsumerProtocolAssignment(Message):
    class TopicPartition(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    assigned_partitions: Final[tuple[ConsumerProtocolAssignment.TopicPartition, ...]]
    user_data: Final[bytes | None]
    def __init__(
        self, *, assigned_partitions: tuple[ConsumerProtocolAssignment.TopicPartition, ...] = ..., user_data: bytes | None = ...
    ) -> None: ...

class ConsumerProtocolSubscription(Message):
    class TopicPartition(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    topics: Final[tuple[str, ...]]
    user_data: Final[bytes | None]
    owned_partitions: Final[tuple[ConsumerProtocolSubscription.TopicPartition, ...]]
    generation_id: Final[int]
    rack_id: Final[str | None]
    def __init__(
        self, *, topics: tuple[str, ...] = ..., user_data: bytes | None = ..., owned_partitions: tuple[ConsumerProtocolSubscription.TopicPartition,
        ...] = ..., generation_id: int = ..., rack_id: str | None = ...
    ) -> None: ...

class ControlRecordTypeSchema(Message):
    type: Final[int]
    def __init__(
        self, *, type: int = ...
    ) -> None: ...

class ControllerRegistrationRequest(Message):
    class Listener(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        security_protocol: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ..., security_protocol: int = ...
        ) -> None: ...
    class Feature(Struct):
        name: Final[str]
        min_supported_version: Final[int]
        max_supported_version: Final[int]
        def __init__(
            self, *, name: str = ..., min_supported_version: int = ..., max_supported_version: int = ...
        ) -> None: ...
    controller_id: Final[int]
    incarnation_id: Final[bytes]
    zk_migration_ready: Final[bool]
    listeners: Final[tuple[ControllerRegistrationRequest.Listener, ...]]
    features: Final[tuple[ControllerRegistrationRequest.Feature, ...]]
    def __init__(
        self, *, controller_id: int = ..., incarnation_id: bytes = ..., zk_migration_ready: bool = ..., listeners:
        tuple[ControllerRegistrationRequest.Listener, ...] = ..., features: tuple[ControllerRegistrationRequest.Feature, ...] = ...
    ) -> None: ...

class ControllerRegistrationResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ...
    ) -> None: ...

class CreateAclsRequest(Message):
    class AclCreation(Struct):
        resource_type: Final[int]
        resource_name: Final[str]
        resource_pattern_type: Final[int]
        principal: Final[str]
        host: Final[str]
        operation: Final[int]
        permission_type: Final[int]
        def __init__(
            self, *, resource_type: int = ..., resource_name: str = ..., resource_pattern_type: int = ..., principal: str = ..., host: str = ...,
            operation: int = ..., permission_type: int = ...
        ) -> None: ...
    creations: Final[tuple[CreateAclsRequest.AclCreation, ...]]
    def __init__(
        self, *, creations: tuple[CreateAclsRequest.AclCreation, ...] = ...
    ) -> None: ...

class CreateAclsResponse(Message):
    class AclCreationResult(Struct):
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[CreateAclsResponse.AclCreationResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[CreateAclsResponse.AclCreationResult, ...] = ...
    ) -> None: ...

class CreateDelegationTokenRequest(Message):
    class CreatableRenewers(Struct):
        principal_type: Final[str]
        principal_name: Final[str]
        def __init__(
            self, *, principal_type: str = ..., principal_name: str = ...
        ) -> None: ...
    owner_principal_type: Final[str | None]
    owner_principal_name: Final[str | None]
    renewers: Final[tuple[CreateDelegationTokenRequest.CreatableRenewers, ...]]
    max_lifetime_ms: Final[int]
    def __init__(
        self, *, owner_principal_type: str | None = ..., owner_principal_name: str | None = ..., renewers:
        tuple[CreateDelegationTokenRequest.CreatableRenewers, ...] = ..., max_lifetime_ms: int = ...
    ) -> None: ...

class CreateDelegationTokenResponse(Message):
    error_code: Final[int]
    principal_type: Final[str]
    principal_name: Final[str]
    token_requester_principal_type: Final[str]
    token_requester_principal_name: Final[str]
    issue_timestamp_ms: Final[int]
    expiry_timestamp_ms: Final[int]
    max_timestamp_ms: Final[int]
    token_id: Final[str]
    hmac: Final[bytes]
    throttle_time_ms: Final[int]
    def __init__(
        self, *, error_code: int = ..., principal_type: str = ..., principal_name: str = ..., token_requester_principal_type: str = ...,
        token_requester_principal_name: str = ..., issue_timestamp_ms: int = ..., expiry_timestamp_ms: int = ..., max_timestamp_ms: int = ...,
        token_id: str = ..., hmac: bytes = ..., throttle_time_ms: int = ...
    ) -> None: ...

class CreatePartitionsRequest(Message):
    class CreatePartitionsAssignment(Struct):
        broker_ids: Final[tuple[int, ...]]
        def __init__(
            self, *, broker_ids: tuple[int, ...] = ...
        ) -> None: ...
    class CreatePartitionsTopic(Struct):
        CreatePartitionsAssignment = CreatePartitionsRequest.CreatePartitionsAssignment
        name: Final[str]
        count: Final[int]
        assignments: Final[tuple[CreatePartitionsRequest.CreatePartitionsAssignment, ...] | None]
        def __init__(
            self, *, name: str = ..., count: int = ..., assignments: tuple[CreatePartitionsRequest.CreatePartitionsAssignment, ...] | None = ...
        ) -> None: ...
    topics: Final[tuple[CreatePartitionsRequest.CreatePartitionsTopic, ...]]
    timeout_ms: Final[int]
    validate_only: Final[bool]
    def __init__(
        self, *, topics: tuple[CreatePartitionsRequest.CreatePartitionsTopic, ...] = ..., timeout_ms: int = ..., validate_only: bool = ...
    ) -> None: ...

class CreatePartitionsResponse(Message):
    class CreatePartitionsTopicResult(Struct):
        name: Final[str]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, name: str = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[CreatePartitionsResponse.CreatePartitionsTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[CreatePartitionsResponse.CreatePartitionsTopicResult, ...] = ...
    ) -> None: ...

class CreateTopicsRequest(Message):
    class CreatableReplicaAssignment(Struct):
        partition_index: Final[int]
        broker_ids: Final[tuple[int, ...]]
        def __init__(
            self, *, partition_index: int = ..., broker_ids: tuple[int, ...] = ...
        ) -> None: ...
    class CreatableTopicConfig(Struct):
        name: Final[str]
        value: Final[str | None]
        def __init__(
            self, *, name: str = ..., value: str | None = ...
        ) -> None: ...
    class CreatableTopic(Struct):
        CreatableReplicaAssignment = CreateTopicsRequest.CreatableReplicaAssignment
        CreatableTopicConfig = CreateTopicsRequest.CreatableTopicConfig
        name: Final[str]
        num_partitions: Final[int]
        replication_factor: Final[int]
        assignments: Final[tuple[CreateTopicsRequest.CreatableReplicaAssignment, ...]]
        configs: Final[tuple[CreateTopicsRequest.CreatableTopicConfig, ...]]
        def __init__(
            self, *, name: str = ..., num_partitions: int = ..., replication_factor: int = ..., assignments:
            tuple[CreateTopicsRequest.CreatableReplicaAssignment, ...] = ..., configs: tuple[CreateTopicsRequest.CreatableTopicConfig, ...] = ...
        ) -> None: ...
    topics: Final[tuple[CreateTopicsRequest.CreatableTopic, ...]]
    timeout_ms: Final[int]
    validate_only: Final[bool]
    def __init__(
        self, *, topics: tuple[CreateTopicsRequest.CreatableTopic, ...] = ..., timeout_ms: int = ..., validate_only: bool = ...
    ) -> None: ...

class CreateTopicsResponse(Message):
    class CreatableTopicResult(Struct):
        CreatableTopicConfigs = CreateTopicsResponse.CreatableTopicConfigs
        name: Final[str]
        topic_id: Final[bytes]
        error_code: Final[int]
        error_message: Final[str | None]
        topic_config_error_code: Final[int]
        num_partitions: Final[int]
        replication_factor: Final[int]
        configs: Final[tuple[CreateTopicsResponse.CreatableTopicConfigs, ...] | None]
        def __init__(
            self, *, name: str = ..., topic_id: bytes = ..., error_code: int = ..., error_message: str | None = ..., topic_config_error_code: int =
            ..., num_partitions: int = ..., replication_factor: int = ..., configs: tuple[CreateTopicsResponse.CreatableTopicConfigs, ...] | None =
            ...
        ) -> None: ...
    class CreatableTopicConfigs(Struct):
        name: Final[str]
        value: Final[str | None]
        read_only: Final[bool]
        config_source: Final[int]
        is_sensitive: Final[bool]
        def __init__(
            self, *, name: str = ..., value: str | None = ..., read_only: bool = ..., config_source: int = ..., is_sensitive: bool = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[CreateTopicsResponse.CreatableTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[CreateTopicsResponse.CreatableTopicResult, ...] = ...
    ) -> None: ...

class DefaultPrincipalData(Message):
    type: Final[str]
    name: Final[str]
    token_authenticated: Final[bool]
    def __init__(
        self, *, type: str = ..., name: str = ..., token_authenticated: bool = ...
    ) -> None: ...

class DeleteAclsRequest(Message):
    class DeleteAclsFilter(Struct):
        resource_type_filter: Final[int]
        resource_name_filter: Final[str | None]
        pattern_type_filter: Final[int]
        principal_filter: Final[str | None]
        host_filter: Final[str | None]
        operation: Final[int]
        permission_type: Final[int]
        def __init__(
            self, *, resource_type_filter: int = ..., resource_name_filter: str | None = ..., pattern_type_filter: int = ..., principal_filter: str |
            None = ..., host_filter: str | None = ..., operation: int = ..., permission_type: int = ...
        ) -> None: ...
    filters: Final[tuple[DeleteAclsRequest.DeleteAclsFilter, ...]]
    def __init__(
        self, *, filters: tuple[DeleteAclsRequest.DeleteAclsFilter, ...] = ...
    ) -> None: ...

class DeleteAclsResponse(Message):
    class DeleteAclsMatchingAcl(Struct):
        error_code: Final[int]
        error_message: Final[str | None]
        resource_type: Final[int]
        resource_name: Final[str]
        pattern_type: Final[int]
        principal: Final[str]
        host: Final[str]
        operation: Final[int]
        permission_type: Final[int]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., resource_type: int = ..., resource_name: str = ..., pattern_type: int =
            ..., principal: str = ..., host: str = ..., operation: int = ..., permission_type: int = ...
        ) -> None: ...
    class DeleteAclsFilterResult(Struct):
        DeleteAclsMatchingAcl = DeleteAclsResponse.DeleteAclsMatchingAcl
        error_code: Final[int]
        error_message: Final[str | None]
        matching_acls: Final[tuple[DeleteAclsResponse.DeleteAclsMatchingAcl, ...]]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., matching_acls: tuple[DeleteAclsResponse.DeleteAclsMatchingAcl, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    filter_results: Final[tuple[DeleteAclsResponse.DeleteAclsFilterResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., filter_results: tuple[DeleteAclsResponse.DeleteAclsFilterResult, ...] = ...
    ) -> None: ...

class DeleteGroupsRequest(Message):
    groups_names: Final[tuple[str, ...]]
    def __init__(
        self, *, groups_names: tuple[str, ...] = ...
    ) -> None: ...

class DeleteGroupsResponse(Message):
    class DeletableGroupResult(Struct):
        group_id: Final[str]
        error_code: Final[int]
        def __init__(
            self, *, group_id: str = ..., error_code: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[DeleteGroupsResponse.DeletableGroupResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[DeleteGroupsResponse.DeletableGroupResult, ...] = ...
    ) -> None: ...

class DeleteRecordsRequest(Message):
    class DeleteRecordsPartition(Struct):
        partition_index: Final[int]
        offset: Final[int]
        def __init__(
            self, *, partition_index: int = ..., offset: int = ...
        ) -> None: ...
    class DeleteRecordsTopic(Struct):
        DeleteRecordsPartition = DeleteRecordsRequest.DeleteRecordsPartition
        name: Final[str]
        partitions: Final[tuple[DeleteRecordsRequest.DeleteRecordsPartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[DeleteRecordsRequest.DeleteRecordsPartition, ...] = ...
        ) -> None: ...
    topics: Final[tuple[DeleteRecordsRequest.DeleteRecordsTopic, ...]]
    timeout_ms: Final[int]
    def __init__(
        self, *, topics: tuple[DeleteRecordsRequest.DeleteRecordsTopic, ...] = ..., timeout_ms: int = ...
    ) -> None: ...

class DeleteRecordsResponse(Message):
    class DeleteRecordsPartitionResult(Struct):
        partition_index: Final[int]
        low_watermark: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., low_watermark: int = ..., error_code: int = ...
        ) -> None: ...
    class DeleteRecordsTopicResult(Struct):
        DeleteRecordsPartitionResult = DeleteRecordsResponse.DeleteRecordsPartitionResult
        name: Final[str]
        partitions: Final[tuple[DeleteRecordsResponse.DeleteRecordsPartitionResult, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[DeleteRecordsResponse.DeleteRecordsPartitionResult, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[DeleteRecordsResponse.DeleteRecordsTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[DeleteRecordsResponse.DeleteRecordsTopicResult, ...] = ...
    ) -> None: ...

class DeleteShareGroupOffsetsRequest(Message):
    class DeleteShareGroupOffsetsRequestTopic(Struct):
        topic_name: Final[str]
        def __init__(
            self, *, topic_name: str = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic, ...] = ...
    ) -> None: ...

class DeleteShareGroupOffsetsResponse(Message):
    class DeleteShareGroupOffsetsResponseTopic(Struct):
        topic_name: Final[str]
        topic_id: Final[bytes]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, topic_name: str = ..., topic_id: bytes = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    responses: Final[tuple[DeleteShareGroupOffsetsResponse.DeleteShareGroupOffsetsResponseTopic, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., responses:
        tuple[DeleteShareGroupOffsetsResponse.DeleteShareGroupOffsetsResponseTopic, ...] = ...
    ) -> None: ...

class DeleteShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: Final[int]
        def __init__(
            self, *, partition: int = ...
        ) -> None: ...
    class DeleteStateData(Struct):
        PartitionData = DeleteShareGroupStateRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[DeleteShareGroupStateRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[DeleteShareGroupStateRequest.PartitionData, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[DeleteShareGroupStateRequest.DeleteStateData, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[DeleteShareGroupStateRequest.DeleteStateData, ...] = ...
    ) -> None: ...

class DeleteShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class DeleteStateResult(Struct):
        PartitionResult = DeleteShareGroupStateResponse.PartitionResult
        topic_id: Final[bytes]
        partitions: Final[tuple[DeleteShareGroupStateResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[DeleteShareGroupStateResponse.PartitionResult, ...] = ...
        ) -> None: ...
    results: Final[tuple[DeleteShareGroupStateResponse.DeleteStateResult, ...]]
    def __init__(
        self, *, results: tuple[DeleteShareGroupStateResponse.DeleteStateResult, ...] = ...
    ) -> None: ...

class DeleteTopicsRequest(Message):
    class DeleteTopicState(Struct):
        name: Final[str | None]
        topic_id: Final[bytes]
        def __init__(
            self, *, name: str | None = ..., topic_id: bytes = ...
        ) -> None: ...
    topics: Final[tuple[DeleteTopicsRequest.DeleteTopicState, ...]]
    topic_names: Final[tuple[str, ...]]
    timeout_ms: Final[int]
    def __init__(
        self, *, topics: tuple[DeleteTopicsRequest.DeleteTopicState, ...] = ..., topic_names: tuple[str, ...] = ..., timeout_ms: int = ...
    ) -> None: ...

class DeleteTopicsResponse(Message):
    class DeletableTopicResult(Struct):
        name: Final[str | None]
        topic_id: Final[bytes]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, name: str | None = ..., topic_id: bytes = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    responses: Final[tuple[DeleteTopicsResponse.DeletableTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., responses: tuple[DeleteTopicsResponse.DeletableTopicResult, ...] = ...
    ) -> None: ...

class DescribeAclsRequest(Message):
    resource_type_filter: Final[int]
    resource_name_filter: Final[str | None]
    pattern_type_filter: Final[int]
    principal_filter: Final[str | None]
    host_filter: Final[str | None]
    operation: Final[int]
    permission_type: Final[int]
    def __init__(
        self, *, resource_type_filter: int = ..., resource_name_filter: str | None = ..., pattern_type_filter: int = ..., principal_filter: str | None
        = ..., host_filter: str | None = ..., operation: int = ..., permission_type: int = ...
    ) -> None: ...

class DescribeAclsResponse(Message):
    class AclDescription(Struct):
        principal: Final[str]
        host: Final[str]
        operation: Final[int]
        permission_type: Final[int]
        def __init__(
            self, *, principal: str = ..., host: str = ..., operation: int = ..., permission_type: int = ...
        ) -> None: ...
    class DescribeAclsResource(Struct):
        AclDescription = DescribeAclsResponse.AclDescription
        resource_type: Final[int]
        resource_name: Final[str]
        pattern_type: Final[int]
        acls: Final[tuple[DescribeAclsResponse.AclDescription, ...]]
        def __init__(
            self, *, resource_type: int = ..., resource_name: str = ..., pattern_type: int = ..., acls: tuple[DescribeAclsResponse.AclDescription,
            ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    resources: Final[tuple[DescribeAclsResponse.DescribeAclsResource, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., resources:
        tuple[DescribeAclsResponse.DescribeAclsResource, ...] = ...
    ) -> None: ...

class DescribeClientQuotasRequest(Message):
    class ComponentData(Struct):
        entity_type: Final[str]
        match_type: Final[int]
        match: Final[str | None]
        def __init__(
            self, *, entity_type: str = ..., match_type: int = ..., match: str | None = ...
        ) -> None: ...
    components: Final[tuple[DescribeClientQuotasRequest.ComponentData, ...]]
    strict: Final[bool]
    def __init__(
        self, *, components: tuple[DescribeClientQuotasRequest.ComponentData, ...] = ..., strict: bool = ...
    ) -> None: ...

class DescribeClientQuotasResponse(Message):
    class EntityData(Struct):
        entity_type: Final[str]
        entity_name: Final[str | None]
        def __init__(
            self, *, entity_type: str = ..., entity_name: str | None = ...
        ) -> None: ...
    class ValueData(Struct):
        key: Final[str]
        value: Final[float]
        def __init__(
            self, *, key: str = ..., value: float = ...
        ) -> None: ...
    class EntryData(Struct):
        EntityData = DescribeClientQuotasResponse.EntityData
        ValueData = DescribeClientQuotasResponse.ValueData
        entity: Final[tuple[DescribeClientQuotasResponse.EntityData, ...]]
        values: Final[tuple[DescribeClientQuotasResponse.ValueData, ...]]
        def __init__(
            self, *, entity: tuple[DescribeClientQuotasResponse.EntityData, ...] = ..., values: tuple[DescribeClientQuotasResponse.ValueData, ...] =
            ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    entries: Final[tuple[DescribeClientQuotasResponse.EntryData, ...] | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., entries:
        tuple[DescribeClientQuotasResponse.EntryData, ...] | None = ...
    ) -> None: ...

class DescribeClusterRequest(Message):
    include_cluster_authorized_operations: Final[bool]
    endpoint_type: Final[int]
    include_fenced_brokers: Final[bool]
    def __init__(
        self, *, include_cluster_authorized_operations: bool = ..., endpoint_type: int = ..., include_fenced_brokers: bool = ...
    ) -> None: ...

class DescribeClusterResponse(Message):
    class DescribeClusterBroker(Struct):
        broker_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        is_fenced: Final[bool]
        def __init__(
            self, *, broker_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ..., is_fenced: bool = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    endpoint_type: Final[int]
    cluster_id: Final[str]
    controller_id: Final[int]
    brokers: Final[tuple[DescribeClusterResponse.DescribeClusterBroker, ...]]
    cluster_authorized_operations: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., endpoint_type: int = ..., cluster_id: str = ...,
        controller_id: int = ..., brokers: tuple[DescribeClusterResponse.DescribeClusterBroker, ...] = ..., cluster_authorized_operations: int = ...
    ) -> None: ...

class DescribeConfigsRequest(Message):
    class DescribeConfigsResource(Struct):
        resource_type: Final[int]
        resource_name: Final[str]
        configuration_keys: Final[tuple[str, ...] | None]
        def __init__(
            self, *, resource_type: int = ..., resource_name: str = ..., configuration_keys: tuple[str, ...] | None = ...
        ) -> None: ...
    resources: Final[tuple[DescribeConfigsRequest.DescribeConfigsResource, ...]]
    include_synonyms: Final[bool]
    include_documentation: Final[bool]
    def __init__(
        self, *, resources: tuple[DescribeConfigsRequest.DescribeConfigsResource, ...] = ..., include_synonyms: bool = ..., include_documentation:
        bool = ...
    ) -> None: ...

class DescribeConfigsResponse(Message):
    class DescribeConfigsSynonym(Struct):
        name: Final[str]
        value: Final[str | None]
        source: Final[int]
        def __init__(
            self, *, name: str = ..., value: str | None = ..., source: int = ...
        ) -> None: ...
    class DescribeConfigsResourceResult(Struct):
        DescribeConfigsSynonym = DescribeConfigsResponse.DescribeConfigsSynonym
        name: Final[str]
        value: Final[str | None]
        read_only: Final[bool]
        config_source: Final[int]
        is_sensitive: Final[bool]
        synonyms: Final[tuple[DescribeConfigsResponse.DescribeConfigsSynonym, ...]]
        config_type: Final[int]
        documentation: Final[str | None]
        def __init__(
            self, *, name: str = ..., value: str | None = ..., read_only: bool = ..., config_source: int = ..., is_sensitive: bool = ..., synonyms:
            tuple[DescribeConfigsResponse.DescribeConfigsSynonym, ...] = ..., config_type: int = ..., documentation: str | None = ...
        ) -> None: ...
    class DescribeConfigsResult(Struct):
        DescribeConfigsResourceResult = DescribeConfigsResponse.DescribeConfigsResourceResult
        error_code: Final[int]
        error_message: Final[str | None]
        resource_type: Final[int]
        resource_name: Final[str]
        configs: Final[tuple[DescribeConfigsResponse.DescribeConfigsResourceResult, ...]]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., resource_type: int = ..., resource_name: str = ..., configs:
            tuple[DescribeConfigsResponse.DescribeConfigsResourceResult, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    results: Final[tuple[DescribeConfigsResponse.DescribeConfigsResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., results: tuple[DescribeConfigsResponse.DescribeConfigsResult, ...] = ...
    ) -> None: ...

class DescribeDelegationTokenRequest(Message):
    class DescribeDelegationTokenOwner(Struct):
        principal_type: Final[str]
        principal_name: Final[str]
        def __init__(
            self, *, principal_type: str = ..., principal_name: str = ...
        ) -> None: ...
    owners: Final[tuple[DescribeDelegationTokenRequest.DescribeDelegationTokenOwner, ...] | None]
    def __init__(
        self, *, owners: tuple[DescribeDelegationTokenRequest.DescribeDelegationTokenOwner, ...] | None = ...
    ) -> None: ...

class DescribeDelegationTokenResponse(Message):
    class DescribedDelegationTokenRenewer(Struct):
        principal_type: Final[str]
        principal_name: Final[str]
        def __init__(
            self, *, principal_type: str = ..., principal_name: str = ...
        ) -> None: ...
    class DescribedDelegationToken(Struct):
        DescribedDelegationTokenRenewer = DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer
        principal_type: Final[str]
        principal_name: Final[str]
        token_requester_principal_type: Final[str]
        token_requester_principal_name: Final[str]
        issue_timestamp: Final[int]
        expiry_timestamp: Final[int]
        max_timestamp: Final[int]
        token_id: Final[str]
        hmac: Final[bytes]
        renewers: Final[tuple[DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer, ...]]
        def __init__(
            self, *, principal_type: str = ..., principal_name: str = ..., token_requester_principal_type: str = ..., token_requester_principal_name:
            str = ..., issue_timestamp: int = ..., expiry_timestamp: int = ..., max_timestamp: int = ..., token_id: str = ..., hmac: bytes = ...,
            renewers: tuple[DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer, ...] = ...
        ) -> None: ...
    error_code: Final[int]
    tokens: Final[tuple[DescribeDelegationTokenResponse.DescribedDelegationToken, ...]]
    throttle_time_ms: Final[int]
    def __init__(
        self, *, error_code: int = ..., tokens: tuple[DescribeDelegationTokenResponse.DescribedDelegationToken, ...] = ..., throttle_time_ms: int =
        ...
    ) -> None: ...

class DescribeGroupsRequest(Message):
    groups: Final[tuple[str, ...]]
    include_authorized_operations: Final[bool]
    def __init__(
        self, *, groups: tuple[str, ...] = ..., include_authorized_operations: bool = ...
    ) -> None: ...

class DescribeGroupsResponse(Message):
    class DescribedGroupMember(Struct):
        member_id: Final[str]
        group_instance_id: Final[str | None]
        client_id: Final[str]
        client_host: Final[str]
        member_metadata: Final[bytes]
        member_assignment: Final[bytes]
        def __init__(
            self, *, member_id: str = ..., group_instance_id: str | None = ..., client_id: str = ..., client_host: str = ..., member_metadata: bytes =
            ..., member_assignment: bytes = ...
        ) -> None: ...
    class DescribedGroup(Struct):
        DescribedGroupMember = DescribeGroupsResponse.DescribedGroupMember
        error_code: Final[int]
        error_message: Final[str | None]
        group_id: Final[str]
        group_state: Final[str]
        protocol_type: Final[str]
        protocol_data: Final[str]
        members: Final[tuple[DescribeGroupsResponse.DescribedGroupMember, ...]]
        authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., group_id: str = ..., group_state: str = ..., protocol_type: str = ...,
            protocol_data: str = ..., members: tuple[DescribeGroupsResponse.DescribedGroupMember, ...] = ..., authorized_operations: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[DescribeGroupsResponse.DescribedGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[DescribeGroupsResponse.DescribedGroup, ...] = ...
    ) -> None: ...

class DescribeLogDirsRequest(Message):
    class DescribableLogDirTopic(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    topics: Final[tuple[DescribeLogDirsRequest.DescribableLogDirTopic, ...] | None]
    def __init__(
        self, *, topics: tuple[DescribeLogDirsRequest.DescribableLogDirTopic, ...] | None = ...
    ) -> None: ...

class DescribeLogDirsResponse(Message):
    class DescribeLogDirsPartition(Struct):
        partition_index: Final[int]
        partition_size: Final[int]
        offset_lag: Final[int]
        is_future_key: Final[bool]
        def __init__(
            self, *, partition_index: int = ..., partition_size: int = ..., offset_lag: int = ..., is_future_key: bool = ...
        ) -> None: ...
    class DescribeLogDirsTopic(Struct):
        DescribeLogDirsPartition = DescribeLogDirsResponse.DescribeLogDirsPartition
        name: Final[str]
        partitions: Final[tuple[DescribeLogDirsResponse.DescribeLogDirsPartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[DescribeLogDirsResponse.DescribeLogDirsPartition, ...] = ...
        ) -> None: ...
    class DescribeLogDirsResult(Struct):
        DescribeLogDirsTopic = DescribeLogDirsResponse.DescribeLogDirsTopic
        error_code: Final[int]
        log_dir: Final[str]
        topics: Final[tuple[DescribeLogDirsResponse.DescribeLogDirsTopic, ...]]
        total_bytes: Final[int]
        usable_bytes: Final[int]
        is_cordoned: Final[bool]
        def __init__(
            self, *, error_code: int = ..., log_dir: str = ..., topics: tuple[DescribeLogDirsResponse.DescribeLogDirsTopic, ...] = ..., total_bytes:
            int = ..., usable_bytes: int = ..., is_cordoned: bool = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    results: Final[tuple[DescribeLogDirsResponse.DescribeLogDirsResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., results: tuple[DescribeLogDirsResponse.DescribeLogDirsResult, ...] = ...
    ) -> None: ...

class DescribeProducersRequest(Message):
    class TopicRequest(Struct):
        name: Final[str]
        partition_indexes: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partition_indexes: tuple[int, ...] = ...
        ) -> None: ...
    topics: Final[tuple[DescribeProducersRequest.TopicRequest, ...]]
    def __init__(
        self, *, topics: tuple[DescribeProducersRequest.TopicRequest, ...] = ...
    ) -> None: ...

class DescribeProducersResponse(Message):
    class ProducerState(Struct):
        producer_id: Final[int]
        producer_epoch: Final[int]
        last_sequence: Final[int]
        last_timestamp: Final[int]
        coordinator_epoch: Final[int]
        current_txn_start_offset: Final[int]
        def __init__(
            self, *, producer_id: int = ..., producer_epoch: int = ..., last_sequence: int = ..., last_timestamp: int = ..., coordinator_epoch: int =
            ..., current_txn_start_offset: int = ...
        ) -> None: ...
    class PartitionResponse(Struct):
        ProducerState = DescribeProducersResponse.ProducerState
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        active_producers: Final[tuple[DescribeProducersResponse.ProducerState, ...]]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ..., active_producers:
            tuple[DescribeProducersResponse.ProducerState, ...] = ...
        ) -> None: ...
    class TopicResponse(Struct):
        PartitionResponse = DescribeProducersResponse.PartitionResponse
        name: Final[str]
        partitions: Final[tuple[DescribeProducersResponse.PartitionResponse, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[DescribeProducersResponse.PartitionResponse, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[DescribeProducersResponse.TopicResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[DescribeProducersResponse.TopicResponse, ...] = ...
    ) -> None: ...

class DescribeQuorumRequest(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        def __init__(
            self, *, partition_index: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = DescribeQuorumRequest.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[DescribeQuorumRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[DescribeQuorumRequest.PartitionData, ...] = ...
        ) -> None: ...
    topics: Final[tuple[DescribeQuorumRequest.TopicData, ...]]
    def __init__(
        self, *, topics: tuple[DescribeQuorumRequest.TopicData, ...] = ...
    ) -> None: ...

class DescribeQuorumResponse(Message):
    class ReplicaState(Struct):
        replica_id: Final[int]
        replica_directory_id: Final[bytes]
        log_end_offset: Final[int]
        last_fetch_timestamp: Final[int]
        last_caught_up_timestamp: Final[int]
        def __init__(
            self, *, replica_id: int = ..., replica_directory_id: bytes = ..., log_end_offset: int = ..., last_fetch_timestamp: int = ...,
            last_caught_up_timestamp: int = ...
        ) -> None: ...
    class PartitionData(Struct):
        ReplicaState = DescribeQuorumResponse.ReplicaState
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        leader_id: Final[int]
        leader_epoch: Final[int]
        high_watermark: Final[int]
        current_voters: Final[tuple[DescribeQuorumResponse.ReplicaState, ...]]
        observers: Final[tuple[DescribeQuorumResponse.ReplicaState, ...]]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ..., leader_id: int = ..., leader_epoch: int =
            ..., high_watermark: int = ..., current_voters: tuple[DescribeQuorumResponse.ReplicaState, ...] = ..., observers:
            tuple[DescribeQuorumResponse.ReplicaState, ...] = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = DescribeQuorumResponse.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[DescribeQuorumResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[DescribeQuorumResponse.PartitionData, ...] = ...
        ) -> None: ...
    class Listener(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    class Node(Struct):
        Listener = DescribeQuorumResponse.Listener
        node_id: Final[int]
        listeners: Final[tuple[DescribeQuorumResponse.Listener, ...]]
        def __init__(
            self, *, node_id: int = ..., listeners: tuple[DescribeQuorumResponse.Listener, ...] = ...
        ) -> None: ...
    error_code: Final[int]
    error_message: Final[str | None]
    topics: Final[tuple[DescribeQuorumResponse.TopicData, ...]]
    nodes: Final[tuple[DescribeQuorumResponse.Node, ...]]
    def __init__(
        self, *, error_code: int = ..., error_message: str | None = ..., topics: tuple[DescribeQuorumResponse.TopicData, ...] = ..., nodes:
        tuple[DescribeQuorumResponse.Node, ...] = ...
    ) -> None: ...

class DescribeShareGroupOffsetsRequest(Message):
    class DescribeShareGroupOffsetsRequestTopic(Struct):
        topic_name: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class DescribeShareGroupOffsetsRequestGroup(Struct):
        DescribeShareGroupOffsetsRequestTopic = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic
        group_id: Final[str]
        topics: Final[tuple[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic, ...] | None]
        def __init__(
            self, *, group_id: str = ..., topics: tuple[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic, ...] | None = ...
        ) -> None: ...
    groups: Final[tuple[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup, ...]]
    def __init__(
        self, *, groups: tuple[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup, ...] = ...
    ) -> None: ...

class DescribeShareGroupOffsetsResponse(Message):
    class DescribeShareGroupOffsetsResponsePartition(Struct):
        partition_index: Final[int]
        start_offset: Final[int]
        leader_epoch: Final[int]
        lag: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition_index: int = ..., start_offset: int = ..., leader_epoch: int = ..., lag: int = ..., error_code: int = ...,
            error_message: str | None = ...
        ) -> None: ...
    class DescribeShareGroupOffsetsResponseTopic(Struct):
        DescribeShareGroupOffsetsResponsePartition = DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition
        topic_name: Final[str]
        topic_id: Final[bytes]
        partitions: Final[tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition, ...]]
        def __init__(
            self, *, topic_name: str = ..., topic_id: bytes = ..., partitions:
            tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition, ...] = ...
        ) -> None: ...
    class DescribeShareGroupOffsetsResponseGroup(Struct):
        DescribeShareGroupOffsetsResponseTopic = DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic
        group_id: Final[str]
        topics: Final[tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic, ...]]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, group_id: str = ..., topics: tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic, ...] = ...,
            error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseGroup, ...] = ...
    ) -> None: ...

class DescribeTopicPartitionsRequest(Message):
    class TopicRequest(Struct):
        name: Final[str]
        def __init__(
            self, *, name: str = ...
        ) -> None: ...
    class Cursor(Struct):
        topic_name: Final[str]
        partition_index: Final[int]
        def __init__(
            self, *, topic_name: str = ..., partition_index: int = ...
        ) -> None: ...
    topics: Final[tuple[DescribeTopicPartitionsRequest.TopicRequest, ...]]
    response_partition_limit: Final[int]
    cursor: Final[DescribeTopicPartitionsRequest.Cursor | None]
    def __init__(
        self, *, topics: tuple[DescribeTopicPartitionsRequest.TopicRequest, ...] = ..., response_partition_limit: int = ..., cursor:
        DescribeTopicPartitionsRequest.Cursor | None = ...
    ) -> None: ...

class DescribeTopicPartitionsResponse(Message):
    class DescribeTopicPartitionsResponsePartition(Struct):
        error_code: Final[int]
        partition_index: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        replica_nodes: Final[tuple[int, ...]]
        isr_nodes: Final[tuple[int, ...]]
        eligible_leader_replicas: Final[tuple[int, ...] | None]
        last_known_elr: Final[tuple[int, ...] | None]
        offline_replicas: Final[tuple[int, ...]]
        def __init__(
            self, *, error_code: int = ..., partition_index: int = ..., leader_id: int = ..., leader_epoch: int = ..., replica_nodes: tuple[int, ...]
            = ..., isr_nodes: tuple[int, ...] = ..., eligible_leader_replicas: tuple[int, ...] | None = ..., last_known_elr: tuple[int, ...] | None =
            ..., offline_replicas: tuple[int, ...] = ...
        ) -> None: ...
    class DescribeTopicPartitionsResponseTopic(Struct):
        DescribeTopicPartitionsResponsePartition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition
        error_code: Final[int]
        name: Final[str | None]
        topic_id: Final[bytes]
        is_internal: Final[bool]
        partitions: Final[tuple[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition, ...]]
        topic_authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., name: str | None = ..., topic_id: bytes = ..., is_internal: bool = ..., partitions:
            tuple[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition, ...] = ..., topic_authorized_operations: int = ...
        ) -> None: ...
    class Cursor(Struct):
        topic_name: Final[str]
        partition_index: Final[int]
        def __init__(
            self, *, topic_name: str = ..., partition_index: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic, ...]]
    next_cursor: Final[DescribeTopicPartitionsResponse.Cursor | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic, ...] = ...,
        next_cursor: DescribeTopicPartitionsResponse.Cursor | None = ...
    ) -> None: ...

class DescribeTransactionsRequest(Message):
    transactional_ids: Final[tuple[str, ...]]
    def __init__(
        self, *, transactional_ids: tuple[str, ...] = ...
    ) -> None: ...

class DescribeTransactionsResponse(Message):
    class TopicData(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class TransactionState(Struct):
        TopicData = DescribeTransactionsResponse.TopicData
        error_code: Final[int]
        transactional_id: Final[str]
        transaction_state: Final[str]
        transaction_timeout_ms: Final[int]
        transaction_start_time_ms: Final[int]
        producer_id: Final[int]
        producer_epoch: Final[int]
        topics: Final[tuple[DescribeTransactionsResponse.TopicData, ...]]
        def __init__(
            self, *, error_code: int = ..., transactional_id: str = ..., transaction_state: str = ..., transaction_timeout_ms: int = ...,
            transaction_start_time_ms: int = ..., producer_id: int = ..., producer_epoch: int = ..., topics:
            tuple[DescribeTransactionsResponse.TopicData, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    transaction_states: Final[tuple[DescribeTransactionsResponse.TransactionState, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., transaction_states: tuple[DescribeTransactionsResponse.TransactionState, ...] = ...
    ) -> None: ...

class DescribeUserScramCredentialsRequest(Message):
    class UserName(Struct):
        name: Final[str]
        def __init__(
            self, *, name: str = ...
        ) -> None: ...
    users: Final[tuple[DescribeUserScramCredentialsRequest.UserName, ...] | None]
    def __init__(
        self, *, users: tuple[DescribeUserScramCredentialsRequest.UserName, ...] | None = ...
    ) -> None: ...

class DescribeUserScramCredentialsResponse(Message):
    class CredentialInfo(Struct):
        mechanism: Final[int]
        iterations: Final[int]
        def __init__(
            self, *, mechanism: int = ..., iterations: int = ...
        ) -> None: ...
    class DescribeUserScramCredentialsResult(Struct):
        CredentialInfo = DescribeUserScramCredentialsResponse.CredentialInfo
        user: Final[str]
        error_code: Final[int]
        error_message: Final[str | None]
        credential_infos: Final[tuple[DescribeUserScramCredentialsResponse.CredentialInfo, ...]]
        def __init__(
            self, *, user: str = ..., error_code: int = ..., error_message: str | None = ..., credential_infos:
            tuple[DescribeUserScramCredentialsResponse.CredentialInfo, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    results: Final[tuple[DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., results:
        tuple[DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult, ...] = ...
    ) -> None: ...

class ElectLeadersRequest(Message):
    class TopicPartitions(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    election_type: Final[int]
    topic_partitions: Final[tuple[ElectLeadersRequest.TopicPartitions, ...] | None]
    timeout_ms: Final[int]
    def __init__(
        self, *, election_type: int = ..., topic_partitions: tuple[ElectLeadersRequest.TopicPartitions, ...] | None = ..., timeout_ms: int = ...
    ) -> None: ...

class ElectLeadersResponse(Message):
    class PartitionResult(Struct):
        partition_id: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition_id: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class ReplicaElectionResult(Struct):
        PartitionResult = ElectLeadersResponse.PartitionResult
        topic: Final[str]
        partition_result: Final[tuple[ElectLeadersResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic: str = ..., partition_result: tuple[ElectLeadersResponse.PartitionResult, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    replica_election_results: Final[tuple[ElectLeadersResponse.ReplicaElectionResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., replica_election_results: tuple[ElectLeadersResponse.ReplicaElectionResult, ...]
        = ...
    ) -> None: ...

class EndQuorumEpochRequest(Message):
    class PartitionData(Struct):
        ReplicaInfo = EndQuorumEpochRequest.ReplicaInfo
        partition_index: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        preferred_candidates: Final[tuple[EndQuorumEpochRequest.ReplicaInfo, ...]]
        preferred_successors: Final[tuple[int, ...]]
        def __init__(
            self, *, partition_index: int = ..., leader_id: int = ..., leader_epoch: int = ..., preferred_candidates:
            tuple[EndQuorumEpochRequest.ReplicaInfo, ...] = ..., preferred_successors: tuple[int, ...] = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = EndQuorumEpochRequest.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[EndQuorumEpochRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[EndQuorumEpochRequest.PartitionData, ...] = ...
        ) -> None: ...
    class ReplicaInfo(Struct):
        candidate_id: Final[int]
        candidate_directory_id: Final[bytes]
        def __init__(
            self, *, candidate_id: int = ..., candidate_directory_id: bytes = ...
        ) -> None: ...
    class LeaderEndpoint(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    topics: Final[tuple[EndQuorumEpochRequest.TopicData, ...]]
    leader_endpoints: Final[tuple[EndQuorumEpochRequest.LeaderEndpoint, ...]]
    def __init__(
        self, *, cluster_id: str | None = ..., topics: tuple[EndQuorumEpochRequest.TopicData, ...] = ..., leader_endpoints:
        tuple[EndQuorumEpochRequest.LeaderEndpoint, ...] = ...
    ) -> None: ...

class EndQuorumEpochResponse(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = EndQuorumEpochResponse.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[EndQuorumEpochResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[EndQuorumEpochResponse.PartitionData, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ...
        ) -> None: ...
    error_code: Final[int]
    topics: Final[tuple[EndQuorumEpochResponse.TopicData, ...]]
    node_endpoints: Final[tuple[EndQuorumEpochResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, error_code: int = ..., topics: tuple[EndQuorumEpochResponse.TopicData, ...] = ..., node_endpoints:
        tuple[EndQuorumEpochResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class EndTxnMarker(Message):
    coordinator_epoch: Final[int]
    def __init__(
        self, *, coordinator_epoch: int = ...
    ) -> None: ...

class EndTxnRequest(Message):
    transactional_id: Final[str]
    producer_id: Final[int]
    producer_epoch: Final[int]
    committed: Final[bool]
    def __init__(
        self, *, transactional_id: str = ..., producer_id: int = ..., producer_epoch: int = ..., committed: bool = ...
    ) -> None: ...

class EndTxnResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    producer_id: Final[int]
    producer_epoch: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., producer_id: int = ..., producer_epoch: int = ...
    ) -> None: ...

class EnvelopeRequest(Message):
    request_data: Final[bytes]
    request_principal: Final[bytes | None]
    client_host_address: Final[bytes]
    def __init__(
        self, *, request_data: bytes = ..., request_principal: bytes | None = ..., client_host_address: bytes = ...
    ) -> None: ...

class EnvelopeResponse(Message):
    response_data: Final[bytes | None]
    error_code: Final[int]
    def __init__(
        self, *, response_data: bytes | None = ..., error_code: int = ...
    ) -> None: ...

class ExpireDelegationTokenRequest(Message):
    hmac: Final[bytes]
    expiry_time_period_ms: Final[int]
    def __init__(
        self, *, hmac: bytes = ..., expiry_time_period_ms: int = ...
    ) -> None: ...

class ExpireDelegationTokenResponse(Message):
    error_code: Final[int]
    expiry_timestamp_ms: Final[int]
    throttle_time_ms: Final[int]
    def __init__(
        self, *, error_code: int = ..., expiry_timestamp_ms: int = ..., throttle_time_ms: int = ...
    ) -> None: ...

class FetchRequest(Message):
    class FetchPartition(Struct):
        partition: Final[int]
        current_leader_epoch: Final[int]
        fetch_offset: Final[int]
        last_fetched_epoch: Final[int]
        log_start_offset: Final[int]
        partition_max_bytes: Final[int]
        replica_directory_id: Final[bytes]
        high_watermark: Final[int]
        def __init__(
            self, *, partition: int = ..., current_leader_epoch: int = ..., fetch_offset: int = ..., last_fetched_epoch: int = ..., log_start_offset:
            int = ..., partition_max_bytes: int = ..., replica_directory_id: bytes = ..., high_watermark: int = ...
        ) -> None: ...
    class FetchTopic(Struct):
        FetchPartition = FetchRequest.FetchPartition
        topic_id: Final[bytes]
        topic: Final[str]
        partitions: Final[tuple[FetchRequest.FetchPartition, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic: str = ..., partitions: tuple[FetchRequest.FetchPartition, ...] = ...
        ) -> None: ...
    class ForgottenTopic(Struct):
        topic_id: Final[bytes]
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class ReplicaState(Struct):
        replica_id: Final[int]
        replica_epoch: Final[int]
        def __init__(
            self, *, replica_id: int = ..., replica_epoch: int = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    replica_state: Final[FetchRequest.ReplicaState]
    replica_id: Final[int]
    max_wait_ms: Final[int]
    min_bytes: Final[int]
    max_bytes: Final[int]
    isolation_level: Final[int]
    session_id: Final[int]
    session_epoch: Final[int]
    topics: Final[tuple[FetchRequest.FetchTopic, ...]]
    forgotten_topics_data: Final[tuple[FetchRequest.ForgottenTopic, ...]]
    rack_id: Final[str]
    def __init__(
        self, *, cluster_id: str | None = ..., replica_state: FetchRequest.ReplicaState = ..., replica_id: int = ..., max_wait_ms: int = ...,
        min_bytes: int = ..., max_bytes: int = ..., isolation_level: int = ..., session_id: int = ..., session_epoch: int = ..., topics:
        tuple[FetchRequest.FetchTopic, ...] = ..., forgotten_topics_data: tuple[FetchRequest.ForgottenTopic, ...] = ..., rack_id: str = ...
    ) -> None: ...

class FetchResponse(Message):
    class AbortedTransaction(Struct):
        producer_id: Final[int]
        first_offset: Final[int]
        def __init__(
            self, *, producer_id: int = ..., first_offset: int = ...
        ) -> None: ...
    class PartitionData(Struct):
        EpochEndOffset = FetchResponse.EpochEndOffset
        LeaderIdAndEpoch = FetchResponse.LeaderIdAndEpoch
        SnapshotId = FetchResponse.SnapshotId
        AbortedTransaction = FetchResponse.AbortedTransaction
        partition_index: Final[int]
        error_code: Final[int]
        high_watermark: Final[int]
        last_stable_offset: Final[int]
        log_start_offset: Final[int]
        diverging_epoch: Final[FetchResponse.EpochEndOffset]
        current_leader: Final[FetchResponse.LeaderIdAndEpoch]
        snapshot_id: Final[FetchResponse.SnapshotId]
        aborted_transactions: Final[tuple[FetchResponse.AbortedTransaction, ...] | None]
        preferred_read_replica: Final[int]
        records: Final[bytes | memoryview | None]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., high_watermark: int = ..., last_stable_offset: int = ..., log_start_offset:
            int = ..., diverging_epoch: FetchResponse.EpochEndOffset = ..., current_leader: FetchResponse.LeaderIdAndEpoch = ..., snapshot_id:
            FetchResponse.SnapshotId = ..., aborted_transactions: tuple[FetchResponse.AbortedTransaction, ...] | None = ..., preferred_read_replica:
            int = ..., records: Records = ...
        ) -> None: ...
    class FetchableTopicResponse(Struct):
        PartitionData = FetchResponse.PartitionData
        topic_id: Final[bytes]
        topic: Final[str]
        partitions: Final[tuple[FetchResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic: str = ..., partitions: tuple[FetchResponse.PartitionData, ...] = ...
        ) -> None: ...
    class EpochEndOffset(Struct):
        epoch: Final[int]
        end_offset: Final[int]
        def __init__(
            self, *, epoch: int = ..., end_offset: int = ...
        ) -> None: ...
    class LeaderIdAndEpoch(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class SnapshotId(Struct):
        end_offset: Final[int]
        epoch: Final[int]
        def __init__(
            self, *, end_offset: int = ..., epoch: int = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    session_id: Final[int]
    responses: Final[tuple[FetchResponse.FetchableTopicResponse, ...]]
    node_endpoints: Final[tuple[FetchResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., session_id: int = ..., responses: tuple[FetchResponse.FetchableTopicResponse,
        ...] = ..., node_endpoints: tuple[FetchResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class FetchSnapshotRequest(Message):
    class SnapshotId(Struct):
        end_offset: Final[int]
        epoch: Final[int]
        def __init__(
            self, *, end_offset: int = ..., epoch: int = ...
        ) -> None: ...
    class PartitionSnapshot(Struct):
        SnapshotId = FetchSnapshotRequest.SnapshotId
        partition: Final[int]
        current_leader_epoch: Final[int]
        snapshot_id: Final[FetchSnapshotRequest.SnapshotId]
        position: Final[int]
        replica_directory_id: Final[bytes]
        def __init__(
            self, *, partition: int = ..., current_leader_epoch: int = ..., snapshot_id: FetchSnapshotRequest.SnapshotId = ..., position: int = ...,
            replica_directory_id: bytes = ...
        ) -> None: ...
    class TopicSnapshot(Struct):
        PartitionSnapshot = FetchSnapshotRequest.PartitionSnapshot
        name: Final[str]
        partitions: Final[tuple[FetchSnapshotRequest.PartitionSnapshot, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[FetchSnapshotRequest.PartitionSnapshot, ...] = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    replica_id: Final[int]
    max_bytes: Final[int]
    topics: Final[tuple[FetchSnapshotRequest.TopicSnapshot, ...]]
    def __init__(
        self, *, cluster_id: str | None = ..., replica_id: int = ..., max_bytes: int = ..., topics: tuple[FetchSnapshotRequest.TopicSnapshot, ...] =
        ...
    ) -> None: ...

class FetchSnapshotResponse(Message):
    class SnapshotId(Struct):
        end_offset: Final[int]
        epoch: Final[int]
        def __init__(
            self, *, end_offset: int = ..., epoch: int = ...
        ) -> None: ...
    class LeaderIdAndEpoch(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class PartitionSnapshot(Struct):
        SnapshotId = FetchSnapshotResponse.SnapshotId
        LeaderIdAndEpoch = FetchSnapshotResponse.LeaderIdAndEpoch
        index: Final[int]
        error_code: Final[int]
        snapshot_id: Final[FetchSnapshotResponse.SnapshotId]
        current_leader: Final[FetchSnapshotResponse.LeaderIdAndEpoch]
        size: Final[int]
        position: Final[int]
        unaligned_records: Final[bytes | memoryview]
        def __init__(
            self, *, index: int = ..., error_code: int = ..., snapshot_id: FetchSnapshotResponse.SnapshotId = ..., current_leader:
            FetchSnapshotResponse.LeaderIdAndEpoch = ..., size: int = ..., position: int = ..., unaligned_records: Records = ...
        ) -> None: ...
    class TopicSnapshot(Struct):
        PartitionSnapshot = FetchSnapshotResponse.PartitionSnapshot
        name: Final[str]
        partitions: Final[tuple[FetchSnapshotResponse.PartitionSnapshot, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[FetchSnapshotResponse.PartitionSnapshot, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    topics: Final[tuple[FetchSnapshotResponse.TopicSnapshot, ...]]
    node_endpoints: Final[tuple[FetchSnapshotResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., topics: tuple[FetchSnapshotResponse.TopicSnapshot, ...] = ..., node_endpoints:
        tuple[FetchSnapshotResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class FindCoordinatorRequest(Message):
    key: Final[str]
    key_type: Final[int]
    coordinator_keys: Final[tuple[str, ...]]
    def __init__(
        self, *, key: str = ..., key_type: int = ..., coordinator_keys: tuple[str, ...] = ...
    ) -> None: ...

class FindCoordinatorResponse(Message):
    class Coordinator(Struct):
        key: Final[str]
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, key: str = ..., node_id: int = ..., host: str = ..., port: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    coordinators: Final[tuple[FindCoordinatorResponse.Coordinator, ...]]
    error_code: Final[int]
    error_message: Final[str | None]
    node_id: Final[int]
    host: Final[str]
    port: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., coordinators: tuple[FindCoordinatorResponse.Coordinator, ...] = ..., error_code: int = ...,
        error_message: str | None = ..., node_id: int = ..., host: str = ..., port: int = ...
    ) -> None: ...

class GetTelemetrySubscriptionsRequest(Message):
    client_instance_id: Final[bytes]
    def __init__(
        self, *, client_instance_id: bytes = ...
    ) -> None: ...

class GetTelemetrySubscriptionsResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    client_instance_id: Final[bytes]
    subscription_id: Final[int]
    accepted_compression_types: Final[tuple[int, ...]]
    push_interval_ms: Final[int]
    telemetry_max_bytes: Final[int]
    delta_temporality: Final[bool]
    requested_metrics: Final[tuple[str, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., client_instance_id: bytes = ..., subscription_id: int = ...,
        accepted_compression_types: tuple[int, ...] = ..., push_interval_ms: int = ..., telemetry_max_bytes: int = ..., delta_temporality: bool = ...,
        requested_metrics: tuple[str, ...] = ...
    ) -> None: ...

class GroupMetadataKey(Message):
    group: Final[str]
    def __init__(
        self, *, group: str = ...
    ) -> None: ...

class GroupMetadataValue(Message):
    class MemberMetadata(Struct):
        member_id: Final[str]
        group_instance_id: Final[str | None]
        client_id: Final[str]
        client_host: Final[str]
        rebalance_timeout: Final[int]
        session_timeout: Final[int]
        subscription: Final[bytes]
        assignment: Final[bytes]
        def __init__(
            self, *, member_id: str = ..., group_instance_id: str | None = ..., client_id: str = ..., client_host: str = ..., rebalance_timeout: int =
            ..., session_timeout: int = ..., subscription: bytes = ..., assignment: bytes = ...
        ) -> None: ...
    protocol_type: Final[str]
    generation: Final[int]
    protocol: Final[str | None]
    leader: Final[str | None]
    current_state_timestamp: Final[int]
    members: Final[tuple[GroupMetadataValue.MemberMetadata, ...]]
    def __init__(
        self, *, protocol_type: str = ..., generation: int = ..., protocol: str | None = ..., leader: str | None = ..., current_state_timestamp: int =
        ..., members: tuple[GroupMetadataValue.MemberMetadata, ...] = ...
    ) -> None: ...

class HeartbeatRequest(Message):
    group_id: Final[str]
    generation_id: Final[int]
    member_id: Final[str]
    group_instance_id: Final[str | None]
    def __init__(
        self, *, group_id: str = ..., generation_id: int = ..., member_id: str = ..., group_instance_id: str | None = ...
    ) -> None: ...

class HeartbeatResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ...
    ) -> None: ...

class IncrementalAlterConfigsRequest(Message):
    class AlterableConfig(Struct):
        name: Final[str]
        config_operation: Final[int]
        value: Final[str | None]
        def __init__(
            self, *, name: str = ..., config_operation: int = ..., value: str | None = ...
        ) -> None: ...
    class AlterConfigsResource(Struct):
        AlterableConfig = IncrementalAlterConfigsRequest.AlterableConfig
        resource_type: Final[int]
        resource_name: Final[str]
        configs: Final[tuple[IncrementalAlterConfigsRequest.AlterableConfig, ...]]
        def __init__(
            self, *, resource_type: int = ..., resource_name: str = ..., configs: tuple[IncrementalAlterConfigsRequest.AlterableConfig, ...] = ...
        ) -> None: ...
    resources: Final[tuple[IncrementalAlterConfigsRequest.AlterConfigsResource, ...]]
    validate_only: Final[bool]
    def __init__(
        self, *, resources: tuple[IncrementalAlterConfigsRequest.AlterConfigsResource, ...] = ..., validate_only: bool = ...
    ) -> None: ...

class IncrementalAlterConfigsResponse(Message):
    class AlterConfigsResourceResponse(Struct):
        error_code: Final[int]
        error_message: Final[str | None]
        resource_type: Final[int]
        resource_name: Final[str]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., resource_type: int = ..., resource_name: str = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    responses: Final[tuple[IncrementalAlterConfigsResponse.AlterConfigsResourceResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., responses: tuple[IncrementalAlterConfigsResponse.AlterConfigsResourceResponse, ...] = ...
    ) -> None: ...

class InitProducerIdRequest(Message):
    transactional_id: Final[str | None]
    transaction_timeout_ms: Final[int]
    producer_id: Final[int]
    producer_epoch: Final[int]
    enable2_pc: Final[bool]
    keep_prepared_txn: Final[bool]
    def __init__(
        self, *, transactional_id: str | None = ..., transaction_timeout_ms: int = ..., producer_id: int = ..., producer_epoch: int = ..., enable2_pc:
        bool = ..., keep_prepared_txn: bool = ...
    ) -> None: ...

class InitProducerIdResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    producer_id: Final[int]
    producer_epoch: Final[int]
    ongoing_txn_producer_id: Final[int]
    ongoing_txn_producer_epoch: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., producer_id: int = ..., producer_epoch: int = ..., ongoing_txn_producer_id: int =
        ..., ongoing_txn_producer_epoch: int = ...
    ) -> None: ...

class InitializeShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: Final[int]
        state_epoch: Final[int]
        start_offset: Final[int]
        def __init__(
            self, *, partition: int = ..., state_epoch: int = ..., start_offset: int = ...
        ) -> None: ...
    class InitializeStateData(Struct):
        PartitionData = InitializeShareGroupStateRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[InitializeShareGroupStateRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[InitializeShareGroupStateRequest.PartitionData, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[InitializeShareGroupStateRequest.InitializeStateData, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[InitializeShareGroupStateRequest.InitializeStateData, ...] = ...
    ) -> None: ...

class InitializeShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class InitializeStateResult(Struct):
        PartitionResult = InitializeShareGroupStateResponse.PartitionResult
        topic_id: Final[bytes]
        partitions: Final[tuple[InitializeShareGroupStateResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[InitializeShareGroupStateResponse.PartitionResult, ...] = ...
        ) -> None: ...
    results: Final[tuple[InitializeShareGroupStateResponse.InitializeStateResult, ...]]
    def __init__(
        self, *, results: tuple[InitializeShareGroupStateResponse.InitializeStateResult, ...] = ...
    ) -> None: ...

class JoinGroupRequest(Message):
    class JoinGroupRequestProtocol(Struct):
        name: Final[str]
        metadata: Final[bytes]
        def __init__(
            self, *, name: str = ..., metadata: bytes = ...
        ) -> None: ...
    group_id: Final[str]
    session_timeout_ms: Final[int]
    rebalance_timeout_ms: Final[int]
    member_id: Final[str]
    group_instance_id: Final[str | None]
    protocol_type: Final[str]
    protocols: Final[tuple[JoinGroupRequest.JoinGroupRequestProtocol, ...]]
    reason: Final[str | None]
    def __init__(
        self, *, group_id: str = ..., session_timeout_ms: int = ..., rebalance_timeout_ms: int = ..., member_id: str = ..., group_instance_id: str |
        None = ..., protocol_type: str = ..., protocols: tuple[JoinGroupRequest.JoinGroupRequestProtocol, ...] = ..., reason: str | None = ...
    ) -> None: ...

class JoinGroupResponse(Message):
    class JoinGroupResponseMember(Struct):
        member_id: Final[str]
        group_instance_id: Final[str | None]
        metadata: Final[bytes]
        def __init__(
            self, *, member_id: str = ..., group_instance_id: str | None = ..., metadata: bytes = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    generation_id: Final[int]
    protocol_type: Final[str | None]
    protocol_name: Final[str | None]
    leader: Final[str]
    skip_assignment: Final[bool]
    member_id: Final[str]
    members: Final[tuple[JoinGroupResponse.JoinGroupResponseMember, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., generation_id: int = ..., protocol_type: str | None = ..., protocol_name: str |
        None = ..., leader: str = ..., skip_assignment: bool = ..., member_id: str = ..., members: tuple[JoinGroupResponse.JoinGroupResponseMember,
        ...] = ...
    ) -> None: ...

class KRaftVersionRecord(Message):
    version: Final[int]
    k_raft_version: Final[int]
    def __init__(
        self, *, version: int = ..., k_raft_version: int = ...
    ) -> None: ...

class LeaderChangeMessage(Message):
    class Voter(Struct):
        voter_id: Final[int]
        voter_directory_id: Final[bytes]
        def __init__(
            self, *, voter_id: int = ..., voter_directory_id: bytes = ...
        ) -> None: ...
    version: Final[int]
    leader_id: Final[int]
    voters: Final[tuple[LeaderChangeMessage.Voter, ...]]
    granting_voters: Final[tuple[LeaderChangeMessage.Voter, ...]]
    def __init__(
        self, *, version: int = ..., leader_id: int = ..., voters: tuple[LeaderChangeMessage.Voter, ...] = ..., granting_voters:
        tuple[LeaderChangeMessage.Voter, ...] = ...
    ) -> None: ...

class LeaveGroupRequest(Message):
    class MemberIdentity(Struct):
        member_id: Final[str]
        group_instance_id: Final[str | None]
        reason: Final[str | None]
        def __init__(
            self, *, member_id: str = ..., group_instance_id: str | None = ..., reason: str | None = ...
        ) -> None: ...
    group_id: Final[str]
    members: Final[tuple[LeaveGroupRequest.MemberIdentity, ...]]
    member_id: Final[str]
    def __init__(
        self, *, group_id: str = ..., members: tuple[LeaveGroupRequest.MemberIdentity, ...] = ..., member_id: str = ...
    ) -> None: ...

class LeaveGroupResponse(Message):
    class MemberResponse(Struct):
        member_id: Final[str]
        group_instance_id: Final[str | None]
        error_code: Final[int]
        def __init__(
            self, *, member_id: str = ..., group_instance_id: str | None = ..., error_code: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    members: Final[tuple[LeaveGroupResponse.MemberResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., members: tuple[LeaveGroupResponse.MemberResponse, ...] = ...
    ) -> None: ...

class ListConfigResourcesRequest(Message):
    resource_types: Final[tuple[int, ...]]
    def __init__(
        self, *, resource_types: tuple[int, ...] = ...
    ) -> None: ...

class ListConfigResourcesResponse(Message):
    class ConfigResource(Struct):
        resource_name: Final[str]
        resource_type: Final[int]
        def __init__(
            self, *, resource_name: str = ..., resource_type: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    config_resources: Final[tuple[ListConfigResourcesResponse.ConfigResource, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., config_resources: tuple[ListConfigResourcesResponse.ConfigResource, ...] = ...
    ) -> None: ...

class ListGroupsRequest(Message):
    states_filter: Final[tuple[str, ...]]
    types_filter: Final[tuple[str, ...]]
    def __init__(
        self, *, states_filter: tuple[str, ...] = ..., types_filter: tuple[str, ...] = ...
    ) -> None: ...

class ListGroupsResponse(Message):
    class ListedGroup(Struct):
        group_id: Final[str]
        protocol_type: Final[str]
        group_state: Final[str]
        group_type: Final[str]
        def __init__(
            self, *, group_id: str = ..., protocol_type: str = ..., group_state: str = ..., group_type: str = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    groups: Final[tuple[ListGroupsResponse.ListedGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., groups: tuple[ListGroupsResponse.ListedGroup, ...] = ...
    ) -> None: ...

class ListOffsetsRequest(Message):
    class ListOffsetsPartition(Struct):
        partition_index: Final[int]
        current_leader_epoch: Final[int]
        timestamp: Final[int]
        def __init__(
            self, *, partition_index: int = ..., current_leader_epoch: int = ..., timestamp: int = ...
        ) -> None: ...
    class ListOffsetsTopic(Struct):
        ListOffsetsPartition = ListOffsetsRequest.ListOffsetsPartition
        name: Final[str]
        partitions: Final[tuple[ListOffsetsRequest.ListOffsetsPartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[ListOffsetsRequest.ListOffsetsPartition, ...] = ...
        ) -> None: ...
    replica_id: Final[int]
    isolation_level: Final[int]
    topics: Final[tuple[ListOffsetsRequest.ListOffsetsTopic, ...]]
    timeout_ms: Final[int]
    def __init__(
        self, *, replica_id: int = ..., isolation_level: int = ..., topics: tuple[ListOffsetsRequest.ListOffsetsTopic, ...] = ..., timeout_ms: int =
        ...
    ) -> None: ...

class ListOffsetsResponse(Message):
    class ListOffsetsPartitionResponse(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        timestamp: Final[int]
        offset: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., timestamp: int = ..., offset: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class ListOffsetsTopicResponse(Struct):
        ListOffsetsPartitionResponse = ListOffsetsResponse.ListOffsetsPartitionResponse
        name: Final[str]
        partitions: Final[tuple[ListOffsetsResponse.ListOffsetsPartitionResponse, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[ListOffsetsResponse.ListOffsetsPartitionResponse, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[ListOffsetsResponse.ListOffsetsTopicResponse, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[ListOffsetsResponse.ListOffsetsTopicResponse, ...] = ...
    ) -> None: ...

class ListPartitionReassignmentsRequest(Message):
    class ListPartitionReassignmentsTopics(Struct):
        name: Final[str]
        partition_indexes: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partition_indexes: tuple[int, ...] = ...
        ) -> None: ...
    timeout_ms: Final[int]
    topics: Final[tuple[ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics, ...] | None]
    def __init__(
        self, *, timeout_ms: int = ..., topics: tuple[ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics, ...] | None = ...
    ) -> None: ...

class ListPartitionReassignmentsResponse(Message):
    class OngoingPartitionReassignment(Struct):
        partition_index: Final[int]
        replicas: Final[tuple[int, ...]]
        adding_replicas: Final[tuple[int, ...]]
        removing_replicas: Final[tuple[int, ...]]
        def __init__(
            self, *, partition_index: int = ..., replicas: tuple[int, ...] = ..., adding_replicas: tuple[int, ...] = ..., removing_replicas:
            tuple[int, ...] = ...
        ) -> None: ...
    class OngoingTopicReassignment(Struct):
        OngoingPartitionReassignment = ListPartitionReassignmentsResponse.OngoingPartitionReassignment
        name: Final[str]
        partitions: Final[tuple[ListPartitionReassignmentsResponse.OngoingPartitionReassignment, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[ListPartitionReassignmentsResponse.OngoingPartitionReassignment, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    topics: Final[tuple[ListPartitionReassignmentsResponse.OngoingTopicReassignment, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., topics:
        tuple[ListPartitionReassignmentsResponse.OngoingTopicReassignment, ...] = ...
    ) -> None: ...

class ListTransactionsRequest(Message):
    state_filters: Final[tuple[str, ...]]
    producer_id_filters: Final[tuple[int, ...]]
    duration_filter: Final[int]
    transactional_id_pattern: Final[str | None]
    def __init__(
        self, *, state_filters: tuple[str, ...] = ..., producer_id_filters: tuple[int, ...] = ..., duration_filter: int = ...,
        transactional_id_pattern: str | None = ...
    ) -> None: ...

class ListTransactionsResponse(Message):
    class TransactionState(Struct):
        transactional_id: Final[str]
        producer_id: Final[int]
        transaction_state: Final[str]
        def __init__(
            self, *, transactional_id: str = ..., producer_id: int = ..., transaction_state: str = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    unknown_state_filters: Final[tuple[str, ...]]
    transaction_states: Final[tuple[ListTransactionsResponse.TransactionState, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., unknown_state_filters: tuple[str, ...] = ..., transaction_states:
        tuple[ListTransactionsResponse.TransactionState, ...] = ...
    ) -> None: ...

class MetadataRequest(Message):
    class MetadataRequestTopic(Struct):
        topic_id: Final[bytes]
        name: Final[str | None]
        def __init__(
            self, *, topic_id: bytes = ..., name: str | None = ...
        ) -> None: ...
    topics: Final[tuple[MetadataRequest.MetadataRequestTopic, ...] | None]
    allow_auto_topic_creation: Final[bool]
    include_cluster_authorized_operations: Final[bool]
    include_topic_authorized_operations: Final[bool]
    def __init__(
        self, *, topics: tuple[MetadataRequest.MetadataRequestTopic, ...] | None = ..., allow_auto_topic_creation: bool = ...,
        include_cluster_authorized_operations: bool = ..., include_topic_authorized_operations: bool = ...
    ) -> None: ...

class MetadataResponse(Message):
    class MetadataResponseBroker(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ...
        ) -> None: ...
    class MetadataResponsePartition(Struct):
        error_code: Final[int]
        partition_index: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        replica_nodes: Final[tuple[int, ...]]
        isr_nodes: Final[tuple[int, ...]]
        offline_replicas: Final[tuple[int, ...]]
        def __init__(
            self, *, error_code: int = ..., partition_index: int = ..., leader_id: int = ..., leader_epoch: int = ..., replica_nodes: tuple[int, ...]
            = ..., isr_nodes: tuple[int, ...] = ..., offline_replicas: tuple[int, ...] = ...
        ) -> None: ...
    class MetadataResponseTopic(Struct):
        MetadataResponsePartition = MetadataResponse.MetadataResponsePartition
        error_code: Final[int]
        name: Final[str | None]
        topic_id: Final[bytes]
        is_internal: Final[bool]
        partitions: Final[tuple[MetadataResponse.MetadataResponsePartition, ...]]
        topic_authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., name: str | None = ..., topic_id: bytes = ..., is_internal: bool = ..., partitions:
            tuple[MetadataResponse.MetadataResponsePartition, ...] = ..., topic_authorized_operations: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    brokers: Final[tuple[MetadataResponse.MetadataResponseBroker, ...]]
    cluster_id: Final[str | None]
    controller_id: Final[int]
    topics: Final[tuple[MetadataResponse.MetadataResponseTopic, ...]]
    error_code: Final[int]
    cluster_authorized_operations: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., brokers: tuple[MetadataResponse.MetadataResponseBroker, ...] = ..., cluster_id: str | None = ...,
        controller_id: int = ..., topics: tuple[MetadataResponse.MetadataResponseTopic, ...] = ..., error_code: int = ...,
        cluster_authorized_operations: int = ...
    ) -> None: ...

class OffsetCommitKey(Message):
    group: Final[str]
    topic: Final[str]
    partition: Final[int]
    def __init__(
        self, *, group: str = ..., topic: str = ..., partition: int = ...
    ) -> None: ...

class OffsetCommitRequest(Message):
    class OffsetCommitRequestPartition(Struct):
        partition_index: Final[int]
        committed_offset: Final[int]
        committed_leader_epoch: Final[int]
        committed_metadata: Final[str | None]
        def __init__(
            self, *, partition_index: int = ..., committed_offset: int = ..., committed_leader_epoch: int = ..., committed_metadata: str | None = ...
        ) -> None: ...
    class OffsetCommitRequestTopic(Struct):
        OffsetCommitRequestPartition = OffsetCommitRequest.OffsetCommitRequestPartition
        topic_id: Final[bytes]
        name: Final[str]
        partitions: Final[tuple[OffsetCommitRequest.OffsetCommitRequestPartition, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partitions: tuple[OffsetCommitRequest.OffsetCommitRequestPartition, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    generation_id_or_member_epoch: Final[int]
    member_id: Final[str]
    group_instance_id: Final[str | None]
    retention_time_ms: Final[int]
    topics: Final[tuple[OffsetCommitRequest.OffsetCommitRequestTopic, ...]]
    def __init__(
        self, *, group_id: str = ..., generation_id_or_member_epoch: int = ..., member_id: str = ..., group_instance_id: str | None = ...,
        retention_time_ms: int = ..., topics: tuple[OffsetCommitRequest.OffsetCommitRequestTopic, ...] = ...
    ) -> None: ...

class OffsetCommitResponse(Message):
    class OffsetCommitResponsePartition(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class OffsetCommitResponseTopic(Struct):
        OffsetCommitResponsePartition = OffsetCommitResponse.OffsetCommitResponsePartition
        topic_id: Final[bytes]
        name: Final[str]
        partitions: Final[tuple[OffsetCommitResponse.OffsetCommitResponsePartition, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partitions: tuple[OffsetCommitResponse.OffsetCommitResponsePartition, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[OffsetCommitResponse.OffsetCommitResponseTopic, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[OffsetCommitResponse.OffsetCommitResponseTopic, ...] = ...
    ) -> None: ...

class OffsetCommitValue(Message):
    offset: Final[int]
    leader_epoch: Final[int]
    metadata: Final[str]
    commit_timestamp: Final[int]
    expire_timestamp: Final[int]
    topic_id: Final[bytes]
    def __init__(
        self, *, offset: int = ..., leader_epoch: int = ..., metadata: str = ..., commit_timestamp: int = ..., expire_timestamp: int = ..., topic_id:
        bytes = ...
    ) -> None: ...

class OffsetDeleteRequest(Message):
    class OffsetDeleteRequestPartition(Struct):
        partition_index: Final[int]
        def __init__(
            self, *, partition_index: int = ...
        ) -> None: ...
    class OffsetDeleteRequestTopic(Struct):
        OffsetDeleteRequestPartition = OffsetDeleteRequest.OffsetDeleteRequestPartition
        name: Final[str]
        partitions: Final[tuple[OffsetDeleteRequest.OffsetDeleteRequestPartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[OffsetDeleteRequest.OffsetDeleteRequestPartition, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[OffsetDeleteRequest.OffsetDeleteRequestTopic, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[OffsetDeleteRequest.OffsetDeleteRequestTopic, ...] = ...
    ) -> None: ...

class OffsetDeleteResponse(Message):
    class OffsetDeleteResponsePartition(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class OffsetDeleteResponseTopic(Struct):
        OffsetDeleteResponsePartition = OffsetDeleteResponse.OffsetDeleteResponsePartition
        name: Final[str]
        partitions: Final[tuple[OffsetDeleteResponse.OffsetDeleteResponsePartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[OffsetDeleteResponse.OffsetDeleteResponsePartition, ...] = ...
        ) -> None: ...
    error_code: Final[int]
    throttle_time_ms: Final[int]
    topics: Final[tuple[OffsetDeleteResponse.OffsetDeleteResponseTopic, ...]]
    def __init__(
        self, *, error_code: int = ..., throttle_time_ms: int = ..., topics: tuple[OffsetDeleteResponse.OffsetDeleteResponseTopic, ...] = ...
    ) -> None: ...

class OffsetFetchRequest(Message):
    class OffsetFetchRequestTopic(Struct):
        name: Final[str]
        partition_indexes: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partition_indexes: tuple[int, ...] = ...
        ) -> None: ...
    class OffsetFetchRequestTopics(Struct):
        topic_id: Final[bytes]
        name: Final[str]
        partition_indexes: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partition_indexes: tuple[int, ...] = ...
        ) -> None: ...
    class OffsetFetchRequestGroup(Struct):
        OffsetFetchRequestTopics = OffsetFetchRequest.OffsetFetchRequestTopics
        group_id: Final[str]
        member_id: Final[str | None]
        member_epoch: Final[int]
        topics: Final[tuple[OffsetFetchRequest.OffsetFetchRequestTopics, ...] | None]
        def __init__(
            self, *, group_id: str = ..., member_id: str | None = ..., member_epoch: int = ..., topics:
            tuple[OffsetFetchRequest.OffsetFetchRequestTopics, ...] | None = ...
        ) -> None: ...
    groups: Final[tuple[OffsetFetchRequest.OffsetFetchRequestGroup, ...]]
    group_id: Final[str]
    topics: Final[tuple[OffsetFetchRequest.OffsetFetchRequestTopic, ...] | None]
    require_stable: Final[bool]
    def __init__(
        self, *, groups: tuple[OffsetFetchRequest.OffsetFetchRequestGroup, ...] = ..., group_id: str = ..., topics:
        tuple[OffsetFetchRequest.OffsetFetchRequestTopic, ...] | None = ..., require_stable: bool = ...
    ) -> None: ...

class OffsetFetchResponse(Message):
    class OffsetFetchResponsePartition(Struct):
        partition_index: Final[int]
        committed_offset: Final[int]
        committed_leader_epoch: Final[int]
        metadata: Final[str | None]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., committed_offset: int = ..., committed_leader_epoch: int = ..., metadata: str | None = ...,
            error_code: int = ...
        ) -> None: ...
    class OffsetFetchResponseTopic(Struct):
        OffsetFetchResponsePartition = OffsetFetchResponse.OffsetFetchResponsePartition
        name: Final[str]
        partitions: Final[tuple[OffsetFetchResponse.OffsetFetchResponsePartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[OffsetFetchResponse.OffsetFetchResponsePartition, ...] = ...
        ) -> None: ...
    class OffsetFetchResponsePartitions(Struct):
        partition_index: Final[int]
        committed_offset: Final[int]
        committed_leader_epoch: Final[int]
        metadata: Final[str | None]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., committed_offset: int = ..., committed_leader_epoch: int = ..., metadata: str | None = ...,
            error_code: int = ...
        ) -> None: ...
    class OffsetFetchResponseTopics(Struct):
        OffsetFetchResponsePartitions = OffsetFetchResponse.OffsetFetchResponsePartitions
        topic_id: Final[bytes]
        name: Final[str]
        partitions: Final[tuple[OffsetFetchResponse.OffsetFetchResponsePartitions, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partitions: tuple[OffsetFetchResponse.OffsetFetchResponsePartitions, ...] = ...
        ) -> None: ...
    class OffsetFetchResponseGroup(Struct):
        OffsetFetchResponseTopics = OffsetFetchResponse.OffsetFetchResponseTopics
        group_id: Final[str]
        topics: Final[tuple[OffsetFetchResponse.OffsetFetchResponseTopics, ...]]
        error_code: Final[int]
        def __init__(
            self, *, group_id: str = ..., topics: tuple[OffsetFetchResponse.OffsetFetchResponseTopics, ...] = ..., error_code: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[OffsetFetchResponse.OffsetFetchResponseGroup, ...]]
    topics: Final[tuple[OffsetFetchResponse.OffsetFetchResponseTopic, ...]]
    error_code: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[OffsetFetchResponse.OffsetFetchResponseGroup, ...] = ..., topics:
        tuple[OffsetFetchResponse.OffsetFetchResponseTopic, ...] = ..., error_code: int = ...
    ) -> None: ...

class OffsetForLeaderEpochRequest(Message):
    class OffsetForLeaderPartition(Struct):
        partition: Final[int]
        current_leader_epoch: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition: int = ..., current_leader_epoch: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class OffsetForLeaderTopic(Struct):
        OffsetForLeaderPartition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition
        topic: Final[str]
        partitions: Final[tuple[OffsetForLeaderEpochRequest.OffsetForLeaderPartition, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[OffsetForLeaderEpochRequest.OffsetForLeaderPartition, ...] = ...
        ) -> None: ...
    replica_id: Final[int]
    topics: Final[tuple[OffsetForLeaderEpochRequest.OffsetForLeaderTopic, ...]]
    def __init__(
        self, *, replica_id: int = ..., topics: tuple[OffsetForLeaderEpochRequest.OffsetForLeaderTopic, ...] = ...
    ) -> None: ...

class OffsetForLeaderEpochResponse(Message):
    class EpochEndOffset(Struct):
        error_code: Final[int]
        partition: Final[int]
        leader_epoch: Final[int]
        end_offset: Final[int]
        def __init__(
            self, *, error_code: int = ..., partition: int = ..., leader_epoch: int = ..., end_offset: int = ...
        ) -> None: ...
    class OffsetForLeaderTopicResult(Struct):
        EpochEndOffset = OffsetForLeaderEpochResponse.EpochEndOffset
        topic: Final[str]
        partitions: Final[tuple[OffsetForLeaderEpochResponse.EpochEndOffset, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[OffsetForLeaderEpochResponse.EpochEndOffset, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult, ...] = ...
    ) -> None: ...

class ProduceRequest(Message):
    class PartitionProduceData(Struct):
        index: Final[int]
        records: Final[bytes | memoryview | None]
        def __init__(
            self, *, index: int = ..., records: Records = ...
        ) -> None: ...
    class TopicProduceData(Struct):
        PartitionProduceData = ProduceRequest.PartitionProduceData
        topic_id: Final[bytes]
        name: Final[str]
        partition_data: Final[tuple[ProduceRequest.PartitionProduceData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partition_data: tuple[ProduceRequest.PartitionProduceData, ...] = ...
        ) -> None: ...
    transactional_id: Final[str | None]
    acks: Final[int]
    timeout_ms: Final[int]
    topic_data: Final[tuple[ProduceRequest.TopicProduceData, ...]]
    def __init__(
        self, *, transactional_id: str | None = ..., acks: int = ..., timeout_ms: int = ..., topic_data: tuple[ProduceRequest.TopicProduceData, ...] =
        ...
    ) -> None: ...

class ProduceResponse(Message):
    class PartitionProduceResponse(Struct):
        BatchIndexAndErrorMessage = ProduceResponse.BatchIndexAndErrorMessage
        LeaderIdAndEpoch = ProduceResponse.LeaderIdAndEpoch
        index: Final[int]
        error_code: Final[int]
        base_offset: Final[int]
        log_append_time_ms: Final[int]
        log_start_offset: Final[int]
        record_errors: Final[tuple[ProduceResponse.BatchIndexAndErrorMessage, ...]]
        error_message: Final[str | None]
        current_leader: Final[ProduceResponse.LeaderIdAndEpoch]
        def __init__(
            self, *, index: int = ..., error_code: int = ..., base_offset: int = ..., log_append_time_ms: int = ..., log_start_offset: int = ...,
            record_errors: tuple[ProduceResponse.BatchIndexAndErrorMessage, ...] = ..., error_message: str | None = ..., current_leader:
            ProduceResponse.LeaderIdAndEpoch = ...
        ) -> None: ...
    class TopicProduceResponse(Struct):
        PartitionProduceResponse = ProduceResponse.PartitionProduceResponse
        topic_id: Final[bytes]
        name: Final[str]
        partition_responses: Final[tuple[ProduceResponse.PartitionProduceResponse, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., name: str = ..., partition_responses: tuple[ProduceResponse.PartitionProduceResponse, ...] = ...
        ) -> None: ...
    class BatchIndexAndErrorMessage(Struct):
        batch_index: Final[int]
        batch_index_error_message: Final[str | None]
        def __init__(
            self, *, batch_index: int = ..., batch_index_error_message: str | None = ...
        ) -> None: ...
    class LeaderIdAndEpoch(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ...
        ) -> None: ...
    responses: Final[tuple[ProduceResponse.TopicProduceResponse, ...]]
    throttle_time_ms: Final[int]
    node_endpoints: Final[tuple[ProduceResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, responses: tuple[ProduceResponse.TopicProduceResponse, ...] = ..., throttle_time_ms: int = ..., node_endpoints:
        tuple[ProduceResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class PushTelemetryRequest(Message):
    client_instance_id: Final[bytes]
    subscription_id: Final[int]
    terminating: Final[bool]
    compression_type: Final[int]
    metrics: Final[bytes]
    def __init__(
        self, *, client_instance_id: bytes = ..., subscription_id: int = ..., terminating: bool = ..., compression_type: int = ..., metrics: bytes =
        ...
    ) -> None: ...

class PushTelemetryResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ...
    ) -> None: ...

class ReadShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class ReadStateData(Struct):
        PartitionData = ReadShareGroupStateRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[ReadShareGroupStateRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ReadShareGroupStateRequest.PartitionData, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[ReadShareGroupStateRequest.ReadStateData, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[ReadShareGroupStateRequest.ReadStateData, ...] = ...
    ) -> None: ...

class ReadShareGroupStateResponse(Message):
    class StateBatch(Struct):
        first_offset: Final[int]
        last_offset: Final[int]
        delivery_state: Final[int]
        delivery_count: Final[int]
        def __init__(
            self, *, first_offset: int = ..., last_offset: int = ..., delivery_state: int = ..., delivery_count: int = ...
        ) -> None: ...
    class PartitionResult(Struct):
        StateBatch = ReadShareGroupStateResponse.StateBatch
        partition: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        state_epoch: Final[int]
        start_offset: Final[int]
        state_batches: Final[tuple[ReadShareGroupStateResponse.StateBatch, ...]]
        def __init__(
            self, *, partition: int = ..., error_code: int = ..., error_message: str | None = ..., state_epoch: int = ..., start_offset: int = ...,
            state_batches: tuple[ReadShareGroupStateResponse.StateBatch, ...] = ...
        ) -> None: ...
    class ReadStateResult(Struct):
        PartitionResult = ReadShareGroupStateResponse.PartitionResult
        topic_id: Final[bytes]
        partitions: Final[tuple[ReadShareGroupStateResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ReadShareGroupStateResponse.PartitionResult, ...] = ...
        ) -> None: ...
    results: Final[tuple[ReadShareGroupStateResponse.ReadStateResult, ...]]
    def __init__(
        self, *, results: tuple[ReadShareGroupStateResponse.ReadStateResult, ...] = ...
    ) -> None: ...

class ReadShareGroupStateSummaryRequest(Message):
    class PartitionData(Struct):
        partition: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, partition: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class ReadStateSummaryData(Struct):
        PartitionData = ReadShareGroupStateSummaryRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[ReadShareGroupStateSummaryRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ReadShareGroupStateSummaryRequest.PartitionData, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[ReadShareGroupStateSummaryRequest.ReadStateSummaryData, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[ReadShareGroupStateSummaryRequest.ReadStateSummaryData, ...] = ...
    ) -> None: ...

class ReadShareGroupStateSummaryResponse(Message):
    class PartitionResult(Struct):
        partition: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        state_epoch: Final[int]
        leader_epoch: Final[int]
        start_offset: Final[int]
        delivery_complete_count: Final[int]
        def __init__(
            self, *, partition: int = ..., error_code: int = ..., error_message: str | None = ..., state_epoch: int = ..., leader_epoch: int = ...,
            start_offset: int = ..., delivery_complete_count: int = ...
        ) -> None: ...
    class ReadStateSummaryResult(Struct):
        PartitionResult = ReadShareGroupStateSummaryResponse.PartitionResult
        topic_id: Final[bytes]
        partitions: Final[tuple[ReadShareGroupStateSummaryResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ReadShareGroupStateSummaryResponse.PartitionResult, ...] = ...
        ) -> None: ...
    results: Final[tuple[ReadShareGroupStateSummaryResponse.ReadStateSummaryResult, ...]]
    def __init__(
        self, *, results: tuple[ReadShareGroupStateSummaryResponse.ReadStateSummaryResult, ...] = ...
    ) -> None: ...

class RemoveRaftVoterRequest(Message):
    cluster_id: Final[str | None]
    voter_id: Final[int]
    voter_directory_id: Final[bytes]
    def __init__(
        self, *, cluster_id: str | None = ..., voter_id: int = ..., voter_directory_id: bytes = ...
    ) -> None: ...

class RemoveRaftVoterResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ...
    ) -> None: ...

class RenewDelegationTokenRequest(Message):
    hmac: Final[bytes]
    renew_period_ms: Final[int]
    def __init__(
        self, *, hmac: bytes = ..., renew_period_ms: int = ...
    ) -> None: ...

class RenewDelegationTokenResponse(Message):
    error_code: Final[int]
    expiry_timestamp_ms: Final[int]
    throttle_time_ms: Final[int]
    def __init__(
        self, *, error_code: int = ..., expiry_timestamp_ms: int = ..., throttle_time_ms: int = ...
    ) -> None: ...

class SaslAuthenticateRequest(Message):
    auth_bytes: Final[bytes]
    def __init__(
        self, *, auth_bytes: bytes = ...
    ) -> None: ...

class SaslAuthenticateResponse(Message):
    error_code: Final[int]
    error_message: Final[str | None]
    auth_bytes: Final[bytes]
    session_lifetime_ms: Final[int]
    def __init__(
        self, *, error_code: int = ..., error_message: str | None = ..., auth_bytes: bytes = ..., session_lifetime_ms: int = ...
    ) -> None: ...

class SaslHandshakeRequest(Message):
    mechanism: Final[str]
    def __init__(
        self, *, mechanism: str = ...
    ) -> None: ...

class SaslHandshakeResponse(Message):
    error_code: Final[int]
    mechanisms: Final[tuple[str, ...]]
    def __init__(
        self, *, error_code: int = ..., mechanisms: tuple[str, ...] = ...
    ) -> None: ...

class ShareAcknowledgeRequest(Message):
    class AcknowledgementBatch(Struct):
        first_offset: Final[int]
        last_offset: Final[int]
        acknowledge_types: Final[tuple[int, ...]]
        def __init__(
            self, *, first_offset: int = ..., last_offset: int = ..., acknowledge_types: tuple[int, ...] = ...
        ) -> None: ...
    class AcknowledgePartition(Struct):
        AcknowledgementBatch = ShareAcknowledgeRequest.AcknowledgementBatch
        partition_index: Final[int]
        acknowledgement_batches: Final[tuple[ShareAcknowledgeRequest.AcknowledgementBatch, ...]]
        def __init__(
            self, *, partition_index: int = ..., acknowledgement_batches: tuple[ShareAcknowledgeRequest.AcknowledgementBatch, ...] = ...
        ) -> None: ...
    class AcknowledgeTopic(Struct):
        AcknowledgePartition = ShareAcknowledgeRequest.AcknowledgePartition
        topic_id: Final[bytes]
        partitions: Final[tuple[ShareAcknowledgeRequest.AcknowledgePartition, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ShareAcknowledgeRequest.AcknowledgePartition, ...] = ...
        ) -> None: ...
    group_id: Final[str | None]
    member_id: Final[str | None]
    share_session_epoch: Final[int]
    is_renew_ack: Final[bool]
    topics: Final[tuple[ShareAcknowledgeRequest.AcknowledgeTopic, ...]]
    def __init__(
        self, *, group_id: str | None = ..., member_id: str | None = ..., share_session_epoch: int = ..., is_renew_ack: bool = ..., topics:
        tuple[ShareAcknowledgeRequest.AcknowledgeTopic, ...] = ...
    ) -> None: ...

class ShareAcknowledgeResponse(Message):
    class LeaderIdAndEpoch(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class PartitionData(Struct):
        LeaderIdAndEpoch = ShareAcknowledgeResponse.LeaderIdAndEpoch
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        current_leader: Final[ShareAcknowledgeResponse.LeaderIdAndEpoch]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ..., current_leader:
            ShareAcknowledgeResponse.LeaderIdAndEpoch = ...
        ) -> None: ...
    class ShareAcknowledgeTopicResponse(Struct):
        PartitionData = ShareAcknowledgeResponse.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[ShareAcknowledgeResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ShareAcknowledgeResponse.PartitionData, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    acquisition_lock_timeout_ms: Final[int]
    responses: Final[tuple[ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse, ...]]
    node_endpoints: Final[tuple[ShareAcknowledgeResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., acquisition_lock_timeout_ms: int = ...,
        responses: tuple[ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse, ...] = ..., node_endpoints:
        tuple[ShareAcknowledgeResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class ShareFetchRequest(Message):
    class AcknowledgementBatch(Struct):
        first_offset: Final[int]
        last_offset: Final[int]
        acknowledge_types: Final[tuple[int, ...]]
        def __init__(
            self, *, first_offset: int = ..., last_offset: int = ..., acknowledge_types: tuple[int, ...] = ...
        ) -> None: ...
    class FetchPartition(Struct):
        AcknowledgementBatch = ShareFetchRequest.AcknowledgementBatch
        partition_index: Final[int]
        acknowledgement_batches: Final[tuple[ShareFetchRequest.AcknowledgementBatch, ...]]
        def __init__(
            self, *, partition_index: int = ..., acknowledgement_batches: tuple[ShareFetchRequest.AcknowledgementBatch, ...] = ...
        ) -> None: ...
    class FetchTopic(Struct):
        FetchPartition = ShareFetchRequest.FetchPartition
        topic_id: Final[bytes]
        partitions: Final[tuple[ShareFetchRequest.FetchPartition, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ShareFetchRequest.FetchPartition, ...] = ...
        ) -> None: ...
    class ForgottenTopic(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    group_id: Final[str | None]
    member_id: Final[str | None]
    share_session_epoch: Final[int]
    max_wait_ms: Final[int]
    min_bytes: Final[int]
    max_bytes: Final[int]
    max_records: Final[int]
    batch_size: Final[int]
    share_acquire_mode: Final[int]
    is_renew_ack: Final[bool]
    topics: Final[tuple[ShareFetchRequest.FetchTopic, ...]]
    forgotten_topics_data: Final[tuple[ShareFetchRequest.ForgottenTopic, ...]]
    def __init__(
        self, *, group_id: str | None = ..., member_id: str | None = ..., share_session_epoch: int = ..., max_wait_ms: int = ..., min_bytes: int =
        ..., max_bytes: int = ..., max_records: int = ..., batch_size: int = ..., share_acquire_mode: int = ..., is_renew_ack: bool = ..., topics:
        tuple[ShareFetchRequest.FetchTopic, ...] = ..., forgotten_topics_data: tuple[ShareFetchRequest.ForgottenTopic, ...] = ...
    ) -> None: ...

class ShareFetchResponse(Message):
    class LeaderIdAndEpoch(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ...
        ) -> None: ...
    class AcquiredRecords(Struct):
        first_offset: Final[int]
        last_offset: Final[int]
        delivery_count: Final[int]
        def __init__(
            self, *, first_offset: int = ..., last_offset: int = ..., delivery_count: int = ...
        ) -> None: ...
    class PartitionData(Struct):
        LeaderIdAndEpoch = ShareFetchResponse.LeaderIdAndEpoch
        AcquiredRecords = ShareFetchResponse.AcquiredRecords
        partition_index: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        acknowledge_error_code: Final[int]
        acknowledge_error_message: Final[str | None]
        current_leader: Final[ShareFetchResponse.LeaderIdAndEpoch]
        records: Final[bytes | memoryview]
        acquired_records: Final[tuple[ShareFetchResponse.AcquiredRecords, ...]]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., error_message: str | None = ..., acknowledge_error_code: int = ...,
            acknowledge_error_message: str | None = ..., current_leader: ShareFetchResponse.LeaderIdAndEpoch = ..., records: Records = ...,
            acquired_records: tuple[ShareFetchResponse.AcquiredRecords, ...] = ...
        ) -> None: ...
    class ShareFetchableTopicResponse(Struct):
        PartitionData = ShareFetchResponse.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[ShareFetchResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[ShareFetchResponse.PartitionData, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        rack: Final[str | None]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ..., rack: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    acquisition_lock_timeout_ms: Final[int]
    responses: Final[tuple[ShareFetchResponse.ShareFetchableTopicResponse, ...]]
    node_endpoints: Final[tuple[ShareFetchResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., acquisition_lock_timeout_ms: int = ...,
        responses: tuple[ShareFetchResponse.ShareFetchableTopicResponse, ...] = ..., node_endpoints: tuple[ShareFetchResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class ShareGroupDescribeRequest(Message):
    group_ids: Final[tuple[str, ...]]
    include_authorized_operations: Final[bool]
    def __init__(
        self, *, group_ids: tuple[str, ...] = ..., include_authorized_operations: bool = ...
    ) -> None: ...

class ShareGroupDescribeResponse(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        topic_name: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., topic_name: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Assignment(Struct):
        TopicPartitions = ShareGroupDescribeResponse.TopicPartitions
        topic_partitions: Final[tuple[ShareGroupDescribeResponse.TopicPartitions, ...]]
        def __init__(
            self, *, topic_partitions: tuple[ShareGroupDescribeResponse.TopicPartitions, ...] = ...
        ) -> None: ...
    class Member(Struct):
        Assignment = ShareGroupDescribeResponse.Assignment
        member_id: Final[str]
        rack_id: Final[str | None]
        member_epoch: Final[int]
        client_id: Final[str]
        client_host: Final[str]
        subscribed_topic_names: Final[tuple[str, ...]]
        assignment: Final[ShareGroupDescribeResponse.Assignment]
        def __init__(
            self, *, member_id: str = ..., rack_id: str | None = ..., member_epoch: int = ..., client_id: str = ..., client_host: str = ...,
            subscribed_topic_names: tuple[str, ...] = ..., assignment: ShareGroupDescribeResponse.Assignment = ...
        ) -> None: ...
    class DescribedGroup(Struct):
        Member = ShareGroupDescribeResponse.Member
        error_code: Final[int]
        error_message: Final[str | None]
        group_id: Final[str]
        group_state: Final[str]
        group_epoch: Final[int]
        assignment_epoch: Final[int]
        assignor_name: Final[str]
        members: Final[tuple[ShareGroupDescribeResponse.Member, ...]]
        authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., group_id: str = ..., group_state: str = ..., group_epoch: int = ...,
            assignment_epoch: int = ..., assignor_name: str = ..., members: tuple[ShareGroupDescribeResponse.Member, ...] = ...,
            authorized_operations: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[ShareGroupDescribeResponse.DescribedGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[ShareGroupDescribeResponse.DescribedGroup, ...] = ...
    ) -> None: ...

class ShareGroupHeartbeatRequest(Message):
    group_id: Final[str]
    member_id: Final[str]
    member_epoch: Final[int]
    rack_id: Final[str | None]
    subscribed_topic_names: Final[tuple[str, ...] | None]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ..., member_epoch: int = ..., rack_id: str | None = ..., subscribed_topic_names: tuple[str,
        ...] | None = ...
    ) -> None: ...

class ShareGroupHeartbeatResponse(Message):
    class TopicPartitions(Struct):
        topic_id: Final[bytes]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Assignment(Struct):
        TopicPartitions = ShareGroupHeartbeatResponse.TopicPartitions
        topic_partitions: Final[tuple[ShareGroupHeartbeatResponse.TopicPartitions, ...]]
        def __init__(
            self, *, topic_partitions: tuple[ShareGroupHeartbeatResponse.TopicPartitions, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    member_id: Final[str | None]
    member_epoch: Final[int]
    heartbeat_interval_ms: Final[int]
    assignment: Final[ShareGroupHeartbeatResponse.Assignment | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., member_id: str | None = ..., member_epoch: int =
        ..., heartbeat_interval_ms: int = ..., assignment: ShareGroupHeartbeatResponse.Assignment | None = ...
    ) -> None: ...

class SnapshotFooterRecord(Message):
    version: Final[int]
    def __init__(
        self, *, version: int = ...
    ) -> None: ...

class SnapshotHeaderRecord(Message):
    version: Final[int]
    last_contained_log_timestamp: Final[int]
    def __init__(
        self, *, version: int = ..., last_contained_log_timestamp: int = ...
    ) -> None: ...

class StreamsGroupDescribeRequest(Message):
    group_ids: Final[tuple[str, ...]]
    include_authorized_operations: Final[bool]
    def __init__(
        self, *, group_ids: tuple[str, ...] = ..., include_authorized_operations: bool = ...
    ) -> None: ...

class StreamsGroupDescribeResponse(Message):
    class KeyValue(Struct):
        key: Final[str]
        value: Final[str]
        def __init__(
            self, *, key: str = ..., value: str = ...
        ) -> None: ...
    class TopicInfo(Struct):
        KeyValue = StreamsGroupDescribeResponse.KeyValue
        name: Final[str]
        partitions: Final[int]
        replication_factor: Final[int]
        topic_configs: Final[tuple[StreamsGroupDescribeResponse.KeyValue, ...]]
        def __init__(
            self, *, name: str = ..., partitions: int = ..., replication_factor: int = ..., topic_configs:
            tuple[StreamsGroupDescribeResponse.KeyValue, ...] = ...
        ) -> None: ...
    class Subtopology(Struct):
        TopicInfo = StreamsGroupDescribeResponse.TopicInfo
        subtopology_id: Final[str]
        source_topics: Final[tuple[str, ...]]
        repartition_sink_topics: Final[tuple[str, ...]]
        state_changelog_topics: Final[tuple[StreamsGroupDescribeResponse.TopicInfo, ...]]
        repartition_source_topics: Final[tuple[StreamsGroupDescribeResponse.TopicInfo, ...]]
        def __init__(
            self, *, subtopology_id: str = ..., source_topics: tuple[str, ...] = ..., repartition_sink_topics: tuple[str, ...] = ...,
            state_changelog_topics: tuple[StreamsGroupDescribeResponse.TopicInfo, ...] = ..., repartition_source_topics:
            tuple[StreamsGroupDescribeResponse.TopicInfo, ...] = ...
        ) -> None: ...
    class Topology(Struct):
        Subtopology = StreamsGroupDescribeResponse.Subtopology
        epoch: Final[int]
        subtopologies: Final[tuple[StreamsGroupDescribeResponse.Subtopology, ...] | None]
        def __init__(
            self, *, epoch: int = ..., subtopologies: tuple[StreamsGroupDescribeResponse.Subtopology, ...] | None = ...
        ) -> None: ...
    class Endpoint(Struct):
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, host: str = ..., port: int = ...
        ) -> None: ...
    class TaskOffset(Struct):
        subtopology_id: Final[str]
        partition: Final[int]
        offset: Final[int]
        def __init__(
            self, *, subtopology_id: str = ..., partition: int = ..., offset: int = ...
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, subtopology_id: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Assignment(Struct):
        TaskIds = StreamsGroupDescribeResponse.TaskIds
        active_tasks: Final[tuple[StreamsGroupDescribeResponse.TaskIds, ...]]
        standby_tasks: Final[tuple[StreamsGroupDescribeResponse.TaskIds, ...]]
        warmup_tasks: Final[tuple[StreamsGroupDescribeResponse.TaskIds, ...]]
        def __init__(
            self, *, active_tasks: tuple[StreamsGroupDescribeResponse.TaskIds, ...] = ..., standby_tasks: tuple[StreamsGroupDescribeResponse.TaskIds,
            ...] = ..., warmup_tasks: tuple[StreamsGroupDescribeResponse.TaskIds, ...] = ...
        ) -> None: ...
    class Member(Struct):
        Endpoint = StreamsGroupDescribeResponse.Endpoint
        KeyValue = StreamsGroupDescribeResponse.KeyValue
        TaskOffset = StreamsGroupDescribeResponse.TaskOffset
        Assignment = StreamsGroupDescribeResponse.Assignment
        member_id: Final[str]
        member_epoch: Final[int]
        instance_id: Final[str | None]
        rack_id: Final[str | None]
        client_id: Final[str]
        client_host: Final[str]
        topology_epoch: Final[int]
        process_id: Final[str]
        user_endpoint: Final[StreamsGroupDescribeResponse.Endpoint | None]
        client_tags: Final[tuple[StreamsGroupDescribeResponse.KeyValue, ...]]
        task_offsets: Final[tuple[StreamsGroupDescribeResponse.TaskOffset, ...]]
        task_end_offsets: Final[tuple[StreamsGroupDescribeResponse.TaskOffset, ...]]
        assignment: Final[StreamsGroupDescribeResponse.Assignment]
        target_assignment: Final[StreamsGroupDescribeResponse.Assignment]
        is_classic: Final[bool]
        def __init__(
            self, *, member_id: str = ..., member_epoch: int = ..., instance_id: str | None = ..., rack_id: str | None = ..., client_id: str = ...,
            client_host: str = ..., topology_epoch: int = ..., process_id: str = ..., user_endpoint: StreamsGroupDescribeResponse.Endpoint | None =
            ..., client_tags: tuple[StreamsGroupDescribeResponse.KeyValue, ...] = ..., task_offsets: tuple[StreamsGroupDescribeResponse.TaskOffset,
            ...] = ..., task_end_offsets: tuple[StreamsGroupDescribeResponse.TaskOffset, ...] = ..., assignment:
            StreamsGroupDescribeResponse.Assignment = ..., target_assignment: StreamsGroupDescribeResponse.Assignment = ..., is_classic: bool = ...
        ) -> None: ...
    class DescribedGroup(Struct):
        Topology = StreamsGroupDescribeResponse.Topology
        Member = StreamsGroupDescribeResponse.Member
        error_code: Final[int]
        error_message: Final[str | None]
        group_id: Final[str]
        group_state: Final[str]
        group_epoch: Final[int]
        assignment_epoch: Final[int]
        topology: Final[StreamsGroupDescribeResponse.Topology | None]
        members: Final[tuple[StreamsGroupDescribeResponse.Member, ...]]
        authorized_operations: Final[int]
        def __init__(
            self, *, error_code: int = ..., error_message: str | None = ..., group_id: str = ..., group_state: str = ..., group_epoch: int = ...,
            assignment_epoch: int = ..., topology: StreamsGroupDescribeResponse.Topology | None = ..., members:
            tuple[StreamsGroupDescribeResponse.Member, ...] = ..., authorized_operations: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    groups: Final[tuple[StreamsGroupDescribeResponse.DescribedGroup, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., groups: tuple[StreamsGroupDescribeResponse.DescribedGroup, ...] = ...
    ) -> None: ...

class StreamsGroupHeartbeatRequest(Message):
    class KeyValue(Struct):
        key: Final[str]
        value: Final[str]
        def __init__(
            self, *, key: str = ..., value: str = ...
        ) -> None: ...
    class TopicInfo(Struct):
        KeyValue = StreamsGroupHeartbeatRequest.KeyValue
        name: Final[str]
        partitions: Final[int]
        replication_factor: Final[int]
        topic_configs: Final[tuple[StreamsGroupHeartbeatRequest.KeyValue, ...]]
        def __init__(
            self, *, name: str = ..., partitions: int = ..., replication_factor: int = ..., topic_configs:
            tuple[StreamsGroupHeartbeatRequest.KeyValue, ...] = ...
        ) -> None: ...
    class CopartitionGroup(Struct):
        source_topics: Final[tuple[int, ...]]
        source_topic_regex: Final[tuple[int, ...]]
        repartition_source_topics: Final[tuple[int, ...]]
        def __init__(
            self, *, source_topics: tuple[int, ...] = ..., source_topic_regex: tuple[int, ...] = ..., repartition_source_topics: tuple[int, ...] = ...
        ) -> None: ...
    class Subtopology(Struct):
        TopicInfo = StreamsGroupHeartbeatRequest.TopicInfo
        CopartitionGroup = StreamsGroupHeartbeatRequest.CopartitionGroup
        subtopology_id: Final[str]
        source_topics: Final[tuple[str, ...]]
        source_topic_regex: Final[tuple[str, ...]]
        state_changelog_topics: Final[tuple[StreamsGroupHeartbeatRequest.TopicInfo, ...]]
        repartition_sink_topics: Final[tuple[str, ...]]
        repartition_source_topics: Final[tuple[StreamsGroupHeartbeatRequest.TopicInfo, ...]]
        copartition_groups: Final[tuple[StreamsGroupHeartbeatRequest.CopartitionGroup, ...]]
        def __init__(
            self, *, subtopology_id: str = ..., source_topics: tuple[str, ...] = ..., source_topic_regex: tuple[str, ...] = ...,
            state_changelog_topics: tuple[StreamsGroupHeartbeatRequest.TopicInfo, ...] = ..., repartition_sink_topics: tuple[str, ...] = ...,
            repartition_source_topics: tuple[StreamsGroupHeartbeatRequest.TopicInfo, ...] = ..., copartition_groups:
            tuple[StreamsGroupHeartbeatRequest.CopartitionGroup, ...] = ...
        ) -> None: ...
    class Topology(Struct):
        Subtopology = StreamsGroupHeartbeatRequest.Subtopology
        epoch: Final[int]
        subtopologies: Final[tuple[StreamsGroupHeartbeatRequest.Subtopology, ...]]
        def __init__(
            self, *, epoch: int = ..., subtopologies: tuple[StreamsGroupHeartbeatRequest.Subtopology, ...] = ...
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, subtopology_id: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Endpoint(Struct):
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, host: str = ..., port: int = ...
        ) -> None: ...
    class TaskOffset(Struct):
        subtopology_id: Final[str]
        partition: Final[int]
        offset: Final[int]
        def __init__(
            self, *, subtopology_id: str = ..., partition: int = ..., offset: int = ...
        ) -> None: ...
    group_id: Final[str]
    member_id: Final[str]
    member_epoch: Final[int]
    endpoint_information_epoch: Final[int]
    instance_id: Final[str | None]
    rack_id: Final[str | None]
    rebalance_timeout_ms: Final[int]
    topology: Final[StreamsGroupHeartbeatRequest.Topology | None]
    active_tasks: Final[tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None]
    standby_tasks: Final[tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None]
    warmup_tasks: Final[tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None]
    process_id: Final[str | None]
    user_endpoint: Final[StreamsGroupHeartbeatRequest.Endpoint | None]
    client_tags: Final[tuple[StreamsGroupHeartbeatRequest.KeyValue, ...] | None]
    task_offsets: Final[tuple[StreamsGroupHeartbeatRequest.TaskOffset, ...] | None]
    task_end_offsets: Final[tuple[StreamsGroupHeartbeatRequest.TaskOffset, ...] | None]
    shutdown_application: Final[bool]
    def __init__(
        self, *, group_id: str = ..., member_id: str = ..., member_epoch: int = ..., endpoint_information_epoch: int = ..., instance_id: str | None =
        ..., rack_id: str | None = ..., rebalance_timeout_ms: int = ..., topology: StreamsGroupHeartbeatRequest.Topology | None = ..., active_tasks:
        tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None = ..., standby_tasks: tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None = ...,
        warmup_tasks: tuple[StreamsGroupHeartbeatRequest.TaskIds, ...] | None = ..., process_id: str | None = ..., user_endpoint:
        StreamsGroupHeartbeatRequest.Endpoint | None = ..., client_tags: tuple[StreamsGroupHeartbeatRequest.KeyValue, ...] | None = ..., task_offsets:
        tuple[StreamsGroupHeartbeatRequest.TaskOffset, ...] | None = ..., task_end_offsets: tuple[StreamsGroupHeartbeatRequest.TaskOffset, ...] | None
        = ..., shutdown_application: bool = ...
    ) -> None: ...

class StreamsGroupHeartbeatResponse(Message):
    class Status(Struct):
        status_code: Final[int]
        status_detail: Final[str]
        def __init__(
            self, *, status_code: int = ..., status_detail: str = ...
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, subtopology_id: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class Endpoint(Struct):
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, host: str = ..., port: int = ...
        ) -> None: ...
    class TopicPartition(Struct):
        topic: Final[str]
        partitions: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partitions: tuple[int, ...] = ...
        ) -> None: ...
    class EndpointToPartitions(Struct):
        Endpoint = StreamsGroupHeartbeatResponse.Endpoint
        TopicPartition = StreamsGroupHeartbeatResponse.TopicPartition
        user_endpoint: Final[StreamsGroupHeartbeatResponse.Endpoint]
        active_partitions: Final[tuple[StreamsGroupHeartbeatResponse.TopicPartition, ...]]
        standby_partitions: Final[tuple[StreamsGroupHeartbeatResponse.TopicPartition, ...]]
        def __init__(
            self, *, user_endpoint: StreamsGroupHeartbeatResponse.Endpoint = ..., active_partitions:
            tuple[StreamsGroupHeartbeatResponse.TopicPartition, ...] = ..., standby_partitions: tuple[StreamsGroupHeartbeatResponse.TopicPartition,
            ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    member_id: Final[str]
    member_epoch: Final[int]
    heartbeat_interval_ms: Final[int]
    acceptable_recovery_lag: Final[int]
    task_offset_interval_ms: Final[int]
    status: Final[tuple[StreamsGroupHeartbeatResponse.Status, ...] | None]
    active_tasks: Final[tuple[StreamsGroupHeartbeatResponse.TaskIds, ...] | None]
    standby_tasks: Final[tuple[StreamsGroupHeartbeatResponse.TaskIds, ...] | None]
    warmup_tasks: Final[tuple[StreamsGroupHeartbeatResponse.TaskIds, ...] | None]
    endpoint_information_epoch: Final[int]
    partitions_by_user_endpoint: Final[tuple[StreamsGroupHeartbeatResponse.EndpointToPartitions, ...] | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., member_id: str = ..., member_epoch: int = ...,
        heartbeat_interval_ms: int = ..., acceptable_recovery_lag: int = ..., task_offset_interval_ms: int = ..., status:
        tuple[StreamsGroupHeartbeatResponse.Status, ...] | None = ..., active_tasks: tuple[StreamsGroupHeartbeatResponse.TaskIds, ...] | None = ...,
        standby_tasks: tuple[StreamsGroupHeartbeatResponse.TaskIds, ...] | None = ..., warmup_tasks: tuple[StreamsGroupHeartbeatResponse.TaskIds, ...]
        | None = ..., endpoint_information_epoch: int = ..., partitions_by_user_endpoint: tuple[StreamsGroupHeartbeatResponse.EndpointToPartitions,
        ...] | None = ...
    ) -> None: ...

class SyncGroupRequest(Message):
    class SyncGroupRequestAssignment(Struct):
        member_id: Final[str]
        assignment: Final[bytes]
        def __init__(
            self, *, member_id: str = ..., assignment: bytes = ...
        ) -> None: ...
    group_id: Final[str]
    generation_id: Final[int]
    member_id: Final[str]
    group_instance_id: Final[str | None]
    protocol_type: Final[str | None]
    protocol_name: Final[str | None]
    assignments: Final[tuple[SyncGroupRequest.SyncGroupRequestAssignment, ...]]
    def __init__(
        self, *, group_id: str = ..., generation_id: int = ..., member_id: str = ..., group_instance_id: str | None = ..., protocol_type: str | None =
        ..., protocol_name: str | None = ..., assignments: tuple[SyncGroupRequest.SyncGroupRequestAssignment, ...] = ...
    ) -> None: ...

class SyncGroupResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    protocol_type: Final[str | None]
    protocol_name: Final[str | None]
    assignment: Final[bytes]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., protocol_type: str | None = ..., protocol_name: str | None = ..., assignment:
        bytes = ...
    ) -> None: ...

class TransactionLogKey(Message):
    transactional_id: Final[str]
    def __init__(
        self, *, transactional_id: str = ...
    ) -> None: ...

class TransactionLogValue(Message):
    class PartitionsSchema(Struct):
        topic: Final[str]
        partition_ids: Final[tuple[int, ...]]
        def __init__(
            self, *, topic: str = ..., partition_ids: tuple[int, ...] = ...
        ) -> None: ...
    producer_id: Final[int]
    previous_producer_id: Final[int]
    next_producer_id: Final[int]
    producer_epoch: Final[int]
    transaction_timeout_ms: Final[int]
    transaction_status: Final[int]
    transaction_partitions: Final[tuple[TransactionLogValue.PartitionsSchema, ...] | None]
    transaction_last_update_timestamp_ms: Final[int]
    transaction_start_timestamp_ms: Final[int]
    client_transaction_version: Final[int]
    def __init__(
        self, *, producer_id: int = ..., previous_producer_id: int = ..., next_producer_id: int = ..., producer_epoch: int = ...,
        transaction_timeout_ms: int = ..., transaction_status: int = ..., transaction_partitions: tuple[TransactionLogValue.PartitionsSchema, ...] |
        None = ..., transaction_last_update_timestamp_ms: int = ..., transaction_start_timestamp_ms: int = ..., client_transaction_version: int = ...
    ) -> None: ...

class TxnOffsetCommitRequest(Message):
    class TxnOffsetCommitRequestPartition(Struct):
        partition_index: Final[int]
        committed_offset: Final[int]
        committed_leader_epoch: Final[int]
        committed_metadata: Final[str | None]
        def __init__(
            self, *, partition_index: int = ..., committed_offset: int = ..., committed_leader_epoch: int = ..., committed_metadata: str | None = ...
        ) -> None: ...
    class TxnOffsetCommitRequestTopic(Struct):
        TxnOffsetCommitRequestPartition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition
        name: Final[str]
        partitions: Final[tuple[TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition, ...] = ...
        ) -> None: ...
    transactional_id: Final[str]
    group_id: Final[str]
    producer_id: Final[int]
    producer_epoch: Final[int]
    generation_id: Final[int]
    member_id: Final[str]
    group_instance_id: Final[str | None]
    topics: Final[tuple[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic, ...]]
    def __init__(
        self, *, transactional_id: str = ..., group_id: str = ..., producer_id: int = ..., producer_epoch: int = ..., generation_id: int = ...,
        member_id: str = ..., group_instance_id: str | None = ..., topics: tuple[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic, ...] = ...
    ) -> None: ...

class TxnOffsetCommitResponse(Message):
    class TxnOffsetCommitResponsePartition(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class TxnOffsetCommitResponseTopic(Struct):
        TxnOffsetCommitResponsePartition = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition
        name: Final[str]
        partitions: Final[tuple[TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition, ...] = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    topics: Final[tuple[TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., topics: tuple[TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic, ...] = ...
    ) -> None: ...

class UnregisterBrokerRequest(Message):
    broker_id: Final[int]
    def __init__(
        self, *, broker_id: int = ...
    ) -> None: ...

class UnregisterBrokerResponse(Message):
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ...
    ) -> None: ...

class UpdateFeaturesRequest(Message):
    class FeatureUpdateKey(Struct):
        feature: Final[str]
        max_version_level: Final[int]
        upgrade_type: Final[int]
        allow_downgrade: Final[bool]
        def __init__(
            self, *, feature: str = ..., max_version_level: int = ..., upgrade_type: int = ..., allow_downgrade: bool = ...
        ) -> None: ...
    timeout_ms: Final[int]
    feature_updates: Final[tuple[UpdateFeaturesRequest.FeatureUpdateKey, ...]]
    validate_only: Final[bool]
    def __init__(
        self, *, timeout_ms: int = ..., feature_updates: tuple[UpdateFeaturesRequest.FeatureUpdateKey, ...] = ..., validate_only: bool = ...
    ) -> None: ...

class UpdateFeaturesResponse(Message):
    class UpdatableFeatureResult(Struct):
        feature: Final[str]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, feature: str = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    error_message: Final[str | None]
    results: Final[tuple[UpdateFeaturesResponse.UpdatableFeatureResult, ...]]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., error_message: str | None = ..., results:
        tuple[UpdateFeaturesResponse.UpdatableFeatureResult, ...] = ...
    ) -> None: ...

class UpdateRaftVoterRequest(Message):
    class Listener(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    class KRaftVersionFeature(Struct):
        min_supported_version: Final[int]
        max_supported_version: Final[int]
        def __init__(
            self, *, min_supported_version: int = ..., max_supported_version: int = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    current_leader_epoch: Final[int]
    voter_id: Final[int]
    voter_directory_id: Final[bytes]
    listeners: Final[tuple[UpdateRaftVoterRequest.Listener, ...]]
    k_raft_version_feature: Final[UpdateRaftVoterRequest.KRaftVersionFeature]
    def __init__(
        self, *, cluster_id: str | None = ..., current_leader_epoch: int = ..., voter_id: int = ..., voter_directory_id: bytes = ..., listeners:
        tuple[UpdateRaftVoterRequest.Listener, ...] = ..., k_raft_version_feature: UpdateRaftVoterRequest.KRaftVersionFeature = ...
    ) -> None: ...

class UpdateRaftVoterResponse(Message):
    class CurrentLeader(Struct):
        leader_id: Final[int]
        leader_epoch: Final[int]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, leader_id: int = ..., leader_epoch: int = ..., host: str = ..., port: int = ...
        ) -> None: ...
    throttle_time_ms: Final[int]
    error_code: Final[int]
    current_leader: Final[UpdateRaftVoterResponse.CurrentLeader]
    def __init__(
        self, *, throttle_time_ms: int = ..., error_code: int = ..., current_leader: UpdateRaftVoterResponse.CurrentLeader = ...
    ) -> None: ...

class VoteRequest(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        replica_epoch: Final[int]
        replica_id: Final[int]
        replica_directory_id: Final[bytes]
        voter_directory_id: Final[bytes]
        last_offset_epoch: Final[int]
        last_offset: Final[int]
        pre_vote: Final[bool]
        def __init__(
            self, *, partition_index: int = ..., replica_epoch: int = ..., replica_id: int = ..., replica_directory_id: bytes = ...,
            voter_directory_id: bytes = ..., last_offset_epoch: int = ..., last_offset: int = ..., pre_vote: bool = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = VoteRequest.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[VoteRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[VoteRequest.PartitionData, ...] = ...
        ) -> None: ...
    cluster_id: Final[str | None]
    voter_id: Final[int]
    topics: Final[tuple[VoteRequest.TopicData, ...]]
    def __init__(
        self, *, cluster_id: str | None = ..., voter_id: int = ..., topics: tuple[VoteRequest.TopicData, ...] = ...
    ) -> None: ...

class VoteResponse(Message):
    class PartitionData(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        leader_id: Final[int]
        leader_epoch: Final[int]
        vote_granted: Final[bool]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ..., leader_id: int = ..., leader_epoch: int = ..., vote_granted: bool = ...
        ) -> None: ...
    class TopicData(Struct):
        PartitionData = VoteResponse.PartitionData
        topic_name: Final[str]
        partitions: Final[tuple[VoteResponse.PartitionData, ...]]
        def __init__(
            self, *, topic_name: str = ..., partitions: tuple[VoteResponse.PartitionData, ...] = ...
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: Final[int]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, node_id: int = ..., host: str = ..., port: int = ...
        ) -> None: ...
    error_code: Final[int]
    topics: Final[tuple[VoteResponse.TopicData, ...]]
    node_endpoints: Final[tuple[VoteResponse.NodeEndpoint, ...]]
    def __init__(
        self, *, error_code: int = ..., topics: tuple[VoteResponse.TopicData, ...] = ..., node_endpoints: tuple[VoteResponse.NodeEndpoint, ...] = ...
    ) -> None: ...

class VotersRecord(Message):
    class Endpoint(Struct):
        name: Final[str]
        host: Final[str]
        port: Final[int]
        def __init__(
            self, *, name: str = ..., host: str = ..., port: int = ...
        ) -> None: ...
    class KRaftVersionFeature(Struct):
        min_supported_version: Final[int]
        max_supported_version: Final[int]
        def __init__(
            self, *, min_supported_version: int = ..., max_supported_version: int = ...
        ) -> None: ...
    class Voter(Struct):
        Endpoint = VotersRecord.Endpoint
        KRaftVersionFeature = VotersRecord.KRaftVersionFeature
        voter_id: Final[int]
        voter_directory_id: Final[bytes]
        endpoints: Final[tuple[VotersRecord.Endpoint, ...]]
        k_raft_version_feature: Final[VotersRecord.KRaftVersionFeature]
        def __init__(
            self, *, voter_id: int = ..., voter_directory_id: bytes = ..., endpoints: tuple[VotersRecord.Endpoint, ...] = ..., k_raft_version_feature:
            VotersRecord.KRaftVersionFeature = ...
        ) -> None: ...
    version: Final[int]
    voters: Final[tuple[VotersRecord.Voter, ...]]
    def __init__(
        self, *, version: int = ..., voters: tuple[VotersRecord.Voter, ...] = ...
    ) -> None: ...

class WriteShareGroupStateRequest(Message):
    class StateBatch(Struct):
        first_offset: Final[int]
        last_offset: Final[int]
        delivery_state: Final[int]
        delivery_count: Final[int]
        def __init__(
            self, *, first_offset: int = ..., last_offset: int = ..., delivery_state: int = ..., delivery_count: int = ...
        ) -> None: ...
    class PartitionData(Struct):
        StateBatch = WriteShareGroupStateRequest.StateBatch
        partition: Final[int]
        state_epoch: Final[int]
        leader_epoch: Final[int]
        start_offset: Final[int]
        delivery_complete_count: Final[int]
        state_batches: Final[tuple[WriteShareGroupStateRequest.StateBatch, ...]]
        def __init__(
            self, *, partition: int = ..., state_epoch: int = ..., leader_epoch: int = ..., start_offset: int = ..., delivery_complete_count: int =
            ..., state_batches: tuple[WriteShareGroupStateRequest.StateBatch, ...] = ...
        ) -> None: ...
    class WriteStateData(Struct):
        PartitionData = WriteShareGroupStateRequest.PartitionData
        topic_id: Final[bytes]
        partitions: Final[tuple[WriteShareGroupStateRequest.PartitionData, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[WriteShareGroupStateRequest.PartitionData, ...] = ...
        ) -> None: ...
    group_id: Final[str]
    topics: Final[tuple[WriteShareGroupStateRequest.WriteStateData, ...]]
    def __init__(
        self, *, group_id: str = ..., topics: tuple[WriteShareGroupStateRequest.WriteStateData, ...] = ...
    ) -> None: ...

class WriteShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: Final[int]
        error_code: Final[int]
        error_message: Final[str | None]
        def __init__(
            self, *, partition: int = ..., error_code: int = ..., error_message: str | None = ...
        ) -> None: ...
    class WriteStateResult(Struct):
        PartitionResult = WriteShareGroupStateResponse.PartitionResult
        topic_id: Final[bytes]
        partitions: Final[tuple[WriteShareGroupStateResponse.PartitionResult, ...]]
        def __init__(
            self, *, topic_id: bytes = ..., partitions: tuple[WriteShareGroupStateResponse.PartitionResult, ...] = ...
        ) -> None: ...
    results: Final[tuple[WriteShareGroupStateResponse.WriteStateResult, ...]]
    def __init__(
        self, *, results: tuple[WriteShareGroupStateResponse.WriteStateResult, ...] = ...
    ) -> None: ...

class WriteTxnMarkersRequest(Message):
    class WritableTxnMarkerTopic(Struct):
        name: Final[str]
        partition_indexes: Final[tuple[int, ...]]
        def __init__(
            self, *, name: str = ..., partition_indexes: tuple[int, ...] = ...
        ) -> None: ...
    class WritableTxnMarker(Struct):
        WritableTxnMarkerTopic = WriteTxnMarkersRequest.WritableTxnMarkerTopic
        producer_id: Final[int]
        producer_epoch: Final[int]
        transaction_result: Final[bool]
        topics: Final[tuple[WriteTxnMarkersRequest.WritableTxnMarkerTopic, ...]]
        coordinator_epoch: Final[int]
        transaction_version: Final[int]
        def __init__(
            self, *, producer_id: int = ..., producer_epoch: int = ..., transaction_result: bool = ..., topics:
            tuple[WriteTxnMarkersRequest.WritableTxnMarkerTopic, ...] = ..., coordinator_epoch: int = ..., transaction_version: int = ...
        ) -> None: ...
    markers: Final[tuple[WriteTxnMarkersRequest.WritableTxnMarker, ...]]
    def __init__(
        self, *, markers: tuple[WriteTxnMarkersRequest.WritableTxnMarker, ...] = ...
    ) -> None: ...

class WriteTxnMarkersResponse(Message):
    class WritableTxnMarkerPartitionResult(Struct):
        partition_index: Final[int]
        error_code: Final[int]
        def __init__(
            self, *, partition_index: int = ..., error_code: int = ...
        ) -> None: ...
    class WritableTxnMarkerTopicResult(Struct):
        WritableTxnMarkerPartitionResult = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult
        name: Final[str]
        partitions: Final[tuple[WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult, ...]]
        def __init__(
            self, *, name: str = ..., partitions: tuple[WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult, ...] = ...
        ) -> None: ...
    class WritableTxnMarkerResult(Struct):
        WritableTxnMarkerTopicResult = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
        producer_id: Final[int]
        topics: Final[tuple[WriteTxnMarkersResponse.WritableTxnMarkerTopicResult, ...]]
        def __init__(
            self, *, producer_id: int = ..., topics: tuple[WriteTxnMarkersResponse.WritableTxnMarkerTopicResult, ...] = ...
        ) -> None: ...
    markers: Final[tuple[WriteTxnMarkersResponse.WritableTxnMarkerResult, ...]]
    def __init__(
        self, *, markers: tuple[WriteTxnMarkersResponse.WritableTxnMarkerResult, ...] = ...
    ) -> None: ...

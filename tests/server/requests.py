"""A request of every API in every version that a broker can grant, and a broker in the state that they need."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred

from chronik.cluster.interfaces import NewTopic
from chronik.protocol import messages as m
from chronik.protocol.apis import response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.message import Message, Struct
from chronik.security.interfaces import Principal
from chronik.testing.records import batch_of
from tests.server.memory_broker import CORRELATION_ID, MemoryBroker

Make = Callable[[int], Message]


class GrantedRequests:
    """Requests to one broker, which gets a topic that has a record, and a group that has a member and an offset.

    :param broker: started and empty.
    :param result: what a Deferred has that fired, as :meth:`~twisted.trial.unittest.SynchronousTestCase.successResultOf`.
    """

    def __init__(self, broker: MemoryBroker, result: Callable[[Deferred[Any]], Any]) -> None:
        self.broker = broker
        self._result = result
        self._serial = itertools.count()
        result(broker.controller.create_topics([NewTopic("t")]))
        self.topic_id = broker.feed.image.topics["t"].topic_id
        self.ask(self.find_coordinator(3), 3)
        self.ask(self.produce(9), 9)
        self.member_id = self.ask(self.join("g"), 3)[0].member_id
        self.ask(m.SyncGroupRequest(group_id="g", generation_id=1, member_id=self.member_id), 3)
        self.ask(self.commit(9), 9)

    def ask(self, request: Message, version: int) -> tuple[Any, bytes]:
        """The decoded response, and its bytes behind the header."""
        assert request.api_key is not None
        frame = request_header(request.api_key, version, CORRELATION_ID, "me") + request.encode(version)
        pieces: Any = self._result(self.broker.dispatcher.dispatch(self.broker.session, frame).pieces)
        data = b"".join(piece if isinstance(piece, bytes) else piece.read(0, piece.size) for piece in pieces)
        correlation_id, start = parse_response_header(data, request.api_key, version)
        response, end = response_class(request.api_key).decode(data, version, start)
        assert (correlation_id, end) == (CORRELATION_ID, len(data)), "the answer is whole"
        return response, data[start:]

    def produce(self, version: int) -> Message:
        """A record."""
        part = m.ProduceRequest.PartitionProduceData(index=0, records=batch_of(b"value"))
        name = {"topic_id": self.topic_id} if version >= 13 else {"name": "t"}
        return m.ProduceRequest(acks=-1, timeout_ms=1_000, topic_data=(m.ProduceRequest.TopicProduceData(**name, partition_data=(part,)),))

    def fetch(self, version: int) -> Message:
        """From the beginning."""
        part = m.FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1_000)
        name = {"topic_id": self.topic_id} if version >= 13 else {"topic": "t"}
        return m.FetchRequest(max_bytes=1_000, topics=(m.FetchRequest.FetchTopic(**name, partitions=(part,)),))

    def find_coordinator(self, version: int) -> Message:
        """Of the group."""
        return m.FindCoordinatorRequest(coordinator_keys=("g",)) if version >= 4 else m.FindCoordinatorRequest(key="g")

    def join(self, group_id: str, **fields: Any) -> Message:
        """A new member."""
        protocol = m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
        given = {"session_timeout_ms": 6_000, "rebalance_timeout_ms": 6_000, "protocol_type": "consumer", "protocols": (protocol,)}
        return m.JoinGroupRequest(group_id=group_id, **given, **fields)

    def join_again(self, version: int) -> Message:
        """A new member of a group of its own for each version, with the id that it was told where one is."""
        member_id = self.ask(self.join(f"j{version}"), version)[0].member_id if version >= 4 else ""
        return self.join(f"j{version}", member_id=member_id)

    def commit(self, version: int) -> Message:
        """An offset, by the member."""
        part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1, committed_metadata="")
        name = {"topic_id": self.topic_id} if version >= 10 else {"name": "t"}
        topic = m.OffsetCommitRequest.OffsetCommitRequestTopic(**name, partitions=(part,))
        return m.OffsetCommitRequest(group_id="g", generation_id_or_member_epoch=1, member_id=self.member_id, topics=(topic,))

    def fetch_offsets(self, version: int) -> Message:
        """The group's."""
        if version < 8:
            topic = m.OffsetFetchRequest.OffsetFetchRequestTopic(name="t", partition_indexes=(0,))
            return m.OffsetFetchRequest(group_id="g", topics=(topic,))
        name = {"topic_id": self.topic_id} if version >= 10 else {"name": "t"}
        topics = (m.OffsetFetchRequest.OffsetFetchRequestTopics(**name, partition_indexes=(0,)),)
        return m.OffsetFetchRequest(groups=(m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=topics),))

    def leave(self, version: int) -> Message:
        """The member of a group of its own."""
        group_id = f"leaving-{next(self._serial)}"
        member_id = self.ask(self.join(group_id), 3)[0].member_id
        if version < 3:
            return m.LeaveGroupRequest(group_id=group_id, member_id=member_id)
        return m.LeaveGroupRequest(group_id=group_id, members=(m.LeaveGroupRequest.MemberIdentity(member_id=member_id),))

    def sync(self, version: int) -> Message:
        """The member, again."""
        return m.SyncGroupRequest(group_id="g", generation_id=1, member_id=self.member_id, protocol_type="consumer", protocol_name="range")

    def delete_offsets(self, version: int) -> Message:
        """Of a group without members."""
        part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
        self.ask(m.OffsetCommitRequest(group_id="idle", topics=(m.OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=(part,)),)), 8)
        partition = m.OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=0)
        return m.OffsetDeleteRequest(group_id="idle", topics=(m.OffsetDeleteRequest.OffsetDeleteRequestTopic(name="t", partitions=(partition,)),))

    def delete_groups(self, version: int) -> Message:
        """One without members."""
        self.delete_offsets(0)
        return m.DeleteGroupsRequest(groups_names=("idle",))

    def create(self, version: int) -> Message:
        """A topic of its own for each version."""
        return m.CreateTopicsRequest(topics=(m.CreateTopicsRequest.CreatableTopic(name=f"c{version}", num_partitions=1, replication_factor=1),))

    def delete_topics(self, version: int) -> Message:
        """A topic of its own for each version."""
        self._result(self.broker.controller.create_topics([NewTopic(f"d{version}")]))
        if version < 6:
            return m.DeleteTopicsRequest(topic_names=(f"d{version}",))
        return m.DeleteTopicsRequest(topics=(m.DeleteTopicsRequest.DeleteTopicState(name=f"d{version}"),))

    def grow(self, version: int) -> Message:
        """One partition more each time."""
        self._result(self.broker.controller.create_topics([NewTopic(f"p{version}")]))
        topic = m.CreatePartitionsRequest.CreatePartitionsTopic(name=f"p{version}", count=2, assignments=None)
        return m.CreatePartitionsRequest(topics=(topic,))

    def delete_records(self, version: int) -> Message:
        """What there is."""
        part = m.DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=-1)
        return m.DeleteRecordsRequest(topics=(m.DeleteRecordsRequest.DeleteRecordsTopic(name="t", partitions=(part,)),), timeout_ms=1_000)

    def elect(self, version: int) -> Message:
        """Leaders of nothing: where there is one broker, no partition needs another leader."""
        return m.ElectLeadersRequest(election_type=0, topic_partitions=(), timeout_ms=1_000)

    def reassign(self, version: int) -> Message:
        """To where it is."""
        part = m.AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=0, replicas=(1,))
        topic = m.AlterPartitionReassignmentsRequest.ReassignableTopic(name="t", partitions=(part,))
        return m.AlterPartitionReassignmentsRequest(topics=(topic,), timeout_ms=1_000)

    def epoch(self, version: int) -> Message:
        """The end of the first."""
        part = m.OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=0, current_leader_epoch=-1, leader_epoch=0)
        return m.OffsetForLeaderEpochRequest(topics=(m.OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic="t", partitions=(part,)),))

    def quorum(self, version: int) -> Message:
        """Of the metadata."""
        part = m.DescribeQuorumRequest.PartitionData(partition_index=0)
        return m.DescribeQuorumRequest(topics=(m.DescribeQuorumRequest.TopicData(topic_name="__cluster_metadata", partitions=(part,)),))

    def limit(self, version: int) -> Message:
        """A client."""
        entity = m.AlterClientQuotasRequest.EntityData(entity_type="client-id", entity_name="greedy")
        limit = m.AlterClientQuotasRequest.OpData(key="producer_byte_rate", value=1000.0, remove=False)
        return m.AlterClientQuotasRequest(entries=(m.AlterClientQuotasRequest.EntryData(entity=(entity,), ops=(limit,)),))

    def beat(self, version: int) -> Message:
        """A new member of the consumer protocol."""
        member_id = f"member-{version}" if version >= 1 else ""
        fields = {"rebalance_timeout_ms": 1_000, "subscribed_topic_names": ("t",), "topic_partitions": ()}
        return m.ConsumerGroupHeartbeatRequest(group_id=f"consumers-{version}", member_id=member_id, member_epoch=0, **fields)

    def describe_consumers(self, version: int) -> Message:
        """A group of the consumer protocol."""
        self.ask(self.beat(version), version)
        return m.ConsumerGroupDescribeRequest(group_ids=(f"consumers-{version}",))

    def move(self, version: int) -> Message:
        """To where it is."""
        topic = m.AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name="t", partitions=(0,))
        place = m.AlterReplicaLogDirsRequest.AlterReplicaLogDir(path="/data", topics=(topic,))
        return m.AlterReplicaLogDirsRequest(dirs=(place,))

    def add_user(self, version: int) -> Message:
        """One whose password is not looked at."""
        request = m.AlterUserScramCredentialsRequest
        user = request.ScramCredentialUpsertion(name="alice", mechanism=1, iterations=4096, salt=b"salt", salted_password=bytes(32))
        return request(upsertions=(user,))

    def unregister(self, version: int) -> Message:
        """A broker that is registered no more."""
        return m.UnregisterBrokerRequest(broker_id=7)

    def _proved(self) -> None:
        """Be somebody, on a connection that says so."""
        session = self.broker.session
        session.principal, session.encrypted = Principal("User", "alice"), True

    def create_token(self, version: int) -> Message:
        """One of alice's own."""
        self._proved()
        renewer = m.CreateDelegationTokenRequest.CreatableRenewers(principal_type="User", principal_name="bob")
        return m.CreateDelegationTokenRequest(owner_principal_type=None, owner_principal_name=None, renewers=(renewer,), max_lifetime_ms=-1)

    def _secret(self) -> bytes:
        """Of a new token."""
        secret: bytes = self.ask(self.create_token(3), 3)[0].hmac
        return secret

    def requests(self) -> dict[str, Make]:
        """A request that can be granted, by API."""
        alter, edit = m.AlterConfigsRequest, m.IncrementalAlterConfigsRequest
        offsets = m.ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
        altered = alter.AlterConfigsResource(resource_type=2, resource_name="t", configs=(alter.AlterableConfig(name="retention.ms", value="9"),))
        edited = edit.AlterConfigsResource(resource_type=2, resource_name="t", configs=(edit.AlterableConfig(name="retention.ms", value="8"),))
        entry = {"operation": 3, "permission_type": 3}
        acl = {"resource_type": 2, "resource_name": "t", "resource_pattern_type": 3, "principal": "User:alice", "host": "*", **entry}
        anyone = {"resource_name_filter": None, "principal_filter": None, "host_filter": None}
        which = {"resource_type_filter": 2, "pattern_type_filter": 1, **anyone, **entry}
        described = m.DescribeConfigsRequest.DescribeConfigsResource(resource_type=2, resource_name="t", configuration_keys=None)
        return {
            "Produce": self.produce,
            "Fetch": self.fetch,
            "ListOffsets": lambda _: m.ListOffsetsRequest(topics=(m.ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(offsets,)),)),
            "Metadata": lambda _: m.MetadataRequest(topics=(m.MetadataRequest.MetadataRequestTopic(name="t"),)),
            "OffsetCommit": self.commit,
            "OffsetFetch": self.fetch_offsets,
            "FindCoordinator": self.find_coordinator,
            "JoinGroup": self.join_again,
            "Heartbeat": lambda _: m.HeartbeatRequest(group_id="g", generation_id=1, member_id=self.member_id),
            "LeaveGroup": self.leave,
            "SyncGroup": self.sync,
            "DescribeGroups": lambda _: m.DescribeGroupsRequest(groups=("g",)),
            "ListGroups": lambda _: m.ListGroupsRequest(),
            "ApiVersions": lambda _: m.ApiVersionsRequest(client_software_name="test", client_software_version="1"),
            "CreateTopics": self.create,
            "DeleteTopics": self.delete_topics,
            "InitProducerId": lambda _: m.InitProducerIdRequest(transactional_id=None),
            "DescribeAcls": lambda _: m.DescribeAclsRequest(resource_type_filter=1, pattern_type_filter=1, operation=1, permission_type=1),
            "CreateAcls": lambda _: m.CreateAclsRequest(creations=(m.CreateAclsRequest.AclCreation(**acl),)),
            "DeleteAcls": lambda _: m.DeleteAclsRequest(filters=(m.DeleteAclsRequest.DeleteAclsFilter(**which),)),
            "DescribeConfigs": lambda _: m.DescribeConfigsRequest(resources=(described,)),
            "AlterConfigs": lambda _: alter(resources=(altered,)),
            "IncrementalAlterConfigs": lambda _: edit(resources=(edited,)),
            "CreatePartitions": self.grow,
            "DeleteGroups": self.delete_groups,
            "OffsetDelete": self.delete_offsets,
            "DescribeCluster": lambda _: m.DescribeClusterRequest(),
            "DescribeTopicPartitions": lambda _: m.DescribeTopicPartitionsRequest(
                topics=(m.DescribeTopicPartitionsRequest.TopicRequest(name="t"),), cursor=None
            ),
            "DeleteRecords": self.delete_records,
            "DescribeLogDirs": lambda _: m.DescribeLogDirsRequest(topics=None),
            "AlterReplicaLogDirs": self.move,
            "OffsetForLeaderEpoch": self.epoch,
            "DescribeProducers": lambda _: m.DescribeProducersRequest(
                topics=(m.DescribeProducersRequest.TopicRequest(name="t", partition_indexes=(0,)),)
            ),
            "ListConfigResources": lambda _: m.ListConfigResourcesRequest(),
            "DescribeQuorum": self.quorum,
            "ElectLeaders": self.elect,
            "AlterPartitionReassignments": self.reassign,
            "ListPartitionReassignments": lambda _: m.ListPartitionReassignmentsRequest(timeout_ms=1_000, topics=None),
            "SaslHandshake": lambda _: m.SaslHandshakeRequest(mechanism="PLAIN"),
            "SaslAuthenticate": lambda _: m.SaslAuthenticateRequest(auth_bytes=b"x"),
            "DescribeUserScramCredentials": lambda _: m.DescribeUserScramCredentialsRequest(users=None),
            "AlterUserScramCredentials": self.add_user,
            "UpdateFeatures": lambda _: m.UpdateFeaturesRequest(timeout_ms=1_000, feature_updates=()),
            "UnregisterBroker": self.unregister,
            "BrokerHeartbeat": lambda _: m.BrokerHeartbeatRequest(broker_id=1, broker_epoch=self.broker.controller.broker_epoch),
            "DescribeClientQuotas": lambda _: m.DescribeClientQuotasRequest(components=(), strict=False),
            "AlterClientQuotas": self.limit,
            "ConsumerGroupHeartbeat": self.beat,
            "ConsumerGroupDescribe": self.describe_consumers,
            "CreateDelegationToken": self.create_token,
            "RenewDelegationToken": lambda _: m.RenewDelegationTokenRequest(hmac=self._secret(), renew_period_ms=-1),
            "ExpireDelegationToken": lambda _: m.ExpireDelegationTokenRequest(hmac=self._secret(), expiry_time_period_ms=-1),
            "DescribeDelegationToken": lambda _: m.DescribeDelegationTokenRequest(owners=None),
        }


def errors(struct: Struct) -> Iterator[int]:
    """Every error code in a message."""
    for name in struct.__slots__:
        value = getattr(struct, name)
        if name.endswith("error_code"):
            yield value
        for element in value if isinstance(value, tuple) else (value,):
            if isinstance(element, Struct):
                yield from errors(element)

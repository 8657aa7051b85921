"""Messages as literal bytes, for the shapes that other brokers had wrong. Layouts: the message pages of the Kafka protocol guide."""

from __future__ import annotations

from chronik.protocol.messages import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    FetchRequest,
    FetchResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    InitProducerIdRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    ListGroupsRequest,
    ListOffsetsRequest,
    ListOffsetsResponse,
    MetadataRequest,
    MetadataResponse,
    OffsetFetchRequest,
    ProduceRequest,
    ProduceResponse,
    SaslHandshakeRequest,
    TxnOffsetCommitRequest,
)
from tests.protocol.wire import WireTestCase, wire

TOPIC_ID = bytes(range(16))


class ApiVersionsTests(WireTestCase):
    """The first exchange of every client."""

    def test_unsupported_version_is_answered_in_version_0(self) -> None:
        """Error 35 with the keys in a version 0 body, which every client can read."""
        answer = ApiVersionsResponse(error_code=35, api_keys=(ApiVersionsResponse.ApiVersion(api_key=18, min_version=0, max_version=4),))
        self.check(answer, 0, wire("0023", "00000001", "0012 0000 0004"))  # error, count, (key, min, max)

    def test_version_3(self) -> None:
        """Compact array, tags after each key and after the body; nothing in the tags that are at their defaults."""
        answer = ApiVersionsResponse(api_keys=(ApiVersionsResponse.ApiVersion(api_key=1, min_version=4, max_version=18),))
        self.check(answer, 3, wire("0000", "02", "0001 0004 0012", "00", "00000000", "00"))  # error, count + 1, key, tags, throttle, tags

    def test_features_are_tagged(self) -> None:
        """Tags go out in their order, each with its size."""
        feature = ApiVersionsResponse.FinalizedFeatureKey(name="f", max_version_level=2, min_version_level=1)
        answer = ApiVersionsResponse(finalized_features_epoch=7, finalized_features=(feature,))
        self.check(
            answer,
            3,
            wire(
                "0000 01 00000000",  # error, no keys, throttle
                "02",  # two tagged fields
                "01 08 0000000000000007",  # tag 1, size, epoch
                "02 08 02 02",  # tag 2, size, one feature, name of one byte
                b"f",
                "0002 0001 00",  # max level, min level, tags
            ),
        )

    def test_request(self) -> None:
        """The body is empty up to version 2; then it names the client's software."""
        self.check(ApiVersionsRequest(), 0, b"")
        self.check(ApiVersionsRequest(), 2, b"")
        request = ApiVersionsRequest(client_software_name="k", client_software_version="1")
        self.check(request, 3, wire("02", b"k", "02", b"1", "00"))

    def test_other_empty_bodies(self) -> None:
        """ListGroups up to 2 has no body, and 3 only its tags."""
        self.check(ListGroupsRequest(), 2, b"")
        self.check(ListGroupsRequest(), 3, b"\x00")


class ProduceTests(WireTestCase):
    """Produce requests and answers."""

    def request(self, **topic: object) -> ProduceRequest:
        """One partition with four bytes of records."""
        part = ProduceRequest.PartitionProduceData(index=1, records=b"abcd")
        return ProduceRequest(acks=-1, timeout_ms=30000, topic_data=(ProduceRequest.TopicProduceData(partition_data=(part,), **topic),))  # type: ignore[arg-type]

    def test_version_3(self) -> None:
        """int16 and int32 lengths."""
        encoded = wire("ffff", "ffff", "00007530", "00000001", "0001", b"t", "00000001", "00000001", "00000004", b"abcd")
        self.check(self.request(name="t"), 3, encoded)  # transactional id, acks, timeout, topics, name, partitions, index, records

    def test_version_9(self) -> None:
        """Compact lengths, and tags after partition, topic and body."""
        encoded = wire("00", "ffff", "00007530", "02", "02", b"t", "02", "00000001", "05", b"abcd", "00", "00", "00")
        self.check(self.request(name="t"), 9, encoded)

    def test_version_13(self) -> None:
        """A topic id instead of a name."""
        encoded = wire("00", "ffff", "00007530", "02", TOPIC_ID, "02", "00000001", "05", b"abcd", "00", "00", "00")
        self.check(self.request(topic_id=TOPIC_ID), 13, encoded)

    def test_null_records(self) -> None:
        """A flush probe's null records are None."""
        for version, encoded in (
            (3, wire("ffff ffff 00007530 00000001 0001", b"t", "00000001 00000001 ffffffff")),
            (9, wire("00 ffff 00007530 02 02", b"t", "02 00000001 00 00 00 00")),
        ):
            request = ProduceRequest.decode(encoded, version)[0]
            self.assertIsNone(request.topic_data[0].partition_data[0].records)
            self.assertEqual(request.encode(version), encoded)

    def response(self, **partition: object) -> ProduceResponse:
        """One partition."""
        part = ProduceResponse.PartitionProduceResponse(index=1, base_offset=5, log_append_time_ms=-1, **partition)  # type: ignore[arg-type]
        return ProduceResponse(responses=(ProduceResponse.TopicProduceResponse(name="t", partition_responses=(part,)),), throttle_time_ms=9)

    def test_throttle_time_comes_last(self) -> None:
        """Unlike in any other response, the throttle time follows the topics."""
        encoded = wire("00000001 0001", b"t", "00000001", "00000001 0000 0000000000000005 ffffffffffffffff", "00000009")
        self.check(self.response(), 3, encoded)  # index, error, base offset, append time

    def test_log_start_offset_from_version_5(self) -> None:
        """It follows the append time."""
        encoded = wire("00000001 0001", b"t", "00000001", "00000001 0000 0000000000000005 ffffffffffffffff", "0000000000000002", "00000009")
        self.check(self.response(log_start_offset=2), 5, encoded)

    def test_record_errors_from_version_8(self) -> None:
        """An array of (index, message), then the message, both before the throttle time."""
        error = ProduceResponse.BatchIndexAndErrorMessage(batch_index=3, batch_index_error_message=None)
        response = self.response(error_code=87, log_start_offset=2, record_errors=(error,), error_message="no")
        encoded = wire(
            "00000001 0001",
            b"t",
            "00000001",
            "00000001 0057 0000000000000005 ffffffffffffffff 0000000000000002",
            "00000001 00000003 ffff",  # one record error: batch index, null message
            "0002",
            b"no",
            "00000009",
        )
        self.check(response, 8, encoded)

    def test_new_leader_from_version_10(self) -> None:
        """The leader to go to is a tag of the partition, its address a tag of the response."""
        response = ProduceResponse(
            responses=self.response(
                error_code=6, log_start_offset=-1, current_leader=ProduceResponse.LeaderIdAndEpoch(leader_id=2, leader_epoch=4)
            ).responses,
            node_endpoints=(ProduceResponse.NodeEndpoint(node_id=2, host="h", port=9092),),
        )
        encoded = wire(
            "02 02",
            b"t",
            "02",
            "00000001 0006 0000000000000005 ffffffffffffffff ffffffffffffffff",
            "01 00",  # no record errors, null message
            "01 00 09 00000002 00000004 00",  # one tag: 0, nine bytes, leader id, epoch, tags
            "00",  # topic's tags
            "00000000",  # throttle time
            "01 00 0d 02 00000002 02",  # one tag: 0, thirteen bytes, one endpoint, id, host
            b"h",
            "00002384 00 00",  # port, null rack, tags
        )
        self.check(response, 10, encoded)
        self.assertEqual(response.decode(response.encode(9), 9)[0].node_endpoints, ())


class FetchTests(WireTestCase):
    """Fetch requests and answers."""

    def test_version_11_is_not_flexible_and_12_is(self) -> None:
        """The same request with int16 lengths, then with compact ones."""
        part = FetchRequest.FetchPartition(partition=1, fetch_offset=5, partition_max_bytes=1024)
        request = FetchRequest(max_wait_ms=500, min_bytes=1, max_bytes=4096, topics=(FetchRequest.FetchTopic(topic="t", partitions=(part,)),))
        start = "ffffffff 000001f4 00000001 00001000 00 00000000 ffffffff"  # replica, wait, min, max, isolation, session, its epoch
        self.check(
            request,
            11,
            wire(start, "00000001 0001", b"t", "00000001", "00000001 ffffffff 0000000000000005 ffffffffffffffff 00000400", "00000000 0000"),
        )
        self.check(
            request,
            12,
            wire(start, "02 02", b"t", "02", "00000001 ffffffff 0000000000000005 ffffffff ffffffffffffffff 00000400 00", "00 01 01 00"),
        )

    def test_replica_state_replaces_the_replica_id(self) -> None:
        """From version 15 a follower says who it is in tag 1."""
        request = FetchRequest(replica_state=FetchRequest.ReplicaState(replica_id=3, replica_epoch=8))
        encoded = wire(
            "00000000 00000000 7fffffff 00 00000000 ffffffff",  # wait, min, max, isolation, session, its epoch
            "01 01 01",  # no topics, nothing forgotten, empty rack
            "01 01 0d 00000003 0000000000000008 00",  # one tag: 1, thirteen bytes, id, epoch, tags
        )
        self.check(request, 15, encoded)

    def test_response_with_null_aborted_transactions(self) -> None:
        """Null is told from none, and records follow."""
        data = FetchResponse.PartitionData(high_watermark=6, last_stable_offset=6, log_start_offset=0, aborted_transactions=None, records=b"r")
        response = FetchResponse(responses=(FetchResponse.FetchableTopicResponse(topic="t", partitions=(data,)),))
        encoded = wire(
            "00000000 0000 00000000",  # throttle, error, session
            "02 02",
            b"t",
            "02 00000000 0000 0000000000000006 0000000000000006 0000000000000000",  # partition, error, watermark, stable, start
            "00 ffffffff 02",  # null transactions, no preferred replica, one byte
            b"r",
            "00 00 00",
        )
        self.check(response, 12, encoded)


class MetadataTests(WireTestCase):
    """Metadata requests and answers."""

    def test_all_topics(self) -> None:
        """An empty array in version 0, null from version 1: the codec passes on which it was."""
        self.check(MetadataRequest(topics=()), 0, wire("00000000"))
        self.check(MetadataRequest(topics=None), 1, wire("ffffffff"))
        self.check(MetadataRequest(topics=()), 1, wire("00000000"))
        self.check(MetadataRequest(topics=None), 12, wire("00 01 00 00"))

    def test_cluster_id_comes_before_the_controller(self) -> None:
        """In version 2, between brokers and controller id."""
        response = MetadataResponse(cluster_id="c", controller_id=1)
        self.check(response, 2, wire("00000000", "0001", b"c", "00000001", "00000000"))  # brokers, cluster, controller, topics
        self.check(MetadataResponse(controller_id=1), 1, wire("00000000", "00000001", "00000000"))

    def test_cluster_operations_in_versions_8_to_10_only(self) -> None:
        """They are the last field there, and gone afterwards."""
        response = MetadataResponse(cluster_authorized_operations=3)
        self.check(response, 8, wire("00000000 00000000 ffff ffffffff 00000000", "00000003"))
        self.check(response, 10, wire("00000000 01 00 ffffffff 01", "00000003", "00"))
        self.assertEqual(response.encode(11), wire("00000000 01 00 ffffffff 01", "00"))

    def test_topic_id_from_version_10(self) -> None:
        """It follows the name, which may be null from version 12."""
        topic = MetadataResponse.MetadataResponseTopic(error_code=100, name=None, topic_id=TOPIC_ID)
        encoded = wire("00000000 01 00 ffffffff", "02 0064 00", TOPIC_ID, "00 01 80000000 00", "00")
        self.check(MetadataResponse(topics=(topic,)), 12, encoded)  # topics: error, name, id, internal, partitions, operations, tags


class GroupTests(WireTestCase):
    """Shapes of the group APIs that switch with versions."""

    def test_join_group(self) -> None:
        """The instance id comes with 5, compact lengths with 6, the reason with 8."""
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="p", metadata=b"m")
        old = JoinGroupRequest(
            group_id="g", session_timeout_ms=10000, rebalance_timeout_ms=20000, member_id="", protocol_type="c", protocols=(protocol,)
        )
        timeouts = "00002710 00004e20"
        protocols = wire("0001", b"p", "00000001", b"m")
        self.check(old, 4, wire("0001", b"g", timeouts, "0000", "0001", b"c", "00000001", protocols))
        self.check(old, 5, wire("0001", b"g", timeouts, "0000", "ffff", "0001", b"c", "00000001", protocols))
        self.check(old, 8, wire("02", b"g", timeouts, "01", "00", "02", b"c", "02", "02", b"p", "02", b"m", "00", "00", "00"))

    def test_join_group_response(self) -> None:
        """The protocol type comes with 7, whether to skip the assignment with 9."""
        response = JoinGroupResponse(error_code=79, generation_id=-1, protocol_name="", leader="", member_id="m")
        self.check(response, 5, wire("00000000 004f ffffffff", "0000 0000 0001", b"m", "00000000"))
        self.check(response, 6, wire("00000000 004f ffffffff", "01 01 02", b"m", "01 00"))
        self.check(response, 7, wire("00000000 004f ffffffff", "00 01 01 02", b"m", "01 00"))
        self.check(response, 9, wire("00000000 004f ffffffff", "00 01 01 00 02", b"m", "01 00"))

    def test_leave_group(self) -> None:
        """One member up to 2, several from 3."""
        self.check(LeaveGroupRequest(group_id="g", member_id="m"), 2, wire("0001", b"g", "0001", b"m"))
        members = tuple(LeaveGroupRequest.MemberIdentity(member_id=name) for name in "ab")
        self.check(LeaveGroupRequest(group_id="g", members=members), 3, wire("0001", b"g", "00000002", "0001", b"a", "ffff 0001", b"b", "ffff"))

    def test_offset_fetch(self) -> None:
        """One group up to 7, several from 8, each with its own topics or null for all."""
        self.check(OffsetFetchRequest(group_id="g", topics=None), 2, wire("0001", b"g", "ffffffff"))
        groups = tuple(OffsetFetchRequest.OffsetFetchRequestGroup(group_id=name, topics=None) for name in "ab")
        self.check(OffsetFetchRequest(groups=groups, require_stable=True), 8, wire("03", "02", b"a", "00 00", "02", b"b", "00 00", "01 00"))

    def test_find_coordinator(self) -> None:
        """One key up to 3, several from 4, answered each by its key."""
        self.check(FindCoordinatorRequest(key="g"), 3, wire("02", b"g", "00", "00"))
        self.check(FindCoordinatorRequest(coordinator_keys=("a", "b")), 4, wire("00", "03", "02", b"a", "02", b"b", "00"))
        answer = FindCoordinatorResponse.Coordinator(key="a", node_id=1, host="h", port=9092, error_code=0, error_message=None)
        self.check(
            FindCoordinatorResponse(coordinators=(answer,)),
            4,
            wire("00000000", "02", "02", b"a", "00000001", "02", b"h", "00002384", "0000", "00", "00", "00"),
        )

    def test_transactional_offsets(self) -> None:
        """TxnOffsetCommit 3 carries generation, member and instance before the topics."""
        request = TxnOffsetCommitRequest(
            transactional_id="x", group_id="g", producer_id=1, producer_epoch=2, generation_id=3, member_id="m", group_instance_id=None
        )
        self.check(request, 3, wire("02", b"x", "02", b"g", "0000000000000001 0002", "00000003", "02", b"m", "00", "01", "00"))
        self.assertEqual(request.encode(2), wire("0001", b"x", "0001", b"g", "0000000000000001 0002", "00000000"))


class TopicTests(WireTestCase):
    """Topics by name and id; several in one request."""

    def test_several_topics_are_created(self) -> None:
        """Nothing of the second topic is lost."""
        topics = (
            CreateTopicsRequest.CreatableTopic(name="a", num_partitions=3, replication_factor=1),
            CreateTopicsRequest.CreatableTopic(
                name="b",
                num_partitions=-1,
                replication_factor=-1,
                assignments=(CreateTopicsRequest.CreatableReplicaAssignment(partition_index=0, broker_ids=(1, 2)),),
                configs=(CreateTopicsRequest.CreatableTopicConfig(name="k", value=None),),
            ),
        )
        encoded = wire(
            "03",
            "02",
            b"a",
            "00000003 0001 01 01 00",  # partitions, factor, no assignments, no configs, tags
            "02",
            b"b",
            "ffffffff ffff",
            "02 00000000 03 00000001 00000002 00",  # one assignment: partition, two brokers, tags
            "02 02",
            b"k",
            "00 00 00",  # null value, config's tags, topic's tags
            "00007530 01 00",  # timeout, validate only, tags
        )
        self.check(CreateTopicsRequest(topics=topics, timeout_ms=30000, validate_only=True), 5, encoded)

    def test_deleted_by_name_or_id(self) -> None:
        """Names up to version 5, then (name or null, id)."""
        self.check(DeleteTopicsRequest(topic_names=("a", "b"), timeout_ms=1), 4, wire("03", "02", b"a", "02", b"b", "00000001", "00"))
        topic = DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=TOPIC_ID)
        self.check(DeleteTopicsRequest(topics=(topic,), timeout_ms=1), 6, wire("02", "00", TOPIC_ID, "00", "00000001", "00"))

    def test_list_offsets(self) -> None:
        """Leader epochs come with version 4 on both sides; -1 is a plain timestamp."""
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=2, timestamp=-1)
        request = ListOffsetsRequest(replica_id=-1, topics=(ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(part,)),))
        self.check(request, 1, wire("ffffffff 00000001 0001", b"t", "00000001", "00000002 ffffffffffffffff"))
        self.check(request, 4, wire("ffffffff 00 00000001 0001", b"t", "00000001", "00000002 ffffffff ffffffffffffffff"))
        answer = ListOffsetsResponse.ListOffsetsPartitionResponse(partition_index=2, timestamp=-1, offset=7, leader_epoch=3)
        response = ListOffsetsResponse(topics=(ListOffsetsResponse.ListOffsetsTopicResponse(name="t", partitions=(answer,)),))
        self.check(response, 4, wire("00000000 00000001 0001", b"t", "00000001", "00000002 0000 ffffffffffffffff 0000000000000007 00000003"))

    def test_never_flexible(self) -> None:
        """SaslHandshake keeps its int16 strings."""
        self.check(SaslHandshakeRequest(mechanism="PLAIN"), 1, wire("0005", b"PLAIN"))

    def test_producer_ids(self) -> None:
        """InitProducerId is flexible from 2, and tells of an id held before from 3."""
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60000)
        self.check(request, 1, wire("ffff 0000ea60"))
        self.check(request, 2, wire("00 0000ea60 00"))
        self.check(request, 3, wire("00 0000ea60 ffffffffffffffff ffff 00"))

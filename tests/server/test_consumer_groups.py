"""The APIs of consumer groups through the dispatcher: bytes, permissions, and what older APIs say of such groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig
from chronik.coordinator.group.service import GroupCoordinator
from chronik.errors import ErrorCode
from chronik.metadata.image import ImageDelta
from chronik.model import OFFSETS_TOPIC, TopicId
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    ApiVersionsRequest,
    ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest,
    DescribeGroupsRequest,
    JoinGroupRequest,
    ListGroupsRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
)
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.dispatch import RequestDispatcher
from chronik.server.handlers import groups
from chronik.server.handlers.groups.offset_fetch import OFFSETS_OF_A_TURN
from chronik.testing.coordinator import FakeStateLog
from tests.replica.fakes import TOPIC_ID, topic_of
from tests.server.core import Core

SECRET = TopicId(b"s" * 16)

MEMBER = ConsumerGroupHeartbeatRequest.TopicPartitions


def joining(**changes: Any) -> ConsumerGroupHeartbeatRequest:
    """A member ``m`` that joins ``g`` to read ``t``."""
    fields: dict[str, Any] = {
        "group_id": "g",
        "member_id": "m",
        "member_epoch": 0,
        "rebalance_timeout_ms": 30_000,
        "subscribed_topic_names": ("t",),
        "topic_partitions": (),
    }
    return ConsumerGroupHeartbeatRequest(**{**fields, **changes})


class ConsumerGroupsCase(SynchronousTestCase):
    """A broker with topics ``t`` and ``secret`` of one partition, and a coordinator that leads all groups."""

    def setUp(self) -> None:
        """Start it."""
        self.core = core = Core(groups.APIS)
        offsets, secret = topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), topic_of("secret", 1, SECRET)
        image = core.feed.image
        names = {TOPIC_ID: "t", SECRET: "secret", offsets.topic_id: OFFSETS_TOPIC}
        topics = {**image.topics, "secret": secret, OFFSETS_TOPIC: offsets}
        core.feed.become(replace(image, revision=2, topics=topics, names=names), ImageDelta(changed=frozenset(("secret",))))
        config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0))
        coordinator = GroupCoordinator(core.feed, core.clock, core.clock.seconds, config, lambda count: b"\x07" * count)
        coordinator.start()
        self.addCleanup(coordinator.stop)
        coordinator.load(FakeStateLog())
        core.dispatcher = RequestDispatcher(replace(core.dispatcher._services, groups=coordinator), core.rows)

    def ask(self, request: Message, version: int) -> Any:
        """Its answer."""
        return self.core.decode(request, version, self.successResultOf(self.core.dispatch(request, version).pieces))

    def refuse(self, operation: Operation, kind: ResourceType, name: str) -> None:
        """Forbid something."""
        self.core.authorizer.refused.add(Action(operation, kind, name))


class HeartbeatTest(ConsumerGroupsCase):
    """ConsumerGroupHeartbeat."""

    def test_bytes(self) -> None:
        """Version 1 as a client writes it, and the answer field by field."""
        request = (
            b"\x00\x44\x00\x01\x00\x00\x00\x09\xff\xff\x00"  # key 68, version 1, correlation id 9, no client id, no tags
            b"\x02g\x02m\x00\x00\x00\x00"  # group, member, epoch 0
            b"\x00\x00"  # no instance id, no rack
            b"\x00\x00\x75\x30"  # rebalance timeout
            b"\x02\x02t"  # one topic name
            b"\x00\x00"  # no regular expression, no assignor
            b"\x01\x00"  # owns no partitions; no tags
        )
        pieces = self.successResultOf(self.core.dispatcher.dispatch(self.core.session, request).pieces)
        self.assertEqual(
            b"".join(pieces),
            b"\x00\x00\x00\x09\x00"  # correlation id, no tags
            b"\x00\x00\x00\x00"  # throttle time
            b"\x00\x00\x00"  # no error, no message
            b"\x02m\x00\x00\x00\x02"  # member, epoch 2
            b"\x00\x00\x13\x88"  # five seconds to the next one
            b"\x01\x02" + TOPIC_ID + b"\x02\x00\x00\x00\x00\x00"  # an assignment of one topic, partition 0
            b"\x00\x00",  # no tags
        )

    def test_version_0(self) -> None:
        """There the broker may choose the member's id."""
        answer = self.ask(joining(member_id=""), 0)
        self.assertEqual((answer.error_code, answer.member_id, answer.member_epoch), (0, "07070707-0707-4707-8707-070707070707", 2))
        self.assertEqual(self.ask(joining(member_id=""), 1).error_code, ErrorCode.INVALID_REQUEST)

    def test_nothing_new(self) -> None:
        """No assignment is told."""
        self.ask(joining(), 1)
        answer = self.ask(ConsumerGroupHeartbeatRequest(group_id="g", member_id="m", member_epoch=2), 1)
        self.assertEqual((answer.error_code, answer.member_epoch, answer.assignment), (0, 2, None))

    def test_errors(self) -> None:
        """With the reason in words."""
        answer = self.ask(joining(member_epoch=5, topic_partitions=(MEMBER(topic_id=TOPIC_ID, partitions=(0,)),)), 1)
        self.assertEqual((answer.error_code, answer.error_message), (ErrorCode.GROUP_ID_NOT_FOUND, "Consumer group g not found."))
        answer = self.ask(joining(subscribed_topic_regex="["), 1)
        self.assertEqual(answer.error_code, ErrorCode.INVALID_REGULAR_EXPRESSION)
        self.assertIn("SubscribedTopicRegex `[`", answer.error_message)
        self.assertEqual(self.ask(joining(server_assignor="x"), 1).error_code, ErrorCode.UNSUPPORTED_ASSIGNOR)

    def test_not_allowed(self) -> None:
        """To read the group, or to describe what it subscribes to."""
        self.refuse(Operation.DESCRIBE, ResourceType.TOPIC, "secret")
        answer = self.ask(joining(subscribed_topic_names=("t", "secret")), 1)
        self.assertEqual((answer.error_code, answer.error_message), (ErrorCode.TOPIC_AUTHORIZATION_FAILED, None))
        self.refuse(Operation.READ, ResourceType.GROUP, "g")
        self.assertEqual(self.ask(joining(), 1).error_code, ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_expression(self) -> None:
        """What the member may not describe is not there for it."""
        self.refuse(Operation.DESCRIBE, ResourceType.TOPIC, "secret")
        self.refuse(Operation.DESCRIBE, ResourceType.TOPIC, OFFSETS_TOPIC)
        answer = self.ask(joining(subscribed_topic_names=None, subscribed_topic_regex=".*"), 1)
        self.assertEqual([topic.topic_id for topic in answer.assignment.topic_partitions], [TOPIC_ID])
        self.core.authorizer.asked.clear()
        self.ask(ConsumerGroupHeartbeatRequest(group_id="g", member_id="m", member_epoch=2), 1)
        self.assertEqual(self.core.authorizer.asked, [Action(Operation.READ, ResourceType.GROUP, "g")])


class DescribeTest(ConsumerGroupsCase):
    """ConsumerGroupDescribe."""

    def describe(self, version: int = 1, *group_ids: str, **more: Any) -> Any:
        """The groups."""
        return self.ask(ConsumerGroupDescribeRequest(group_ids=group_ids or ("g",), **more), version).groups

    def test_the_same_again_and_again(self) -> None:
        """A group is described once, however often it is named: a small request must not ask for a huge answer."""
        self.assertEqual(["g", "h"], [group.group_id for group in self.describe(1, "g", "h", "g", "g")])

    def test_no_name(self) -> None:
        """Groups have names."""
        codes = [group.error_code for group in self.describe(1, "", "nobody")]
        self.assertEqual([ErrorCode.INVALID_GROUP_ID, ErrorCode.GROUP_ID_NOT_FOUND], codes)

    def test_group(self) -> None:
        """Everything that there is to say."""
        self.ask(joining(rack_id="r", subscribed_topic_names=(), subscribed_topic_regex="t|s"), 1)
        (group,) = self.describe()
        self.assertEqual((group.error_code, group.group_state, group.group_epoch, group.assignment_epoch), (0, "Stable", 2, 2))
        self.assertEqual((group.assignor_name, group.authorized_operations), ("uniform", -(2**31)))
        (member,) = group.members
        self.assertEqual((member.member_id, member.rack_id, member.member_epoch, member.member_type), ("m", "r", 2, 1))
        self.assertEqual((member.client_id, member.client_host), ("test", "/10.0.0.9"))
        self.assertEqual((member.subscribed_topic_names, member.subscribed_topic_regex), ((), "t|s"))
        for assignment in (member.assignment, member.target_assignment):
            self.assertEqual([(t.topic_id, t.topic_name, t.partitions) for t in assignment.topic_partitions], [(TOPIC_ID, "t", (0,))])

    def test_version_0(self) -> None:
        """Without the kind of member."""
        self.ask(joining(), 1)
        self.assertEqual(self.describe(0)[0].members[0].member_type, -1)

    def test_operations(self) -> None:
        """What the caller may do, when it asks."""
        self.ask(joining(), 1)
        self.refuse(Operation.DELETE, ResourceType.GROUP, "g")
        (group,) = self.describe(include_authorized_operations=True)
        self.assertTrue(group.authorized_operations & 1 << Operation.READ)
        self.assertFalse(group.authorized_operations & 1 << Operation.DELETE)

    def test_errors(self) -> None:
        """Each group by itself."""
        self.ask(joining(), 1)
        self.ask(joining(group_id="h"), 1)
        self.refuse(Operation.DESCRIBE, ResourceType.GROUP, "h")
        found = self.describe(1, "g", "h", "nobody")
        self.assertEqual([g.error_code for g in found], [0, ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.GROUP_ID_NOT_FOUND])
        self.assertEqual(found[2].error_message, "Group nobody not found.")
        self.refuse(Operation.DESCRIBE, ResourceType.TOPIC, "t")
        (group,) = self.describe()
        self.assertEqual((group.error_code, group.members), (ErrorCode.TOPIC_AUTHORIZATION_FAILED, ()))


class OlderApisTest(ConsumerGroupsCase):
    """What other APIs say of a consumer group."""

    def setUp(self) -> None:
        """A group with one member."""
        super().setUp()
        self.ask(joining(), 1)

    def test_describe_groups(self) -> None:
        """It is none of theirs: not found, and dead for clients that know no such error."""
        (group,) = self.ask(DescribeGroupsRequest(groups=("g",)), 6).groups
        self.assertEqual((group.error_code, group.group_state), (ErrorCode.GROUP_ID_NOT_FOUND, "Dead"))
        (group,) = self.ask(DescribeGroupsRequest(groups=("g",)), 5).groups
        self.assertEqual((group.error_code, group.group_state), (0, "Dead"))

    def test_list_groups(self) -> None:
        """By type and state."""
        filters = ((), (), 1), (("consumer",), (), 1), (("Consumer",), ("stable",), 1), (("classic",), (), 0), ((), ("Empty",), 0)
        for types, states, expected in filters:
            found = self.ask(ListGroupsRequest(types_filter=types, states_filter=states), 5).groups
            self.assertEqual(len(found), expected, (types, states))
        (group,) = self.ask(ListGroupsRequest(), 5).groups
        self.assertEqual((group.group_id, group.protocol_type, group.group_state, group.group_type), ("g", "consumer", "Stable", "consumer"))

    def test_join_group(self) -> None:
        """A classic client that does not fit is told so without its id."""
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff")
        fields = {"group_id": "g", "session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000, "member_id": "c", "protocols": (protocol,)}
        refused = self.ask(JoinGroupRequest(protocol_type="connect", **fields), 9)
        self.assertEqual((refused.error_code, refused.member_id, refused.protocol_name), (ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "", None))
        joined = self.ask(JoinGroupRequest(protocol_type="consumer", **fields), 9)
        self.assertEqual((joined.error_code, joined.member_id, joined.leader, joined.protocol_name), (0, "c", "", "range"))

    def test_offset_commit(self) -> None:
        """In the member's epoch, from version 9 on."""
        self.assertEqual([self.commit(2, 9), self.commit(2, 10), self.commit(2, 8), self.commit(3, 9)], [0, 0, 35, ErrorCode.STALE_MEMBER_EPOCH])

    def commit(self, epoch: int, version: int) -> int:
        """The outcome of one commit."""
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=5)
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="t", topic_id=TOPIC_ID, partitions=(partition,))
        request = OffsetCommitRequest(group_id="g", generation_id_or_member_epoch=epoch, member_id="m", topics=(topic,))
        return int(self.ask(request, version).topics[0].partitions[0].error_code)

    def test_offset_fetch(self) -> None:
        """In the member's epoch, or without one."""
        self.commit(2, 9)
        for fields, expected in (
            ({}, 0),
            ({"member_id": "m", "member_epoch": 2}, 0),
            ({"member_id": "m", "member_epoch": 1}, ErrorCode.STALE_MEMBER_EPOCH),
            ({"member_id": "x", "member_epoch": 2}, ErrorCode.UNKNOWN_MEMBER_ID),
        ):
            request = OffsetFetchRequest(groups=(OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=None, **fields),))
            (group,) = self.ask(request, 9).groups
            self.assertEqual(group.error_code, expected, fields)

    def test_offset_fetch_of_many_groups(self) -> None:
        """Others have their turn while many groups are told of."""
        group = OffsetFetchRequest.OffsetFetchRequestGroup
        groups = tuple(group(group_id=f"g{n}", topics=None) for n in range(OFFSETS_OF_A_TURN + 1))
        answers: list[object] = []
        self.core.dispatch(OffsetFetchRequest(groups=groups), 9).pieces.addCallback(answers.append)
        self.assertEqual([], answers)
        self.core.clock.advance(0)
        self.assertEqual(1, len(answers))


class FeatureTest(ConsumerGroupsCase):
    """``group.version`` in ApiVersions (KIP-584)."""

    def test_levels(self) -> None:
        """In force in every version; older clients do not bear a lowest level of 0."""
        request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
        for version, supported in ((3, ("group.version", 1, 1)), (4, ("group.version", 0, 1))):
            answer = self.ask(request, version)
            self.assertIn(supported, [(f.name, f.min_version, f.max_version) for f in answer.supported_features])
            self.assertIn(("group.version", 1), [(f.name, f.max_version_level) for f in answer.finalized_features])

    def test_switched_off(self) -> None:
        """A cluster that chose level 0 has no groups of this protocol."""
        feed = self.core.feed
        feed.become(replace(feed.image, revision=3, features={"group.version": 0}), ImageDelta())
        self.assertEqual(self.ask(joining(), 1).error_code, ErrorCode.UNSUPPORTED_VERSION)

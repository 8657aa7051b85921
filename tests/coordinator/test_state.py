"""Groups and their offsets as state: what is written, read back, kept and forgotten."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.interfaces import Committing, Leaving, OffsetCommit, Syncing
from chronik.coordinator.group.service import LOAD_RETRY_MS, java_hash
from chronik.coordinator.interfaces import StateRecord
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta
from chronik.model import OFFSETS_TOPIC, TopicId, TopicPartition
from chronik.testing.coordinator import FakeStateLog
from tests.coordinator.groups import PLACE, GroupCase
from tests.replica.fakes import image_of, topic_of

STEPS = st.tuples(st.sampled_from(["commit", "forget", "delete"]), st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 99))


class SlowLog(FakeStateLog):
    """State that takes as long to read as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.read: Deferred[int] = Deferred()

    def replay(self, apply: Callable[[StateRecord], None]) -> Deferred[int]:
        """Read nothing, once told."""
        return self.read


class RecordTest(GroupCase):
    """Kafka's own bytes."""

    def test_an_offset(self) -> None:
        """OffsetCommitKey version 1 and OffsetCommitValue version 3."""
        self.successResultOf(self.commit(258, metadata="m"))
        (record,) = self.log.records
        self.assertEqual(
            record.key,
            b"\x00\x01"  # key version
            b"\x00\x01g"  # group
            b"\x00\x01t"  # topic
            b"\x00\x00\x00\x00",  # partition
        )
        assert record.value is not None
        self.assertEqual(
            record.value[:17],
            b"\x00\x03"  # value version
            b"\x00\x00\x00\x00\x00\x00\x01\x02"  # offset
            b"\x00\x00\x00\x03"  # leader epoch
            b"\x00\x01m",  # metadata
        )
        self.assertEqual(int.from_bytes(record.value[17:25], "big"), 1_000_000_000)  # commit timestamp, ms
        self.assertEqual(len(record.value), 25)

    def test_a_group(self) -> None:
        """GroupMetadataKey version 2 and GroupMetadataValue version 3."""
        (member,) = self.stable()
        record = self.log.records[-1]
        self.assertEqual(record.key, b"\x00\x02\x00\x01g")
        assert record.value is not None
        self.assertTrue(record.value.startswith(b"\x00\x03\x00\x08consumer\x00\x00\x00\x01\x00\x05range"))
        self.assertIn(member.encode(), record.value)
        self.assertTrue(record.value.endswith(b"\x00\x00\x00\x02a0"))

    def test_a_new_group(self) -> None:
        """It is written down as soon as somebody wants to join, before it has members, as Kafka does."""
        self.given_id(self.join(known_id_required=True))
        (record,) = self.log.records
        self.assertEqual(record.key, b"\x00\x02\x00\x01g")
        self.assertEqual(
            record.value,
            b"\x00\x03"  # value version
            b"\x00\x00"  # no protocol type
            b"\x00\x00\x00\x00"  # generation
            b"\xff\xff"  # no protocol
            b"\xff\xff"  # no leader
            + (1_000_000_000).to_bytes(8, "big")  # since, ms
            + b"\x00\x00\x00\x00",  # no members
        )

    def test_javas_hash(self) -> None:
        """Which partition a group is in is decided by Java's hash of its UTF-16 units."""
        # "" and "abc" are in Java's own documentation; the last one has two units, 0xD83D and 0xDE00: 31 * 0xD83D + 0xDE00.
        for text, expected in (("", 0), ("abc", 96354), ("\U0001f600", 31 * 0xD83D + 0xDE00)):
            self.assertEqual(java_hash(text), expected)
        value = 0
        for _ in range(40):
            value = (31 * value + 97) % 2**32
        self.assertEqual(java_hash("a" * 40), value if value < 2**31 else 2**32 - value)

    def test_javas_negative_hashes(self) -> None:
        """A negative hash counts by its absolute value, so that a group is in the partition that Kafka keeps it in; the smallest integer has none."""
        for text, expected in (("test-consumer-group", 1_793_216_381), ("polygenelubricants", 0)):
            self.assertEqual(java_hash(text), expected)


class OffsetTest(GroupCase):
    """Commits."""

    def test_answered_when_durable(self) -> None:
        """And seen by nobody before."""
        self.log.held = []
        waiting = self.commit(5)
        self.assertNoResult(waiting)
        self.assertEqual(self.coordinator.offsets("g"), {})
        self.log.release()
        self.assertEqual(self.successResultOf(waiting), {PLACE: None})
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 5)

    def test_consumers_without_membership(self) -> None:
        """``assign()`` consumers commit as no member; their group is listed (PITFALL 29)."""
        self.successResultOf(self.commit(5))
        (summary,) = self.coordinator.list_groups()
        self.assertEqual((summary.group_id, summary.state, summary.members), ("g", "Empty", 0))

    def test_who_may_commit(self) -> None:
        """Members in their generation; outsiders only while there are no members."""
        self.assertEqual(self.code(self.commit(1, generation=3)), ErrorCode.GROUP_ID_NOT_FOUND)
        (member,) = self.stable()
        self.successResultOf(self.commit(1, member, 1))
        self.assertEqual(self.code(self.commit(1, member, 2)), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.code(self.commit(1, "stranger", 1)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.commit(1)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.successResultOf(self.join(member))
        self.assertEqual(self.code(self.commit(1, member, 2)), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_too_long_metadata(self) -> None:
        """Refused for that partition alone."""
        outcome = self.successResultOf(self.commit(1, metadata="x" * 4097))
        self.assertEqual(outcome[PLACE].code, ErrorCode.OFFSET_METADATA_TOO_LARGE)
        self.assertEqual(self.log.records, [])

    def test_a_commit_that_cannot_be_written(self) -> None:
        """The client looks for the coordinator again, and the state is what the log has."""
        self.successResultOf(self.commit(5))
        self.log.refusing = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        self.assertEqual(self.code(self.commit(9)), ErrorCode.NOT_COORDINATOR)
        self.log.refusing = None
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 5)

    def test_offsets_of_deleted_topics_go(self) -> None:
        """A topic of the same name must not begin at its predecessor's offsets."""
        self.successResultOf(self.commit(5))
        gone = topic_of()
        self.feed.become(image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), revision=2), ImageDelta(deleted=(gone,)))
        self.assertEqual(self.coordinator.offsets("g"), {})
        self.assertIsNone(self.log.records[-1].value)


class ExpiryTest(GroupCase):
    """``offsets.retention.minutes``."""

    config = GroupConfig(retention_ms=60_000, retention_check_ms=1_000)

    def test_of_outsiders(self) -> None:
        """Counted from the commit; a group with nothing left goes too."""
        self.successResultOf(self.commit(5))
        self.clock.pump([1] * 58)
        self.assertIn(PLACE, self.coordinator.offsets("g"))
        self.clock.pump([1] * 4)
        self.assertEqual(self.coordinator.offsets("g"), {})
        self.assertEqual(self.coordinator.list_groups(), [])

    def test_not_while_there_are_members(self) -> None:
        """Offsets of what the members may still read stay, however old; an unreadable subscription counts as everything."""
        (member,) = self.stable()
        self.successResultOf(self.commit(5, member, 1))
        for _ in range(20):
            self.clock.pump([1] * 5)
            self.heartbeat(member, 1)
        self.assertIn(PLACE, self.coordinator.offsets("g"))
        self.clock.pump([1] * 12)
        self.assertEqual(self.group.state.value, "Empty")
        self.clock.pump([1] * 62)
        self.assertEqual(self.coordinator.offsets("g"), {})


class AdministrationTest(GroupCase):
    """Describing and deleting."""

    def test_describe(self) -> None:
        """Members with their assignments once the group is stable; None for what there is not."""
        self.assertIsNone(self.coordinator.describe("nobody"))
        (member,) = self.stable()
        described = self.coordinator.describe("g")
        assert described is not None
        self.assertEqual((described.state, described.protocol_name), ("Stable", "range"))
        self.assertEqual([(m.member_id, m.metadata, m.assignment) for m in described.members], [(member, b"one", b"a0")])

    def test_delete(self) -> None:
        """Only a group without members; its offsets go with it."""
        self.assertEqual(self.code(self.coordinator.delete("g")), ErrorCode.GROUP_ID_NOT_FOUND)
        (member,) = self.stable()
        self.successResultOf(self.commit(5, member, 1))
        self.assertEqual(self.code(self.coordinator.delete("g")), ErrorCode.NON_EMPTY_GROUP)
        self.clock.advance(10.1)
        self.successResultOf(self.coordinator.delete("g"))
        self.assertEqual(self.coordinator.list_groups(), [])
        self.assertEqual(self.coordinator.offsets("g"), {})

    def test_delete_offsets(self) -> None:
        """Of a group without members, and never of topics that members read."""
        self.assertEqual(self.code(self.coordinator.delete_offsets("g", [PLACE])), ErrorCode.GROUP_ID_NOT_FOUND)
        self.successResultOf(self.commit(5))
        self.assertEqual(self.successResultOf(self.coordinator.delete_offsets("g", [PLACE])), {PLACE: None})
        self.assertEqual(self.coordinator.offsets("g"), {})
        subscription = b"\x00\x00\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff"  # version 0, one topic t, no user data
        member = self.successResultOf(self.join(protocols=(("range", subscription),))).member_id
        self.sync(member, self.group.generation, {})
        outcome = self.successResultOf(self.coordinator.delete_offsets("g", [PLACE]))
        self.assertEqual(outcome[PLACE].code, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)

    def test_where_the_state_is_not(self) -> None:
        """For another broker's group, and before there is any state, one has to look for the coordinator."""
        self.coordinator.unload(0)
        self.assertEqual(self.code(self.join()), ErrorCode.NOT_COORDINATOR)
        self.feed.image = image_of(topic_of())
        self.assertEqual(self.code(self.join()), ErrorCode.NOT_COORDINATOR)
        self.assertEqual(self.coordinator.list_groups(), [])

    def test_a_log_that_cannot_be_read(self) -> None:
        """What was to be foreseen is told in one line: the topic may be deleted while its groups are read."""
        coordinator, slow = self.make(), SlowLog()
        coordinator.load(slow)
        with capturedLogs() as logged:
            slow.read.errback(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "its log was deleted"))
        (event,) = [event for event in logged if event["log_level"] is LogLevel.error]
        self.assertNotIn("log_failure", event)
        self.assertIn("partition 0 cannot be read: KAFKA_STORAGE_ERROR: its log was deleted", formatEvent(event))
        self.assertEqual({}, coordinator._shards)

    def test_a_log_that_can_be_read_later(self) -> None:
        """What kept it from being read may be over: it is read again as long as it is led here, and not after that."""
        coordinator, slow = self.make(), SlowLog()
        coordinator.load(slow)
        slow.read.errback(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no room"))
        slow.read = Deferred()
        self.clock.advance(LOAD_RETRY_MS / 1000)
        self.assertEqual([0], list(coordinator._shards))
        slow.read.errback(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no room"))
        coordinator.unload(0)
        self.clock.advance(LOAD_RETRY_MS / 1000)
        self.assertEqual({}, coordinator._shards)

    def test_while_the_state_is_read(self) -> None:
        """Everything has to be tried again; but a member's heartbeat is believed: it is not its fault."""
        self.coordinator.stop()
        self.coordinator = self.make()
        slow = SlowLog()
        self.coordinator.load(slow)
        for waiting in (
            self.join(),
            self.sync("m", 1),
            self.commit(5),
            self.coordinator.leave("g", [Leaving("m")]),
            self.coordinator.delete("g"),
            self.coordinator.delete_offsets("g", [PLACE]),
            self.coordinator.settled("g"),
        ):
            self.assertEqual(self.code(waiting), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        for call in (self.coordinator.list_groups, lambda: self.coordinator.describe("g"), lambda: self.coordinator.offsets("g")):
            self.assertEqual(self.assertRaises(KafkaError, call).code, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        self.assertEqual(self.heartbeat("m", 1), ErrorCode.NONE)
        slow.read.callback(0)
        self.assertEqual(self.heartbeat("m", 1), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_groups_without_a_name(self) -> None:
        """Members need one; offsets of old clients may be without."""
        named = (
            self.join(group_id=""),
            self.coordinator.sync(Syncing("", 1, "m", None, None, None, {})),
            self.coordinator.heartbeat("", 1, "m", None),
            self.coordinator.leave("", [Leaving("m")]),
            self.coordinator.delete_offsets("", [PLACE]),
        )
        for waiting in named:
            self.assertEqual(self.code(waiting), ErrorCode.INVALID_GROUP_ID)
        self.successResultOf(self.coordinator.commit(Committing("", -1, "", None, {PLACE: OffsetCommit(5, 3, "")})))
        self.assertEqual(self.coordinator.offsets("")[PLACE].offset, 5)


class ReplayTest(GroupCase):
    """What is read back is what was."""

    def test_a_stable_group_survives(self) -> None:
        """Members go on with their heartbeats at a coordinator that knows them only from the log."""
        leader, follower = self.stable(2)
        self.successResultOf(self.commit(7, leader, self.group.generation))
        before = self.coordinator.describe("g")
        generation = self.group.generation
        self.coordinator.stop()
        self.coordinator = self.make()
        self.coordinator.load(self.log)
        self.assertEqual(self.coordinator.describe("g"), before)
        self.assertEqual(self.heartbeat(follower, generation), ErrorCode.NONE)
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 7)
        self.clock.advance(10.1)
        self.assertEqual(self.group.members, {})

    def test_who_left_is_not_back(self) -> None:
        """That the last member is gone is written too: the next coordinator waits for no one, and does not say that there is somebody."""
        (member,) = self.stable()
        self.successResultOf(self.coordinator.leave("g", [Leaving(member)]))
        generation = self.group.generation
        self.coordinator.stop()
        self.coordinator = self.make()
        self.coordinator.load(self.log)
        self.assertEqual(("Empty", {}, generation), (self.group.state.value, self.group.members, self.group.generation))
        self.assertEqual(self.heartbeat(member, generation), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_records_that_cannot_be_read(self) -> None:
        """Damaged ones and those of later releases are passed over, the others are read."""
        self.successResultOf(self.commit(7))
        junk = [
            StateRecord(b"", b"x", 0),
            StateRecord(b"\x00\x01\x00", None, 0),
            StateRecord(b"\x00\x63new", b"?", 0),
            StateRecord(b"\x00\x02\x00\x01z", b"\x00\x03", 0),
        ]
        self.log.records[:0] = junk
        coordinator = self.make()
        coordinator.load(self.log)
        self.assertEqual(coordinator.offsets("g")[PLACE].offset, 7)

    @settings(max_examples=60)
    @given(st.lists(STEPS, max_size=25))
    def test_replay_equals_live(self, steps: list[tuple[str, str, int, int]]) -> None:
        """After any commits, deletions of offsets and of groups, the log gives back exactly the offsets there were."""
        self.setUp()
        self.feed.image = image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), *(topic_of(name) for name in "abc"))
        for step, topic, partition, offset in steps:
            place = TopicPartition(topic, partition)
            if step == "commit":
                self.successResultOf(self.commit(offset, place=place))
            elif step == "forget":
                self.coordinator.delete_offsets("g", [place]).addErrback(lambda failure: failure.trap(KafkaError))
            else:
                self.coordinator.delete("g").addErrback(lambda failure: failure.trap(KafkaError))
        again = self.make()
        again.load(self.log)
        self.assertEqual(again.offsets("g"), self.coordinator.offsets("g"))
        self.assertEqual(list(again.list_groups()), list(self.coordinator.list_groups()))

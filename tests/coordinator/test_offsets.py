"""Committed offsets: what is kept while other things happen to a group, and what is forgotten."""

from __future__ import annotations

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.interfaces import Committing, OffsetCommit
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta
from chronik.model import OFFSETS_TOPIC, TopicId, TopicPartition
from tests.coordinator.groups import PLACE, GroupCase
from tests.coordinator.test_rebalances import subscription
from tests.replica.fakes import image_of, topic_of

OTHER = TopicPartition("other", 0)


class CommitTest(GroupCase):
    """Who commits, and when it counts."""

    def test_metadata_is_measured_as_java_does(self) -> None:
        """In UTF-16 units: 4096 letters of two bytes fit, 2049 signs of four do not."""
        self.assertIsNone(self.successResultOf(self.commit(1, metadata="\u00e9" * 4096))[PLACE])
        outcome = self.successResultOf(self.commit(1, metadata="\U0001f600" * 2049))
        self.assertEqual(outcome[PLACE].code, ErrorCode.OFFSET_METADATA_TOO_LARGE)

    def test_only_what_is_too_long_is_refused(self) -> None:
        """Other partitions of the same commit are kept."""
        offsets = {PLACE: OffsetCommit(5, 3, "x" * 5000), OTHER: OffsetCommit(6, 3, "")}
        outcome = self.successResultOf(self.coordinator.commit(Committing("g", -1, "", None, offsets)))
        self.assertIsNone(outcome[OTHER])
        self.assertEqual({place: kept.offset for place, kept in self.coordinator.offsets("g").items()}, {OTHER: 6})

    def test_each_state_of_the_group(self) -> None:
        """Members commit while they rebalance, not while their assignment is awaited; outsiders only when nobody is in (KAFKA-5510)."""
        (member,) = self.stable()
        again = self.join(member)
        self.assertEqual(self.successResultOf(again).generation, 2)
        self.assertEqual(self.code(self.commit(1, member, 2)), ErrorCode.REBALANCE_IN_PROGRESS)
        self.sync(member, 2, {})
        self.successResultOf(self.commit(1, member, 2))
        self.join()
        self.assertEqual(self.group.state.value, "PreparingRebalance")
        self.successResultOf(self.commit(2, member, 2))
        self.assertEqual(self.code(self.commit(3)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.commit(3, member)), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 2)

    def test_after_everybody_left(self) -> None:
        """An administrator may set what the group goes on with, with or without a member id."""
        self.stable()
        self.clock.advance(10.1)
        self.successResultOf(self.commit(4))
        self.successResultOf(self.commit(5, "whoever"))
        self.assertEqual(self.code(self.commit(6, "whoever", 2)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 5)

    def test_a_fenced_static_member(self) -> None:
        """Its successor's offsets are not overwritten by its own."""
        member = self.successResultOf(self.join(instance_id="i")).member_id
        self.sync(member, 1, {}, instance_id="i")
        self.join(instance_id="i")
        committing = Committing("g", 1, member, "i", {PLACE: OffsetCommit(5, 3, "")})
        self.assertEqual(self.code(self.coordinator.commit(committing)), ErrorCode.FENCED_INSTANCE_ID)

    def test_a_commit_is_a_sign_of_life(self) -> None:
        """A busy consumer that commits need not send heartbeats too."""
        (member,) = self.stable()
        for _ in range(5):
            self.clock.advance(8)
            self.successResultOf(self.commit(1, member, 1))
        self.assertIn(member, self.group.members)

    def test_settled(self) -> None:
        """Whoever wants stable offsets waits for what is being written, and for no more than that (KIP-447)."""
        self.successResultOf(self.coordinator.settled("g"))
        self.log.held = []
        self.commit(5)
        settled = self.coordinator.settled("g")
        self.assertNoResult(settled)
        self.log.release()
        self.successResultOf(settled)
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 5)

    def test_settled_though_not_written(self) -> None:
        """A failed write is done too."""
        self.log.refusing = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        self.assertEqual(self.code(self.commit(9)), ErrorCode.NOT_COORDINATOR)
        self.log.refusing = None
        self.successResultOf(self.coordinator.settled("g"))


class DeletionTest(GroupCase):
    """Groups, topics and offsets that go while others come."""

    def reload(self) -> None:
        """What another broker would read."""
        self.coordinator.stop()
        self.coordinator = self.make()
        self.coordinator.load(self.log)

    def test_a_commit_during_the_deletion_of_its_group(self) -> None:
        """It was acknowledged: it is there, now and after a restart."""
        self.successResultOf(self.commit(5))
        self.log.held = []
        deleting = self.coordinator.delete("g")
        committing = self.commit(7, place=OTHER)
        self.log.release()
        self.successResultOf(deleting)
        self.successResultOf(committing)
        self.assertEqual(list(self.coordinator.offsets("g")), [OTHER])
        self.feed.image = image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), topic_of("other"))
        self.reload()
        self.assertEqual(list(self.coordinator.offsets("g")), [OTHER])

    def test_a_commit_before_the_deletion_is_written(self) -> None:
        """Of two that are on their way the log's order counts, live as after a restart."""
        self.successResultOf(self.commit(5))
        self.log.held = []
        committing = self.commit(7, place=TopicPartition("t", 1))
        self.coordinator.delete("g")
        self.log.release()
        self.successResultOf(committing)
        live = self.coordinator.offsets("g")
        self.assertEqual([place.partition for place in live], [1])
        self.reload()
        self.assertEqual(self.coordinator.offsets("g"), live)

    def test_a_member_during_the_deletion(self) -> None:
        """A group that somebody joined while its end was being written lives on."""
        self.successResultOf(self.commit(5))
        self.log.held = []
        self.coordinator.delete("g")
        joining = self.join()
        self.log.release()
        self.assertIn(self.successResultOf(joining).member_id, self.group.members)

    def test_a_deleted_group_may_have_pending_members(self) -> None:
        """They have to start over."""
        member_id = self.given_id(self.join(known_id_required=True))
        self.successResultOf(self.coordinator.delete("g"))
        self.assertEqual(self.coordinator.list_groups(), [])
        self.assertEqual(self.code(self.join(member_id)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.clock.advance(60)
        self.assertEqual(self.coordinator.list_groups(), [])

    def test_topics_deleted_while_nobody_looked(self) -> None:
        """The broker was down between a topic's deletion and that of its offsets: they go when it reads them."""
        self.successResultOf(self.commit(5))
        self.successResultOf(self.commit(6, place=OTHER))
        self.feed.image = image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), topic_of("other"))
        self.reload()
        self.assertEqual(list(self.coordinator.offsets("g")), [OTHER])
        self.assertEqual((self.log.records[-1].key[-6:], self.log.records[-1].value), (b"\x01t\x00\x00\x00\x00", None))

    def test_a_topic_deleted_and_made_again(self) -> None:
        """Its name is there, its records are not."""
        self.successResultOf(self.commit(5))
        image = image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), topic_of(topic_id=TopicId(b"n" * 16)), revision=2)
        self.feed.become(image, ImageDelta(deleted=(topic_of(),)))
        self.assertEqual(self.coordinator.offsets("g"), {})

    def test_offsets_of_members_that_do_not_say_what_they_read(self) -> None:
        """Of consumers each partition is refused; of other members the whole request."""
        self.successResultOf(self.commit(5))
        member = self.successResultOf(self.join()).member_id
        self.sync(member, 1, {})
        outcome = self.successResultOf(self.coordinator.delete_offsets("g", [PLACE]))
        self.assertEqual(outcome[PLACE].code, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
        self.clock.advance(10.1)
        self.join(protocol_type="connect")
        self.assertEqual(self.code(self.coordinator.delete_offsets("g", [PLACE])), ErrorCode.NON_EMPTY_GROUP)


class ExpiryTest(GroupCase):
    """Which offsets age in which state (KIP-211)."""

    config = GroupConfig(retention_ms=60_000, retention_check_ms=1_000)

    def consume(self, *topics: str) -> str:
        """A stable consumer of these."""
        member = self.successResultOf(self.join(protocols=(("range", subscription(*topics)),), session_timeout_ms=1_800_000)).member_id
        self.sync(member, self.group.generation, {})
        return member

    def wait(self, seconds: int) -> None:
        """Let the checks run."""
        self.clock.pump([1] * seconds)

    def test_topics_nobody_reads_any_more(self) -> None:
        """Of a stable group the offsets of topics that are not subscribed to age from their commit, the others do not."""
        member = self.consume("t")
        for place in (PLACE, OTHER):
            self.successResultOf(self.commit(5, member, 1, place))
        self.wait(58)
        self.assertEqual(set(self.coordinator.offsets("g")), {PLACE, OTHER})
        self.wait(4)
        self.assertEqual(set(self.coordinator.offsets("g")), {PLACE})

    def test_nothing_while_the_group_rebalances(self) -> None:
        """What the members will read is not settled."""
        member = self.consume("t")
        self.successResultOf(self.commit(5, member, 1, OTHER))
        self.join(rebalance_timeout_ms=1_800_000)
        self.wait(62)
        self.assertEqual((self.group.state.value, set(self.coordinator.offsets("g"))), ("PreparingRebalance", {OTHER}))

    def test_other_kinds_of_groups(self) -> None:
        """Once empty they age from then on too; while there are members nothing does."""
        member = self.successResultOf(self.join(protocol_type="connect", session_timeout_ms=100_000)).member_id
        self.sync(member, 1, {}, protocol_type="connect")
        self.successResultOf(self.commit(5, member, 1))
        self.wait(99)
        self.assertIn(PLACE, self.coordinator.offsets("g"))
        self.wait(2 + 58)
        self.assertIn(PLACE, self.coordinator.offsets("g"))
        self.wait(4)
        self.assertEqual(self.coordinator.offsets("g"), {})

    def test_an_expiry_of_its_own(self) -> None:
        """Old clients may ask for one."""
        for place, expiry in ((PLACE, 1_000_000_000 + 5_000), (OTHER, -1)):
            self.successResultOf(self.coordinator.commit(Committing("g", -1, "", None, {place: OffsetCommit(5, 3, "", expiry)})))
        self.wait(6)
        self.assertEqual(set(self.coordinator.offsets("g")), {OTHER})

    def test_a_group_that_never_came_to_be(self) -> None:
        """An id was given out, nobody came with it: the group is forgotten once that id is."""
        self.given_id(self.join(known_id_required=True))
        self.wait(9)
        self.assertEqual(len(self.coordinator.list_groups()), 1)
        self.wait(3)
        self.assertEqual(self.coordinator.list_groups(), [])
        self.assertEqual(self.log.records[-1].value, None)

"""The group as its members see it: joining, epochs, fencing, static members, silence."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration, load
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig, GroupSettings, MigrationPolicy
from chronik.coordinator.group.consumer.group import ConsumerGroupState
from chronik.coordinator.group.consumer.interfaces import HeartbeatAnswer
from chronik.coordinator.group.consumer.member import MemberState
from chronik.coordinator.group.interfaces import Leaving
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.model import TopicId
from tests.coordinator.consumer.consumers import JOINING, ConsumerCase, T, U, partitions


class JoinTest(ConsumerCase):
    """Members come."""

    def test_alone(self) -> None:
        """The first has everything, in the epoch that its coming began."""
        self.assertEqual(self.enter(), HeartbeatAnswer("m", 2, 5_000, partitions(T, 0, 1, 2, 3)))
        self.assertEqual((self.consumers.epoch, self.consumers.assignment_epoch, self.consumers.state), (2, 2, ConsumerGroupState.STABLE))

    def test_two(self) -> None:
        """The first gives up what the second gets, and only then the second has it."""
        self.enter("m")
        self.assertEqual(self.enter("n"), HeartbeatAnswer("n", 3, 5_000, {}))
        self.assertIs(self.consumers.state, ConsumerGroupState.RECONCILING)
        asked = self.beat("m", 2)
        self.assertEqual((asked.epoch, asked.assignment), (2, partitions(T, 0, 1)))
        self.assertIsNone(self.beat("n", 3).assignment, "nothing new for the second")
        self.assertEqual(self.beat("m", 2, owned=partitions(T, 0, 1)).epoch, 3)
        self.assertEqual(self.beat("n", 3).assignment, partitions(T, 2, 3))
        self.assertIs(self.consumers.state, ConsumerGroupState.STABLE)

    def test_nothing_new(self) -> None:
        """A member that is as before is told nothing but to go on, and nothing is written."""
        self.enter()
        written = len(self.log.records)
        self.assertEqual(self.beat("m", 2, owned=partitions(T, 0, 1, 2, 3)), HeartbeatAnswer("m", 2, 5_000))
        self.assertEqual(len(self.log.records), written)

    def test_everything_said_again(self) -> None:
        """After an error a member says everything, and is told everything."""
        self.enter()
        answer = self.beat("m", 2, rebalance_timeout_ms=30_000, topics=frozenset("t"), owned=partitions(T, 0))
        self.assertEqual(answer.assignment, partitions(T, 0, 1, 2, 3))

    def test_joined_twice(self) -> None:
        """A member whose answer was lost joins again, and is still in."""
        self.enter()
        self.assertEqual(self.enter(), HeartbeatAnswer("m", 2, 5_000, partitions(T, 0, 1, 2, 3)))

    def test_no_topics_yet(self) -> None:
        """One may come without a subscription, and to topics that do not exist; it gets them when they do."""
        self.assertEqual(self.successResultOf(self.coordinator.consumer_heartbeat(replace(JOINING, topics=frozenset()))).epoch, 1)
        self.assertEqual(self.enter("n", "new").assignment, {})
        new = TopicId(b"n" * 16)
        self.topics({"t": (T, 4), "u": (U, 2), "new": (new, 1)})
        self.assertEqual(self.beat("n", 2).assignment, {new: frozenset((0,))})

    def test_id_of_our_own(self) -> None:
        """Version 0 lets the broker choose a member's id."""
        answer = self.enter("", names_itself=False)
        self.assertEqual(list(self.consumers.members), [answer.member_id])
        self.assertEqual(len(answer.member_id), 36)

    def test_answered_when_durable(self) -> None:
        """Nobody is told what a crash could take back, even when the heartbeat itself writes nothing."""
        self.log.held = []
        joining = self.coordinator.consumer_heartbeat(JOINING)
        again = self.coordinator.consumer_heartbeat(JOINING)
        self.assertNoResult(joining)
        self.assertNoResult(again)
        self.log.release()
        self.assertEqual(self.successResultOf(joining), self.successResultOf(again))

    def test_not_durable(self) -> None:
        """What could not be written never was."""
        self.log.refusing = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        self.assertEqual(self.refused(), ErrorCode.NOT_COORDINATOR)
        self.log.refusing = None
        self.assertEqual(self.coordinator.list_groups(), [])
        self.assertEqual(self.enter().epoch, 2)


class ChangesTest(ConsumerCase):
    """Subscriptions and topics change."""

    def test_another_subscription(self) -> None:
        """A member that wants something else gives up first what it does not want."""
        self.enter()
        answer = self.beat("m", 2, topics=frozenset("u"), owned=partitions(T, 0, 1, 2, 3))
        self.assertEqual((answer.epoch, answer.assignment), (2, {}))
        self.assertEqual(self.beat("m", 2, owned={}), HeartbeatAnswer("m", 3, 5_000, partitions(U, 0, 1)))

    def test_more_partitions(self) -> None:
        """A topic grows: the next heartbeat brings the new partition, in a new epoch."""
        self.enter()
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.assertEqual(self.beat("m", 2), HeartbeatAnswer("m", 3, 5_000, partitions(T, 0, 1, 2, 3, 4)))

    def test_other_topics(self) -> None:
        """What happens to topics that nobody here reads begins no epoch."""
        self.enter()
        self.topics({"t": (T, 4), "u": (U, 3)})
        self.assertEqual(self.beat("m", 2).epoch, 2)

    def test_deleted_topic(self) -> None:
        """It is taken away; under its name another one may come."""
        self.enter()
        self.topics({"u": (U, 2)})
        self.assertEqual(self.beat("m", 2, owned={}), HeartbeatAnswer("m", 3, 5_000, {}))
        again = TopicId(b"x" * 16)
        self.topics({"u": (U, 2), "t": (again, 1)})
        self.assertEqual(self.beat("m", 3).assignment, {again: frozenset((0,))})

    def test_topic_changed_while_nobody_saw(self) -> None:
        """After a restart the first heartbeat compares the topics with what the group knew."""
        self.enter()
        self.coordinator.stop()
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.coordinator = self.make()
        self.coordinator.load(self.log)
        self.assertEqual(self.beat("m", 2).epoch, 3)
        self.assertEqual(self.beat("m", 3).epoch, 3)

    def test_assignor(self) -> None:
        """The one that most members prefer is used."""
        self.enter("m", "t", "u", assignor="range")
        self.enter("n", "t", "u", assignor="range")
        self.enter("o", "t", "u", assignor="uniform")
        self.assertEqual(self.coordinator.describe_consumers("g").assignor, "range")
        self.assertEqual(self.consumers.target_of("m"), {T: frozenset((0, 1)), U: frozenset((0,))})

    def test_client_moves(self) -> None:
        """Another address is written down, and is no reason to assign anew."""
        self.enter()
        self.assertEqual(self.beat("m", 2, rack_id="r").epoch, 2)
        self.assertEqual(self.consumers.members["m"].rack_id, "r")


class FencingTest(ConsumerCase):
    """Members that are not what they think."""

    def test_epochs(self) -> None:
        """One ahead is fenced, and one behind, unless it is just one epoch and it owns nothing that it should not."""
        self.enter("m")
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.beat("m", 2)
        for epoch, owned in ((9, {}), (1, {}), (2, None), (2, partitions(T, 7)), (2, partitions(U, 0))):
            self.assertEqual(self.refused(epoch=epoch, owned=owned), ErrorCode.FENCED_MEMBER_EPOCH, (epoch, owned))
        self.assertEqual(self.beat("m", 2, owned=partitions(T, 0, 1)).epoch, 3)

    def test_unknown(self) -> None:
        """Whoever is not in the group, and whose group there is not, has to join."""
        self.assertEqual(self.refused(epoch=3), ErrorCode.GROUP_ID_NOT_FOUND)
        self.assertEqual(self.refused(epoch=-1), ErrorCode.GROUP_ID_NOT_FOUND)
        self.enter("m")
        self.assertEqual(self.refused(member_id="n", epoch=3), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.refused(member_id="n", epoch=-1), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_senseless(self) -> None:
        """What no client of this protocol would send."""
        for changes in (
            {"group_id": ""},
            {"group_id": " "},
            {"member_id": ""},
            {"member_id": "", "epoch": 1, "names_itself": False},
            {"instance_id": ""},
            {"rack_id": ""},
            {"rebalance_timeout_ms": -1},
            {"owned": None},
            {"owned": partitions(T, 0)},
            {"topics": None},
            {"epoch": -2},
            {"epoch": -3},
        ):
            self.assertEqual(self.refused(**changes), ErrorCode.INVALID_REQUEST, changes)
        self.assertEqual(self.refused(assignor="sticky"), ErrorCode.UNSUPPORTED_ASSIGNOR)
        self.assertEqual(self.refused(pattern="("), ErrorCode.INVALID_REGULAR_EXPRESSION)
        self.assertEqual(self.coordinator.list_groups(), [], "nothing came of it")


class SizeTest(ConsumerCase):
    """``group.consumer.max.size``."""

    config = GroupConfig(consumer=ConsumerConfig(size_max=1, assignment_interval_ms=0))

    def test_full(self) -> None:
        """Who is in may go on and join again, nobody else."""
        self.enter("m")
        self.assertEqual(self.refused(member_id="n"), ErrorCode.GROUP_MAX_SIZE_REACHED)
        self.assertEqual(self.enter("m").epoch, 2)
        self.beat("m", -1)
        self.assertEqual(self.enter("n").epoch, 4)


class LeavingTest(ConsumerCase):
    """Members go."""

    def test_leave(self) -> None:
        """What it had is the others' at once: it gave up everything before."""
        self.enter("m")
        self.enter("n")
        self.assertEqual(self.beat("m", -1), HeartbeatAnswer("m", -1))
        self.assertEqual(self.beat("n", 3), HeartbeatAnswer("n", 4, 5_000, partitions(T, 0, 1, 2, 3)))

    def test_last(self) -> None:
        """The group stays, empty."""
        self.enter()
        self.beat("m", -1)
        (summary,) = self.coordinator.list_groups()
        self.assertEqual((summary.state, summary.kind, summary.members), ("Empty", "consumer", 0))

    def test_by_administrator(self) -> None:
        """LeaveGroup removes members of either protocol."""
        self.enter("m")
        self.enter("n", instance_id="i")
        outcomes = self.successResultOf(self.coordinator.leave("g", [Leaving("m"), Leaving("x"), Leaving("", "i"), Leaving("m", "i")]))
        self.assertEqual(
            [None if error is None else error.code for error in outcomes], [None, ErrorCode.UNKNOWN_MEMBER_ID, None, ErrorCode.FENCED_INSTANCE_ID]
        )
        self.assertEqual(self.consumers.members, {})
        self.assertEqual(self.consumers.epoch, 4, "one epoch for all of them")


class StaticTest(ConsumerCase):
    """Members with an instance id keep their place for the next start."""

    def test_back_in_time(self) -> None:
        """It says that it is off for a while, comes back as another member, and has what it had; nobody else notices."""
        self.enter("m", instance_id="i")
        self.enter("n")
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.assertEqual(self.beat("m", -2, instance_id="i"), HeartbeatAnswer("m", -2))
        self.assertEqual(self.beat("n", 3).epoch, 3)
        self.assertEqual(self.enter("m2", instance_id="i"), HeartbeatAnswer("m2", 3, 5_000, partitions(T, 0, 1)))
        self.assertEqual((set(self.consumers.members), self.consumers.static), ({"m2", "n"}, {"i": "m2"}))
        self.assertEqual(self.consumers.epoch, 3)

    def test_place_in_use(self) -> None:
        """While one has the place, nobody else gets it; only the one itself may join again."""
        self.enter("m", instance_id="i")
        self.assertEqual(self.refused(member_id="m2", instance_id="i"), ErrorCode.UNRELEASED_INSTANCE_ID)
        self.assertEqual(self.enter("m", instance_id="i").epoch, 2)

    def test_fenced(self) -> None:
        """Its former self is told that its place was taken."""
        self.enter("m", instance_id="i")
        self.beat("m", -2, instance_id="i")
        self.enter("m2", instance_id="i")
        for epoch in (2, -1, -2):
            self.assertEqual(self.refused(epoch=epoch, instance_id="i"), ErrorCode.FENCED_INSTANCE_ID)
        self.assertEqual(self.refused(epoch=2, instance_id="j"), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_not_back_in_time(self) -> None:
        """When its session is over its part goes to the others."""
        self.enter("m", instance_id="i")
        self.beat("m", -2, instance_id="i")
        self.clock.advance(30)
        self.enter("n")
        self.assertEqual(self.consumers.target_of("n"), partitions(T, 2, 3))
        self.clock.advance(16)
        self.assertEqual(self.beat("n", 3).assignment, partitions(T, 0, 1, 2, 3))
        self.assertEqual(self.consumers.static, {})

    def test_other_topics_after_the_break(self) -> None:
        """It comes back with another subscription: then there is something to assign."""
        self.enter("m", instance_id="i")
        self.beat("m", -2, instance_id="i")
        self.assertEqual(self.enter("m2", "u", instance_id="i"), HeartbeatAnswer("m2", 3, 5_000, partitions(U, 0, 1)))

    def test_another_instance_id(self) -> None:
        """A member that joins again as another instance leaves nothing behind under the first id."""
        self.enter("m", instance_id="i")
        self.enter("m", instance_id="j")
        self.assertEqual(self.consumers.static, {"j": "m"})
        self.beat("m", -1, instance_id="j")
        self.assertEqual(self.consumers.static, {})
        self.assertEqual(self.enter("n", instance_id="i").member_id, "n")

    def test_instance_id_that_another_took(self) -> None:
        """A member that takes another instance's place gives up its own; what somebody else has by now stays with them."""
        self.enter("m", instance_id="i")
        self.enter("n", instance_id="j")
        self.beat("n", -2, instance_id="j")
        self.enter("m", instance_id="j")
        self.assertEqual((set(self.consumers.members), self.consumers.static), ({"m"}, {"j": "m"}))
        self.assertEqual(self.enter("o", instance_id="i").member_id, "o")
        self.beat("m", -1, instance_id="j")
        self.assertEqual(self.consumers.static, {"i": "o"})

    def test_leaves_for_good(self) -> None:
        """Its place is free."""
        self.enter("m", instance_id="i")
        self.beat("m", -1, instance_id="i")
        self.assertEqual(self.enter("n", instance_id="i").epoch, 4)


class SilenceTest(ConsumerCase):
    """Sessions and rebalance timeouts."""

    def test_session(self) -> None:
        """45 seconds without a sign of life."""
        self.enter("m")
        self.clock.advance(44)
        self.beat("m", 2)
        self.clock.advance(44)
        self.assertIn("m", self.consumers.members)
        self.clock.advance(2)
        self.assertEqual(self.consumers.members, {})
        self.assertEqual(self.refused(epoch=2), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_after_a_restart(self) -> None:
        """Sessions begin anew with the coordinator, and so does the time to give up partitions."""
        self.enter("m")
        self.enter("n")
        self.beat("m", 2)
        self.clock.advance(25)
        self.beat("n", 3)
        self.reload()
        self.clock.advance(29)
        self.beat("m", 2)
        self.beat("n", 3)
        self.clock.advance(2)
        self.assertEqual(set(self.consumers.members), {"n"}, "it did not give up")
        self.clock.advance(45)
        self.assertEqual(self.consumers.members, {})

    def test_revocation(self) -> None:
        """Heartbeats alone do not keep a member that does not give up what it should."""
        self.enter("m")
        self.enter("n")
        self.beat("m", 2)
        self.assertIs(self.consumers.members["m"].state, MemberState.UNREVOKED_PARTITIONS)
        for _ in range(5):
            self.clock.advance(5)
            self.beat("m", 2, owned=partitions(T, 0, 1, 2, 3))
        self.clock.advance(6)
        self.assertEqual(self.refused(epoch=2), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.beat("n", 3).assignment, partitions(T, 0, 1, 2, 3))

    def test_revoked_in_time(self) -> None:
        """Then nothing happens when the time would be over."""
        self.enter("m")
        self.enter("n")
        self.beat("m", 2)
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.clock.advance(31)
        self.assertIn("m", self.consumers.members)

    def test_not_written(self) -> None:
        """A member whose end could not be written is there again, with a new session."""
        self.enter("m")
        self.log.refusing = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "disk")
        self.clock.advance(46)
        self.log.refusing = None
        self.assertEqual(self.beat("m", 2).epoch, 2)


class IntervalTest(ConsumerCase):
    """``group.consumer.assignment.interval.ms``: members that come together are assigned together."""

    config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=1_000))

    def test_together(self) -> None:
        """The first gets its assignment at once; what is new within a second waits for the first heartbeat after it."""
        self.assertEqual(self.enter("m").epoch, 2)
        self.assertEqual(self.enter("n"), HeartbeatAnswer("n", 2, 5_000, {}))
        self.assertEqual(self.enter("o"), HeartbeatAnswer("o", 2, 5_000, {}))
        self.assertIs(self.consumers.state, ConsumerGroupState.ASSIGNING)
        self.clock.advance(1)
        self.assertEqual(self.beat("o", 2).epoch, 4)
        self.assertEqual((self.consumers.epoch, self.consumers.assignment_epoch), (4, 4))

    def test_clock_steps_back(self) -> None:
        """An assignment of a time that is still to come is no reason to wait for it."""
        self.enter("m")
        self.clock.rightNow -= 3_600
        self.assertEqual(self.enter("n").epoch, 3)
        self.assertEqual(self.consumers.assignment_epoch, 3)


class SettingsTest(ConsumerCase):
    """What is set on a group itself."""

    config = GroupConfig(consumer=ConsumerConfig(heartbeat_interval_range_ms=(1_000, 15_000), session_timeout_range_ms=(30_000, 60_000)))

    def set(self, **values: str) -> None:
        """Configure the group."""
        configs = {f"consumer.{name.replace('_', '.')}.ms": value for name, value in values.items()}
        self.feed.image = replace(self.feed.image, configs={"group/g": configs})

    def test_dynamic(self) -> None:
        """They count from the next heartbeat on."""
        self.enter()
        self.set(heartbeat_interval="1500", session_timeout="30000")
        self.assertEqual(self.beat("m", 2).interval_ms, 1_500)
        self.clock.advance(31)
        self.assertEqual(self.consumers.members, {})

    def test_within_limits(self) -> None:
        """Values of other times are brought within the broker's limits of today."""
        self.set(heartbeat_interval="10", assignment_interval="99999")
        self.assertEqual(self.enter().interval_ms, 1_000)


    def test_of_the_broker_at_run_time(self) -> None:
        """The broker's interval between assignments may change while it runs; a group's own counts before it."""
        name = "group.consumer.assignment.interval.ms"
        broker = [Configuration()]
        settings = GroupSettings(ConsumerConfig(), lambda: self.feed.image, lambda: broker[0])
        self.assertEqual(1_000, settings.assignment_interval_ms("g"))
        broker[0] = broker[0].with_dynamic({name: "2000"}, {})
        self.assertEqual(2_000, settings.assignment_interval_ms("g"))
        self.set(assignment_interval="3000")
        self.assertEqual(3_000, settings.assignment_interval_ms("g"))


class SwitchedOffTest(ConsumerCase):
    """``group.coordinator.rebalance.protocols`` without ``consumer``."""

    config = GroupConfig(consumer=ConsumerConfig(enabled=False))

    def test_refused(self) -> None:
        """Clients are told that there is no such version, and fall back to nothing unseen."""
        self.assertEqual(self.refused(), ErrorCode.UNSUPPORTED_VERSION)
        self.assertEqual(self.assertRaises(KafkaError, self.coordinator.describe_consumers, "g").code, ErrorCode.UNSUPPORTED_VERSION)


class ConfigurationTest(SynchronousTestCase):
    """From the broker's keys."""

    def test_of_the_broker(self) -> None:
        """Each key counts; the policy in any case."""
        texts = {"migration.policy": "Upgrade", "max.size": "7", "heartbeat.interval.ms": "6000", "assignment.interval.ms": "5"}
        config = ConsumerConfig.of(load({f"group.consumer.{name}": text for name, text in texts.items()}, {}))
        self.assertEqual((config.migration, config.size_max, config.heartbeat_interval_ms), (MigrationPolicy.UPGRADE, 7, 6_000))
        self.assertEqual((config.assignment_interval_ms, config.enabled), (5, True))
        self.assertFalse(ConsumerConfig.of(load({"group.coordinator.rebalance.protocols": "classic"}, {})).enabled)
        self.assertEqual(ConsumerConfig.of(Configuration()), ConsumerConfig())

    def test_assignors(self) -> None:
        """Their names, or those of Kafka's classes; none twice, and not none."""
        names = "org.apache.kafka.coordinator.group.assignor.RangeAssignor,uniform"
        self.assertEqual(("range", "uniform"), ConsumerConfig.of(load({"group.consumer.assignors": names}, {})).assignors)
        for text in ("", "sticky", "range,range"):
            self.assertRaises(ConfigurationError, load, {"group.consumer.assignors": text}, {})

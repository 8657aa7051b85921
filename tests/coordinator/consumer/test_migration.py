"""Groups that change from one protocol to the other with members in them, and back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig, MigrationPolicy
from chronik.coordinator.group.consumer.interfaces import HeartbeatAnswer
from chronik.coordinator.group.consumer.member import MemberState
from chronik.coordinator.group.group import GroupState
from chronik.coordinator.group.interfaces import Committing, Joined, Leaving, OffsetCommit
from chronik.errors import ErrorCode
from chronik.model import TopicId, TopicPartition
from chronik.protocol.messages import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from chronik.protocol.versioned import decode_versioned, encode_versioned
from tests.coordinator.consumer.consumers import JOINING, ConsumerCase, T, U, partitions
from tests.coordinator.groups import JOINING as CLASSIC_JOINING


def metadata(*topics: str, owned: tuple[int, ...] = (), version: int = 1) -> bytes:
    """What a classic consumer says of itself; what it owns is of ``t``."""
    parts = (ConsumerProtocolSubscription.TopicPartition(topic="t", partitions=owned),) if owned else ()
    return encode_versioned(ConsumerProtocolSubscription(topics=topics, owned_partitions=parts, user_data=None), version)


def assigned(data: bytes) -> dict[str, tuple[int, ...]]:
    """What a classic consumer reads in its assignment."""
    return {topic.topic: topic.partitions for topic in decode_versioned(ConsumerProtocolAssignment, data).assigned_partitions}


def assignment(*numbers: int, user_data: bytes | None = None) -> bytes:
    """Partitions of ``t``, as a classic leader gives them."""
    topics = (ConsumerProtocolAssignment.TopicPartition(topic="t", partitions=numbers),)
    return encode_versioned(ConsumerProtocolAssignment(assigned_partitions=topics, user_data=user_data), 1)


class MigrationCase(ConsumerCase):
    """Classic clients beside those of the newer protocol."""

    def classic(self, member_id: str = "", *topics: str, owned: tuple[int, ...] = (), **more: Any) -> Deferred[Joined]:
        """Join as a classic client of ``t``, or of these topics."""
        protocols = (("range", metadata(*(topics or ("t",)), owned=owned)),)
        return self.coordinator.join(replace(CLASSIC_JOINING, member_id=member_id, **{"protocols": protocols, **more}))

    def joined(self, member_id: str = "", *topics: str, **more: Any) -> Joined:
        """It, in."""
        return self.successResultOf(self.classic(member_id, *topics, **more))

    def synced(self, joined: Joined, **more: Any) -> dict[str, tuple[int, ...]]:
        """Its assignment."""
        return assigned(self.successResultOf(self.sync(joined.member_id, joined.generation, **more)).assignment)

    def classic_group(self, *assignments: bytes, **more: Any) -> list[str]:
        """A stable classic group with a member for each assignment; their ids."""
        joins = [self.classic(**more) for _ in assignments]
        ids = list(self.group.members)
        for member_id in ids:
            if self.group.members[member_id].joining is None:
                joins.append(self.classic(member_id, **more))
        generation = self.group.generation
        given = dict(zip(ids, assignments, strict=True))
        for member_id in ids:
            self.sync(member_id, generation, given if member_id == self.group.leader_id else None)
        self.assertIs(self.group.state, GroupState.STABLE)
        return ids

    def kind(self) -> str:
        """Of which kind the group is."""
        (summary,) = [summary for summary in self.coordinator.list_groups() if summary.group_id == "g"]
        return summary.kind


class EmptyTest(MigrationCase):
    """A group without members is of whichever kind comes; its offsets stay."""

    def test_classic_to_consumer(self) -> None:
        """Also one that only ever had offsets."""
        self.successResultOf(self.commit(5))
        self.assertEqual(self.kind(), "classic")
        self.assertEqual(self.enter().epoch, 2)
        self.assertEqual(self.kind(), "consumer")
        self.reload()
        self.assertEqual((self.kind(), self.coordinator.offsets("g")[TopicPartition("t", 0)].offset), ("consumer", 5))

    def test_with_somebody_about_to_come(self) -> None:
        """A classic client that was told its id comes into the consumer group with it."""
        member_id = self.given_id(self.join(known_id_required=True, protocols=(("range", metadata("t")),)))
        self.enter()
        self.assertEqual(self.joined(member_id).member_id, member_id)

    def test_consumer_to_classic(self) -> None:
        """And back."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.beat("m", -1)
        joined = self.joined()
        self.assertEqual((self.kind(), joined.generation, joined.leader_id), ("classic", 1, joined.member_id))
        self.reload()
        self.assertEqual((self.kind(), self.coordinator.offsets("g")[TopicPartition("t", 0)].offset), ("classic", 5))

    def test_unknown_classic_member(self) -> None:
        """One that brings an id from elsewhere has to join without it."""
        self.enter()
        self.beat("m", -1)
        self.assertEqual(self.code(self.classic("stranger")), ErrorCode.UNKNOWN_MEMBER_ID)


class UpgradeTest(MigrationCase):
    """A classic group that a member of the newer protocol joins."""

    def test_nobody_loses_anything(self) -> None:
        """The classic members keep what they have until they are told to join again."""
        one, two = self.classic_group(assignment(0, 1), assignment(2, 3))
        generation = self.group.generation
        self.successResultOf(self.commit(5, one, generation))
        answer = self.enter("new")
        self.assertEqual((self.kind(), answer.epoch, answer.assignment), ("consumer", generation + 1, {}))
        self.assertEqual(self.consumers.members[one].assigned, {T: {0: generation, 1: generation}})
        self.assertEqual(self.consumers.holder(T, 3), two)
        self.assertEqual(self.heartbeat(one, generation), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.coordinator.offsets("g")[TopicPartition("t", 0)].offset, 5)

    def test_all_the_way(self) -> None:
        """Classic members give up and take by joining again; in the end everybody has a share."""
        one, two = self.classic_group(assignment(0, 1), assignment(2, 3))
        epoch = self.enter("new").epoch
        (target,) = self.consumers.target_of("new")[T]
        giver, keeper = (one, two) if target in (0, 1) else (two, one)
        had = (0, 1) if giver == one else (2, 3)
        asked = self.joined(giver, owned=had)
        self.assertEqual(asked.generation, epoch - 1, "it stays in its epoch until it has given up")
        (kept,) = self.synced(asked)["t"]
        self.assertEqual(self.heartbeat(giver, epoch - 1), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.beat("new", epoch).assignment, None)
        again = self.joined(giver, owned=(kept,))
        self.assertEqual((again.generation, self.synced(again)), (epoch, {"t": (kept,)}))
        self.assertEqual(self.heartbeat(giver, epoch), ErrorCode.NONE)
        self.assertEqual(self.beat("new", epoch).assignment, partitions(T, target))
        other = self.joined(keeper, owned=(2, 3) if keeper == two else (0, 1))
        self.assertEqual(len(self.synced(other)["t"]), 2)
        self.assertEqual(self.consumers.state.value, "Stable")

    def test_eager_clients(self) -> None:
        """Those of old give up everything before they join."""
        (one,) = self.classic_group(assignment(0, 1, 2, 3), protocols=(("range", metadata("t", version=0)),))
        self.enter("new")
        joined = self.joined(one, protocols=(("range", metadata("t", version=0)),))
        self.assertEqual(len(self.synced(joined)["t"]), 2)
        self.assertIs(self.consumers.members[one].state, MemberState.STABLE)

    def test_in_a_rebalance(self) -> None:
        """Whoever waits is told to join again, and finds the consumer group."""
        (one,) = self.classic_group(assignment(0, 1, 2, 3))
        waiting = self.classic()
        self.enter("new")
        self.assertEqual(self.code(waiting), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.joined(one, owned=(0, 1, 2, 3)).member_id, one)
        self.clock.advance(100)

    def test_after_a_restart(self) -> None:
        """The log says the same."""
        self.classic_group(assignment(0, 1), assignment(2, 3))
        self.enter("new")
        before = self.coordinator.describe_consumers("g")
        self.reload()
        self.assertEqual(self.coordinator.describe_consumers("g"), before)

    def test_silent_classic_member(self) -> None:
        """Its own session timeout counts."""
        (one,) = self.classic_group(assignment(0, 1, 2, 3), session_timeout_ms=20_000)
        self.enter("new")
        self.clock.advance(19)
        self.assertIn(one, self.consumers.members)
        self.clock.advance(2)
        self.assertEqual(set(self.consumers.members), {"new"})

    def test_refused(self) -> None:
        """Groups of something else than consumers, with an assignor's own data, damaged ones, and those that are too large."""
        for more in (
            {"protocol_type": "connect"},
            {"given": assignment(0, user_data=b"x")},
            {"given": b"\x00"},
            {"protocols": (("range", b"\x00"),)},
        ):
            self.setUp()
            given = more.pop("given", assignment(0))
            joined = self.successResultOf(self.classic(**more))
            fields = {"protocol_type": more.get("protocol_type", "consumer")}
            self.sync(joined.member_id, joined.generation, {joined.member_id: given}, **fields)
            self.assertEqual(self.refused(), ErrorCode.GROUP_ID_NOT_FOUND, more)
            self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.NONE)
            self.assertEqual(self.kind(), "classic")

    def test_not_by_a_heartbeat(self) -> None:
        """Only by joining."""
        self.classic_group(assignment(0))
        for epoch in (3, -1):
            self.assertEqual(self.refused(epoch=epoch), ErrorCode.GROUP_ID_NOT_FOUND)


class ClassicMemberTest(MigrationCase):
    """Classic clients in a group of the newer protocol."""

    def test_requests(self) -> None:
        """What they may not do, and how they are told."""
        self.enter("m")
        joined = self.joined()
        member_id, generation = joined.member_id, joined.generation
        self.assertEqual((joined.protocol_type, joined.protocol_name, joined.leader_id, joined.members), ("consumer", "range", "", ()))
        self.assertEqual(self.code(self.sync(member_id, generation + 1)), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.code(self.sync(member_id, generation, protocol_name="x")), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.sync("m", 2)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.sync("x", 2)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.heartbeat("m", 2), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.heartbeat(member_id, generation - 1), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.heartbeat(member_id, generation), ErrorCode.NONE, "it waits for the other to give up")
        self.assertEqual(self.code(self.classic(protocol_type="connect")), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.classic(protocols=(("other", metadata("t")),))), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.classic(protocols=(("range", b"?"),))), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    def test_told_when_there_is_something_to_take(self) -> None:
        """As soon as others gave up what it should have."""
        self.enter("m")
        joined = self.joined()
        self.assertEqual(self.synced(joined), {})
        self.beat("m", 2)
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.NONE)
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.synced(self.joined(joined.member_id)), {"t": (2, 3)})

    def test_offsets(self) -> None:
        """They commit in their generation, which is an epoch, with old versions too; errors are in their words."""
        self.enter("m")
        joined = self.joined()
        place = {TopicPartition("t", 0): OffsetCommit(5, -1, "")}
        mine = Committing("g", joined.generation, joined.member_id, None, place, knows_epochs=False)
        self.successResultOf(self.coordinator.commit(mine))
        self.assertEqual(self.code(self.coordinator.commit(replace(mine, generation=9))), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.code(self.coordinator.commit(replace(mine, generation=1))), ErrorCode.ILLEGAL_GENERATION)

    def test_known_id_required(self) -> None:
        """As in a classic group (KIP-394)."""
        self.enter("m")
        member_id = self.given_id(self.classic(known_id_required=True))
        self.assertEqual(self.joined(member_id, known_id_required=True).member_id, member_id)

    def test_does_not_join_again(self) -> None:
        """One that is told to join has its rebalance timeout for it; so has one that does not sync."""
        self.enter("m")
        joined = self.joined(rebalance_timeout_ms=10_000, session_timeout_ms=20_000)
        self.synced(joined)
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.beat("m", 2)
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        self.clock.advance(9)
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.code(self.sync(joined.member_id, joined.generation)), ErrorCode.REBALANCE_IN_PROGRESS)
        self.clock.advance(2)
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.UNKNOWN_MEMBER_ID)
        silent = self.joined(rebalance_timeout_ms=10_000)
        self.clock.advance(11)
        self.assertEqual(self.heartbeat(silent.member_id, silent.generation), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_removed_while_it_waits(self) -> None:
        """A member that is put out while its sync waits for the log is told so, or that its group is classic now. Nothing is expected of it here."""
        for leaves, code in (("", ErrorCode.UNKNOWN_MEMBER_ID), ("m", ErrorCode.REBALANCE_IN_PROGRESS)):
            self.setUp()
            self.enter("m")
            joined = self.joined()
            self.log.held = []
            self.commit(5, "m", 2)
            syncing = self.sync(joined.member_id, joined.generation)
            self.assertNoResult(syncing)
            self.coordinator.leave("g", [Leaving(leaves or joined.member_id)])
            self.log.release()
            self.assertEqual(self.code(syncing), code)
            self.assertNotIn(joined.member_id, self.clocks())

    def test_removed_while_its_heartbeat_waits(self) -> None:
        """The same for a heartbeat that assigns."""
        self.config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=1_000))
        self.setUp()
        self.enter("m")
        joined = self.joined()
        self.clock.advance(2)
        self.log.held = []
        beating = self.coordinator.heartbeat("g", joined.generation, joined.member_id, None)
        self.coordinator.leave("g", [Leaving(joined.member_id)])
        self.log.release()
        self.assertEqual(self.code(beating), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertNotIn(joined.member_id, self.clocks())

    def clocks(self) -> Collection[str]:
        """Ids of members of whom something is expected."""
        return self.coordinator._shards[0].consumers.clocks._clocks.get("g", {}).keys()

    def test_newer_self(self) -> None:
        """A static classic member that starts anew with the newer protocol has its place at once."""
        self.enter("m")
        joined = self.joined(instance_id="i")
        answer = self.enter("new", instance_id="i")
        self.assertEqual((answer.member_id, answer.epoch, answer.assignment), ("new", 3, {}))
        self.assertNotIn(joined.member_id, self.consumers.members)
        self.assertIsNone(self.consumers.members["new"].classic)

    def test_older_self(self) -> None:
        """And the other way; its former self is fenced."""
        self.enter("m")
        self.enter("old", instance_id="i")
        joined = self.joined(instance_id="i")
        self.assertEqual(self.consumers.static, {"i": joined.member_id})
        self.assertEqual(self.refused(member_id="old", epoch=3, instance_id="i"), ErrorCode.FENCED_INSTANCE_ID)
        self.assertEqual(self.code(self.classic("old", instance_id="i")), ErrorCode.FENCED_INSTANCE_ID)


class DowngradeTest(MigrationCase):
    """The last member of the newer protocol leaves a group with classic clients."""

    def with_classic(self) -> Joined:
        """A classic client beside ``m``, stable: it has partitions 2 and 3."""
        self.enter("m")
        joined = self.joined()
        self.synced(joined)
        self.beat("m", 2)
        self.beat("m", 2, owned=partitions(T, 0, 1))
        joined = self.joined(joined.member_id)
        self.assertEqual(self.synced(joined), {"t": (2, 3)})
        return joined

    def test_leave(self) -> None:
        """The classic client joins again, and leads."""
        member_id = self.with_classic().member_id
        generation = self.consumers.epoch
        self.assertEqual(self.beat("m", -1), HeartbeatAnswer("m", -1))
        self.assertEqual(self.kind(), "classic")
        self.assertEqual(self.heartbeat(member_id, generation), ErrorCode.REBALANCE_IN_PROGRESS)
        joined = self.joined(member_id)
        self.assertEqual((joined.generation, joined.leader_id), (generation + 1, member_id))
        self.assertEqual(self.refused(epoch=2), ErrorCode.GROUP_ID_NOT_FOUND)

    def test_silence(self) -> None:
        """Also when its session ends."""
        joined = self.with_classic()
        for _ in range(6):
            self.clock.advance(8)
            if self.kind() == "consumer":
                self.heartbeat(joined.member_id, joined.generation)
        self.assertEqual(self.kind(), "classic")
        self.assertEqual(list(self.group.members), [joined.member_id])

    def test_by_administrator(self) -> None:
        """And when it is removed."""
        self.with_classic()
        self.successResultOf(self.coordinator.leave("g", [Leaving("m")]))
        self.assertEqual(self.kind(), "classic")

    def test_after_a_restart(self) -> None:
        """The log has the classic group with everybody's assignment, and nothing of the other."""
        member_id = self.with_classic().member_id
        self.beat("m", -1)
        self.reload()
        self.assertEqual((self.kind(), list(self.group.members)), ("classic", [member_id]))
        self.assertEqual(assigned(self.group.members[member_id].assignment), {"t": (2, 3)})

    def test_static_member_goes_back(self) -> None:
        """A static member that was the last of the newer protocol comes back with the classic one: nobody has to join again."""
        self.enter("m", instance_id="i")
        self.beat("m", -2, instance_id="i")
        joined = self.joined(instance_id="i", owned=())
        self.assertEqual((self.kind(), joined.generation), ("classic", 2))
        self.assertIs(self.group.state, GroupState.STABLE)
        self.assertEqual(self.synced(joined, instance_id="i"), {"t": (0, 1, 2, 3)})

    def test_static_member_goes_back_to_other_topics(self) -> None:
        """With another subscription everybody joins again."""
        self.enter("m", instance_id="i")
        joined = self.joined("", "u", instance_id="i")
        self.assertEqual((self.kind(), self.group.state), ("classic", GroupState.PREPARING_REBALANCE))
        self.assertEqual(self.successResultOf(self.classic(joined.member_id, "u", instance_id="i")).generation, joined.generation + 1)


class PolicyTest(MigrationCase):
    """``group.consumer.migration.policy``."""

    def policy(self, policy: MigrationPolicy) -> None:
        """Begin again under a policy."""
        self.config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0, migration=policy))
        self.setUp()

    def test_upgrades(self) -> None:
        """Only where it says so."""
        for policy, code in (
            (MigrationPolicy.BIDIRECTIONAL, ErrorCode.NONE),
            (MigrationPolicy.UPGRADE, ErrorCode.NONE),
            (MigrationPolicy.DOWNGRADE, ErrorCode.GROUP_ID_NOT_FOUND),
            (MigrationPolicy.DISABLED, ErrorCode.GROUP_ID_NOT_FOUND),
        ):
            self.policy(policy)
            self.classic_group(assignment(0, 1, 2, 3))
            if code is ErrorCode.NONE:
                self.enter()
            else:
                self.assertEqual(self.refused(), code, policy)

    def test_classic_clients_come_in(self) -> None:
        """Unless groups never change."""
        for policy in MigrationPolicy:
            self.policy(policy)
            self.enter()
            if policy is MigrationPolicy.DISABLED:
                self.assertEqual(self.code(self.classic()), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
            else:
                self.joined()

    def test_downgrades(self) -> None:
        """Where it does not say so, classic clients stay in the group of the newer protocol, and are assigned all the same."""
        for policy, kind in ((MigrationPolicy.DOWNGRADE, "classic"), (MigrationPolicy.UPGRADE, "consumer")):
            self.policy(policy)
            self.enter()
            joined = self.joined()
            self.beat("m", -1)
            self.assertEqual(self.kind(), kind, policy)
        self.assertEqual(self.heartbeat(joined.member_id, joined.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertEqual(self.synced(self.joined(joined.member_id)), {"t": (0, 1, 2, 3)})

    def test_topics_change_among_classic_clients(self) -> None:
        """Also where only classic clients are left in a group of the newer protocol, new partitions are somebody's; nothing else is a reason."""
        self.policy(MigrationPolicy.UPGRADE)
        self.enter()
        member_id = self.joined().member_id
        self.beat("m", -1)
        joined = self.joined(member_id)
        self.assertEqual(self.synced(joined), {"t": (0, 1, 2, 3)})
        self.topics({"t": (T, 4), "u": (U, 3)})
        self.assertEqual(self.heartbeat(member_id, joined.generation), ErrorCode.NONE)
        self.topics({"t": (T, 5), "u": (U, 3)})
        self.assertEqual(self.heartbeat(member_id, joined.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        joined = self.joined(member_id, owned=(0, 1, 2, 3))
        self.assertEqual(self.synced(joined), {"t": (0, 1, 2, 3, 4)})
        self.assertEqual(self.heartbeat(member_id, joined.generation), ErrorCode.NONE)

    def test_sizes(self) -> None:
        """A group that would be too large for the other protocol stays what it is."""
        self.config = GroupConfig(size_max=1, consumer=ConsumerConfig(assignment_interval_ms=0))
        self.setUp()
        self.enter("m")
        self.joined()
        self.joined()
        self.beat("m", -1)
        self.assertEqual(self.kind(), "consumer")
        self.config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0, size_max=1))
        self.setUp()
        self.classic_group(assignment(0), assignment(1))
        self.assertEqual(self.refused(), ErrorCode.GROUP_ID_NOT_FOUND)


class DeletedTopicTest(MigrationCase):
    """Topics that are no more."""

    def test_left_out(self) -> None:
        """They are in no assignment of a group that changes over."""
        self.classic_group(assignment(0, 1, 2, 3))
        self.topics({"u": (U, 2)})
        self.enter()
        self.assertEqual([member.assigned for member in self.consumers.members.values()], [{}, {}])
        self.topics({"u": (U, 2), "t": (TopicId(b"x" * 16), 1)})
        self.assertEqual(self.successResultOf(self.coordinator.consumer_heartbeat(replace(JOINING))).epoch, 3)

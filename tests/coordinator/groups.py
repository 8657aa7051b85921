"""A group coordinator over one partition of state in memory, on a clock that the test moves."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.group import Group, MemberIdRequired
from chronik.coordinator.group.interfaces import Committing, Joined, Joining, OffsetCommit, Synced, Syncing
from chronik.coordinator.group.service import GroupCoordinator
from chronik.errors import ErrorCode, KafkaError
from chronik.model import OFFSETS_TOPIC, TopicId, TopicPartition
from chronik.testing.coordinator import FakeStateLog
from tests.replica.fakes import FakeFeed, image_of, topic_of

JOINING = Joining(
    group_id="g",
    member_id="",
    instance_id=None,
    client_id="client",
    client_host="/10.0.0.9",
    session_timeout_ms=10_000,
    rebalance_timeout_ms=60_000,
    protocol_type="consumer",
    protocols=(("range", b"one"),),
)

PLACE = TopicPartition("t", 0)


class GroupCase(SynchronousTestCase):
    """Tests of one coordinator."""

    config = GroupConfig()

    _watched = False

    def setUp(self) -> None:
        """A coordinator that leads the one partition of state."""
        if not self._watched:
            self._watched = True
            self.addCleanup(self.forget_who_waits)
            # What there is already is none of this test's: it need not be looked at when the test is over, however much it is.
            gc.freeze()
        self.clock = Clock()
        self.set_forward = 0.0
        self.clock.advance(1_000_000)
        self.feed = FakeFeed(image_of(topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16)), topic_of()))
        self.log = FakeStateLog()
        self.marks = itertools.count(1)
        self.coordinator = self.make()
        self.coordinator.load(self.log)

    def forget_who_waits(self) -> None:
        """Joins that a test leaves waiting fail when the coordinator stops; nobody is there to hear it."""
        gc.collect()
        gc.unfreeze()
        self._watched = False
        self.flushLoggedErrors(KafkaError)

    def wall_clock(self) -> float:
        """The time of day."""
        return self.clock.seconds() + self.set_forward

    def make(self) -> GroupCoordinator:
        """One more coordinator."""
        coordinator = GroupCoordinator(self.feed, self.clock, self.wall_clock, self.config, lambda count: next(self.marks).to_bytes(count, "big"))
        coordinator.start()
        self.addCleanup(coordinator.stop)
        return coordinator

    @property
    def group(self) -> Group:
        """The group of the tests."""
        found = self.coordinator._shards[0].group("g")
        assert found is not None
        return found

    def join(self, member_id: str = "", **changes: Any) -> Deferred[Joined]:
        """Ask to join."""
        return self.coordinator.join(replace(JOINING, member_id=member_id, **changes))

    def sync(self, member_id: str, generation: int, assignments: Mapping[str, bytes] | None = None, **more: Any) -> Deferred[Synced]:
        """Ask for the assignment, or bring it."""
        fields = {"instance_id": None, "protocol_type": "consumer", "protocol_name": "range", **more}
        return self.coordinator.sync(Syncing("g", generation, member_id, assignments=assignments or {}, **fields))

    def stable(self, members: int = 1) -> list[str]:
        """A group of so many members that have their assignments ``a0``, ``a1``, …; their ids, the leader's first."""
        joins = [self.join()]
        for _ in range(members - 1):
            joins.append(self.join())
        ids = list(self.group.members)
        for member_id in ids[: members - 1] if members > 1 else []:
            if self.group.members[member_id].joining is None:
                self.join(member_id)
        generation = self.group.generation
        leader = self.group.leader_id
        assert leader is not None
        assignments = {member_id: f"a{number}".encode() for number, member_id in enumerate(ids)}
        for member_id in ids:
            self.sync(member_id, generation, assignments if member_id == leader else None).addErrback(lambda failure: None)
        self.assertEqual(self.group.state.value, "Stable")
        return sorted(ids, key=lambda member_id: member_id != leader)

    def code(self, waiting: Deferred[Any]) -> ErrorCode:
        """What a call failed with."""
        error = self.failureResultOf(waiting, KafkaError).value
        assert isinstance(error, KafkaError)
        return error.code

    def given_id(self, waiting: Deferred[Any]) -> str:
        """The id that a new member was told to come again with."""
        error = self.failureResultOf(waiting, MemberIdRequired).value
        assert isinstance(error, MemberIdRequired)
        return error.member_id

    def heartbeat(self, member_id: str, generation: int, instance_id: str | None = None) -> ErrorCode:
        """A sign of life; how it is answered."""
        answer = self.coordinator.heartbeat("g", generation, member_id, instance_id)
        results: list[Any] = []
        answer.addBoth(results.append)
        return ErrorCode.NONE if results[0] is None else results[0].value.code

    def commit(self, offset: int, member_id: str = "", generation: int = -1, place: TopicPartition = PLACE, metadata: str = "") -> Deferred[Any]:
        """Commit one offset."""
        return self.coordinator.commit(Committing("g", generation, member_id, None, {place: OffsetCommit(offset, 3, metadata)}))

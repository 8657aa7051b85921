"""A member of the consumer group protocol (KIP-848): one heartbeat that says what it has and is told what it is to have."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from chronik.errors import ErrorCode
from chronik.protocol.messages import ConsumerGroupHeartbeatRequest, OffsetFetchRequest
from chronik.testing.simulation.client import Unavailable
from chronik.testing.simulation.fetching import Position
from chronik.testing.simulation.members import SESSION_MS, Lost, Member, Place

FENCED: Final = frozenset({ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.STALE_MEMBER_EPOCH})

LATE_SHARE: Final = 0.05
"""Of turns, those in which a member does something as if it had missed the last epochs."""

SAFETY: Final = 0.9
"""How much of a session is certain to be over no sooner at the coordinator: clocks run a little differently."""


class ConsumerMember(Member):
    """One member. See :class:`Member` for the parameters."""

    FETCH_VERSIONS: ClassVar[tuple[int, ...]] = (9,)
    COMMIT_VERSIONS: ClassVar[tuple[int, ...]] = (9,)
    _owned: set[int]
    _said: set[int] | None
    _interval: float
    _late: tuple[int, dict[Place, Position]] | None = None

    async def live(self) -> None:
        """Join, and send heartbeats in between."""
        if not self.member_id:
            self.member_id = str(uuid.UUID(bytes=self.client.random.randbytes(16), version=4))
            self._epochs: list[int] = []
        self.epoch, self._owned, self._interval, self._late = 0, set(), 0.0, None
        self._forget_said()
        random, clock = self.client.random, self.client.reactor.seconds
        beat_at = clock()
        while not self.stage.closing:
            if clock() >= beat_at:
                await self._beat()
                beat_at = clock() + self._interval
            await self.read_some()
            if random.random() < 0.3:
                await self.commit()
            if random.random() < 0.2:
                await self._commit_late()
            if self._said is not None and self._owned != self._said:
                beat_at = clock()
            if random.random() < LATE_SHARE:
                await self._be_late()
            if self.dies:
                await self.vanish()
            if self.goes:
                await self.leave()
                return

    def _forget_said(self) -> None:
        self._said = None

    def _request(self) -> ConsumerGroupHeartbeatRequest:
        joins = self.epoch == 0
        changed = joins or self._said != self._owned
        return ConsumerGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=self.epoch,
            rebalance_timeout_ms=30_000 if joins else -1,
            subscribed_topic_names=(self.topic,) if joins else None,
            topic_partitions=self._mine() if changed else None,
        )

    def _mine(self) -> tuple[ConsumerGroupHeartbeatRequest.TopicPartitions, ...]:
        topic = self.client.topics.get(self.topic)
        if not self._owned or topic is None:
            return ()
        return (ConsumerGroupHeartbeatRequest.TopicPartitions(topic_id=topic.topic_id, partitions=tuple(sorted(self._owned))),)

    async def _beat(self) -> None:
        groups, clock = self.stage.ledger.groups, self.client.reactor.timeline
        if self.topic not in self.client.topics:
            await self.client.refresh([self.topic])
        if self.epoch == 0:
            groups.lets_go(self.group, self.member_id)
        else:
            known = {number for name, number in self.positions if name == self.topic}
            groups.lets_go(self.group, self.member_id, [(self.topic, number) for number in range(64) if number not in known])
        saying, sent = set(self._owned), clock.now
        response = await self.client.ask_coordinator(self.group, self._request())
        error = self.client.error("ConsumerGroupHeartbeat", response.error_code)
        if error in FENCED:
            groups.lets_go(self.group, self.member_id)
            raise Lost
        if error is not ErrorCode.NONE:
            self._coordinated("ConsumerGroupHeartbeat", response.error_code)
        self._said = saying
        self.epoch, self._interval = response.member_epoch, response.heartbeat_interval_ms / 1000
        if self._epochs and self.epoch < self._epochs[-1]:
            # The group was forgotten while it was empty, and begins anew.
            self._epochs.clear()
        if self.epoch not in self._epochs[-1:]:
            self._epochs.append(self.epoch)
        if response.assignment is not None:
            await self._assigned(response.assignment.topic_partitions, sent)
        elif not self.client.may_lag:
            self._claim(sent, self._owned)

    def _claim(self, sent: float, numbers: set[int]) -> None:
        until = sent + SESSION_MS / 1000 * SAFETY
        places = [(self.topic, number) for number in sorted(numbers)]
        self.stage.ledger.groups.claims(self.group, self.member_id, places, self.client.reactor.timeline.now, until)

    async def _assigned(self, topics: Sequence[Any], sent: float) -> None:
        numbers = {number for topic in topics for number in topic.partitions}
        gone = self._owned - numbers
        if gone and self.client.random.random() < 0.7:
            await self.commit()
        if gone:
            self._late = self.epoch, {place: position for place, position in self.positions.items() if place[1] in gone}
        self._claim(sent, numbers | (self._owned & gone))
        self._owned = numbers
        self._committed = {place: offset for place, offset in self._committed.items() if place[1] in numbers}
        await self.take_up(numbers)

    async def _commit_late(self) -> None:
        """What was committed before partitions were given up comes once more, as from a slow network: by now they may be another member's."""
        late, self._late = self._late, None
        if late is not None and late[1]:
            epoch, positions = late
            with suppress(Lost):
                await self.commit_positions(positions, epoch)

    async def _be_late(self) -> None:
        """A heartbeat, or a look at what is committed, under an epoch that is over, and so is the next one: it must be refused."""
        if len(self._epochs) < 3:
            return
        epoch = self.client.random.choice(self._epochs[:-2])
        if self.client.random.random() < 0.5:
            kind, wanted = "ConsumerGroupHeartbeat", ErrorCode.FENCED_MEMBER_EPOCH
            beat = ConsumerGroupHeartbeatRequest(group_id=self.group, member_id=self.member_id, member_epoch=epoch)
            code = (await self.client.ask_coordinator(self.group, beat)).error_code
        else:
            kind, wanted = "OffsetFetch", ErrorCode.STALE_MEMBER_EPOCH
            topic = OffsetFetchRequest.OffsetFetchRequestTopics(name=self.topic, partition_indexes=(0,))
            group = OffsetFetchRequest.OffsetFetchRequestGroup(
                group_id=self.group, member_id=self.member_id, member_epoch=epoch, topics=(topic,)
            )
            code = (await self.client.ask_coordinator(self.group, OffsetFetchRequest(groups=(group,)), 9)).groups[0].error_code
        # Its session may be over by now, and then it is nobody.
        if self._told(kind, code) not in (wanted, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.GROUP_ID_NOT_FOUND) and not self.client.may_lag:
            what = f"{kind} under epoch {epoch} of {self.group}, being at {self.epoch}, and was told {ErrorCode(code).name}"
            self.stage.ledger.finding(f"{self.client.name} sent {what}")

    async def leave(self) -> None:
        """A heartbeat of epoch -1."""
        if not self.member_id:
            return
        self.stage.ledger.groups.lets_go(self.group, self.member_id)
        request = ConsumerGroupHeartbeatRequest(group_id=self.group, member_id=self.member_id, member_epoch=-1)
        try:
            response = await self.client.ask_coordinator(self.group, request)
            self.client.error("ConsumerGroupHeartbeat", response.error_code)
        except Unavailable:
            pass
        self.member_id = ""

"""A member of the classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup; the leader shares the partitions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from chronik.errors import ErrorCode
from chronik.protocol.messages import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from chronik.protocol.versioned import encode_versioned
from chronik.testing.simulation.client import Unavailable
from chronik.testing.simulation.fetching import Position
from chronik.testing.simulation.members import HEARTBEAT_SECONDS, SESSION_MS, Lost, Member, Place

PROTOCOL: Final = "range"

REBALANCE_MS: Final = 3_000

HEARD_SECONDS: Final = REBALANCE_MS / 1000 * 0.9
"""Nobody is put out sooner after a sign of life whose answer would have told of a rebalance."""

LATE_SHARE: Final = 0.1
"""Of heartbeats, those after which a member does something as if it had missed the generation that it is in."""

LEFT_TIMES: Final = 3
"""So often whoever has left may be told so again: a coordinator that took the place of another one may not have heard of it, but not each time."""


class ClassicMember(Member):
    """One member. See :class:`Member` for the parameters."""

    _committed_at = _heard_at = float("-inf")

    async def live(self) -> None:
        """Join, be given partitions, and read them until the group rebalances."""
        await self._join()
        random, clock = self.client.random, self.client.reactor.seconds
        heartbeat_at = clock() + HEARTBEAT_SECONDS
        while not self.stage.closing:
            await self.read_some()
            if random.random() < 0.3:
                await self.commit()
            if clock() >= heartbeat_at:
                heartbeat_at = clock() + HEARTBEAT_SECONDS
                if not await self._beat():
                    await self.commit()
                    return
                if random.random() < LATE_SHARE:
                    await self._be_late()
            if self.dies:
                await self.vanish()
            if self.goes:
                await self.leave()
                return

    async def _join(self) -> None:
        if self.topic not in self.client.topics:
            await self.client.refresh([self.topic])
        self._committed_at = self._heard_at = float("-inf")
        subscription = ConsumerProtocolSubscription(topics=(self.topic,), user_data=None, owned_partitions=())
        metadata = encode_versioned(subscription, 1)
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name=PROTOCOL, metadata=metadata)
        request = JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=(protocol,),
        )
        response = await self.client.ask_coordinator(self.group, request)
        error = self.client.error("JoinGroup", response.error_code)
        if error is ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = response.member_id
            raise Lost
        if error is ErrorCode.UNKNOWN_MEMBER_ID:
            self.member_id = ""
        if error is not ErrorCode.NONE:
            self._coordinated("JoinGroup", response.error_code)
        self.member_id, self.epoch = response.member_id, response.generation_id
        shares = self._share(response.members) if response.leader == self.member_id else ()
        await self._sync(shares)

    def _share(self, members: Sequence[Any]) -> Sequence[SyncGroupRequest.SyncGroupRequestAssignment]:
        """Deal the partitions out, another member beginning each time."""
        topic = self.client.topics.get(self.topic)
        numbers = sorted(topic.leaders) if topic is not None else []
        ids = sorted(member.member_id for member in members)
        start = self.epoch % len(ids)
        order = ids[start:] + ids[:start]
        shares = []
        for at, member_id in enumerate(order):
            parts = ConsumerProtocolAssignment.TopicPartition(topic=self.topic, partitions=tuple(numbers[at :: len(order)]))
            value = ConsumerProtocolAssignment(assigned_partitions=(parts,), user_data=None)
            shares.append(SyncGroupRequest.SyncGroupRequestAssignment(member_id=member_id, assignment=encode_versioned(value, 1)))
        return shares

    async def _sync(self, shares: Sequence[SyncGroupRequest.SyncGroupRequestAssignment]) -> None:
        request = SyncGroupRequest(
            group_id=self.group,
            generation_id=self.epoch,
            member_id=self.member_id,
            protocol_type="consumer",
            protocol_name=PROTOCOL,
            assignments=tuple(shares),
        )
        response = await self.client.ask_coordinator(self.group, request)
        error = self.client.error("SyncGroup", response.error_code)
        if error is ErrorCode.UNKNOWN_MEMBER_ID:
            self.member_id = ""
        if error is not ErrorCode.NONE:
            self._coordinated("SyncGroup", response.error_code)
        read = ConsumerProtocolAssignment.decode(response.assignment, 1, 2)[0]
        numbers = {number for topic in read.assigned_partitions for number in topic.partitions}
        self.stage.ledger.groups.assigned(self.group, self.epoch, self.member_id, [(self.topic, number) for number in sorted(numbers)])
        self._committed = {}
        await self.take_up(numbers)

    async def _beat(self) -> bool:
        """Whether everything is as before."""
        request = HeartbeatRequest(group_id=self.group, generation_id=self.epoch, member_id=self.member_id)
        sent = self.client.reactor.timeline.now
        response = await self.client.ask_coordinator(self.group, request)
        error = self.client.error("Heartbeat", response.error_code)
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            return False
        if error is ErrorCode.UNKNOWN_MEMBER_ID:
            self.member_id = ""
        if error is not ErrorCode.NONE:
            self._coordinated("Heartbeat", response.error_code)
        if not self.client.may_lag:
            self._heard_at = sent
        return True

    async def commit_positions(self, positions: Mapping[Place, Position], epoch: int) -> None:
        """Note when one of the generation it is in was taken; see :meth:`Member.commit_positions`."""
        sent = self.client.reactor.timeline.now
        await super().commit_positions(positions, epoch)
        if epoch == self.epoch:
            self._committed_at = sent

    def _told(self, kind: str, code: int) -> ErrorCode:
        error = super()._told(kind, code)
        silent = self.client.reactor.timeline.now - self._committed_at
        if error is ErrorCode.UNKNOWN_MEMBER_ID and self._heard_at >= self._committed_at and silent < HEARD_SECONDS and not self.client.may_lag:
            # That a commit was taken shows that who answers the heartbeat after it was no coordinator of before.
            self.stage.ledger.finding(f"{self.client.name} committed {silent:.2f} s before {kind} said that it is no member, and was heard since")
        return error

    async def _be_late(self) -> None:
        """Ask under the generation before, as somebody would that has missed this one: it must be refused."""
        generation = self.epoch - 1
        if self.positions and self.client.random.random() < 0.5:
            try:
                await self.commit_positions(self.positions, generation)
            except Lost:
                return
            self._not_refused("OffsetCommit", generation)
            return
        sync = partial(SyncGroupRequest, protocol_type="consumer", protocol_name=PROTOCOL)
        # A coordinator that still reads its groups hears every member, so the heartbeat counts between two others only that are refused.
        questions = (("SyncGroup", sync), ("Heartbeat", HeartbeatRequest), ("SyncGroup", sync))
        answers = [(kind, await self._ask_late(kind, make, generation)) for kind, make in questions]
        for kind, error in answers:
            if error in (ErrorCode.NONE, ErrorCode.REBALANCE_IN_PROGRESS):
                self._not_refused(kind, generation)

    async def _ask_late(self, kind: str, make: Callable[..., Any], generation: int) -> ErrorCode:
        request = make(group_id=self.group, generation_id=generation, member_id=self.member_id)
        return self._told(kind, (await self.client.ask_coordinator(self.group, request)).error_code)

    def _not_refused(self, kind: str, generation: int) -> None:
        what = f"{kind} under generation {generation} of {self.group}, which was over, and was not refused"
        self.stage.ledger.finding(f"{self.client.name} sent {what}")

    async def leave(self) -> None:
        """LeaveGroup; who does not hear of it finds out. Who has left has done so once."""
        if not self.member_id:
            return
        member_id, self.member_id = self.member_id, ""
        try:
            left = 0
            while await self._leave(member_id) is ErrorCode.NONE:
                left += 1
                if left > LEFT_TIMES:
                    self.stage.ledger.finding(f"{self.client.name} left {self.group} {left} times, and was a member each time")
                    return
        except Unavailable:
            pass

    async def _leave(self, member_id: str) -> ErrorCode:
        who = LeaveGroupRequest.MemberIdentity(member_id=member_id)
        response = await self.client.ask_coordinator(self.group, LeaveGroupRequest(group_id=self.group, members=(who,)))
        error = self.client.error("LeaveGroup", response.error_code)
        return error if error is not ErrorCode.NONE else self.client.error("LeaveGroup", response.members[0].error_code)

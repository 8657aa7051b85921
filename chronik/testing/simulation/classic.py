"""A member of the classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup; the leader shares the partitions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from chronik.testing.simulation.members import HEARTBEAT_SECONDS, SESSION_MS, Lost, Member

PROTOCOL: Final = "range"

LATE_SHARE: Final = 0.1
"""Of heartbeats, those after which a member does something as if it had missed the generation that it is in."""


class ClassicMember(Member):
    """One member. See :class:`Member` for the parameters."""

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
            if random.random() < 0.002:
                await self.leave()
                return

    async def _join(self) -> None:
        subscription = ConsumerProtocolSubscription(topics=(self.topic,), user_data=None, owned_partitions=())
        metadata = encode_versioned(subscription, 1)
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name=PROTOCOL, metadata=metadata)
        request = JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=3_000,
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
        response = await self.client.ask_coordinator(self.group, request)
        error = self.client.error("Heartbeat", response.error_code)
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            return False
        if error is ErrorCode.UNKNOWN_MEMBER_ID:
            self.member_id = ""
        if error is not ErrorCode.NONE:
            self._coordinated("Heartbeat", response.error_code)
        return True

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
        """LeaveGroup; who does not hear of it finds out."""
        if not self.member_id:
            return
        who = LeaveGroupRequest.MemberIdentity(member_id=self.member_id)
        try:
            response = await self.client.ask_coordinator(self.group, LeaveGroupRequest(group_id=self.group, members=(who,)))
            self.client.error("LeaveGroup", response.error_code)
        except Unavailable:
            pass
        self.member_id = ""

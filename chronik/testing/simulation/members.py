"""Members of groups: they are given partitions, read on where the group had come to, commit how far they are, and come and go.

What is common to members of both protocols. How they come by their partitions is in :mod:`~chronik.testing.simulation.classic` and
:mod:`~chronik.testing.simulation.kip848`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from chronik.errors import ErrorCode
from chronik.protocol.messages import OffsetCommitRequest, OffsetFetchRequest
from chronik.testing.group_history import NOTHING, Value
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.fetching import Position, Reader
from chronik.testing.simulation.stage import Stage

SESSION_MS: Final = 6_000

HEARTBEAT_SECONDS: Final = 0.5

PAUSED: Final = 0.4
"""Of members that are silent for longer than a session are not dead, but paused."""

FORGETS: Final = 0.7
"""Up to here those that die come again as another member; the rest is who it was."""

REFUSALS: Final = frozenset(
    {ErrorCode.ILLEGAL_GENERATION, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.STALE_MEMBER_EPOCH,
     ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.FENCED_INSTANCE_ID, ErrorCode.GROUP_ID_NOT_FOUND}
)  # fmt: skip
"""Commits that were refused so had no effect, and their member must look for its place in the group again."""

ELSEWHERE: Final = frozenset({ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS})
"""Another broker is to be asked, or this one a little later."""

Place = tuple[str, int]


class Lost(Exception):
    """The member has to join again."""


class Member:
    """One member of one group that reads one topic."""

    FETCH_VERSIONS: ClassVar[tuple[int, ...]] = (5, 7, 8, 9)
    COMMIT_VERSIONS: ClassVar[tuple[int, ...]] = (5, 7, 8, 9)

    def __init__(self, stage: Stage, client: ClusterClient, group: str, topic: str, pause: float) -> None:
        self.stage = stage
        self.client = client
        self.group = group
        self.topic = topic
        self.pause = pause
        self.member_id = ""
        self.epoch = -1
        self.positions: dict[Place, Position] = {}
        self.reader = Reader(stage, client, sessions=client.random.random() < 0.5)
        self._lives = 0
        self._commits = 0
        self._committed: dict[Place, int] = {}
        self._reached: dict[Place, int] = {}
        self._fetch_version = client.random.choice(self.FETCH_VERSIONS)
        self._commit_version = client.random.choice(self.COMMIT_VERSIONS)

    async def run(self) -> None:
        """Be a member until the play is over."""
        client = self.client
        while not self.stage.over and not self.stage.closing:
            self._lives += 1
            self.positions = {}
            try:
                await self.live()
            except (Unavailable, Lost):
                await client.backoff()
        await self.leave()

    async def live(self) -> None:
        """Join, and do what members do until that ends.

        :raises Unavailable: the coordinator does not answer.
        :raises Lost: to be begun anew.
        """
        raise NotImplementedError

    async def leave(self) -> None:
        """Say goodbye, once."""
        raise NotImplementedError

    @property
    def dies(self) -> bool:
        """Whether it is time to vanish for a while without a word."""
        return self.client.random.random() < 0.004 and not self.stage.steady

    @property
    def goes(self) -> bool:
        """Whether it is time to leave, and to come again."""
        return self.client.random.random() < 0.002 and not self.stage.steady

    async def vanish(self) -> None:
        """Be silent for longer than a session: as one that dies, whose successor may be another member; or as one whose process is paused, and which
        goes on committing as if nothing had been.
        """
        kind = self.client.random.random()
        if kind < PAUSED:
            await self.client.sleep(SESSION_MS / 1000 * (0.7 + self.client.random.random()))
            await self.commit(again=True)
            raise Lost
        self.client.close()
        self.positions = {}
        if kind < FORGETS:
            self.forget()
        await self.client.sleep(SESSION_MS / 1000 * (0.3 + self.client.random.random()))
        raise Lost

    def committed_to(self, place: Place) -> int:
        """What it committed last of a partition, in whatever generation, 0 if nothing."""
        return self._reached.get(place, 0)

    def forget(self) -> None:
        """Be another member from now on."""
        self.member_id = ""

    # -- reading ------------------------------------------------------------------------------------------------------

    async def read_some(self) -> None:
        """Fetch once, or wait for a moment where there is nothing to fetch from. Who cannot be asked may lead no more."""
        try:
            if self.positions:
                await self.reader.fetch(self.positions, wait_ms=100)
        except Unavailable:
            await self.client.look(self.topic)
        await self.client.sleep(self.pause * self.client.random.expovariate(1.0))

    async def take_up(self, numbers: set[int]) -> None:
        """Have exactly these partitions from now on, those that are new from where the group had come to.

        :raises Unavailable: that cannot be found out now.
        """
        wanted = {(self.topic, number) for number in numbers}
        for place in [place for place in self.positions if place not in wanted]:
            del self.positions[place]
        new = sorted(wanted - self.positions.keys())
        if not new:
            return
        self._lives += 1
        for place, value in (await self.committed(new)).items():
            offset = value.offset if value.offset >= 0 else None
            reader = f"{self.client.name}/{self._lives}/{place[1]}"
            self.positions[place] = await self.reader.position(*place, reader, offset)

    # -- committed offsets --------------------------------------------------------------------------------------------

    async def committed(self, places: list[Place]) -> dict[Place, Value]:
        """What is committed, or was, where the coordinator may not have heard yet that it is none any more.

        :raises Unavailable: that cannot be found out now.
        """
        groups, numbers = self.stage.ledger.groups, tuple(number for _, number in places)
        begun = groups.begin()
        topic = OffsetFetchRequest.OffsetFetchRequestTopics(name=self.topic, partition_indexes=numbers)
        group = OffsetFetchRequest.OffsetFetchRequestGroup(group_id=self.group, topics=(topic,))
        old = OffsetFetchRequest.OffsetFetchRequestTopic(name=self.topic, partition_indexes=numbers)
        request = OffsetFetchRequest(groups=(group,), group_id=self.group, topics=(old,), require_stable=True)
        response = await self.client.ask_coordinator(self.group, request, self._fetch_version)
        answer = response.groups[0] if self._fetch_version >= 8 else response
        self._coordinated("OffsetFetch", answer.error_code)
        found: dict[Place, Value] = {}
        for told in answer.topics:
            for part in told.partitions:
                self._coordinated("OffsetFetch", part.error_code)
                value = Value(part.committed_offset, part.metadata or "") if part.committed_offset >= 0 else NOTHING
                if not self.client.may_lag:
                    # Else another broker may coordinate the group, and have acknowledged more, without this one having heard of it.
                    groups.read(self.group, (self.topic, part.partition_index), begun, value)
                found[self.topic, part.partition_index] = value
        return found

    def _coordinated(self, kind: str, code: int) -> ErrorCode:
        """Note an answer's error.

        :raises Unavailable: another broker is to be asked, or later.
        :raises Lost: the member is none any more.
        """
        error = self._told(kind, code)
        if error in REFUSALS:
            raise Lost
        if error is not ErrorCode.NONE:
            if not error.retriable and error is not ErrorCode.REQUEST_TIMED_OUT:
                self.stage.ledger.finding(f"{self.client.name} was told {error.name} by {kind}")
            raise Unavailable(f"{kind}: {error.name}")
        return error

    def _told(self, kind: str, code: int) -> ErrorCode:
        """Note an answer's error, whatever the coordinator says.

        :raises Unavailable: another broker is to be asked, or this one a little later.
        """
        error = self.client.error(kind, code)
        if error in ELSEWHERE:
            self.client.forget_coordinator(self.group)
            raise Unavailable(f"{kind}: {error.name}")
        return error

    async def commit(self, again: bool = False) -> None:
        """Commit how far it is.

        :param again: also what was committed before.
        :raises Unavailable: it is not known what became of it.
        :raises Lost: it was refused.
        """
        positions = {place: each for place, each in self.positions.items() if again or self._committed.get(place) != each.offset}
        if positions:
            await self.commit_positions(positions, self.epoch)

    async def commit_positions(self, positions: Mapping[Place, Position], epoch: int) -> None:
        """Commit these, as a member of a generation or epoch.

        :raises Unavailable: it is not known what became of it.
        :raises Lost: it was refused.
        """
        ledger = self.stage.ledger
        self._commits += 1
        text = f"{self.client.name}#{self._commits}"
        offsets = {place: position.offset for place, position in positions.items()}
        writes = {place: ledger.groups.writing(self.group, place, Value(offset, text)) for place, offset in offsets.items()}
        parts = tuple(
            OffsetCommitRequest.OffsetCommitRequestPartition(
                partition_index=number, committed_offset=offsets[name, number], committed_leader_epoch=positions[name, number].fetched_epoch,
                committed_metadata=text,
            )
            for name, number in positions
        )  # fmt: skip
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=self.topic, partitions=parts)
        request = OffsetCommitRequest(
            group_id=self.group, generation_id_or_member_epoch=epoch, member_id=self.member_id, topics=(topic,)
        )
        member_id = self.member_id
        response = await self.client.ask_coordinator(self.group, request, self._commit_version)
        worst = ErrorCode.NONE
        for part in response.topics[0].partitions:
            place = (self.topic, part.partition_index)
            error = self.client.error("OffsetCommit", part.error_code)
            if error is ErrorCode.NONE:
                ledger.groups.written_in(writes[place], epoch, member_id)
                self._committed[place] = self._reached[place] = offsets[place]
            elif error in REFUSALS:
                ledger.groups.refused(writes[place])
            worst = error if error is not ErrorCode.NONE else worst
        if worst is not ErrorCode.NONE:
            self._coordinated("OffsetCommit", worst)

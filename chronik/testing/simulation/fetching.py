"""Reading partitions as consumers do: positions with epochs, fetch sessions or none, and a look at everything that comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol.messages import FetchRequest, FetchResponse, ListOffsetsRequest, OffsetForLeaderEpochRequest
from chronik.record.batch import BadBatch, BatchHeader, check_crc, whole_batches
from chronik.record.records import decode_records
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.producers import record_of, value_of
from chronik.testing.simulation.stage import Stage

VERSIONS: Final = (10, 11, 12, 13, 17)
"""From 10 on zstd is read."""

FIRST_VERSION_WITH_SESSIONS: Final = 7
FIRST_VERSION_WITH_TOPIC_IDS: Final = 13

LATEST: Final = -1
EARLIEST: Final = -2
LARGEST: Final = -3
"""As times in ListOffsets: the end, the beginning, and the record of the largest timestamp."""

FENCED_SHARE: Final = 0.1
"""Of looks at the beginning, those that are followed by one under an epoch that is over."""

BACK_MAX: Final = 20
"""Records that it goes back at most."""

REPEATED_SHARE: Final = 0.05
"""Of Fetches of a session, those that are sent again."""

TIMES_MAX: Final = 4
"""Times of a partition that are looked for when everything was read."""

IDLE_MAX: Final = 20
"""So many Fetches without a record, before the end of a partition is reached, are too many."""

PARTITION_BYTES: Final = (200, 2_000, 1 << 16)
"""Most bytes of one partition in an answer; a batch that is larger comes whole all the same."""


@dataclass(slots=True)
class Position:
    """Where a reader is in one partition.

    :ivar reader: its name in the history; a new one whenever it begins somewhere else.
    :ivar offset: of what it reads next.
    :ivar fetched_epoch: of what it read last, -1 for nothing.
    :ivar epoch: under which the leader that it reads from leads.
    :ivar high: the high watermark that it was told of last.
    :ivar refused: the offset that was out of range last, though the log begins before it; -1 for none.
    :ivar times: timestamp (ms), offset and leader epoch of each record that was read; None where nobody asks for them.
    """

    topic: str
    partition: int
    topic_id: TopicId
    reader: str
    offset: int = 0
    fetched_epoch: int = -1
    epoch: int = -1
    high: int = -1
    begun: int = 0
    refused: int = -1
    times: list[tuple[int, int, int]] | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition


@dataclass(slots=True)
class _Session:
    """What a broker remembers of us (KIP-227)."""

    session_id: int = 0
    epoch: int = 0
    known: dict[tuple[TopicId, str, int], tuple[int, int, int, int]] = field(default_factory=dict)


class Reader:
    """Fetches for one client, and notes what comes in the histories.

    :param sessions: whether to use fetch sessions.
    :param version_min: of Fetch.
    """

    def __init__(self, stage: Stage, client: ClusterClient, sessions: bool, version_min: int = 0) -> None:
        self._stage = stage
        self.client = client
        self._version = client.random.choice([version for version in VERSIONS if version >= version_min])
        self._with_sessions = sessions and self._version >= FIRST_VERSION_WITH_SESSIONS
        self._sessions: dict[int, _Session] = {}
        self._began = 0.0
        self._part_bytes = client.random.choice(PARTITION_BYTES)

    # -- where to begin -----------------------------------------------------------------------------------------------

    async def position(self, topic: str, partition: int, reader: str, offset: int | None = None) -> Position:
        """A position at an offset, or at the beginning.

        :raises Unavailable: the leader cannot be asked now.
        """
        _, epoch, topic_id = await self.client.leader(topic, partition)
        position = Position(topic, partition, topic_id, reader, epoch=epoch)
        position.offset = await self.earliest(position) if offset is None else offset
        return position

    async def earliest(self, position: Position) -> int:
        """The first offset there is.

        :raises Unavailable: the leader cannot be asked now.
        """
        leader, epoch, _ = await self.client.leader(position.topic, position.partition)
        offset = int((await self._listed(position, EARLIEST, leader, epoch)).offset)
        self._stage.lifetimes.begins(position.reader, position.topic_id, position.partition, offset)
        if epoch > 0 and self.client.random.random() < FENCED_SHARE:
            await self._ask_under_an_old_epoch(position, leader, epoch - 1)
        return offset

    async def latest(self, position: Position) -> None:
        """Ask where the partition ends, which is how far it is committed: no Fetch may tell of less from then on.

        :raises Unavailable: the leader cannot be asked now.
        """
        end = int((await self.listed(position, LATEST)).offset)
        self._stage.ledger.history(position.topic_id).watermarks(position.reader, position.partition, end, end)

    async def listed(self, position: Position, timestamp: int) -> Any:
        """What ListOffsets says of a time (ms).

        :raises Unavailable: the leader cannot be asked now.
        """
        leader, epoch, topic_id = await self.client.leader(position.topic, position.partition)
        if topic_id != position.topic_id:
            raise Unavailable(f"{position.topic} is another topic now")
        return await self._listed(position, timestamp, leader, epoch)

    async def _listed(self, position: Position, timestamp: int, leader: int, epoch: int) -> Any:
        answer = await self._list(position, timestamp, leader, epoch)
        error = self.client.error("ListOffsets", answer.error_code)
        if error is not ErrorCode.NONE:
            await self._moved(position, error, "ListOffsets")
            raise Unavailable(f"ListOffsets: {error.name}")
        return answer

    async def _list(self, position: Position, timestamp: int, leader: int, epoch: int) -> Any:
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=position.partition, current_leader_epoch=epoch, timestamp=timestamp)
        topic = ListOffsetsRequest.ListOffsetsTopic(name=position.topic, partitions=(part,))
        response = await self.client.ask(leader, ListOffsetsRequest(replica_id=-1, isolation_level=1, topics=(topic,)))
        (answer,) = response.topics[0].partitions
        return answer

    async def _ask_under_an_old_epoch(self, position: Position, leader: int, epoch: int) -> None:
        """A broker that led under a later epoch a moment ago serves nobody who believes in an earlier one (KIP-320)."""
        answer = await self._list(position, EARLIEST, leader, epoch)
        if self.client.error("ListOffsets", answer.error_code) is ErrorCode.NONE:
            self._stage.ledger.finding(
                f"{position.reader} asked for {position.topic}-{position.partition} under epoch {epoch}, which was over, and was not refused"
            )

    # -- reading ------------------------------------------------------------------------------------------------------

    async def fetch(self, positions: Mapping[tuple[str, int], Position], wait_ms: int = 200) -> int:
        """Fetch once from one of the leaders; how many records came.

        :raises Unavailable: it cannot be asked now.
        """
        by_leader: dict[int, list[Position]] = {}
        for position in positions.values():
            leader, epoch, topic_id = await self.client.leader(position.topic, position.partition)
            if topic_id != position.topic_id:
                raise Unavailable(f"{position.topic} is another topic now")
            position.epoch = max(position.epoch, epoch)
            by_leader.setdefault(leader, []).append(position)
        if not by_leader:
            return 0
        leaders = list(by_leader)
        chosen = leaders[self.client.random.randrange(len(leaders))]
        # A batch that is larger than what a partition is to give comes from the first one only: none is to be the last each time.
        order = by_leader[chosen]
        self.client.random.shuffle(order)
        return await self._fetch_from(chosen, order, wait_ms)

    async def _fetch_from(self, leader: int, positions: list[Position], wait_ms: int) -> int:
        session = self._sessions.setdefault(leader, _Session()) if self._with_sessions else None
        request = self._request(session, positions, wait_ms)
        self._began = self._stage.ledger.now()
        response = await self._ask(leader, request)
        error = self.client.error("Fetch", response.error_code)
        if error is not ErrorCode.NONE:
            self._sessions.pop(leader, None)
            raise Unavailable(f"Fetch: {error.name}")
        if session is not None:
            session.session_id = response.session_id
            session.epoch = session.epoch + 1 if response.session_id else 0
        by_name = {(position.topic, position.partition): position for position in positions}
        by_id = {(position.topic_id, position.partition): position for position in positions}
        count = 0
        for topic in response.responses:
            for part in topic.partitions:
                number = part.partition_index
                with_ids = self._version >= FIRST_VERSION_WITH_TOPIC_IDS
                position = by_id.get((TopicId(topic.topic_id), number)) if with_ids else by_name.get((topic.topic, number))
                if position is not None:
                    count += await self._take(position, part)
                elif session is not None:
                    what = f"{topic.topic or topic.topic_id.hex()}-{number}, which is not in its session any more"
                    self._stage.ledger.finding(f"{self.client.name} was given {what}")
        if request.session_epoch > 0 and response.session_id and self.client.random.random() < REPEATED_SHARE:
            await self._repeat(leader, request)
        return count

    async def _ask(self, leader: int, request: FetchRequest) -> Any:
        """Ask, and begin another session where no answer comes: nobody knows how far that one is.

        :raises Unavailable: none comes.
        """
        try:
            return await self.client.ask(leader, request, self._version)
        except Unavailable:
            self._sessions.pop(leader, None)
            raise

    async def _repeat(self, leader: int, request: FetchRequest) -> None:
        """Ask a session again for what it has answered: it is further by now.

        :raises Unavailable: it cannot be asked now.
        """
        response = await self._ask(leader, request)
        error = self.client.error("Fetch", response.error_code)
        if error is ErrorCode.NONE:
            self._stage.ledger.finding(f"{self.client.name} was answered epoch {request.session_epoch} of its fetch session twice")

    def _request(self, session: _Session | None, positions: list[Position], wait_ms: int) -> FetchRequest:
        wanted = {
            (position.topic_id, position.topic, position.partition): (position.offset, position.epoch, position.fetched_epoch, self._part_bytes)
            for position in positions
        }
        changed = dict(wanted)
        forgotten: list[tuple[TopicId, str, int]] = []
        if session is not None and session.epoch:
            changed = {key: value for key, value in wanted.items() if session.known.get(key) != value}
            forgotten = [key for key in session.known if key not in wanted]
        if session is not None:
            session.known = wanted
        return FetchRequest(
            replica_id=-1,
            max_wait_ms=wait_ms,
            min_bytes=1,
            max_bytes=1 << 20,
            isolation_level=self.client.random.randrange(2),
            session_id=session.session_id if session is not None else 0,
            session_epoch=session.epoch if session is not None else -1,
            topics=tuple(self._topics(changed)),
            forgotten_topics_data=tuple(
                FetchRequest.ForgottenTopic(topic_id=topic_id, topic=name, partitions=(number,)) for topic_id, name, number in forgotten
            ),
        )

    def _topics(self, wanted: Mapping[tuple[TopicId, str, int], tuple[int, int, int, int]]) -> Iterator[FetchRequest.FetchTopic]:
        by_topic: dict[tuple[TopicId, str], list[FetchRequest.FetchPartition]] = {}
        for (topic_id, name, number), (offset, epoch, fetched_epoch, size) in wanted.items():
            part = FetchRequest.FetchPartition(
                partition=number, current_leader_epoch=epoch, fetch_offset=offset, last_fetched_epoch=fetched_epoch, partition_max_bytes=size
            )
            by_topic.setdefault((topic_id, name), []).append(part)
        for (topic_id, name), parts in by_topic.items():
            yield FetchRequest.FetchTopic(topic_id=topic_id, topic=name, partitions=tuple(parts))

    async def _take(self, position: Position, part: FetchResponse.PartitionData) -> int:
        error = self.client.error("Fetch", part.error_code)
        if error is not ErrorCode.NONE:
            await self._refused(position, error)
            return 0
        ledger = self._stage.ledger
        history = ledger.history(position.topic_id)
        history.watermarks(position.reader, position.partition, part.last_stable_offset, part.high_watermark)
        self._stage.lifetimes.begins(position.reader, position.topic_id, position.partition, part.log_start_offset)
        position.high = part.high_watermark
        if part.log_start_offset > part.high_watermark:
            what = f"{position.topic}-{position.partition} is said to begin at {part.log_start_offset}"
            ledger.finding(f"{what} and to be committed up to {part.high_watermark} only")
        if part.diverging_epoch.end_offset >= 0:
            ledger.finding(
                f"{position.reader} at {position.offset} of {position.topic}-{position.partition}, read under epoch {position.fetched_epoch}, "
                f"is told that epoch {part.diverging_epoch.epoch} ended at {part.diverging_epoch.end_offset}: what was committed was truncated"
            )
            await self._restart(position)
            return 0
        return self._read(position, part)

    def _read(self, position: Position, part: FetchResponse.PartitionData) -> int:
        history = self._stage.ledger.history(position.topic_id)
        count = 0
        for header, batch in self._batches(position, part.records or b""):
            if header.base_offset > position.offset:
                what = f"at {position.offset} of {position.topic}-{position.partition} was given {header.base_offset} next"
                self._stage.ledger.finding(f"{position.reader} {what}")
            for read in decode_records(batch):
                if read.offset < position.offset:
                    continue
                record = record_of(read.value)
                if record is None:
                    self._stage.ledger.finding(f"{position.reader} was given at {read.offset} what no client wrote: {read.value!r}")
                    continue
                if read.value != value_of(record):
                    history.changed(position.reader, position.partition, read.offset, record)
                self._stage.lifetimes.read(position.topic_id, position.partition, read.offset, read.timestamp)
                history.polled(position.reader, position.partition, read.offset, record)
                history.led(position.reader, position.partition, read.offset, header.leader_epoch)
                history.appended(position.reader, position.partition, read.offset, header.leader_epoch, record)
                if read.offset >= part.high_watermark:
                    self._stage.ledger.finding(f"{position.reader} was given {read.offset}, the high watermark being {part.high_watermark}")
                if position.times is not None:
                    position.times.append((read.timestamp, read.offset, header.leader_epoch))
                position.offset = read.offset + 1
                position.fetched_epoch = header.leader_epoch
                count += 1
        return count

    def _batches(self, position: Position, records: bytes | memoryview) -> Iterator[tuple[BatchHeader, bytes | memoryview]]:
        """Batches that are as they were sent, as consumers look before they use them (CRC).

        :raises Unavailable: one is damaged.
        """
        try:
            for header, batch in whole_batches(records):
                check_crc(header, batch)
                yield header, batch
        except BadBatch as error:
            self._stage.ledger.damaged += 1
            flips = [flip for flip in self._stage.ledger.flips if (flip.topic_id, flip.partition) == (position.topic_id, position.partition)]
            if not any(flip.base_offset <= position.offset < flip.end_offset and self._began < flip.noticed_at for flip in flips):
                what = f"{position.reader} was given what is damaged at {position.offset} of {position.topic}-{position.partition}"
                self._stage.ledger.finding(f"{what}: {error}; known are {flips}")
            raise Unavailable(f"damaged: {error}") from error

    async def _refused(self, position: Position, error: ErrorCode) -> None:
        if error is ErrorCode.OFFSET_OUT_OF_RANGE:
            start = await self.earliest(position)
            if start <= position.offset:
                if position.refused != position.offset:
                    # By a leader, perhaps, that had removed more than its successor has, who tells the start: that one has it.
                    position.refused = position.offset
                    await self._find_leader(position)
                    return
                self._stage.ledger.finding(
                    f"{position.reader} read {position.topic}-{position.partition} up to {position.offset}, which is out of range now, and "
                    f"it starts at {start}: what was committed is gone"
                )
            await self._restart(position)
        else:
            await self._moved(position, error, "Fetch")

    async def _restart(self, position: Position) -> None:
        """Begin anew, as another reader."""
        position.begun += 1
        position.reader = f"{position.reader.partition('+')[0]}+{position.begun}"
        position.offset = await self.earliest(position)
        position.fetched_epoch = -1

    def go_back(self, position: Position) -> None:
        """Read some again, as another reader; a session has to be told of that."""
        position.begun += 1
        position.reader = f"{position.reader.partition('+')[0]}+{position.begun}"
        position.offset -= self.client.random.randint(0, min(BACK_MAX, position.offset))
        position.fetched_epoch = -1

    async def _moved(self, position: Position, error: ErrorCode, what: str) -> None:
        """Somebody else leads, or under another epoch: find out."""
        if not error.retriable:
            self._stage.ledger.finding(f"{self.client.name} was told {error.name} by {what}")
        await self._find_leader(position)

    async def _find_leader(self, position: Position) -> None:
        """Look who leads now, and ask what became of what was read where that changed (KIP-320)."""
        before = position.epoch
        await self.client.refresh([position.topic])
        _, epoch, topic_id = await self.client.leader(position.topic, position.partition)
        if topic_id != position.topic_id:
            return
        position.epoch = epoch
        if epoch != before and position.fetched_epoch >= 0:
            await self._validate(position)

    async def _validate(self, position: Position) -> None:
        """OffsetForLeaderEpoch: what was read must still be there."""
        leader, epoch, _ = await self.client.leader(position.topic, position.partition)
        part = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(
            partition=position.partition, current_leader_epoch=epoch, leader_epoch=position.fetched_epoch
        )
        topic = OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=position.topic, partitions=(part,))
        response = await self.client.ask(leader, OffsetForLeaderEpochRequest(replica_id=-1, topics=(topic,)))
        (answer,) = response.topics[0].partitions
        error = self.client.error("OffsetForLeaderEpoch", answer.error_code)
        if error is ErrorCode.NONE and answer.end_offset >= 0 and answer.end_offset < position.offset:
            self._stage.ledger.finding(
                f"{position.reader} read {position.topic}-{position.partition} up to {position.offset} under epoch {position.fetched_epoch}, "
                f"which is now said to end at {answer.end_offset}"
            )


async def read_all(
    stage: Stage, client: ClusterClient, topic: str, name: str, version_min: int = 0, look: bool = False, topic_id: TopicId | None = None
) -> TopicId:
    """Read a topic from its beginning to its end, as the last reader; its id.

    :param version_min: of Fetch.
    :param topic_id: of the topic that is meant, where there was another one of that name: brokers that have not heard of its end go on serving what
        they know of it.
    :param look: whether to look for records by time, too; only where nobody deletes the topic meanwhile.
    :raises Unavailable: somebody does not answer.
    """
    reader = Reader(stage, client, False, version_min)
    await client.refresh([topic])
    known: Any = client.topics.get(topic)
    if known is None or topic_id not in (None, known.topic_id):
        raise Unavailable(f"there is no {topic}, or another one")
    for number in sorted(known.leaders):
        position = await reader.position(topic, number, name)
        position.reader = name
        position.times = [] if look else None
        if topic in stage.fleeting:
            stage.ledger.history(position.topic_id).forgotten(number, position.offset)
        idle = 0
        while not 0 <= position.high <= position.offset:
            idle = 0 if await reader.fetch({position.key: position}, wait_ms=0) else idle + 1
            if idle > IDLE_MAX:
                raise Unavailable(f"{topic}-{number} cannot be read beyond {position.offset}")
            if position.reader != name:
                stage.ledger.finding(f"the last reader of {topic}-{number} had to begin anew")
                break
        if position.times is not None and position.reader == name:
            await _look_for_times(stage, reader, position, position.times)
    stage.ledger.read_all(known.topic_id, name)
    return TopicId(known.topic_id)


async def _look_for_times(stage: Stage, reader: Reader, position: Position, times: Sequence[tuple[int, int, int]]) -> None:
    """ListOffsets finds the first record that is as late as a time, and the first of the latest, among those that were read.

    :raises Unavailable: somebody does not answer.
    """
    random = reader.client.random
    wanted = [random.choice(times)[0] + random.randrange(2) for _ in range(min(TIMES_MAX, len(times)))]
    for timestamp in (*wanted, LARGEST):
        least = max(times, default=(-1, -1, -1))[0] if timestamp == LARGEST else timestamp
        expected = next((each for each in times if each[0] >= least), (-1, -1, -1))
        answer = await reader.listed(position, timestamp)
        found = answer.timestamp, answer.offset, answer.leader_epoch
        # What nobody waits for may still have come.
        if found != expected and not answer.offset >= position.offset:
            what = f"of {position.topic}-{position.partition} (timestamp, offset, epoch) is {found}, readers have {expected}"
            stage.ledger.finding(f"the first record at or after {timestamp} {what}")

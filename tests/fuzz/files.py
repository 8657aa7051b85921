"""A broker on a simulated machine that starts over a disk on which one thing is not as it was left."""

from __future__ import annotations

import functools
import re
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from chronik.errors import ErrorCode
from chronik.protocol import messages as m
from chronik.record.batch import BadBatch, check_crc, whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.records import BadRecords, decode_records
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import DIRECTORY, PORT, SimulatedBroker
from chronik.testing.simulation.client import Broker, ClusterClient, Unavailable
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.network import Network
from chronik.testing.simulation.reactor import SimulatedReactor
from chronik.testing.simulation.timeline import Timeline
from tests.fuzz.damage import cut, damages

SETTINGS: Final = {"offsets.topic.num.partitions": "1", "log.flush.offset.checkpoint.interval.ms": "500"}

START_SECONDS: Final = 120.0
EVENTS_MAX: Final = 200_000
"""A start with what is looked at afterwards takes some thousand events; one that takes so many hangs."""

GROUP: Final = "readers"
COMMITTED: Final = 123
STARTS_AT: Final = 40
"""From which offset on ``plain-0`` may be read."""

PLAIN: Final = "plain"
TOPICS: Final = {PLAIN: 1, "single": 2, "__consumer_offsets": 1}

UNSERVED: Final = frozenset({ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.CORRUPT_MESSAGE, ErrorCode.INCONSISTENT_TOPIC_ID})
"""What a partition answers that says that it cannot be served."""

STRAYS: Final = (
    "stray", "stray-0", "plain-1", "plain-07", "plain-²", "-0", "x-", "plain-0.abc-delete", "plain-0/stray", "plain-0/99999999999999999999.log",
    "plain-0/²²²²²²²²²²²²²²²²²²²².log", "plain-0/00000000000000000005.log", "plain-0/x.deleted", "plain-0/x.tmp", "plain-0/00000000000000000400.log",
    "plain-0/00000000000000009999.snapshot", "plain-0/offset-gaps", "plain-0/00000000000000000000.log.damaged", "plain-0/00000000000000000000.damaged",
    ".search/stray", ".metadata/metadata.log.tmp", ".metadata/metadata.log.cut", "recovery-point-offset-checkpoint.tmp", "größe-0",
)  # fmt: skip

Partition = tuple[str, int]


class Refused(Exception):
    """A partition answers with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(ErrorCode(code).name)
        self.code = code


class Scene:
    """One machine, the broker on it, and a client beside.

    :param file_system: what the broker finds; an empty one if None.
    :ivar said: what it complained of when it gave up.
    :ivar logged: what it logged as a warning or worse.
    :ivar failures: what it logged with a traceback.
    """

    def __init__(self, seed: str, file_system: MemoryFileSystem | None = None) -> None:
        self._timeline = Timeline()
        network = Network(self._timeline, Random(f"{seed}/network"))
        self.said: list[str] = []
        self.logged: list[str] = []
        self.failures: list[str] = []
        self.broker = SimulatedBroker(1, self._timeline, network, seed, SETTINGS, None, lambda _, why: self.said.append(why))
        if file_system is not None:
            self.broker.disk.file_system = file_system
        reactor = SimulatedReactor(self._timeline, network.host("10.0.1.1"))
        bootstrap = [Broker(self.broker.address, PORT)]
        self.client = ClusterClient(reactor, Random(seed), "me", bootstrap, Ledger())

    @property
    def disk(self) -> MemoryFileSystem:
        """As it is now."""
        return self.broker.disk.file_system

    def observe(self, event: LogEvent) -> None:
        """Something was logged."""
        if "log_failure" in event:
            self.failures.append(f"{formatEvent(event)}: {event['log_failure'].getBriefTraceback()}")
        if event["log_level"].name in ("warn", "error", "critical"):
            self.logged.append(formatEvent(event))

    def start(self) -> bool:
        """Whether it serves in the end; else it ended.

        :raises AssertionError: neither.
        """
        self.broker.start()
        self._until(lambda: self.broker.phase in ("serving", "down"), "a start")
        return self.broker.phase == "serving"

    def stop(self) -> None:
        """As a service manager does."""
        self.client.close()
        self.broker.stop()
        self._until(lambda: self.broker.phase == "down", "a stop")

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let time pass until it is done; its result."""
        found: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(found.append)
        self._until(lambda: bool(found), "an answer")
        if isinstance(found[0], Failure):
            found[0].raiseException()
        return found[0]

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        until = self._timeline.now + seconds
        self._timeline.run(lambda: self._timeline.now >= until, until)

    def _until(self, done: Any, what: str) -> None:
        events_max = self._timeline.events + EVENTS_MAX
        ended = self._timeline.run(lambda: done() or self._timeline.events > events_max, self._timeline.now + START_SECONDS)
        if not ended or not done():
            raise AssertionError(f"{what} does not end")

    # -- requests -----------------------------------------------------------------------------------------------------

    async def produce(self, topic: str, partition: int, values: list[bytes], producer_id: int = -1, sequence: int = -1) -> int:
        """Produce one batch; its base offset.

        :raises Refused: the broker answers with an error.
        """
        leader, _, topic_id = await self.client.leader(topic, partition)
        epoch = -1 if producer_id < 0 else 0
        batch = build_batch([NewRecord(None, v, 1_700_000_000_000) for v in values], producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)
        part = m.ProduceRequest.PartitionProduceData(index=partition, records=batch)
        asked = m.ProduceRequest.TopicProduceData(name=topic, topic_id=topic_id, partition_data=(part,))
        response = await self.client.ask(leader, m.ProduceRequest(acks=-1, timeout_ms=3000, topic_data=(asked,)))
        (answer,) = response.responses[0].partition_responses
        if answer.error_code:
            raise Refused(answer.error_code)
        return int(answer.base_offset)

    async def _start_of(self, topic: str, partition: int) -> int:
        leader, _, _ = await self.client.leader(topic, partition)
        part = m.ListOffsetsRequest.ListOffsetsPartition(partition_index=partition, timestamp=-2)
        asked = m.ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=(part,))
        response = await self.client.ask(leader, m.ListOffsetsRequest(topics=(asked,)))
        (answer,) = response.topics[0].partitions
        if answer.error_code:
            raise Refused(answer.error_code)
        return int(answer.offset)

    async def read(self, topic: str, partition: int) -> list[tuple[int, bytes]]:
        """Offsets and values of a whole partition.

        :raises Refused: the broker answers with an error.
        :raises BadBatch: as a client notices by its CRC.
        """
        leader, _, topic_id = await self.client.leader(topic, partition)
        offset = await self._start_of(topic, partition)
        found: list[tuple[int, bytes]] = []
        while True:
            part = m.FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20)
            asked = m.FetchRequest.FetchTopic(topic=topic, topic_id=topic_id, partitions=(part,))
            response = await self.client.ask(leader, m.FetchRequest(max_bytes=1 << 20, max_wait_ms=10, topics=(asked,)))
            (answer,) = response.responses[0].partitions
            if answer.error_code:
                raise Refused(answer.error_code)
            if offset >= answer.high_watermark:
                return found
            before = offset
            for header, batch in whole_batches(bytes(answer.records or b"")):
                check_crc(header, batch)
                for record in decode_records(batch):
                    if record.offset > offset:
                        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offset {record.offset} comes where {offset} should")
                    if record.offset == offset:
                        found.append((offset, bytes(record.value or b"")))
                        offset += 1
            if offset == before:
                raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"nothing comes at {offset}, below {answer.high_watermark}")

    async def committed(self) -> int:
        """What the group committed.

        :raises Refused: the broker answers with an error.
        """
        _, _, topic_id = await self.client.leader(PLAIN, 0)
        topic = m.OffsetFetchRequest.OffsetFetchRequestTopics(name=PLAIN, topic_id=topic_id, partition_indexes=(0,))
        asked = m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=GROUP, topics=(topic,))
        for _ in range(100):
            response = await self.client.ask_coordinator(GROUP, m.OffsetFetchRequest(groups=(asked,)))
            group = response.groups[0]
            code = group.error_code or group.topics[0].partitions[0].error_code
            if code not in (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR):
                break
            await self.client.backoff()
        if code:
            raise Refused(code)
        return int(group.topics[0].partitions[0].committed_offset)


@dataclass
class Template:
    """What a broker left.

    :ivar how: it ended: ``stopped``, ``killed``, or ``cut`` off its power.
    :ivar records: offsets and values by partition, as acknowledged.
    """

    how: str
    disk: MemoryFileSystem
    records: Mapping[Partition, list[tuple[int, bytes]]]

    def copy(self) -> MemoryFileSystem:
        """Another disk with the same on it."""
        return self.disk.crashed(Random(0))


@functools.cache
def template(how: str) -> Template:
    """Data of several segments and epochs, a producer's state, a group's offset, a start that was advanced, and a topic that is being deleted."""
    scene = Scene(f"template {how}")
    assert scene.start(), scene.said
    scene.do(_fill(scene, 0))
    scene.broker.kill()
    assert scene.start(), scene.said
    scene.do(_fill(scene, 20))
    scene.do(_rest(scene))
    scene.pass_time(2.0)
    if how == "cut":
        # Behind the recovery points, which were noted by now.
        for number in range(400, 404):
            scene.do(_until_served(scene, PLAIN, 0, [b"%d" % number], 7, number))
    records = {(name, p): scene.do(scene.read(name, p)) for name in (PLAIN, "single") for p in range(TOPICS[name])}
    {"stopped": scene.stop, "killed": scene.broker.kill, "cut": scene.broker.cut_power}[how]()
    disk = scene.disk
    disk.on_step = None
    disk.sync_file_system("/")
    return Template(how, disk, records)


async def _fill(scene: Scene, first: int) -> None:
    """Twenty batches of ten, and some single records."""
    await scene.client.refresh([])
    if not first:
        small = m.CreateTopicsRequest.CreatableTopicConfig
        configs = tuple(small(name=name, value=value) for name, value in (("internal.segment.bytes", "2048"), ("index.interval.bytes", "256")))
        topic = m.CreateTopicsRequest.CreatableTopic
        topics = (
            topic(name=PLAIN, num_partitions=1, replication_factor=1, configs=configs),
            topic(name="single", num_partitions=2, replication_factor=1),
            topic(name="doomed", num_partitions=1, replication_factor=1),
        )
        response = await scene.client.ask_controller(m.CreateTopicsRequest(topics=topics, timeout_ms=3000))
        assert not any(each.error_code for each in response.topics), response
    for number in range(first, first + 20):
        await _until_served(scene, PLAIN, 0, [b"%d %d " % (number, n) + b"x" * 30 for n in range(10)], 7, number * 10)
        if number % 4 == 0:
            for partition in (0, 1):
                await _until_served(scene, "single", partition, [b"%d" % number])


async def _until_served(scene: Scene, topic: str, partition: int, values: list[bytes], *producer: int) -> None:
    for _ in range(100):
        try:
            await scene.produce(topic, partition, values, *producer)
            return
        except (Refused, Unavailable):
            await scene.client.backoff()
    raise AssertionError(f"{topic}-{partition} is not served")


async def _rest(scene: Scene) -> None:
    client = scene.client
    part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=COMMITTED, committed_metadata="")
    leader, _, topic_id = await client.leader(PLAIN, 0)
    topic = m.OffsetCommitRequest.OffsetCommitRequestTopic(name=PLAIN, topic_id=topic_id, partitions=(part,))
    for _ in range(100):
        response = await client.ask_coordinator(GROUP, m.OffsetCommitRequest(group_id=GROUP, topics=(topic,)))
        if not response.topics[0].partitions[0].error_code:
            break
        await client.backoff()
    before = m.DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=STARTS_AT)
    await client.ask(leader, m.DeleteRecordsRequest(topics=(m.DeleteRecordsRequest.DeleteRecordsTopic(name=PLAIN, partitions=(before,)),), timeout_ms=3000))
    doomed = m.DeleteTopicsRequest.DeleteTopicState(name="doomed")
    await client.ask_controller(m.DeleteTopicsRequest(topics=(doomed,), topic_names=("doomed",), timeout_ms=3000))


# -- what happens to a disk -------------------------------------------------------------------------------------------


def files(disk: MemoryFileSystem, path: str = DIRECTORY) -> Iterator[str]:
    """Every file below a directory."""
    for name in disk.list(path):
        inside = f"{path}/{name}"
        if disk.is_directory(inside):
            yield from files(disk, inside)
        else:
            yield inside


def kind(path: str) -> str:
    """What kind of file it is: its name without numbers, or its extension."""
    name = path.rpartition("/")[2]
    internal = "internal " if "__consumer_offsets" in path else ""
    return internal + (name[name.rindex(".") :] if re.fullmatch(r"\d{20}\.\w+", name) else name)


def write(disk: MemoryFileSystem, path: str, data: bytes) -> None:
    """Let a file have these bytes, without what a crash would need to know."""
    file = disk.open(path, create=True)
    file.truncate(0)
    file.pwritev([data], 0)
    file.fdatasync()
    file.close()


@dataclass
class Done:
    """What was done to a disk.

    :ivar path: to which file.
    :ivar kind: of which kind it is.
    :ivar what: in words.
    :ivar same_until: how many of its bytes are as they were, from its beginning.
    """

    path: str
    kind: str
    what: str
    same_until: int = 0

    @property
    def partition(self) -> str:
        """The partition's directory that it is in, or empty."""
        parts = self.path[len(DIRECTORY) + 1 :].split("/")
        return parts[0] if not parts[0].startswith(".") and (len(parts) > 1 or re.search(r"-\d+$", parts[0])) else ""


def harm(disk: MemoryFileSystem, random: Random) -> Done:
    """Do one thing to one file or directory, each kind of file as likely as another."""
    if random.random() < 0.06:
        return _stray(disk, random)
    if random.random() < 0.03:
        chosen = random.choice(sorted({path.rpartition("/")[0] for path in files(disk)} - {DIRECTORY}))
        disk.remove_tree(chosen)
        return Done(chosen, "directory", "removed")
    kinds: dict[str, list[str]] = {}
    for path in files(disk):
        kinds.setdefault(kind(path), []).append(path)
    name = random.choice(sorted(kinds))
    path = random.choice(kinds[name])
    choice = random.random()
    if choice < 0.06:
        disk.unlink(path)
        return Done(path, name, "removed")
    if choice < 0.09:
        disk.unlink(path)
        disk.make_directory(path)
        return Done(path, name, "replaced by a directory")
    before = disk.read_whole(path)
    if choice < 0.13:
        other = random.choice(kinds[name])
        after, what = disk.read_whole(other), f"replaced by {other}"
    else:
        damage = random.choice(damages(path.rpartition("/")[2]))
        after, what = damage(before, random), damage.__name__
    write(disk, path, after)
    same = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), min(len(before), len(after)))
    return Done(path, name, f"{what}, {len(before)} to {len(after)} bytes, the same up to {same}", same)


def _stray(disk: MemoryFileSystem, random: Random) -> Done:
    path = f"{DIRECTORY}/{random.choice(STRAYS)}"
    disk.make_directory(path.rpartition("/")[0])
    if disk.exists(path):
        write(disk, path, cut(disk.read_whole(path), random))
    elif random.random() < 0.5:
        disk.make_directory(path)
    else:
        write(disk, path, random.choice((b"", b"stray", bytes(5000))))
    return Done(path, "stray", "added")


# -- what a broker makes of it ------------------------------------------------------------------------------------------


@dataclass
class Trial:
    """One start over what :func:`harm` left, and another over what that start left.

    :ivar problems: what the broker should not have done.
    :ivar outcome: what it did, in a word.
    """

    how: str
    seed: int
    problems: list[str] = field(default_factory=list)
    outcome: str = ""

    def run(self) -> Trial:
        """Do it all."""
        self._template = template(self.how)
        disk = self._template.copy()
        self.done = harm(disk, Random(f"{self.how} {self.seed}"))
        self.scene = Scene(f"trial {self.seed}", disk)
        globalLogPublisher.addObserver(self.scene.observe)
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  whatever it is, it should not have been
            self._problem(f"{type(error).__name__}: {error}")
        finally:
            globalLogPublisher.removeObserver(self.scene.observe)
            if self.scene.broker.phase != "down":
                self.scene.broker.kill()
        self.problems += [f"{self.title}: logged {failure}" for failure in self.scene.failures]
        return self

    @property
    def title(self) -> str:
        """Which it was."""
        return f"{self.how} {self.seed}, {self.done.path}: {self.done.what}"

    def _problem(self, what: str) -> None:
        self.problems.append(f"{self.title}: {what}")

    def _run(self) -> None:
        scene = self.scene
        if not scene.start():
            self.outcome = "refused"
            self._check_refusal()
            return
        scene.do(scene.client.refresh([]))
        first = {place: self._look(place, expected) for place, expected in self._template.records.items()}
        same = all((first[place] or [])[:-1] == expected for place, expected in self._template.records.items())
        self.outcome = "served" if same else "told"
        self._check_group()
        scene.stop()
        if not scene.start():
            self._problem(f"the next start is refused: {scene.said[-1]}")
            return
        for place, found in first.items():
            if found is not None:
                self._look_again(place, found)
        scene.stop()

    def _check_refusal(self) -> None:
        said = self.scene.said[-1]
        parts = (self.done.path, self.done.path.rpartition("/")[0], "metadata directory")
        if not said.startswith("chronik: ") or "\n" in said or "; chronik" in said:
            self._problem(f"it said {said!r}")
        elif not any(part in said for part in parts) and not (".metadata" in self.done.path and "metadata" in said):
            self._problem(f"its refusal does not name the file: {said}")

    # -- records ------------------------------------------------------------------------------------------------------

    def _look(self, place: Partition, expected: list[tuple[int, bytes]]) -> list[tuple[int, bytes]] | None:
        """What a partition has and one record more, None where it says that it cannot serve."""
        try:
            found: list[tuple[int, bytes]] = self.scene.do(self.scene.read(*place))
        except (Refused, BadBatch, BadRecords, Unavailable) as error:
            self._check_unserved(place, error)
            return None
        if found != expected:
            self._check_loss(place, found, expected)
        try:
            offset = self.scene.do(self.scene.produce(*place, [b"more"]))
        except (Refused, Unavailable) as error:
            self._problem(f"{place} serves reads and refuses writes: {error}")
            return None
        return [*found, (offset, b"more")]

    def _look_again(self, place: Partition, expected: list[tuple[int, bytes]]) -> None:
        try:
            found = self.scene.do(self.scene.read(*place))
        except (Refused, BadBatch, BadRecords, Unavailable) as error:
            self._problem(f"{place} was served, and no more after the next start: {error!r}")
            return
        if found != expected:
            other = next(((a, b) for a, b in zip(expected, found, strict=False) if a != b), None)
            self._problem(f"{place} had {_told(expected)}, and after the next start {_told(found)}; first difference: {other}")

    def _own(self, place: Partition) -> bool:
        """Whether what was damaged belongs to this partition alone."""
        return self.done.partition == f"{place[0]}-{place[1]}"

    def _named(self, place: Partition) -> bool:
        return any(f"{place[0]}-{place[1]}" in line or self.done.path in line for line in self.scene.logged)

    def _metadata_cut(self) -> bool:
        """Whether commits at the end of the metadata were taken for what a crash left; where nothing crashed, nothing may be."""
        return ".metadata" in self.done.path and self._template.how != "stopped" and any("Cut " in line for line in self.scene.logged)

    def _forged(self) -> bool:
        """Whether it is damage that no checksum tells of: what is read is believed."""
        return self.done.what.startswith(("forge", "journal", "snapshot", "replaced by /"))

    def _check_unserved(self, place: Partition, error: Exception) -> None:
        if self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if not self._own(place):
            self._problem(f"{place} is not what was damaged, and answers {error}")
        elif isinstance(error, BadBatch | BadRecords):
            if self.done.kind != ".log":
                self._problem(f"{place} serves a damaged batch: {error}")
        elif isinstance(error, Refused) and error.code not in UNSERVED:
            self._problem(f"{place} answers {error}")
        elif not self._named(place):
            self._problem(f"{place} answers {error}, and nothing is logged")

    def _check_loss(self, place: Partition, found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
        if self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if self.done.kind == "log-start-offset-checkpoint" and found == [each for each in expected if found and each[0] >= found[0][0]]:
            return  # what it says is believed: it has no checksum
        if self.done.kind == "log-start-offset-checkpoint" and [each for each in found if each[0] >= STARTS_AT] == expected:
            return
        if not self._own(place):
            self._problem(f"{place} is not what was damaged, and has {_told(found)} of {_told(expected)}")
        elif self.done.kind not in (".log", "directory", "stray"):
            self._problem(f"{place} lost records to a file that is not the log: {_told(found)} of {_told(expected)}")
        elif self.done.kind == ".log" and self._forged():
            return  # what it says is believed: its checksum fits
        elif not self._named(place):
            self._problem(f"{place} has {_told(found)} of {_told(expected)}, and nothing is logged")
        elif self.done.kind == ".log":
            self._check_before(place, found, expected)

    def _check_before(self, place: Partition, found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
        """What stood before the damage is there."""
        path = self.done.path
        undamaged = self._template.disk.read_whole(path)[: self.done.same_until]
        end = int(path.rpartition("/")[2][:20])
        for header, _ in whole_batches(undamaged):
            end = header.last_offset + 1
        if [each for each in found if each[0] < end] != [each for each in expected if each[0] < end]:
            self._problem(f"{place} lost records before the damage at {end}: {_told(found)} of {_told(expected)}")

    # -- groups -------------------------------------------------------------------------------------------------------

    def _check_group(self) -> None:
        try:
            offset = self.scene.do(self.scene.committed())
        except (Refused, Unavailable) as error:
            offset = -2
            told: object = error
        else:
            told = offset
        if offset == COMMITTED or self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if not self._own(("__consumer_offsets", 0)):
            self._problem(f"the committed offset is {told}")
        elif self.done.kind not in ("internal .log", "directory") and not self._named(("__consumer_offsets", 0)):
            self._problem(f"the committed offset is {told}, and nothing is logged")


def _told(records: list[tuple[int, bytes]]) -> str:
    if not records:
        return "none"
    return f"{len(records)} records {records[0][0]}..{records[-1][0]}"

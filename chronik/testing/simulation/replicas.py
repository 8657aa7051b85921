"""What the disks of all brokers have in the end: replicas of a partition must be the same, byte by byte."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from chronik.model import TopicId, topic_id_text
from chronik.record.batch import BadBatch, whole_batches
from chronik.storage.checkpoints import PARTITION_METADATA, decode_partition_metadata
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import LOG, SimulatedBroker


def batches_on(file_system: MemoryFileSystem, directory: str) -> Mapping[int, bytes]:
    """Every batch of a log by its first offset, as the files have it, synced or not."""
    found: dict[int, bytes] = {}
    for name in sorted(file_system.list(directory) if file_system.is_directory(directory) else ()):
        if name.endswith(LOG):
            data = file_system.read_whole(f"{directory}/{name}")
            try:
                for header, batch in whole_batches(data):
                    found[header.base_offset] = bytes(batch)
            except BadBatch:
                # Room that is prepared for what comes next.
                continue
    return found


def differences(
    brokers: Sequence[SimulatedBroker], topic: str, topic_id: TopicId, partition: int, replicas: Sequence[int], end: int
) -> Iterator[str]:
    """How replicas of a partition differ below an offset, as far as any of them can be read.

    What is below a log's start may be what was never committed: a leader cannot tell any more what it had there, and nobody is given it.

    :param end: one past the last offset that is committed.
    """
    name = f"{topic}-{partition}"
    mine = [broker for broker in brokers if broker.number in replicas]
    logs = {broker.number: batches_on(broker.disk.file_system, _directory(broker, name)) for broker in mine}
    starts = [log.start_offset for broker in mine if broker.life is not None and (log := broker.life.logs.get((topic_id, partition))) is not None]
    begins = max((*starts, *(min(log, default=end) for log in logs.values())), default=end)
    committed = sorted({offset for log in logs.values() for offset in log if begins <= offset < end})
    for offset in committed:
        if len({log.get(offset) for log in logs.values()}) > 1:
            yield f"replicas of {topic}-{partition} differ at offset {offset}: brokers {_groups(logs, offset)}"
            return


def leftovers(brokers: Sequence[SimulatedBroker], name: str, deleted: Collection[TopicId]) -> Iterator[str]:
    """What brokers that run still have of topics of this name that were deleted."""
    for broker in brokers:
        files = broker.disk.file_system
        for parent in broker.directories if broker.phase == "serving" else ():
            for directory in files.list(parent):
                path = f"{parent}/{directory}/{PARTITION_METADATA}"
                if directory.startswith(f"{name}-") and files.exists(path):
                    topic_id = decode_partition_metadata(files.read_whole(path))
                    if topic_id in deleted:
                        yield f"broker {broker.number} has {parent}/{directory} of the topic {topic_id_text(topic_id)}, which was deleted"


def _directory(broker: SimulatedBroker, name: str) -> str:
    """Where a broker has a log: on the disk where it has any."""
    places = [f"{directory}/{name}" for directory in broker.directories]
    return next((place for place in places if broker.disk.file_system.is_directory(place)), places[0])


def _groups(logs: Mapping[int, Mapping[int, bytes]], offset: int) -> str:
    alike: dict[bytes | None, list[int]] = {}
    for number, log in logs.items():
        alike.setdefault(log.get(offset), []).append(number)
    return " against ".join(f"{numbers}{'' if data is not None else ' (nothing)'}" for data, numbers in alike.items())

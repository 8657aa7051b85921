"""What a log remembers of idempotent producers, so that what is sent twice is kept once (KIP-98, KIP-360).

The snapshot file is Kafka's: ``version int16, crc uint32, count int32`` and for each batch ``producer id int64, epoch int16, last sequence int32,
last offset int64, offset delta int32, timestamp int64, coordinator epoch int32, current transaction's first offset int64``.
Kafka writes the latest batch of each producer. Here all that may come again are written, oldest first: after a crash a producer sends again all
that was not answered. Kafka, reading them, keeps the last of each producer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple

from crc32c import crc32c

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import BatchHeader
from chronik.storage.interfaces import ProducerSummary

BATCHES_KEPT: Final = 5
"""How many batches of a producer can be recognised when they come again: clients send at most five before the first is answered."""

_SEQUENCES: Final = 1 << 31

_SNAPSHOT_VERSION: Final = 1
_HEAD: Final = Struct(">hIi")
_ENTRY: Final = Struct(">qhiqiqiq")


class SentBatch(NamedTuple):
    """One batch as it was appended; ``timestamp`` is its largest, ms."""

    base_sequence: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def base_offset(self) -> int:
        """Offset of its first record."""
        return self.last_offset - self.offset_delta


class _Producer:
    """One producer: its epoch and its latest batches, oldest first."""

    __slots__ = ("batches", "coordinator_epoch", "epoch", "last_timestamp", "transaction_offset")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches: deque[SentBatch] = deque(maxlen=BATCHES_KEPT)
        self.last_timestamp = -1
        self.coordinator_epoch = -1
        self.transaction_offset = -1


class BadSnapshot(ValueError):
    """A snapshot file that cannot be believed; the log itself says the same."""


class ProducerStates:
    """All producers of one log.

    :ivar map_end_offset: the offset up to which the log was taken into account.
    """

    def __init__(self) -> None:
        self._producers: dict[int, _Producer] = {}
        self.map_end_offset = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._producers)

    def check(self, header: BatchHeader) -> SentBatch | None:
        """Whether a producer may append this batch next.

        :returns: the batch it already is, None for a new one.
        :raises KafkaError: ``INVALID_PRODUCER_EPOCH``, ``OUT_OF_ORDER_SEQUENCE_NUMBER``.
        """
        known = self._producers.get(header.producer_id)
        if known is None:
            return None
        if header.producer_epoch < known.epoch:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"producer {header.producer_id} sent epoch {header.producer_epoch}, a newer one of epoch {known.epoch} has taken its place",
            )
        if header.producer_epoch > known.epoch:
            if header.base_sequence != 0:
                raise _out_of_order(header, f"a new epoch ({header.producer_epoch}) begins with sequence 0")
            return None
        if not known.batches:
            return None
        for batch in known.batches:
            if batch.base_sequence == header.base_sequence and batch.last_sequence == header.last_sequence:
                return batch
        last = known.batches[-1].last_sequence
        if header.base_sequence != (last + 1) % _SEQUENCES:
            raise _out_of_order(header, f"after sequence {last} comes {(last + 1) % _SEQUENCES}")
        return None

    def note(self, header: BatchHeader, last_offset: int) -> None:
        """A batch was appended; ``last_offset`` is its last record's."""
        producer = self._producers.get(header.producer_id)
        if producer is None or producer.epoch != header.producer_epoch:
            producer = self._producers[header.producer_id] = _Producer(header.producer_epoch)
        if not header.is_control:
            producer.batches.append(
                SentBatch(header.base_sequence, header.last_sequence, last_offset, header.last_offset_delta, header.max_timestamp)
            )
        producer.last_timestamp = header.max_timestamp

    def expire(self, oldest: int) -> None:
        """Forget producers whose last batch is older than ``oldest`` (ms)."""
        for producer_id in [i for i, producer in self._producers.items() if producer.last_timestamp < oldest]:
            del self._producers[producer_id]

    def clear(self) -> None:
        """Forget everything."""
        self._producers.clear()
        self.map_end_offset = 0

    def summaries(self) -> Sequence[ProducerSummary]:
        """What DescribeProducers tells."""
        return [
            ProducerSummary(
                producer_id,
                producer.epoch,
                producer.batches[-1].last_sequence if producer.batches else -1,
                producer.last_timestamp,
                producer.coordinator_epoch,
                producer.transaction_offset,
            )
            for producer_id, producer in self._producers.items()
        ]

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The file's bytes: the latest batches of each producer."""
        entries = b"".join(_entries(self._producers))
        count = len(entries) // _ENTRY.size
        body = _HEAD.pack(_SNAPSHOT_VERSION, 0, count) + entries
        crc = crc32c(memoryview(body)[6:])
        return _HEAD.pack(_SNAPSHOT_VERSION, crc, count) + entries

    def restore(self, data: bytes, end_offset: int) -> None:
        """Take the state of a snapshot that was made when the log ended at ``end_offset``.

        :raises BadSnapshot: the file is damaged; the state is empty then.
        """
        self.clear()
        self._producers = _read(data)
        self.map_end_offset = end_offset


def _out_of_order(header: BatchHeader, why: str) -> KafkaError:
    return KafkaError(
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        f"producer {header.producer_id} sent sequence {header.base_sequence} of epoch {header.producer_epoch}; {why}",
    )


def _entries(producers: dict[int, _Producer]) -> Iterator[bytes]:
    for producer_id, producer in producers.items():
        *earlier, last = producer.batches or (SentBatch(-1, -1, -1, 0, -1),)
        for batch in (*earlier, last._replace(timestamp=producer.last_timestamp)):
            yield _ENTRY.pack(
                producer_id,
                producer.epoch,
                batch.last_sequence,
                batch.last_offset,
                batch.offset_delta,
                batch.timestamp,
                producer.coordinator_epoch,
                producer.transaction_offset,
            )


def _read(data: bytes) -> dict[int, _Producer]:
    if len(data) < _HEAD.size:
        raise BadSnapshot(f"{len(data)} bytes are too few for a producer snapshot")
    version, crc, count = _HEAD.unpack_from(data)
    if version != _SNAPSHOT_VERSION:
        raise BadSnapshot(f"version {version} is unknown")
    if crc32c(memoryview(data)[6:]) != crc:
        raise BadSnapshot("the CRC does not fit")
    if len(data) != _HEAD.size + count * _ENTRY.size:
        raise BadSnapshot(f"{len(data)} bytes are not {count} batches of producers")
    producers: dict[int, _Producer] = {}
    for fields in _ENTRY.iter_unpack(memoryview(data)[_HEAD.size :]):
        producer_id, epoch, sequence, offset, delta, timestamp, coordinator_epoch, transaction_offset = fields
        producer = producers.get(producer_id)
        if producer is None or producer.epoch != epoch:
            producer = producers[producer_id] = _Producer(epoch)
        producer.last_timestamp = timestamp
        producer.coordinator_epoch = coordinator_epoch
        producer.transaction_offset = transaction_offset
        if sequence >= 0:
            producer.batches.append(SentBatch((sequence - delta) % _SEQUENCES, sequence, offset, delta, timestamp))
    return producers

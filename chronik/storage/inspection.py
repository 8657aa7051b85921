"""What a leader finds inside a batch, where the topic makes it look: keys, times, records that have to be compressed by another codec.

A batch is what its sender made of it: a hundred bytes may become sixteen megabytes, with millions of records. So only what is small, and stays small,
is looked at where it comes in. For all else :func:`quick_look` raises :class:`~chronik.storage.interfaces.InspectionNeeded`, and
:func:`thorough_look` is for a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import CODEC_MASK, HEADER_BYTES, LENGTH_OVERHEAD, BadBatch, BatchHeader
from chronik.record.build import recompressed
from chronik.record.compression import Codec, unpacked_bytes_max
from chronik.record.records import BadRecords, TooMuchInside, unpacked_records
from chronik.record.walk import RecordGlances, go_on, let_others
from chronik.storage.config import LONG_MAX, LogConfig
from chronik.storage.interfaces import InspectionNeeded

ValidBatch: TypeAlias = tuple[BatchHeader, memoryview]
"""A batch that may be appended: its header, and its bytes, which are the producer's unless the topic asks for something else."""

Look: TypeAlias = Callable[[BatchHeader, memoryview, LogConfig, int, bool], ValidBatch]
"""Looks inside a batch at a time (ms), at its records' times too if told so. Gives back what may be appended, or raises a ``KafkaError``."""

QUICK_BYTES_MAX: Final = 16 << 10
"""What a batch may have, as it comes and decompressed, to be looked at on the reactor's thread: as much as clients send at a time by default."""

QUICK_PACKED_BYTES_MAX: Final = 4 << 10
"""The same for one that is compressed, before that: some codecs (lz4) decompress more at a time than they are asked for, 255 times this at most."""

QUICK_RECORDS_MAX: Final = 100
"""And how many records: some 0.1 ms."""

QUICK_PARTS_MAX: Final = 1_000
"""And how many records and headers."""

PARTS_FREE: Final = 1 << 18
"""How many records and headers a batch may have where all are looked at; more only if each has a byte of the batch as it came, as honest ones have.
A quarter of a second's work."""

REASONS_MAX: Final = 100
"""How many records of a refused batch are named."""


class RecordRefused(KafkaError):
    """Records of a batch that must not be kept (KIP-467).

    :ivar record_errors: ``(position in the batch, why)`` of each, or of the first hundred.
    """

    def __init__(self, code: ErrorCode, message: str, record_errors: Sequence[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.record_errors = tuple(record_errors)


class _Bounds(NamedTuple):
    """How far a look goes.

    :ivar bytes_max: of the records, decompressed; None for what so many packed ones may hold.
    :ivar parts_max: records and headers.
    :ivar pause: called now and then.
    """

    bytes_max: int | None
    parts_max: int
    pause: Callable[[], None]


def quick_look(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, times: bool) -> ValidBatch:
    """Look inside a batch, if that is sure to be quick. A :data:`Look`.

    :raises InspectionNeeded: it is not.
    """
    size_max = QUICK_PACKED_BYTES_MAX if header.codec else QUICK_BYTES_MAX
    if len(batch) > size_max or header.count > QUICK_RECORDS_MAX:
        raise InspectionNeeded
    try:
        return _looked_inside(header, batch, config, now, times, _Bounds(QUICK_BYTES_MAX, QUICK_PARTS_MAX, go_on))
    except TooMuchInside:
        raise InspectionNeeded from None


def no_look(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, times: bool) -> ValidBatch:
    """Look inside none of several batches: nobody bounds how many they are. A :data:`Look`.

    :raises InspectionNeeded: always.
    """
    raise InspectionNeeded


def thorough_look(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, times: bool) -> ValidBatch:
    """Look inside a batch, however long that takes. A :data:`Look`."""
    bounds = _Bounds(_bytes_max(len(batch), config), max(PARTS_FREE, len(batch)), let_others)
    try:
        return _looked_inside(header, batch, config, now, times, bounds)
    except TooMuchInside as error:
        code = ErrorCode.MESSAGE_TOO_LARGE if config.codec is Codec.NONE else ErrorCode.INVALID_RECORD
        raise BadBatch(code, f"the records of the batch are not kept: {error}") from None


def was_looked_at(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, times: bool) -> ValidBatch:
    """What was looked into before, under the same configuration, may be appended. A :data:`Look`."""
    return header, batch


def _bytes_max(size: int, config: LogConfig) -> int:
    """To what a batch of so many bytes may be decompressed: where it is kept like that, no more than a batch may have."""
    bytes_max = unpacked_bytes_max(size - HEADER_BYTES)
    return min(bytes_max, config.max_message_bytes - HEADER_BYTES) if config.codec is Codec.NONE else bytes_max


def _looked_inside(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, times: bool, bounds: _Bounds) -> ValidBatch:
    strict = config.compact or config.validate_records
    unpacked: bytes | None = None
    try:
        unpacked = unpacked_records(header, batch, bounds.bytes_max)
        if strict or times:
            _check_each(header, unpacked, config, now, times, bounds)
    except TooMuchInside:
        raise
    except BadRecords as error:
        if strict:
            raise BadBatch(ErrorCode.INVALID_RECORD, f"the records of the batch cannot be read: {error}") from None
        if unpacked is None and _is_recompressed(header, config):
            raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"the records of the batch cannot be decompressed: {error}") from None
    if times:
        _check_header_times(header, config, now)
    return _recompressed(header, unpacked, config) if unpacked is not None and _is_recompressed(header, config) else (header, batch)


def _check_each(header: BatchHeader, unpacked: bytes, config: LogConfig, now: int, times: bool, bounds: _Bounds) -> None:
    """Look at each record, up to the hundredth that is refused."""
    strict, compact = config.compact or config.validate_records, config.compact
    earliest, latest = (now - config.timestamp_before_max_ms, now + config.timestamp_after_max_ms) if times else (-LONG_MAX, LONG_MAX)
    keyless: list[int] = []
    wrong: list[tuple[int, str]] = []
    for index, (delta, timestamp, has_key) in enumerate(RecordGlances(header, unpacked, bounds.pause, bounds.parts_max)):
        if strict and delta != index:
            raise BadBatch(ErrorCode.INVALID_RECORD, "the records of the batch do not have consecutive offsets")
        if compact and not has_key:
            keyless.append(index)
            if len(keyless) == REASONS_MAX:
                break
        if timestamp > latest or 0 <= timestamp < earliest:
            wrong.append((index, _wrong_time(timestamp, now, config)))
            if len(wrong) == REASONS_MAX:
                break
    if keyless:
        count = f"{len(keyless)} record(s)" if len(keyless) < REASONS_MAX else f"{REASONS_MAX} records or more"
        why = [(index, "a compacted topic needs a key in every record") for index in keyless]
        raise RecordRefused(ErrorCode.INVALID_RECORD, f"{count} have no key, which a compacted topic needs", why)
    if wrong:
        raise RecordRefused(ErrorCode.INVALID_TIMESTAMP, f"the batch has records with a wrong time: {wrong[0][1]}", wrong)


def _check_header_times(header: BatchHeader, config: LogConfig, now: int) -> None:
    """The log believes the header: it must be right though no record has its times, or none can be read."""
    earliest, latest = now - config.timestamp_before_max_ms, now + config.timestamp_after_max_ms
    for timestamp in (header.max_timestamp, header.base_timestamp):
        if timestamp > latest or 0 <= timestamp < earliest:
            why = _wrong_time(timestamp, now, config)
            raise RecordRefused(ErrorCode.INVALID_TIMESTAMP, f"the batch has records with a wrong time: {why}", [(0, why)])


def _wrong_time(timestamp: int, now: int, config: LogConfig) -> str:
    if timestamp > now:
        how = f"more than message.timestamp.after.max.ms={config.timestamp_after_max_ms} ahead"
    else:
        how = f"more than message.timestamp.before.max.ms={config.timestamp_before_max_ms} behind"
    return f"timestamp {timestamp} is {how} of the broker's time {now}"


def _is_recompressed(header: BatchHeader, config: LogConfig) -> bool:
    return config.codec is not None and header.codec is not config.codec


def _recompressed(header: BatchHeader, unpacked: bytes, config: LogConfig) -> ValidBatch:
    codec = config.codec
    assert codec is not None
    packed = recompressed(header, unpacked, codec, config.codec_level)
    if len(packed) > config.max_message_bytes:
        why = f"the batch has {len(packed)} bytes as {codec.name.lower()}, max.message.bytes of the topic is {config.max_message_bytes}"
        raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, why)
    return header._replace(length=len(packed) - LENGTH_OVERHEAD, attributes=(header.attributes & ~CODEC_MASK) | int(codec)), memoryview(packed)

"""What a leader checks of the batches it is given, before any of them counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import (
    CONTROL_FLAG,
    LOG_APPEND_TIME_FLAG,
    TRANSACTIONAL_FLAG,
    BadBatch,
    BatchHeader,
    check_batch,
    check_crc,
    split_batches,
    whole_batches,
    with_log_append_time,
)
from chronik.record.build import recompressed
from chronik.record.compression import Codec
from chronik.record.records import BadRecords, Record, decode_records, unpacked_records
from chronik.storage.config import LONG_MAX, LogConfig


class RecordRefused(KafkaError):
    """Records of a batch that must not be kept (KIP-467).

    :ivar record_errors: ``(position in the batch, why)`` of each.
    """

    def __init__(self, code: ErrorCode, message: str, record_errors: Sequence[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.record_errors = tuple(record_errors)


ValidBatch: TypeAlias = tuple[BatchHeader, memoryview]
"""A batch that may be appended: its header, and its bytes, which are the producer's unless the topic asks for something else."""

OFFSET_MAX: Final = 2**63 - 1
"""One past the last offset that a record can have."""

_BROKERS_OWN: Final = TRANSACTIONAL_FLAG | CONTROL_FLAG
"""Attributes that need a look at who sent the batch."""


def validate(data: bytes | memoryview, config: LogConfig, now: int, internal: bool) -> list[ValidBatch]:
    """Check the batches of one append.

    :param now: the broker's time, ms.
    :param internal: they are the broker's own: trusted in size and content, their CRC just computed.
    :raises KafkaError: none of them may be appended; see :meth:`~chronik.storage.interfaces.IPartitionLog.append`.
    """
    try:
        batches = split_batches(data)
    except BadBatch as error:
        if error.code is ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT:
            # What Kafka answers since message formats 0 and 1 are gone (ProduceRequest.validateRecords).
            raise BadBatch(ErrorCode.INVALID_RECORD, error.message) from None
        raise
    if not batches:
        raise BadBatch(ErrorCode.INVALID_RECORD, "there is no batch to append: a produce request has at least one for each partition it names")
    if len(batches) > 1 and any(header.producer_id >= 0 for header, _ in batches):
        raise BadBatch(ErrorCode.INVALID_RECORD, "an idempotent producer sends one batch for a partition at a time")
    if internal:
        return batches
    if len(batches) == 1:
        return [_validated(*batches[0], config, now)]
    return [_validated(header, batch, config, now) for header, batch in batches]


def replicated(data: bytes | memoryview, end_offset: int, latest_epoch: int) -> list[ValidBatch]:
    """Check the batches that a leader sent to be appended as they are. One that is cut off at the end is left out.

    :param end_offset: of the log: none may begin below.
    :param latest_epoch: of the log: none may have a lower one.
    :raises KafkaError: none of them may be appended; see :meth:`~chronik.storage.interfaces.IPartitionLog.replicate`.
    """
    batches = []
    latest_epoch = max(latest_epoch, 0)
    try:
        for header, batch in whole_batches(data):
            check_crc(header, batch)
            last_offset = header.last_offset
            if header.base_offset < end_offset or header.last_offset_delta < 0 or last_offset >= OFFSET_MAX:
                raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"it has offsets {header.base_offset} to {last_offset}")
            if header.leader_epoch < latest_epoch:
                raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"it has leader epoch {header.leader_epoch} after epoch {latest_epoch}")
            end_offset, latest_epoch = last_offset + 1, header.leader_epoch
            batches.append((header, batch))
    except BadBatch as error:
        why = f"a batch of the leader does not fit where offset {end_offset} or a later one was expected: {error.message}"
        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, why) from None
    return batches


def _validated(header: BatchHeader, batch: memoryview, config: LogConfig, now: int) -> ValidBatch:
    if len(batch) > config.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE, f"the batch has {header.size_bytes} bytes, max.message.bytes of the topic is {config.max_message_bytes}"
        )
    check_batch(header, batch)
    if header.producer_id >= 0 or header.attributes & _BROKERS_OWN:
        _check_producer(header)
    if config.compact or config.validate_records:
        _check_records(header, batch, config)
    if not config.log_append_time:
        _check_timestamps(header, batch, config, now)
    codec = config.codec
    if codec is not None and header.codec is not codec:
        header, batch = _recompress(header, batch, codec, config.codec_level)
    if config.log_append_time:
        batch = memoryview(with_log_append_time(header, batch, now))
        header = header._replace(attributes=header.attributes | 8, max_timestamp=now)
    return header, batch


def _check_producer(header: BatchHeader) -> None:
    if header.is_control:
        raise BadBatch(ErrorCode.INVALID_RECORD, "control batches are written by brokers alone")
    if header.is_transactional:
        raise KafkaError(ErrorCode.INVALID_TXN_STATE, "this broker does not serve transactions yet: unset transactional.id")
    if header.producer_id >= 0 and (header.producer_epoch < 0 or header.base_sequence < 0):
        raise BadBatch(
            ErrorCode.INVALID_RECORD, f"producer {header.producer_id} sent epoch {header.producer_epoch} and sequence {header.base_sequence}"
        )


def _check_timestamps(header: BatchHeader, batch: memoryview, config: LogConfig, now: int) -> None:
    """Only a topic that bounds how old a record may be pays for a look at every record: the largest time of all is in the header."""
    if header.attributes & LOG_APPEND_TIME_FLAG:
        raise BadBatch(ErrorCode.INVALID_TIMESTAMP, "the batch says LogAppendTime, which only a broker may")
    earliest, latest = now - config.timestamp_before_max_ms, now + config.timestamp_after_max_ms
    if header.max_timestamp <= latest and config.timestamp_before_max_ms == LONG_MAX:
        return
    # The log believes the header: it must be right though no record has its times, or none can be read.
    for times in (_record_times(batch), [header.max_timestamp], [header.base_timestamp]):
        wrong = [(index, _wrong_time(time, now, config)) for index, time in enumerate(times) if time > latest or 0 <= time < earliest]
        if wrong:
            raise RecordRefused(ErrorCode.INVALID_TIMESTAMP, f"the batch has records with a wrong time: {wrong[0][1]}", wrong)


def _record_times(batch: memoryview) -> list[int]:
    """Timestamps of the records, in their order; none when they cannot be read."""
    try:
        return [record.timestamp for record in decode_records(batch)]
    except BadRecords:
        return []


def _wrong_time(timestamp: int, now: int, config: LogConfig) -> str:
    if timestamp > now:
        how = f"more than message.timestamp.after.max.ms={config.timestamp_after_max_ms} ahead"
    else:
        how = f"more than message.timestamp.before.max.ms={config.timestamp_before_max_ms} behind"
    return f"timestamp {timestamp} is {how} of the broker's time {now}"


def _check_records(header: BatchHeader, batch: memoryview, config: LogConfig) -> None:
    try:
        records = decode_records(batch)
    except BadRecords as error:
        raise BadBatch(ErrorCode.INVALID_RECORD, f"the records of the batch cannot be read: {error}") from None
    if any(record.offset - header.base_offset != index for index, record in enumerate(records)):
        raise BadBatch(ErrorCode.INVALID_RECORD, "the records of the batch do not have consecutive offsets")
    if config.compact:
        _check_keys(records)


def _check_keys(records: Sequence[Record]) -> None:
    without = [(index, "a compacted topic needs a key in every record") for index, record in enumerate(records) if record.key is None]
    if without:
        raise RecordRefused(ErrorCode.INVALID_RECORD, f"{len(without)} record(s) have no key, which a compacted topic needs", without)


def _recompress(header: BatchHeader, batch: memoryview, codec: Codec, level: int | None) -> tuple[BatchHeader, memoryview]:
    try:
        packed = recompressed(header, unpacked_records(header, batch), codec, level)
    except BadRecords as error:
        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"the records of the batch cannot be decompressed: {error}") from None
    length = len(packed) - 12
    return header._replace(length=length, attributes=(header.attributes & ~7) | int(codec)), memoryview(packed)

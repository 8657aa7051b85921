"""What a leader checks of the batches it is given, before any of them counts."""

from __future__ import annotations

from typing import Final

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
from chronik.storage.config import LONG_MAX, LogConfig
from chronik.storage.inspection import Look, ValidBatch, no_look, quick_look, thorough_look

OFFSET_MAX: Final = 2**63 - 1
"""One past the last offset that a record can have."""

BATCHES_MAX: Final = 100
"""Batches of one append. Kafka takes one; each costs the reactor some microseconds, and a request has room for a million."""

_BROKERS_OWN: Final = TRANSACTIONAL_FLAG | CONTROL_FLAG
"""Attributes that need a look at who sent the batch."""


def validate(data: bytes | memoryview, config: LogConfig, now: int, internal: bool, look: Look = quick_look) -> list[ValidBatch]:
    """Check the batches of one append.

    :param now: the broker's time, ms.
    :param internal: they are the broker's own: trusted in size and content, their CRC just computed.
    :param look: looks inside where the topic asks for it.
    :raises InspectionNeeded: they must be looked into, and not here.
    :raises KafkaError: none of them may be appended; see :meth:`~chronik.storage.interfaces.IPartitionLog.append`.
    """
    try:
        batches = split_batches(data, None if internal else BATCHES_MAX)
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
        return [_validated(*batches[0], config, now, look)]
    if look is quick_look:
        look = no_look
    return [_validated(header, batch, config, now, look) for header, batch in batches]


def inspect(data: bytes | memoryview, config: LogConfig, now: int) -> bytes | memoryview:
    """Check the batches of one append, and look into them where the topic asks for that. Work for a thread: it may take seconds.

    :param now: the broker's time, ms.
    :returns: what to append then, as ``inspected``: the same bytes, or others where the topic has a codec of its own.
    :raises KafkaError: none of them may be appended.
    """
    batches = validate(data, config, now, False, thorough_look)
    return batches[0][1] if len(batches) == 1 else b"".join([batch for _, batch in batches])


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


def _validated(header: BatchHeader, batch: memoryview, config: LogConfig, now: int, look: Look) -> ValidBatch:
    if len(batch) > config.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE, f"the batch has {header.size_bytes} bytes, max.message.bytes of the topic is {config.max_message_bytes}"
        )
    check_batch(header, batch)
    if header.producer_id >= 0 or header.attributes & _BROKERS_OWN:
        _check_producer(header)
    times = not config.log_append_time and _doubts_times(header, config, now)
    codec = config.codec
    if times or config.compact or config.validate_records or (codec is not None and header.codec is not codec):
        header, batch = look(header, batch, config, now, times)
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


def _doubts_times(header: BatchHeader, config: LogConfig, now: int) -> bool:
    """Whether records may have times that are out of bounds. The largest of all is in the header; only a topic that bounds how old a record may be
    pays for a look at each.
    """
    if header.attributes & LOG_APPEND_TIME_FLAG:
        raise BadBatch(ErrorCode.INVALID_TIMESTAMP, "the batch says LogAppendTime, which only a broker may")
    return header.max_timestamp > now + config.timestamp_after_max_ms or config.timestamp_before_max_ms != LONG_MAX

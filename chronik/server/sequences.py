"""Batches of idempotent producers that were refused, and what must not be appended before they come again.

A log that knows nothing of a producer takes any batch as its first (KIP-360), for what it knew may have expired. A producer sends up to five batches
before the first is answered. When that one is refused because its partition is not open yet, or its disk is full, and the next one finds that it is,
the log would begin with the second: the first, sent again, would be out of order for ever. So what follows a refused batch on its connection is
refused too, until that one comes again or the log knows the producer: then it knows itself what is next. Clients take it for what it is, and send
all of them once more, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import BadBatch, BatchHeader, parse_header
from chronik.storage.interfaces import ProducerSummary

REFUSED_MAX: Final = 4096
"""Of so many partitions and producers a connection's refusals are remembered; of further ones the oldest is forgotten."""

_SEQUENCES: Final = 1 << 31

_Key: TypeAlias = tuple[str | bytes, int, int]


class RefusedSequences:
    """One connection's."""

    def __init__(self) -> None:
        self._refused: dict[_Key, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many batches have to come again."""
        return len(self._refused)

    def note(self, topic: str | bytes, partition: int, records: bytes | memoryview) -> None:
        """A batch was refused; nothing to remember where no idempotent producer sent it.

        :param topic: its name or id, whichever this connection names it by.
        """
        header = _header(records)
        if header is not None:
            self._note((topic, partition, header.producer_id), header)

    def _note(self, key: _Key, header: BatchHeader) -> None:
        refused = self._refused.get(key)
        if refused is None:
            if len(self._refused) >= REFUSED_MAX:
                del self._refused[next(iter(self._refused))]
        elif header.producer_epoch < refused[0] or _is_behind(header, refused):
            return  # It is what comes before this one that is missing.
        self._refused[key] = header.producer_epoch, header.base_sequence

    def check(self, topic: str | bytes, partition: int, records: bytes | memoryview, known: Callable[[], Iterable[ProducerSummary]]) -> None:
        """Let a batch pass unless one before it has to come first; the one that had to come has.

        :param known: the producers that the log knows.
        :raises KafkaError: ``OUT_OF_ORDER_SEQUENCE_NUMBER``.
        """
        header = _header(records)
        if header is not None:
            self._check((topic, partition, header.producer_id), header, known)

    def _check(self, key: _Key, header: BatchHeader, known: Callable[[], Iterable[ProducerSummary]]) -> None:
        refused = self._refused.get(key)
        if refused is None:
            return
        is_behind = _is_behind(header, refused)
        if is_behind and all(producer.producer_id != header.producer_id for producer in known()):
            why = f"producer {header.producer_id} sent sequence {header.base_sequence}; sequence {refused[1]} was refused and has to come first"
            raise KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, why)
        if is_behind or (header.producer_epoch, header.base_sequence) >= refused:
            del self._refused[key]


def _header(records: bytes | memoryview) -> BatchHeader | None:
    """The first batch's header, if an idempotent producer sent it."""
    try:
        header = parse_header(records)
    except BadBatch:
        return None
    return header if header.producer_id >= 0 and header.base_sequence >= 0 else None


def _is_behind(header: BatchHeader, refused: tuple[int, int]) -> bool:
    """Whether a batch comes after a refused one, by epoch and sequence, of the same epoch; after 2^31 - 1 comes 0."""
    return header.producer_epoch == refused[0] and 0 < (header.base_sequence - refused[1]) % _SEQUENCES < _SEQUENCES // 2

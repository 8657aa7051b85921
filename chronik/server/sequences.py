"""Batches of idempotent producers that were refused, and what must not be appended before they come again.

A log that knows nothing of a producer takes any batch as its first (KIP-360), for what it knew may have expired. A producer sends up to five batches
before the first is answered. When that one is refused because its partition is not open yet, or its disk is full, and the next one finds that it is,
the log would begin with the second: the first, sent again, would be out of order for ever. So what comes right behind a refused batch on its
connection is refused too, and what comes right behind that, until one of them comes again or the log knows the producer: then it knows itself what is
next. Clients take it for what it is, and send all of them once more, in order.

What comes later than that was sent after the refusals had been read, and so was what comes again without the first: the first was appended elsewhere
then, by another leader. The log here need not know of it, for what it had of the producer may be removed or have expired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import BadBatch, BatchHeader, parse_header
from chronik.storage.interfaces import ProducerSummary

REFUSED_MAX: Final = 4096
"""Of so many partitions and producers a connection's refusals are remembered; of further ones the oldest is forgotten."""

_SEQUENCES: Final = 1 << 31

_Key: TypeAlias = tuple[str | bytes, int, int]


class _Row(NamedTuple):
    """Refused batches of one epoch, each right behind the one before: the first sequence, and the one behind the last."""

    epoch: int
    first: int
    behind: int


class RefusedSequences:
    """One connection's."""

    def __init__(self) -> None:
        self._refused: dict[_Key, _Row] = {}

    def __len__(self) -> int:
        """Of how many partitions and producers batches have to come again."""
        return len(self._refused)

    def note(self, topic: str | bytes, partition: int, records: bytes | memoryview) -> None:
        """A batch was refused; nothing to remember where no idempotent producer sent it.

        :param topic: its name or id, whichever this connection names it by.
        """
        header = _header(records)
        if header is not None:
            self._note((topic, partition, header.producer_id), header)

    def _note(self, key: _Key, header: BatchHeader) -> None:
        row = _Row(header.producer_epoch, header.base_sequence, (header.last_sequence + 1) % _SEQUENCES)
        refused = self._refused.get(key)
        if refused is None:
            if len(self._refused) >= REFUSED_MAX:
                del self._refused[next(iter(self._refused))]
        elif row.epoch < refused.epoch:
            return
        elif row.epoch == refused.epoch:
            row = _joined(refused, row)
        self._refused[key] = row

    def check(self, topic: str | bytes, partition: int, records: bytes | memoryview, known: Callable[[], Iterable[ProducerSummary]]) -> None:
        """Let a batch pass unless one right before it has to come first; else none has to any more.

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
        is_next = (header.producer_epoch, header.base_sequence) == (refused.epoch, refused.behind)
        if is_next and all(producer.producer_id != header.producer_id for producer in known()):
            why = f"producer {header.producer_id} sent sequence {header.base_sequence}; sequence {refused.first} was refused and has to come first"
            raise KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, why)
        if not _is_before(header, refused):
            del self._refused[key]


def _header(records: bytes | memoryview) -> BatchHeader | None:
    """The first batch's header, if an idempotent producer sent it."""
    try:
        header = parse_header(records)
    except BadBatch:
        return None
    return header if header.producer_id >= 0 and header.base_sequence >= 0 else None


def _joined(refused: _Row, row: _Row) -> _Row:
    """Both in one, if one begins where the other ends; else the later refusal's: who sent that has read the earlier one."""
    if row.first == refused.behind:
        return refused._replace(behind=row.behind)
    return row._replace(behind=refused.behind) if row.behind == refused.first else row


def _is_before(header: BatchHeader, refused: _Row) -> bool:
    """Whether a batch comes before the refused ones, by epoch and sequence; after 2^31 - 1 comes 0."""
    if header.producer_epoch != refused.epoch:
        return header.producer_epoch < refused.epoch
    return 0 < (refused.first - header.base_sequence) % _SEQUENCES < _SEQUENCES // 2

"""What is written down of a log beside its batches: where it begins, its extents, its leader epochs, its producers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from chronik.model import TopicId, TopicPartition
from chronik.record.batch import MAGIC, BatchHeader, offset_and_epoch
from chronik.storage.epochs import LeaderEpochs
from chronik.storage.producers import BATCHES_KEPT, ProducerStates
from chronik_storage_sqlite.database import Operation
from chronik_storage_sqlite.extents import KeptExtent, insert_extent, load_extents, seal_extent

CHUNK_ROWS: Final = 256
CHUNK_BYTES: Final = 8 << 20
"""Removed batches go in chunks of at most so many rows and bytes, so that appends do not wait for long between them."""


@dataclass(frozen=True, slots=True)
class LogState:
    """A log as the last transaction left it."""

    start_offset: int
    end_offset: int
    extents: list[KeptExtent]
    epochs: LeaderEpochs
    producers: ProducerStates


class KnownLog(NamedTuple):
    """A log in the list of logs.

    :ivar clean: it was closed as it should be, or never opened.
    """

    log_id: int
    topic_partition: TopicPartition
    topic_id: TopicId
    clean: bool


# -- which logs there are -------------------------------------------------------------------------------------------------


def load_known(connection: sqlite3.Connection) -> tuple[list[KnownLog], list[int]]:
    """The logs there are, and the ids of those that are being removed. What was set aside is neither."""
    rows = connection.execute("SELECT id, topic, partition, topic_id, clean FROM logs WHERE stray IS NULL ORDER BY id").fetchall()
    known = [KnownLog(row[0], TopicPartition(row[1], row[2]), TopicId(row[3]), bool(row[4])) for row in rows if row[1] is not None]
    return known, [row[0] for row in rows if row[1] is None]


def create_log(topic_partition: TopicPartition, topic_id: TopicId, now: int) -> Callable[[sqlite3.Connection], int]:
    """An operation that makes a log and gives its id."""

    def create(connection: sqlite3.Connection) -> int:
        values = (topic_partition.topic, topic_partition.partition, bytes(topic_id))
        log_id = connection.execute("INSERT INTO logs (topic, partition, topic_id) VALUES (?, ?, ?)", values).lastrowid
        assert log_id is not None
        insert_extent(connection, log_id, 0, now)
        return log_id

    return create


def mark(log_id: int, clean: bool) -> Operation:
    """An operation that notes whether a log is closed."""
    return lambda connection: connection.execute("UPDATE logs SET clean = ? WHERE id = ?", (clean, log_id)).rowcount


def unname(log_id: int) -> Operation:
    """An operation that removes a log from the list; its batches go later."""
    return lambda connection: connection.execute("UPDATE logs SET topic = NULL, partition = NULL WHERE id = ?", (log_id,)).rowcount


def set_aside(log_id: int) -> Callable[[sqlite3.Connection], bool]:
    """An operation that takes a log's name away and keeps its records; whether there are any, else nothing is done."""

    def operation(connection: sqlite3.Connection) -> bool:
        if connection.execute("SELECT 1 FROM batches WHERE log_id = ? LIMIT 1", (log_id,)).fetchone() is None:
            return False
        connection.execute("UPDATE logs SET stray = topic || '-' || partition, topic = NULL, partition = NULL WHERE id = ?", (log_id,))
        return True

    return operation


# -- one log --------------------------------------------------------------------------------------------------------------


def load_state(connection: sqlite3.Connection, log_id: int) -> LogState:
    """Read it all."""
    (start_offset,) = connection.execute("SELECT start_offset FROM logs WHERE id = ?", (log_id,)).fetchone()
    extents = load_extents(connection, log_id)
    epochs = connection.execute("SELECT epoch, start_offset FROM leader_epochs WHERE log_id = ? ORDER BY epoch", (log_id,)).fetchall()
    end_offset = max(start_offset, extents[-1].end_offset)
    return LogState(start_offset, end_offset, extents, LeaderEpochs(epochs), _load_producers(connection, log_id))


def _load_producers(connection: sqlite3.Connection, log_id: int) -> ProducerStates:
    """The latest batches of each producer, in the order in which they were appended. It jumps from one to the next: each may have millions."""
    found: list[tuple[int, int, int, int, int, int]] = []
    producer_id = -1
    while True:
        (producer_id,) = connection.execute(
            "SELECT min(producer_id) FROM producer_batches WHERE log_id = ? AND producer_id > ?", (log_id, producer_id)
        ).fetchone()
        if producer_id is None:
            break
        found += connection.execute(
            "SELECT last_offset, producer_id, producer_epoch, base_sequence, offset_delta, timestamp FROM producer_batches "
            "WHERE log_id = ? AND producer_id = ? ORDER BY last_offset DESC LIMIT ?",
            (log_id, producer_id, BATCHES_KEPT),
        )
    producers = ProducerStates()
    for last_offset, producer_id, epoch, sequence, delta, timestamp in sorted(found):
        header = BatchHeader(last_offset - delta, 0, 0, MAGIC, 0, 0, delta, timestamp, timestamp, producer_id, epoch, sequence, delta + 1)
        producers.note(header, last_offset)
    return producers


@dataclass(frozen=True, slots=True)
class AppendBatches:
    """An operation: rows of batches, and what they change beside.

    :ivar leader_epoch: written into each batch; None for those a leader sent, which stay as they are.
    :ivar placed: each batch with its base offset.
    :ivar epochs: all epochs, where they changed.
    """

    log_id: int
    leader_epoch: int | None
    placed: Sequence[tuple[BatchHeader, int, memoryview]]
    epochs: Sequence[tuple[int, int]] | None

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Insert them."""
        connection.executemany(
            "INSERT INTO batches (log_id, base_offset, last_offset, leader_epoch, base_timestamp, max_timestamp, size, data) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self._rows(),
        )
        idempotent = [each for each in self.placed if each[0].producer_id >= 0]
        if idempotent:
            connection.executemany("INSERT INTO producer_batches VALUES (?, ?, ?, ?, ?, ?, ?)", self._producers(idempotent))
        if self.epochs is not None:
            write_epochs(connection, self.log_id, self.epochs)

    def _rows(self) -> Iterable[tuple[object, ...]]:
        for header, offset, data in self.placed:
            epoch = header.leader_epoch if self.leader_epoch is None else self.leader_epoch
            patched = b"".join((offset_and_epoch(header, offset, epoch), data[16:]))
            last_offset = offset + header.last_offset_delta
            yield self.log_id, offset, last_offset, epoch, header.base_timestamp, header.max_timestamp, len(patched), patched

    def _producers(self, placed: Sequence[tuple[BatchHeader, int, memoryview]]) -> Iterable[tuple[int, ...]]:
        for header, offset, _ in placed:
            delta = header.last_offset_delta
            yield self.log_id, header.producer_id, offset + delta, header.producer_epoch, header.base_sequence, delta, header.max_timestamp


def write_epochs(connection: sqlite3.Connection, log_id: int, epochs: Sequence[tuple[int, int]]) -> None:
    """Replace a log's epochs: there are few, and an epoch that got no offset is forgotten."""
    connection.execute("DELETE FROM leader_epochs WHERE log_id = ?", (log_id,))
    connection.executemany("INSERT INTO leader_epochs VALUES (?, ?, ?)", [(log_id, epoch, start) for epoch, start in epochs])


def roll(log_id: int, sealed: tuple[int, int, int, int, int], now: int) -> Operation:
    """An operation that seals an extent and begins the next.

    :param sealed: its figures.
    """

    def operation(connection: sqlite3.Connection) -> None:
        seal_extent(connection, log_id, sealed)
        insert_extent(connection, log_id, sealed[1], now)

    return operation


def advance(log_id: int, start_offset: int, first_base: int, epochs: Sequence[tuple[int, int]]) -> Operation:
    """An operation that moves a log's start.

    :param first_base: base offset of its first extent, which may be lower.
    """

    def operation(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE logs SET start_offset = ? WHERE id = ?", (start_offset, log_id))
        connection.execute("DELETE FROM extents WHERE log_id = ? AND base_offset < ?", (log_id, first_base))
        write_epochs(connection, log_id, epochs)

    return operation


def truncate(log_id: int, offset: int, epochs: Sequence[tuple[int, int]]) -> Callable[[sqlite3.Connection], LogState]:
    """An operation that removes everything from an offset on, and gives what is left."""

    def operation(connection: sqlite3.Connection) -> LogState:
        connection.execute("DELETE FROM batches WHERE log_id = ? AND base_offset >= ?", (log_id, offset))
        # The one batch that begins before and ends behind it, if any.
        connection.execute(
            "DELETE FROM batches WHERE log_id = ?1 AND last_offset >= ?2 "
            "AND base_offset = (SELECT max(base_offset) FROM batches WHERE log_id = ?1 AND base_offset < ?2)",
            (log_id, offset),
        )
        connection.execute("DELETE FROM producer_batches WHERE log_id = ? AND last_offset >= ?", (log_id, offset))
        bases = [row[0] for row in connection.execute("SELECT base_offset FROM extents WHERE log_id = ? ORDER BY base_offset", (log_id,))]
        opened = max((base for base in bases if base <= offset), default=bases[0])
        connection.execute("DELETE FROM extents WHERE log_id = ? AND base_offset > ?", (log_id, opened))
        connection.execute("UPDATE extents SET end_offset = NULL WHERE log_id = ? AND base_offset = ?", (log_id, opened))
        write_epochs(connection, log_id, epochs)
        state = load_state(connection, log_id)
        if state.epochs.truncate_from_end(state.end_offset):
            write_epochs(connection, log_id, state.epochs.entries())
        return state

    return operation


def restart(log_id: int, offset: int, now: int) -> Callable[[sqlite3.Connection], int]:
    """An operation that gives a log's name to a new, empty one that begins at an offset, and that one's id. The old one's batches go later."""

    def operation(connection: sqlite3.Connection) -> int:
        known = connection.execute("SELECT topic, partition, topic_id, clean FROM logs WHERE id = ?", (log_id,)).fetchone()
        connection.execute("UPDATE logs SET topic = NULL, partition = NULL WHERE id = ?", (log_id,))
        values = (*known, offset)
        new_id = connection.execute("INSERT INTO logs (topic, partition, topic_id, clean, start_offset) VALUES (?, ?, ?, ?, ?)", values).lastrowid
        assert new_id is not None
        insert_extent(connection, new_id, offset, now)
        return new_id

    return operation


def forget_producers(log_id: int, producer_ids: Iterable[int]) -> Operation:
    """An operation that forgets producers."""
    rows = [(log_id, producer_id) for producer_id in producer_ids]
    return lambda connection: connection.executemany("DELETE FROM producer_batches WHERE log_id = ? AND producer_id = ?", rows).rowcount


# -- removing what nothing refers to any more -----------------------------------------------------------------------------


def remove_batches(log_id: int, below: int, start_offset: int) -> Callable[[sqlite3.Connection], bool]:
    """An operation that removes a chunk of the batches below an offset; whether none are left.

    :param start_offset: of the log: what older batches tell of producers is kept only while it is among the latest.
    """

    def operation(connection: sqlite3.Connection) -> bool:
        if _remove_chunk(connection, log_id, below):
            return False
        if not start_offset:
            return True
        connection.execute(
            "DELETE FROM producer_batches WHERE log_id = ?1 AND last_offset < ?2 AND last_offset < (SELECT min(last_offset) FROM ("
            "SELECT last_offset FROM producer_batches AS later WHERE later.log_id = ?1 AND later.producer_id = producer_batches.producer_id "
            "ORDER BY last_offset DESC LIMIT ?3))",
            (log_id, start_offset, BATCHES_KEPT),
        )
        return True

    return operation


def remove_log(log_id: int) -> Callable[[sqlite3.Connection], bool]:
    """An operation that removes a chunk of a log that has no name any more; whether nothing is left of it."""

    def operation(connection: sqlite3.Connection) -> bool:
        if _remove_chunk(connection, log_id, 1 << 62):
            return False
        for table in ("extents", "leader_epochs", "producer_batches"):
            connection.execute(f"DELETE FROM {table} WHERE log_id = ?", (log_id,))
        connection.execute("DELETE FROM logs WHERE id = ?", (log_id,))
        return True

    return operation


def _remove_chunk(connection: sqlite3.Connection, log_id: int, below: int) -> bool:
    """Remove the oldest batches; whether there were any."""
    rows = connection.execute(
        "SELECT id, size FROM batches WHERE log_id = ? AND base_offset < ? ORDER BY base_offset LIMIT ?", (log_id, below, CHUNK_ROWS)
    )
    doomed, total = [], 0
    for row_id, size in rows.fetchall():
        doomed.append((row_id,))
        total += size
        if total >= CHUNK_BYTES:
            break
    connection.executemany("DELETE FROM batches WHERE id = ?", doomed)
    return bool(doomed)

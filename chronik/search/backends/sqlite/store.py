"""One SQLite database as a store. What is added and removed waits in memory and becomes one transaction at the commit."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from zope.interface import implementer

from chronik.search.backends.sqlite import schema
from chronik.search.backends.sqlite.compile import Sql, all_of, any_of, any_word, compile_query, compile_score, fits, near
from chronik.search.fields import Kind, resolve, unsortable
from chronik.search.interfaces import (
    Bounds,
    Covered,
    Document,
    Found,
    ISearchBackend,
    ISearchStore,
    Marker,
    QueryError,
    Result,
    Sort,
    StoreDamaged,
)
from chronik.search.query.ast import Query

FILE: Final = "search.sqlite"
_PLACE: Final = 'r.topic, r.partition, r."offset", r.batch, r.position, r.timestamp'
_TIES: Final = 'r.timestamp DESC, r.topic, r.partition, r."offset" DESC'


@contextmanager
def guarded() -> Iterator[None]:
    """What SQLite raises becomes :class:`StoreDamaged`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreDamaged(f"the database failed: {error}") from error


@implementer(ISearchBackend)
class SqliteBackend:
    """Opens SQLite databases."""

    def open(self, directory: str | None, writable: bool, heap_bytes: int) -> SqliteStore:
        """See :meth:`ISearchBackend.open`; ``heap_bytes`` bounds SQLite's page cache."""
        with guarded():
            return SqliteStore(directory, writable, heap_bytes)


@implementer(ISearchStore)
class SqliteStore:
    """A store over one database.

    :param directory: where it lives, None for memory.
    """

    def __init__(self, directory: str | None, writable: bool, heap_bytes: int) -> None:
        self._lock = threading.RLock()
        self._pending: list[Callable[[], None]] = []
        self._writable = writable
        self._db = _connect(directory, writable)
        try:
            self._prepare(heap_bytes)
        except BaseException:
            self._db.close()
            raise
        self.size_bytes = self._measure()

    def _prepare(self, heap_bytes: int) -> None:
        self._db.execute(f"PRAGMA cache_size = -{max(heap_bytes // 1024, 1024)}")
        for name, count, function in (("any_word", 2, any_word), ("regexp", 2, fits), ("near", 3, near)):
            self._db.create_function(name, count, function, deterministic=True)
        version = self._value("PRAGMA user_version")
        if version == 0 and self._writable and not self._value("SELECT count(*) FROM sqlite_master"):
            self._db.executescript(schema.SCHEMA)
        elif version != schema.VERSION:
            raise StoreDamaged(f"the database has version {version}, {schema.VERSION} is needed")
        problem = self._value("PRAGMA quick_check(1)")
        if problem != "ok":
            raise StoreDamaged(f"the database is damaged: {problem}")

    def _value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        row = self._db.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def add(self, documents: Sequence[Document | Marker]) -> None:
        """See :meth:`ISearchStore.add`."""
        taken = list(documents)
        self._later(lambda: self._insert(taken))

    def _later(self, change: Callable[[], None]) -> None:
        if not self._writable:
            raise StoreDamaged("the database is not open for writing")
        with self._lock:
            self._pending.append(change)

    def _insert(self, items: Sequence[Document | Marker]) -> None:
        for item in items:
            owner = self._db.execute(schema.INSERT_ROW, schema.row_of(item)).lastrowid
            if isinstance(item, Document):
                for place, kind, exact, number, instant, words in schema.leaves_of(item):
                    leaf = self._db.execute(schema.INSERT_LEAF, (owner, place, kind, exact, number, instant)).lastrowid
                    if words:
                        self._db.execute(schema.INSERT_WORDS, (leaf, words))

    def commit(self) -> None:
        """See :meth:`ISearchStore.commit`."""
        with self._lock, guarded():
            pending, self._pending = self._pending, []
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for change in pending:
                    change()
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self.size_bytes = self._measure()

    def remove_from(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_from`."""
        place = (topic, partition, offset)
        self._later(lambda: self._change('DELETE FROM rows WHERE topic = ? AND partition = ? AND "offset" >= ?', place))
        self._later(lambda: self._change("UPDATE rows SET last = ?3 - 1 WHERE topic = ?1 AND partition = ?2 AND last >= ?3", place))

    def remove_below(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_below`."""
        self._later(lambda: self._change("DELETE FROM rows WHERE topic = ? AND partition = ? AND last < ?", (topic, partition, offset)))

    def _change(self, sql: str, params: Sequence[Any]) -> None:
        self._db.execute(sql, params)

    def search(self, query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """See :meth:`ISearchStore.search`."""
        where = _wanted(query, within)
        value, order = self._order(query, sort)
        with self._lock, guarded():
            total = self._asked(f"SELECT count(*) FROM rows r WHERE {where.text}", where.params).fetchone()[0]
            if limit <= 0 or not total:
                return Result((), total)
            sql = f"SELECT {_PLACE}, {value.text} AS value FROM rows r WHERE {where.text} ORDER BY {order}{_TIES} LIMIT ?"
            rows = self._asked(sql, (*value.params, *where.params, limit)).fetchall()
        return Result([_hit(row, sort.field == "_score") for row in rows], total)

    def _order(self, query: Query, sort: Sort) -> tuple[Sql, str]:
        """What is sorted by, and the beginning of ``ORDER BY``."""
        if sort.field == "_score":
            return compile_score(query), "value DESC, "
        field = resolve(sort.field)
        order = "value DESC, " if sort.descending else "value ASC, "
        if field.kind in (Kind.TIMESTAMP, Kind.NUMBER, Kind.TOPIC):
            return Sql(f'r."{field.path}"'), order
        if field.kind not in (Kind.PATH, Kind.KEYWORD):
            raise unsortable(sort.field)
        outermost = "max" if sort.descending else "min"
        place = f"value.{field.path}"
        number = f"(SELECT {outermost}(coalesce(number, instant)) FROM leaves WHERE owner = r.id AND place = ?)"
        string = f"(SELECT {outermost}(exact) FROM leaves WHERE owner = r.id AND place = ? AND kind = 'text')"
        missing = f"value IS {'' if sort.missing_last else 'NOT '}NULL, "
        # SQLite too orders numbers before strings.
        return Sql(f"coalesce({number}, {string})", (place, place)), missing + order

    def count(self, query: Query, within: Sequence[Bounds]) -> int:
        """See :meth:`ISearchStore.count`."""
        where = _wanted(query, within)
        with self._lock, guarded():
            return int(self._asked(f"SELECT count(*) FROM rows r WHERE {where.text}", where.params).fetchone()[0])

    def _asked(self, sql: str, params: Sequence[Any]) -> sqlite3.Cursor:
        """What a query's statement gives.

        :raises QueryError: it is more than SQLite takes, which says nothing of the database.
        """
        for have, category, what in (
            (len(params), sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, "values"),
            (len(sql.encode()), sqlite3.SQLITE_LIMIT_SQL_LENGTH, "bytes of SQL"),
        ):
            most = self._db.getlimit(category)
            if have > most:
                raise QueryError(f"the query comes to {have} {what}, SQLite takes {most}; ask for less at once", "illegal_argument_exception")
        return self._db.execute(sql, params)

    def locate(self, topic: int, partition: int, offset: int) -> Found | None:
        """See :meth:`ISearchStore.locate`."""
        sql = f'SELECT {_PLACE}, r.timestamp FROM rows r WHERE topic = ? AND partition = ? AND "offset" = ? AND reason IS NULL'
        with self._lock, guarded():
            row = self._db.execute(sql, (topic, partition, offset)).fetchone()
        return None if row is None else Found(*row)

    def covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        """See :meth:`ISearchStore.covered`."""
        where = 'FROM rows WHERE topic = ?1 AND partition = ?2 AND last >= ?3 AND "offset" < ?4'
        params = (topic, partition, start, end)
        sums = f'SELECT reason, sum(min(last, ?4 - 1) - max("offset", ?3) + 1) {where} GROUP BY reason'
        with self._lock, guarded():
            counts = dict(self._db.execute(sums, params).fetchall()) if end > start else {}
            if not counts:
                return Covered(0)
            last, epoch = self._db.execute(f"SELECT min(last, ?4 - 1), epoch {where} ORDER BY last DESC LIMIT 1", params).fetchone()
        return Covered(counts.pop(None, 0), counts, last, epoch)

    def paths(self) -> Mapping[str, frozenset[str]]:
        """See :meth:`ISearchStore.paths`."""
        found: dict[str, set[str]] = {}
        sql = "SELECT DISTINCT place, kind FROM leaves WHERE place >= 'value.' AND place < 'value/'"
        dates = "SELECT DISTINCT place, 'date' FROM leaves WHERE place >= 'value.' AND place < 'value/' AND instant IS NOT NULL"
        with self._lock, guarded():
            for place, kind in self._db.execute(f"{sql} UNION {dates}").fetchall():
                found.setdefault(place, set()).add(kind)
        return {place: frozenset(kinds) for place, kinds in found.items()}

    def close(self) -> None:
        """See :meth:`ISearchStore.close`."""
        with self._lock, guarded():
            self._pending.clear()
            self._db.close()

    def _measure(self) -> int:
        return int(self._value("PRAGMA page_count") * self._value("PRAGMA page_size"))


def _hit(row: Sequence[Any], scored: bool) -> Found:
    topic, partition, offset, batch, position, timestamp, value = row
    shown = value.partition("\0")[0] if isinstance(value, str) else value
    return Found(topic, partition, offset, batch, position, timestamp, shown, value if scored else 0.0)


def _wanted(query: Query, within: Sequence[Bounds]) -> Sql:
    bounds = [Sql('(r.topic = ? AND r.partition = ? AND r."offset" >= ? AND r."offset" < ?)', (b.topic, b.partition, b.start, b.end)) for b in within]
    return all_of([any_of(bounds), Sql("r.reason IS NULL"), compile_query(query)])


def _connect(directory: str | None, writable: bool) -> sqlite3.Connection:
    if directory is None:
        return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    if writable:
        os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, FILE)
    if not writable and not os.path.exists(path):
        raise StoreDamaged(f"{directory} holds no index")
    mode = "rwc" if writable else "ro"
    connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection

"""One tantivy index as a store: a shard on disk, or the tail in memory."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import tantivy
from zope.interface import implementer

from chronik.search.backends.json_paths import JsonPaths
from chronik.search.backends.tantivy import schema
from chronik.search.backends.tantivy.compile import QueryCompiler, all_of, total, unscored
from chronik.search.backends.tantivy.ranking import Ranking
from chronik.search.backends.values import indexed_value
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

T = TypeVar("T")
Q: Final = tantivy.Query

HEAP_BYTES_MIN: Final = 15_000_000
"""Tantivy refuses less for a writing thread."""

PATHS_FILE: Final = "chronik-paths.json"
_EDGE_MARKERS_MAX: Final = 1_000
_NO_PARTITION: Final = -1


def guarded(function: Callable[[], T]) -> T:
    """Call it; what tantivy raises because of its files, panics included, becomes :class:`StoreDamaged`.

    :raises BlockingIOError: another process has the index open for writing.
    """
    try:
        return function()
    except (QueryError, StoreDamaged, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        if "LockBusy" in str(error):
            raise BlockingIOError(f"another process writes to the index: {error}") from error
        raise StoreDamaged(f"the index failed: {error}") from error


@implementer(ISearchBackend)
class TantivyBackend:
    """Opens tantivy indexes."""

    def open(self, directory: str | None, writable: bool, heap_bytes: int) -> TantivyStore:
        """See :meth:`ISearchBackend.open`."""
        return guarded(lambda: TantivyStore(directory, writable, heap_bytes))


@implementer(ISearchStore)
class TantivyStore:
    """A store over one index.

    :param directory: where it lives, None for memory.
    """

    def __init__(self, directory: str | None, writable: bool, heap_bytes: int) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._index = _open_index(directory, writable)
        schema.register_tokenizers(self._index)
        self._schema = self._index.schema
        self._paths = JsonPaths()
        self._columnless = False
        self._load_paths()
        self._saved_revision = (self._paths.revision, self._columnless)
        self._pending_markers: list[Marker] = []
        self._memory_bytes = 0
        self._writer = self._index.writer(max(heap_bytes, HEAP_BYTES_MIN), 1) if writable else None
        self._index.config_reader("manual")
        self._index.reload()
        self._searcher = self._index.searcher()
        self.size_bytes = self._measure()

    def add(self, documents: Sequence[Document | Marker]) -> None:
        """See :meth:`ISearchStore.add`."""
        with self._lock:
            guarded(lambda: self._add(documents))

    def _add(self, documents: Sequence[Document | Marker]) -> None:
        writer = self._open_writer()
        for item in documents:
            if isinstance(item, Marker):
                self._pending_markers.append(item)
                writer.add_json(schema.marker_json(item))
            else:
                self._add_document(writer, item)

    def _add_document(self, writer: tantivy.IndexWriter, document: Document) -> None:
        whole, head = schema.document_json(document, self._paths)
        self._memory_bytes += len(whole)
        self._columnless = self._columnless or (not document.fast and document.mode == "json")
        try:
            writer.add_json(whole)
        except ValueError:
            value = indexed_value(document)
            assert value is not None
            writer.add_json(head + schema.text_json(value.text))

    def commit(self) -> None:
        """See :meth:`ISearchStore.commit`."""
        with self._lock:
            guarded(self._commit)

    def _commit(self) -> None:
        self._save_paths()
        self._open_writer().commit()
        self._pending_markers.clear()
        self._index.reload()
        self._searcher = self._index.searcher()
        self.size_bytes = self._measure()

    def remove_from(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_from`."""
        with self._lock:
            guarded(lambda: self._remove_from(topic, partition, offset))

    def _remove_from(self, topic: int, partition: int, offset: int) -> None:
        writer = self._open_writer()
        cut = [m for m in self._markers_over(topic, partition, offset - 1) if m.last_offset >= offset]
        writer.delete_documents_by_query(all_of([*self._of(topic, partition), self._between("last", offset, None)]))
        for marker in cut:
            shorter = Marker(topic, partition, marker.offset, offset - 1, marker.leader_epoch, marker.reason)
            writer.add_json(schema.marker_json(shorter))
        self._pending_markers = [m for m in self._pending_markers if (m.topic, m.partition) != (topic, partition) or m.last_offset < offset]
        self._pending_markers += [Marker(topic, partition, m.offset, offset - 1, m.leader_epoch, m.reason) for m in cut]

    def _markers_over(self, topic: int, partition: int, offset: int) -> list[Marker]:
        """Markers, committed or not, that cover an offset."""
        query = all_of(
            [*self._of(topic, partition), self._between("offset", None, offset), self._between("last", offset, None), self._between("kind", 1, None)]
        )
        columns = ("offset", "last", "epoch", "kind")
        found = [Marker(topic, partition, o, last, epoch, _reason(kind)) for o, last, epoch, kind in self._rows(query, columns)]
        return found + [m for m in self._pending_markers if (m.topic, m.partition) == (topic, partition) and m.offset <= offset <= m.last_offset]

    def _rows(self, query: tantivy.Query, columns: Sequence[str]) -> list[tuple[int, ...]]:
        searcher = self._searcher
        hits = [address for _, address in searcher.search(query, _EDGE_MARKERS_MAX, count=False).hits]
        return list(zip(*(searcher.fast_field_values(c, hits) for c in columns), strict=True)) if hits else []

    def remove_below(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_below`."""
        with self._lock:
            query = all_of([*self._of(topic, partition), self._between("last", None, offset - 1)])
            guarded(lambda: self._open_writer().delete_documents_by_query(query))

    def search(self, query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """See :meth:`ISearchStore.search`."""
        if not within:
            return Result((), 0)
        searcher = self._searcher
        wanted = self._wanted(searcher, query, within)
        ranking = Ranking(searcher, self._compiler(searcher, within), self._paths)
        return guarded(lambda: ranking.first(wanted, query, sort, limit))

    def _compiler(self, searcher: tantivy.Searcher, within: Sequence[Bounds]) -> QueryCompiler:
        def columnless() -> bool:
            if not self._columnless:
                return False
            inside = compiler.within(within)
            return total(searcher, all_of([inside, Q.term_query(self._schema, "columnless", 1)])) > 0

        compiler = QueryCompiler(self._index, searcher, schema.word_analyzer(), self._paths, columnless)
        return compiler

    def _wanted(self, searcher: tantivy.Searcher, query: Query, within: Sequence[Bounds]) -> tantivy.Query:
        compiler = self._compiler(searcher, within)
        return all_of([compiler.compile(query), compiler.within(within), unscored(Q.term_query(self._schema, "kind", 0))])

    def count(self, query: Query, within: Sequence[Bounds]) -> int:
        """See :meth:`ISearchStore.count`."""
        if not within:
            return 0
        searcher = self._searcher
        wanted = self._wanted(searcher, query, within)
        return guarded(lambda: total(searcher, wanted))

    def locate(self, topic: int, partition: int, offset: int) -> Found | None:
        """See :meth:`ISearchStore.locate`."""
        return guarded(lambda: self._locate(topic, partition, offset))

    def _locate(self, topic: int, partition: int, offset: int) -> Found | None:
        rows = self._rows(
            all_of([*self._of(topic, partition), self._between("offset", offset, offset), self._between("kind", 0, 0)]),
            ("batch", "position", "timestamp"),
        )
        if not rows:
            return None
        batch, position, timestamp = rows[0]
        return Found(topic, partition, offset, batch, position, timestamp, timestamp)

    def covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        """See :meth:`ISearchStore.covered`."""
        return guarded(lambda: self._covered(topic, partition, start, end))

    def _covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        if end <= start:
            return Covered(0)
        searcher = self._searcher
        overlapping = all_of([*self._of(topic, partition), self._between("last", start, None), self._between("offset", None, end - 1)])
        spans = {"spans": {"sum": {"field": "span"}}}
        buckets = searcher.aggregate(overlapping, {"kinds": {"terms": {"field": "kind", "size": schema.OTHER + 1}, "aggs": spans}})["kinds"][
            "buckets"
        ]
        counts = {int(b["key"]): int(b["spans"]["value"]) for b in buckets}
        for marker in {m for edge in (start, end - 1) for m in self._committed_over(topic, partition, edge)}:
            kind = schema.REASONS.index(marker.reason) if marker.reason in schema.REASONS else schema.OTHER
            counts[kind] -= max(0, start - marker.offset) + max(0, marker.last_offset - (end - 1))
        last, epoch = self._last(searcher, overlapping)
        skipped = {_reason(kind): count for kind, count in counts.items() if kind and count}
        return Covered(counts.get(0, 0), skipped, min(last, end - 1), epoch)

    def _committed_over(self, topic: int, partition: int, offset: int) -> list[Marker]:
        pending = self._pending_markers
        return [m for m in self._markers_over(topic, partition, offset) if not any(m is p for p in pending)]

    def _last(self, searcher: tantivy.Searcher, query: tantivy.Query) -> tuple[int, int]:
        hits = searcher.search(query, 1, count=False, order_by_field="last").hits
        if not hits:
            return -1, -1
        addresses = [hits[0][1]]
        last, epoch = (searcher.fast_field_values(name, addresses)[0] for name in ("last", "epoch"))
        return int(last or 0), int(epoch or 0)

    def paths(self) -> Mapping[str, frozenset[str]]:
        """See :meth:`ISearchStore.paths`."""
        return {f"value.{path}": kinds for path, kinds in self._paths.items()}

    def close(self) -> None:
        """See :meth:`ISearchStore.close`."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                guarded(lambda: _finish(writer))

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise StoreDamaged("the index is not open for writing")
        return self._writer

    def _of(self, topic: int, partition: int) -> list[tantivy.Query]:
        return [Q.term_query(self._schema, "topic", topic), Q.term_query(self._schema, "partition", partition)]

    def _between(self, column: str, low: int | None, high: int | None) -> tantivy.Query:
        if low is None and high is None:
            return Q.all_query()
        return Q.range_query(self._schema, column, tantivy.FieldType.Integer, low, high)

    def _measure(self) -> int:
        if self._directory is None:
            return self._memory_bytes
        total = 0
        for entry in os.scandir(self._directory):
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def _load_paths(self) -> None:
        if self._directory is None:
            return
        path = os.path.join(self._directory, PATHS_FILE)
        if not os.path.exists(path):
            if self._index.searcher().num_docs:
                raise StoreDamaged(f"{path} is gone")
            return
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self._paths = JsonPaths(content["paths"])
        self._columnless = content["columnless"]

    def _save_paths(self) -> None:
        """Before the commit whose documents need it: paths too many do no harm."""
        revision = (self._paths.revision, self._columnless)
        if self._directory is None or (revision == self._saved_revision and os.path.exists(os.path.join(self._directory, PATHS_FILE))):
            return
        path = os.path.join(self._directory, PATHS_FILE)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"paths": self._paths.to_json(), "columnless": self._columnless}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
        self._saved_revision = revision


def _reason(kind: int) -> str:
    return schema.REASONS[kind] if kind < schema.OTHER else "other"


def _finish(writer: tantivy.IndexWriter) -> None:
    """Without waiting, merges that run would leave their segments unmerged for good."""
    writer.rollback()
    writer.wait_merging_threads()


def _open_index(directory: str | None, writable: bool) -> tantivy.Index:
    if directory is None:
        return tantivy.Index(schema.build_schema())
    if writable:
        os.makedirs(directory, exist_ok=True)
    if tantivy.Index.exists(directory):
        return tantivy.Index.open(directory)
    if not writable or any(name.endswith((".idx", ".term", ".fast", ".store")) for name in os.listdir(directory)):
        raise StoreDamaged(f"{directory} holds no index")
    return tantivy.Index(schema.build_schema(), directory)

"""Answers searches: asks every index of the partitions, puts what they found in one order, and shows the records.

A search sees a partition as it was when the search began: the shards' ends and the tail's are fixed then, so that totals are exact while indexing
goes on.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.defer import deferred
from chronik.search.feed_messages import AskedTopic, Committed, SearchCall
from chronik.search.interfaces import Bounds, Found, ISearchStore, QueryError, Result, Sort
from chronik.search.query.ast import MatchAll, Query
from chronik.search.query.scoring import scored_clauses, weigh
from chronik.search.query.search_body import SearchRequest, SourceFilter
from chronik.search.query.topics import bind_topics
from chronik.search.wire import FRAME_BYTES_MAX
from chronik.search.worker.answers import Reply, ShardFailure, error_reply, hit_text, reply, search_reply, shards_section
from chronik.search.worker.indexer import Indexer
from chronik.search.worker.lookup import RecordLookup
from chronik.search.worker.merge import Hit, merged
from chronik.search.worker.partition import PartitionIndex, View
from chronik.search.worker.render import source_text
from chronik.search.worker.requests import WAIT_DEFAULT_S, Wait, read_count, read_coverage, read_document, read_search, read_timeout, read_wait
from chronik.search.worker.threads import Run

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

REFRESH_WAIT_S: Final = 0.25
"""A search does not wait longer for what is added but not committed, unless it asked for certain offsets."""

ANSWER_CHARACTERS_MAX: Final = FRAME_BYTES_MAX
HITS_READ_MAX: Final = 100
"""Hits whose records are read at a time: a record may be a megabyte, and a page has up to 10,000 of them."""

_UNAVAILABLE: Final = "no_shard_available_action_exception"
_NUMBERS: Final = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """One partition of a search: what the broker said of it, and what was known here; None when nothing was."""

    topic: str
    number: int
    told: Committed
    index: PartitionIndex | None

    @property
    def partition(self) -> PartitionIndex | None:
        """What is known here now. An index that is gone may lose its records while a search is under way, and answers for nothing."""
        return None if self.index is None or self.index.gone else self.index


@dataclass(frozen=True, slots=True)
class Source:
    """One store to ask, for these partitions; ``owner`` is the partition whose shard it is, None for the tail."""

    store: ISearchStore
    bounds: Sequence[Bounds]
    views: Mapping[tuple[int, int], View]
    owner: PartitionIndex | None


class Searcher:
    """Answers what the broker passes on.

    :param run: the searching threads.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, indexer: Indexer, lookup: RecordLookup, run: Run) -> None:
        self._clock = clock
        self._indexer = indexer
        self._lookup = lookup
        self._run = run
        self._actions: Mapping[str, Callable[[SearchCall, float], Awaitable[Reply]]] = {
            "search": self._search,
            "count": self._count,
            "doc": self._document,
            "coverage": self._coverage,
        }

    @deferred
    async def answer(self, call: SearchCall) -> Reply:
        """The answer to a call, whatever happens to it."""
        deadline = self._clock.seconds() + call.timeout_s
        try:
            return await self._actions[call.action](call, deadline)
        except QueryError as error:
            return error_reply(error.status, error.kind, error.reason)
        except Exception as error:  # noqa: BLE001  the one place that answers it
            self._log.failure("a search failed")
            return error_reply(500, "search_phase_execution_exception", f"{type(error).__name__}: {error}")

    async def _search(self, call: SearchCall, deadline: float) -> Reply:
        began = self._clock.seconds()
        request = read_search(call.params, call.body)
        deadline = self._bounded(deadline, read_timeout(call.params, call.body))
        asked = self._asked(call.topics)
        timed_out = await self._wait(asked, read_wait(call.params), deadline)
        release = self._indexer.pins.pin()
        try:
            views, sources = self._sources(asked)
            limit = request.offset + request.size
            query = await self._weighed(sources, request.query, deadline) if request.sort.field == "_score" else request.query
            outcomes = await self._ask(sources, lambda s: _search(s, query, request.sort, limit), deadline)
        finally:
            release()
        failures, timed_out = self._failures(call, sources, outcomes, timed_out)
        hits = [Hit(s.views[f.topic, f.partition], f) for s, o in zip(sources, outcomes, strict=True) if not isinstance(o, Failure) for f in o.hits]
        total = sum(o.total for o in outcomes if not isinstance(o, Failure))
        page = merged(hits, request.sort, request.offset, request.size)
        texts, unread = await self._render(page, request, "sort" in call.params or b'"sort"' in call.body)
        failures += unread
        scores = [h.found.score for h in page] if request.sort.field == "_score" else []
        head = {
            "took": int((self._clock.seconds() - began) * 1000),
            "timed_out": timed_out,
            "_shards": _shards(call, failures),
        }
        searched = self._searched(call.topics, asked, views)
        return search_reply(head, _total(total, request.track_total_hits), max(scores, default=None), texts, searched)

    async def _count(self, call: SearchCall, deadline: float) -> Reply:
        request = read_count(call.params, call.body)
        deadline = self._bounded(deadline, read_timeout(call.params, b""))
        asked = self._asked(call.topics)
        timed_out = await self._wait(asked, read_wait(call.params), deadline)
        release = self._indexer.pins.pin()
        try:
            views, sources = self._sources(asked)
            outcomes = await self._ask(sources, lambda s: s.store.count(_bound(s, request.query), s.bounds), deadline)
        finally:
            release()
        failures, timed_out = self._failures(call, sources, outcomes, timed_out)
        count = sum(o for o in outcomes if not isinstance(o, Failure))
        late = {"timed_out": True} if timed_out else {}
        return reply(200, {"count": count, **late, "_shards": _shards(call, failures), **self._searched(call.topics, asked, views)})

    async def _document(self, call: SearchCall, deadline: float) -> Reply:
        chosen, wait = read_document(call.params).source, read_wait(call.params)
        name, hit_id = call.topics[0].topic, call.params.get("id", "")
        missing = reply(404, {"_index": name, "_id": hit_id, "found": False})
        numbers = _NUMBERS.fullmatch(hit_id.removeprefix(f"{name}:"))
        if numbers is None or not hit_id.startswith(f"{name}:"):
            return missing
        number, offset = int(numbers[1]), int(numbers[2])
        asked = [a for a in self._asked(call.topics) if a.number == number]
        await self._wait(asked, wait, deadline)
        await self._wait(asked, Wait({(name, number): offset}, WAIT_DEFAULT_S) if any(offset < a.told.stable for a in asked) else None, deadline)
        release = self._indexer.pins.pin()
        try:
            _, sources = self._sources(asked)
            outcomes = await self._ask(sources, lambda s: _locate(s, offset), deadline)
        finally:
            release()
        found = [(s, o) for s, o in zip(sources, outcomes, strict=True) if isinstance(o, Found)]
        if not found:
            whys = [why for n, why in call.topics[0].missing if n == number] + [o.getErrorMessage() for o in outcomes if isinstance(o, Failure)]
            late = any(offset < a.told.stable and (a.partition is None or offset >= a.partition.through) for a in asked)
            why = whys[0] if whys else "it is not indexed yet" if late else None
            return missing if why is None else error_reply(503, _UNAVAILABLE, f"whether there is [{hit_id}] cannot be told: {why}")
        source, located = found[0]
        texts, unread = await self._sources_text([Hit(source.views[located.topic, located.partition], located)], chosen)
        if unread:
            return error_reply(503, _UNAVAILABLE, unread[0].reason)
        if texts[0] is None:
            return missing
        head = f'{{"_index":"{name}","_id":"{hit_id}","_version":1,"_seq_no":{located.offset},"_primary_term":1,"found":true'
        return Reply(200, (head + (f',"_source":{texts[0]}' if chosen.enabled else "") + "}").encode("utf-8", "backslashreplace"))

    async def _coverage(self, call: SearchCall, deadline: float) -> Reply:
        if len(call.topics) != 1:
            raise QueryError("[_coverage] is of one topic", "illegal_argument_exception")
        read_coverage(call.params)
        asked = self._asked(call.topics)
        await self._wait(asked, read_wait(call.params), deadline)
        release = self._indexer.pins.pin()
        try:
            _, sources = self._sources(asked)
            plans = [(s, b) for s in sources for b in s.bounds]
            covers = [Source(s.store, [b], s.views, s.owner) for s, b in plans]
            outcomes = await self._ask(covers, lambda s: s.store.covered(*_row(s.bounds[0])), deadline)
        finally:
            release()
        rows: dict[int, dict[str, Any]] = {}
        for one in asked:
            rows[one.told.feed] = _coverage_row(one)
        for source, outcome in zip(covers, outcomes, strict=True):
            (bounds,) = source.bounds
            row = rows[source.views[bounds.topic, bounds.partition].feed]
            if isinstance(outcome, Failure):
                row["failure"] = outcome.getErrorMessage()
                continue
            row["indexed"] += outcome.documents
            for reason, count in outcome.skipped.items():
                row["skipped"][reason] = row["skipped"].get(reason, 0) + count
        for row in rows.values():
            row["missing"] = row["committed_end"] - row["log_start"] - row["indexed"] - sum(row["skipped"].values())
            row["complete"] = row["missing"] == 0 and "failure" not in row
        partitions = {str(one.number): rows[one.told.feed] for one in asked}
        partitions.update((str(number), {"failure": why, "complete": False}) for number, why in call.topics[0].missing)
        return reply(200, {"topic": call.topics[0].topic, "complete": all(r["complete"] for r in partitions.values()), "partitions": partitions})

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _bounded(self, deadline: float, timeout_s: float | None) -> float:
        return deadline if timeout_s is None else min(deadline, self._clock.seconds() + timeout_s)

    def _asked(self, topics: Sequence[AskedTopic]) -> list[Asked]:
        for topic in topics:
            self._indexer.committed(p.committed for p in topic.partitions)
        partitions = self._indexer.partitions
        return [Asked(t.topic, p.number, p.committed, partitions.get(p.committed.feed)) for t in topics for p in t.partitions]

    async def _wait(self, asked: Sequence[Asked], wait: Wait | None, deadline: float) -> bool:
        """Wait for what the search asked for, and for what is about to be searchable; whether that took too long."""
        if wait is None:
            partitions = [a.partition for a in asked if a.partition is not None]
            await self._until([self._indexer.refresh(partitions)], min(REFRESH_WAIT_S, deadline - self._clock.seconds()))
            return False
        if wait.offsets is not None:
            _check_known(wait.offsets, asked)
        waits = [self._indexer.wait_for(a.partition, end) for a in asked if a.partition is not None and (end := _wanted(a, wait, asked)) is not None]
        timeout = min(wait.timeout_s, deadline - self._clock.seconds())
        outcomes = await self._until(waits, timeout)
        return any(not ok for ok, _ in outcomes)

    def _until(self, waits: Sequence[Deferred[Any]], timeout_s: float) -> Deferred[list[tuple[bool, Any]]]:
        """All outcomes; what has none in time has CancelledError."""
        gathered = DeferredList(waits, consumeErrors=True)
        if not gathered.called:
            gathered.addTimeout(max(0.0, timeout_s), self._clock)
        return gathered

    def _sources(self, asked: Sequence[Asked]) -> tuple[dict[int, View], list[Source]]:
        """The stores to ask, as they are now."""
        views: dict[int, View] = {}
        shards: list[Source] = []
        tails: dict[str, list[tuple[Bounds, View]]] = {}
        for one in asked:
            partition = one.partition
            if partition is None:
                continue
            view = views[one.told.feed] = partition.view()
            shards += [Source(p.store, [p.bounds], {(p.bounds.topic, p.bounds.partition): view}, partition) for p in view.parts]
            bounds = partition.tail_bounds()
            if bounds is not None:
                tails.setdefault(one.topic, []).append((bounds, view))
        return views, shards + self._tail_sources(tails)

    def _tail_sources(self, tails: Mapping[str, Sequence[tuple[Bounds, View]]]) -> list[Source]:
        """One call to the tail when its numbers of topics are in the order of their names, which breaks ties; else one for each topic."""
        store = self._indexer.tail.store
        if store is None or not tails:
            return []
        names = sorted(tails)
        numbers = [tails[name][0][0].topic for name in names]
        groups = [names] if numbers == sorted(numbers) else [[name] for name in names]
        sources = []
        for group in groups:
            rows = [row for name in group for row in tails[name]]
            sources.append(Source(store, [b for b, _ in rows], {(b.topic, b.partition): v for b, v in rows}, None))
        return sources

    @deferred
    async def _ask(self, sources: Sequence[Source], question: Callable[[Source], Any], deadline: float) -> list[Any]:
        """Ask all stores at once; a Failure stands for what failed or took too long."""
        calls = [self._call(source, question) for source in sources]
        outcomes = await self._until(calls, deadline - self._clock.seconds())
        for source, (ok, outcome) in zip(sources, outcomes, strict=True):
            if not ok and outcome.check(QueryError):
                raise outcome.value
            if not ok and not outcome.check(CancelledError):
                self._indexer.broken(source.owner, source.store, outcome.value)
        return [outcome for _, outcome in outcomes]

    async def _weighed(self, sources: Sequence[Source], query: Query, deadline: float) -> Query:
        """The query with scores that count what matches in all of the stores; one that fails counts nothing."""
        clauses = [MatchAll(), *scored_clauses(query)]
        counted = await self._ask(sources, lambda s: [s.store.count(_bound(s, clause), s.bounds) for clause in clauses], deadline)
        totals = [sum(column) for column in zip(*(c for c in counted if not isinstance(c, Failure)), strict=True)] or [0] * len(clauses)
        return weigh(query, totals[0], totals[1:])

    def _call(self, source: Source, question: Callable[[Source], Any]) -> Deferred[Any]:
        """Its store is kept open until the thread is done, also when nobody waits for it any more."""
        release = self._indexer.pins.pin()
        answered: Deferred[Any] = Deferred()

        def deliver(outcome: Any) -> None:
            release()
            if not answered.called:
                answered.callback(outcome)

        self._run(question, source).addBoth(deliver)
        return answered

    def _failures(
        self, call: SearchCall, sources: Sequence[Source], outcomes: Sequence[Any], timed_out: bool
    ) -> tuple[list[ShardFailure], bool]:
        """Each partition that was not searched whole, once."""
        failures: dict[int, ShardFailure] = {}
        for source, outcome in zip(sources, outcomes, strict=True):
            if isinstance(outcome, Failure):
                late = isinstance(outcome.value, CancelledError)
                timed_out = timed_out or late
                kind, reason = ("timeout_exception", "it took too long") if late else ("store_exception", outcome.getErrorMessage())
                for view in source.views.values():
                    failures.setdefault(view.feed, ShardFailure(view.topic, view.partition, kind, reason))
        absent = [ShardFailure(t.topic, number, _UNAVAILABLE, why) for t in call.topics for number, why in t.missing]
        return [*failures.values(), *absent], timed_out

    async def _render(self, page: Sequence[Hit], request: SearchRequest, explicit: bool) -> tuple[list[str], list[ShardFailure]]:
        """The hits' JSON, and the partitions whose records cannot be read; ``explicit`` shows what they were sorted by."""
        enabled = request.source.enabled
        sources, unread = await self._sources_text(page, request.source) if enabled else (["" for _ in page], [])
        scored = request.sort.field == "_score"
        texts = [
            hit_text(
                hit.view.topic,
                f"{hit.view.topic}:{hit.view.partition}:{hit.found.offset}",
                hit.found.score if scored else None,
                source if request.source.enabled else None,
                [hit.found.sort_value] if explicit else None,
            )
            for hit, source in zip(page, sources, strict=True)
            if source is not None
        ]
        return texts, unread

    async def _sources_text(self, page: Sequence[Hit], chosen: SourceFilter) -> tuple[list[str | None], list[ShardFailure]]:
        """``_source`` of each hit, None for records that the log does not have any more; and the partitions whose log cannot be read now.

        :raises QueryError: they are more than an answer holds; noticed before all of them are in memory.
        """
        texts: list[str | None] = []
        unread: list[ShardFailure] = []
        left = ANSWER_CHARACTERS_MAX
        for start in range(0, len(page), HITS_READ_MAX):
            some, failed = await self._some_text(page[start : start + HITS_READ_MAX], chosen)
            left -= sum(len(text) for text in some if text is not None)
            if left < 0:
                raise QueryError("the answer is too large, ask for fewer hits", "illegal_argument_exception", 413)
            texts += some
            unread += failed
        return texts, unread

    async def _some_text(self, page: Sequence[Hit], chosen: SourceFilter) -> tuple[list[str | None], list[ShardFailure]]:
        known = self._indexer.partitions
        wanted = [(known[h.view.feed].feed.topic_id, h.view.partition, h.found) for h in page if h.view.feed in known]
        shown = await self._lookup.read(wanted)
        texts: list[str | None] = []
        for hit in page:
            partition = self._indexer.partitions.get(hit.view.feed)
            record = None if partition is None else shown.records.get((partition.feed.topic_id, hit.view.partition, hit.found.offset))
            texts.append(None if record is None else source_text(hit.view.topic, hit.view.partition, record, chosen))
        views = {(known[h.view.feed].feed.topic_id, h.view.partition): h.view for h in page if h.view.feed in known} if shown.failed else {}
        unread = [ShardFailure(v.topic, v.partition, "store_exception", why) for p, why in shown.failed.items() if (v := views.get(p))]
        return texts, unread

    def _searched(self, topics: Sequence[AskedTopic], asked: Sequence[Asked], views: Mapping[int, View]) -> dict[str, Any]:
        """How far each partition was searched, and why not further."""
        through: dict[str, dict[str, int]] = {t.topic: {str(number): -1 for number, _ in t.missing} for t in topics if t.missing}
        lagging: dict[str, dict[str, Any]] = {}
        for one in asked:
            view = views.get(one.told.feed) if one.partition is not None else None
            end = view.through if view is not None else 0
            number = str(one.number)
            through.setdefault(one.topic, {})[number] = end - 1
            if end < one.told.committed:
                state = view.state if view is not None else "not searched here any more" if one.index is not None else ""
                reason = state or ("indexing" if end < one.told.stable else "open transaction")
                lagging.setdefault(one.topic, {})[number] = {"behind": one.told.committed - end, "reason": reason}
        return {"searched_through": through, **({"lagging": lagging} if lagging else {})}


def _bound(source: Source, query: Query) -> Query:
    return bind_topics(query, {view.topic: topic for (topic, _), view in source.views.items()})


def _search(source: Source, query: Query, sort: Sort, limit: int) -> Result:
    result: Result = source.store.search(_bound(source, query), source.bounds, sort, limit)
    if sort.field != "topic":
        return result
    named = [replace(f, sort_value=source.views[f.topic, f.partition].topic) for f in result.hits]
    return Result(named, result.total)


def _locate(source: Source, offset: int) -> Found | None:
    for bounds in source.bounds:
        if bounds.start <= offset < bounds.end:
            return source.store.locate(bounds.topic, bounds.partition, offset)
    return None


def _row(bounds: Bounds) -> tuple[int, int, int, int]:
    return bounds.topic, bounds.partition, bounds.start, bounds.end


def _wanted(one: Asked, wait: Wait, asked: Sequence[Asked]) -> int | None:
    """The end that must be searchable, None when this partition is not waited for."""
    if wait.offsets is None:
        return one.told.stable
    single = len({a.topic for a in asked}) == 1
    number = one.number
    offset = wait.offsets.get((one.topic, number), wait.offsets.get((None, number)) if single else None)
    return None if offset is None else offset + 1


def _check_known(offsets: Mapping[tuple[str | None, int], int], asked: Sequence[Asked]) -> None:
    topics = {a.topic for a in asked}
    known = {(a.topic, a.number) for a in asked} | ({(None, a.number) for a in asked} if len(topics) == 1 else set())
    for topic, number in offsets:
        if (topic, number) not in known:
            name = f"{topic}:{number}" if topic else str(number)
            reason = f"[wait_for_offset] names partition [{name}], which is not searched; with several topics it is topic:partition:offset"
            raise QueryError(reason, "illegal_argument_exception")


def _shards(call: SearchCall, failures: Sequence[ShardFailure]) -> dict[str, Any]:
    failed = {(f.topic, f.partition): f for f in failures}
    return shards_section(sum(len(t.partitions) + len(t.missing) for t in call.topics), list(failed.values()))


def _total(total: int, track: bool | int) -> dict[str, Any] | None:
    if track is False:
        return None
    if track is True or total <= track:
        return {"value": total, "relation": "eq"}
    return {"value": track, "relation": "gte"}


def _coverage_row(one: Asked) -> dict[str, Any]:
    partition = one.partition
    return {
        "log_start": one.told.start,
        "committed_end": one.told.committed,
        "indexed_through": (partition.through if partition is not None else 0) - 1,
        "indexed": 0,
        "skipped": {},
    }

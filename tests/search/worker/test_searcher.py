"""Answers, over an indexer with fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from chronik.errors import ErrorCode
from chronik.search.feed_messages import AskedPartition, AskedTopic, SearchCall
from chronik.search.interfaces import StoreDamaged
from chronik.search.worker import searcher
from chronik.search.worker.answers import Reply
from chronik.search.worker.lookup import RecordLookup
from chronik.search.worker.searcher import Searcher
from tests.search.worker.fakes import call_at_once
from tests.search.worker.test_indexer import IndexerCase


class SearcherTests(IndexerCase):
    """:class:`Searcher`."""

    def setUp(self) -> None:
        """A searcher over two partitions, one in the tail, one in shards."""
        super().setUp()
        self.stuck: list[Callable[[], None]] | None = None
        self.produce(20, 0, tell=False)
        self.produce(1_000, 1, tell=False)
        self.partitions = [self.feed(0), self.feed(1)]
        self.settle(5.0)
        self.searcher = Searcher(self.clock, self.indexer, RecordLookup(self.log), self.run_search)

    def run_search(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """A thread that is done at once, or when told."""
        if self.stuck is None:
            return call_at_once(function, *args)
        answered: Deferred[Any] = Deferred()
        self.stuck.append(lambda: call_at_once(function, *args).chainDeferred(answered))
        return answered

    def begin(self, action: str, body: Any = None, timeout_s: float = 10.0, partitions: tuple[int, ...] = (0, 1), **params: str) -> Deferred[Reply]:
        """A call that was passed on now."""
        asked = AskedTopic("t", tuple(AskedPartition(n, self.committed(n)) for n in partitions))
        data = b"" if body is None else json.dumps(body).encode()
        answered = self.searcher.answer(SearchCall(1, action, (asked,), params, data, timeout_s))
        self.settle()
        return answered

    def ask(self, action: str, body: Any = None, **params: str) -> Any:
        """The parsed answer to a call that is answered at once."""
        return json.loads(self.successResultOf(self.begin(action, body, **params)).body)

    def test_all_stores(self) -> None:
        """Tail and shards are one answer, newest first."""
        answer = self.ask("search", size="3")
        self.assertEqual(answer["hits"]["total"], {"value": 1_020, "relation": "eq"})
        self.assertEqual([h["_id"] for h in answer["hits"]["hits"]], ["t:1:999", "t:1:998", "t:1:997"])
        self.assertEqual(answer["hits"]["hits"][0]["_source"]["value"], "value 999")
        self.assertEqual(answer["searched_through"], {"t": {"0": 19, "1": 999}})

    def test_scores(self) -> None:
        """How rare a word is counts over tail and shards together: the same record scores the same wherever it is."""
        answer = self.ask("search", {"query": {"match": {"value": "value"}}, "sort": "_score", "size": 1_020})
        self.assertEqual({h["_score"] for h in answer["hits"]["hits"]}, {answer["hits"]["max_score"]})
        self.assertEqual([h["_id"] for h in answer["hits"]["hits"]][-22:-18], ["t:0:10", "t:1:10", "t:0:9", "t:1:9"])
        two = {"query": {"match": {"value": {"query": "value 7", "operator": "and"}}}, "sort": ["_score"], "size": 2}
        best = self.ask("search", two)["hits"]
        self.assertTrue(best["max_score"] > answer["hits"]["max_score"])
        self.partitions[1].shards[0].store.failure = RuntimeError("broken")  # type: ignore[attr-defined]
        failing = self.ask("search", two)
        self.assertEqual((failing["_shards"]["failed"], failing["hits"]["total"]["value"] > 0), (1, True))

    def test_totals(self) -> None:
        """As exact as was asked for."""
        self.assertNotIn("total", self.ask("search", track_total_hits="false")["hits"])
        self.assertEqual(self.ask("search", track_total_hits="100")["hits"]["total"], {"value": 100, "relation": "gte"})
        self.assertEqual(self.ask("search", track_total_hits="5000")["hits"]["total"], {"value": 1_020, "relation": "eq"})

    def test_failing_shard(self) -> None:
        """A store that fails is told in ``_shards``; the rest is answered."""
        self.partitions[1].shards[0].store.failure = RuntimeError("broken")  # type: ignore[attr-defined]
        answer = self.ask("search")
        self.assertEqual((answer["_shards"]["failed"], answer["_shards"]["successful"], answer["timed_out"]), (1, 1, False))
        self.assertEqual(answer["_shards"]["failures"][0]["shard"], 1)
        self.assertIn("broken", answer["_shards"]["failures"][0]["reason"]["reason"])
        self.assertEqual(self.ask("count")["_shards"]["failed"], 1)

    def test_damaged_tail(self) -> None:
        """A tail that says it is damaged is filled again."""
        tail: Any = self.indexer.tail.store
        tail.failure = StoreDamaged("bits")
        self.assertEqual(self.ask("search", partitions=(0,))["_shards"]["failed"], 1)
        self.settle(2.0)
        self.assertEqual(self.ask("search", partitions=(0,))["hits"]["total"]["value"], 20)

    def test_deadline(self) -> None:
        """A search that takes too long answers with what it has; what it used is let go when its threads are done."""
        self.stuck = []
        answered = self.begin("search", timeout="100ms")
        self.assertNoResult(answered)
        self.clock.advance(0.2)
        answer = json.loads(self.successResultOf(answered).body)
        self.assertEqual((answer["timed_out"], answer["_shards"]["failed"]), (True, 2))
        cleared = self.indexer.pins.clear()
        self.assertNoResult(cleared)
        for finish in self.stuck:
            finish()
        self.successResultOf(cleared)

    def test_query_error(self) -> None:
        """A query that a store cannot answer is refused, not half answered."""
        answer = self.ask("search", {"query": {"exists": {"field": "value.x"}}})
        self.assertEqual((answer["status"], answer["error"]["type"]), (400, "parsing_exception"))

    def test_wait(self) -> None:
        """A search for what is not there yet waits until it is, or until its time is over."""
        answered = self.begin("search", wait_for_offset="0:24", size="0")
        self.assertNoResult(answered)
        self.produce(10, 0)
        self.assertEqual(json.loads(self.successResultOf(answered).body)["searched_through"]["t"]["0"], 29)
        answered = self.begin("search", wait_for_offset="0:99", wait_timeout="1s")
        self.clock.advance(1.1)
        self.assertTrue(json.loads(self.successResultOf(answered).body)["timed_out"])

    def test_lagging(self) -> None:
        """A partition nobody indexes here yet says so."""
        self.produce(10, 2, tell=False)
        asked = AskedTopic("t", (AskedPartition(2, self.committed(2)),))
        reply = self.successResultOf(self.searcher.answer(SearchCall(1, "search", (asked,), {}, b"", 5.0)))
        answer = json.loads(reply.body)
        self.assertEqual((answer["searched_through"], answer["lagging"]), ({"t": {"2": -1}}, {"t": {"2": {"behind": 10, "reason": "indexing"}}}))

    def test_missing_partition(self) -> None:
        """A partition that cannot be searched at all is a failed shard, never left out: not in counts, in coverage, or of one record."""
        asked = AskedTopic("t", (AskedPartition(0, self.committed(0)),), ((4, "its disk failed"),))

        def ask(action: str, **params: str) -> Any:
            reply = self.successResultOf(self.searcher.answer(SearchCall(1, action, (asked,), params, b"", 5.0)))
            return {"status": reply.status, **json.loads(reply.body)}

        for action in ("search", "count"):
            answer = ask(action)
            self.assertEqual({"0": 19, "4": -1}, answer["searched_through"]["t"])
            self.assertEqual((2, 1, 1), tuple(answer["_shards"][name] for name in ("total", "successful", "failed")))
            (failure,) = answer["_shards"]["failures"]
            self.assertEqual((4, "t", "its disk failed"), (failure["shard"], failure["index"], failure["reason"]["reason"]))
        coverage = ask("coverage")
        self.assertEqual((False, {"failure": "its disk failed", "complete": False}), (coverage["complete"], coverage["partitions"]["4"]))
        self.assertEqual([200, 404, 503], [ask("doc", id=f"t:{hit}")["status"] for hit in ("0:0", "0:99", "4:0")])

    def test_document_that_is_not_indexed_yet(self) -> None:
        """Whoever asks for one record waits until it is indexed, and is not told that there is none."""
        self.produce(10, 2, tell=False)
        asked = AskedTopic("t", (AskedPartition(2, self.committed(2)),))
        reply = self.successResultOf(self.searcher.answer(SearchCall(1, "doc", (asked,), {"id": "t:2:5"}, b"", 5.0)))
        self.assertEqual(503, reply.status)
        self.produce(10, 0)
        self.assertEqual(200, self.successResultOf(self.begin("doc", id="t:0:25")).status)
        self.assertEqual(404, self.successResultOf(self.begin("doc", id="t:0:" + "9" * 5_000)).status)
        self.partitions[1].shards[0].store.failure = RuntimeError("broken")  # type: ignore[attr-defined]
        self.partitions[1].shards[0].store.locate = self.partitions[1].shards[0].store.search  # type: ignore[attr-defined]
        self.assertEqual(503, self.successResultOf(self.begin("doc", id="t:1:5")).status)

    def test_log_that_cannot_be_read(self) -> None:
        """Hits that cannot be shown because the log's disk failed are not left out without a word."""
        self.log.errors[self.partitions[0].feed.topic_id, 0] = ErrorCode.KAFKA_STORAGE_ERROR
        answer = self.ask("search", size="1020")
        self.assertEqual((1_020, 1_000, 1), (answer["hits"]["total"]["value"], len(answer["hits"]["hits"]), answer["_shards"]["failed"]))
        self.assertIn("KAFKA_STORAGE_ERROR", answer["_shards"]["failures"][0]["reason"]["reason"])
        self.assertEqual(503, self.successResultOf(self.begin("doc", id="t:0:5")).status)

    def test_partition_gone(self) -> None:
        """Of a partition that went away while a search was under way nothing is said to have been searched."""
        waiting = self.begin("search", wait_for_offset="1:2000", size="0")
        self.stuck = []
        asking = [self.begin("search", size="0"), self.begin("count")]
        self.indexer.deleted(0)
        self.indexer.deleted(1)
        self.settle()
        stuck, self.stuck = self.stuck, None
        for call in stuck:
            call()
        self.settle(1.0)
        for answered in (*asking, waiting):
            answer = json.loads(self.successResultOf(answered).body)
            self.assertEqual({"t": {"0": -1, "1": -1}}, answer["searched_through"])
            self.assertEqual({"behind": 20, "reason": "not searched here any more"}, answer["lagging"]["t"]["0"])

    def test_record_gone(self) -> None:
        """A hit whose record the log just removed is left out."""
        del self.log.batches[self.partitions[0].feed.topic_id, 0][0]
        answer = self.ask("search", partitions=(0,), size="20")
        self.assertEqual(([h["_source"]["offset"] for h in answer["hits"]["hits"]], answer["hits"]["total"]["value"]), (list(range(19, 9, -1)), 20))

    def test_damaged_record(self) -> None:
        """A hit whose batch is not what was written is not shown."""
        batches = self.log.batches[self.partitions[0].feed.topic_id, 0]
        base, last, data = batches[0]
        batches[0] = base, last, data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
        answer = self.ask("search", partitions=(0,), size="20")
        self.assertEqual(list(range(19, last, -1)), [h["_source"]["offset"] for h in answer["hits"]["hits"]])

    def test_large_answer(self) -> None:
        """An answer that is too large is refused before all of it was read."""
        self.patch(searcher, "ANSWER_CHARACTERS_MAX", 10_000)
        self.log.wanted.clear()
        reply = self.successResultOf(self.begin("search", size="1000", partitions=(1,)))
        self.assertEqual((413, 413), (reply.status, json.loads(reply.body)["status"]))
        self.assertTrue(all(want.offset >= 800 for want in self.log.wanted), self.log.wanted)

    def test_cache(self) -> None:
        """A second look at the same hits reads nothing from the log."""
        self.ask("search", size="50")
        self.log.wanted.clear()
        self.ask("search", size="50")
        self.assertEqual(self.log.wanted, [])

    def test_source(self) -> None:
        """``_source`` can be left out or filtered, and sort values shown."""
        (hit,) = self.ask("search", size="1", _source="false")["hits"]["hits"]
        self.assertNotIn("_source", hit)
        (hit,) = self.ask("search", size="1", _source_includes="offset", sort="timestamp:desc")["hits"]["hits"]
        self.assertEqual((hit["_source"], hit["sort"]), ({"offset": 999}, [999]))

    def test_unexpected(self) -> None:
        """What nobody expected is answered, and logged with its traceback."""
        answer = self.ask("nonsense")
        self.assertEqual(answer["status"], 500)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

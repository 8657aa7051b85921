"""What is printed, where consuming begins, which records of a fetch are shown."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from chronik.cli.cluster import Topic
from chronik.cli.consume import Consumer
from chronik.cli.fetching import Fetcher
from chronik.cli.formats import format_of, time_text
from chronik.cli.offsets import EARLIEST, resolved, time_ms
from chronik.cli.options import parse
from chronik.cli.search import answer_of, line_of, total_line, url_of, warnings_of
from chronik.errors import ChronikError
from chronik.protocol import messages
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.record.records import Record

RECORD = Record(7, 1_700_000_000_123, b"k", b'{"a":1}', (("h", b"1"), ("h", None)))


class FormatTests(SynchronousTestCase):
    """Records as text."""

    def test_value(self) -> None:
        """The value as it was produced; a null one is an empty line."""
        self.assertEqual(b'{"a":1}\n', format_of("value", "t")(0, RECORD))
        self.assertEqual(b"\n", format_of("value", "t")(0, RECORD._replace(value=None)))

    def test_json(self) -> None:
        """One object a line; bytes that are no text come as base64."""
        document = json.loads(format_of("json", "t")(3, RECORD._replace(key=b"\xff")))
        self.assertEqual(("t", 3, 7, {"$base64": "/w=="}, '{"a":1}'), tuple(document[n] for n in ("topic", "partition", "offset", "key", "value")))
        self.assertEqual([["h", "1"], ["h", None]], document["headers"])

    def test_template(self) -> None:
        """Every place, and text around it."""
        expected = b't 3 7 2023-11-14T22:13:20.123Z k {"a":1} h=1,h= % \t\\n\n'
        self.assertEqual(expected, format_of("%t %p %o %T %k %v %h %% \\t\\\\n", "t")(3, RECORD))

    def test_times_without_calendar(self) -> None:
        """Producers may write any number."""
        self.assertEqual(str(2**62), time_text(2**62))


class OffsetTests(SynchronousTestCase):
    """``--offset``."""

    def resolve(self, where: str) -> dict[int, int]:
        """Positions where partition 0 holds 10 to 20 and partition 1 nothing."""
        cluster: Any = None
        topic = Topic("t", bytes(16), {0: 1, 1: 1})
        return self.successResultOf(Deferred.fromCoroutine(resolved(cluster, topic, where, {0: 10, 1: 0}, {0: 20, 1: 0})))

    def test_positions(self) -> None:
        """Names, numbers and counts from the end stay inside the log."""
        for where, first in (("earliest", 10), ("latest", 20), ("15", 15), ("3", 10), ("99", 20), ("-4", 16), ("-40", 10), ("-0", 20)):
            self.assertEqual({0: first, 1: 0}, self.resolve(where), where)

    def test_nonsense(self) -> None:
        """Anything else is refused."""
        cluster: Any = None
        found = Deferred.fromCoroutine(resolved(cluster, Topic("t", b"", {}), "soon", {}, {}))
        self.assertIn("give earliest", str(self.failureResultOf(found, ChronikError).value))

    def test_times(self) -> None:
        """UTC unless the time says otherwise."""
        self.assertEqual(1_000, time_ms("1970-01-01T00:00:01"))
        self.assertEqual(0, time_ms("1970-01-01T01:00:00+01:00"))
        self.assertRaises(ChronikError, time_ms, "yesterday")


class FetchingCluster:
    """A broker with one partition that answers one Fetch after another."""

    def __init__(self, end: int, *answers: messages.FetchResponse.PartitionData) -> None:
        self._end = end
        self._answers = list(answers)

    def request(self, message: Any, node_id: int | None = None) -> Deferred[Any]:
        """Offsets, or the next answer."""
        if isinstance(message, messages.FetchRequest):
            response = messages.FetchResponse
            return succeed(response(responses=(response.FetchableTopicResponse(topic="t", partitions=(self._answers.pop(0),)),)))
        earliest = message.topics[0].partitions[0].timestamp == EARLIEST
        listed = messages.ListOffsetsResponse
        row = listed.ListOffsetsPartitionResponse(partition_index=0, offset=0 if earliest else self._end)
        return succeed(listed(topics=(listed.ListOffsetsTopicResponse(name="t", partitions=(row,)),)))


def data(*batches: bytes, aborted: tuple[tuple[int, int], ...] = ()) -> messages.FetchResponse.PartitionData:
    """One partition's part of an answer."""
    response = messages.FetchResponse
    rows = tuple(response.AbortedTransaction(producer_id=producer_id, first_offset=first) for producer_id, first in aborted)
    return response.PartitionData(partition_index=0, records=b"".join(batches), aborted_transactions=rows)


def batch(base_offset: int, *values: bytes, **fields: Any) -> bytes:
    """A batch."""
    return build_batch([NewRecord(None, value, 1) for value in values], base_offset=base_offset, **fields)


class ConsumeTests(SynchronousTestCase):
    """From answers to output."""

    def consumed(self, cluster: FetchingCluster, *arguments: str) -> bytes:
        """What is printed."""
        output = io.BytesIO()
        topic = Topic("t", bytes(16), {0: 1})
        consumer = Consumer(cluster, topic, parse(["consume", "t", *arguments], {}), output)  # type: ignore[arg-type]
        self.successResultOf(consumer.run())
        return output.getvalue()

    def test_stops_at_the_end(self) -> None:
        """What came after the start is not printed, even from a batch that reaches past it."""
        self.assertEqual(b"a\nb\n", self.consumed(FetchingCluster(2, data(batch(0, b"a", b"b", b"c")))))

    def test_gap_before_the_end(self) -> None:
        """A compacted log may have nothing left before its end: the next batch shows it."""
        self.assertEqual(b"a\n", self.consumed(FetchingCluster(3, data(batch(0, b"a")), data(batch(5, b"z")))))

    def test_max_and_start(self) -> None:
        """Records before the start of a batch's middle are skipped, those past the limit are not printed."""
        self.assertEqual(b"b\nc\n", self.consumed(FetchingCluster(4, data(batch(0, b"a", b"b", b"c", b"d"))), "--offset", "1", "--max", "2"))

    def test_codecs(self) -> None:
        """Every codec is read."""
        for codec in Codec:
            self.assertEqual(b"a\n", self.consumed(FetchingCluster(1, data(batch(0, b"a", codec=codec)))))

    def test_aborted(self) -> None:
        """Aborted records and markers are not printed; the same producer's next transaction is."""
        sent = {"producer_id": 4, "producer_epoch": 0, "transactional": True}
        marker = build_batch([NewRecord(b"\x00\x00\x00\x00", bytes(6), 1)], base_offset=1, control=True, **sent)  # version 0, type 0: abort
        answer = data(batch(0, b"bad", **sent), marker, batch(2, b"good", **sent), aborted=((4, 0),))
        self.assertEqual(b"good\n", self.consumed(FetchingCluster(3, answer)))

    def test_position_moves_when_done(self) -> None:
        """A batch that could not be printed is not behind us."""
        fetcher = Fetcher(FetchingCluster(2), Topic("t", b"", {0: 1}), {0: 0})  # type: ignore[arg-type]
        records = fetcher.records(data(batch(0, b"a"), batch(1, b"b")))
        next(records)
        self.assertEqual({0: 0}, fetcher.positions)
        next(records)
        self.assertEqual({0: 1}, fetcher.positions)


class SearchTests(SynchronousTestCase):
    """The request, and the answer as lines."""

    def test_url(self) -> None:
        """Options become parameters, safely quoted."""
        url = url_of(parse(["search", "a,b*", "x:1 & y", "--size", "3", "--wait", "--http", "http://h:1/"], {}))
        self.assertEqual("http://h:1/a,b*/_search?q=x%3A1+%26+y&size=3&from=0&wait_for_offset=end&wait_timeout=30s", url)
        self.assertEqual(
            "http://127.0.0.1:6092/%FF/_count?q=%C3%BC",
            url_of(parse(["search", "\udcff", "\udcc3\udcbc", "--count", "--wait", "0"], {})),
            "no text in this locale",
        )
        self.assertEqual(
            "http://127.0.0.1:6092/_all/_count?q=x&wait_for_offset=end&wait_timeout=2s", url_of(parse(["search", "_all", "x", "--count"], {}))
        )

    def test_line(self) -> None:
        """One line a hit, whatever is in it; a terminal is told nothing by records."""
        source = {"topic": "t", "partition": 0, "offset": 5, "timestamp": 0, "key": None, "value": "a\nb\x1b[2J"}
        self.assertEqual("1970-01-01T00:00:00.000Z t-0@5 - a\\nb\\x1b[2J", line_of(source))

    def test_totals_and_warnings(self) -> None:
        """An answer that is not whole says so."""
        self.assertEqual("1 of at least 9 hits", total_line({"hits": [{}], "total": {"value": 9, "relation": "gte"}}))
        self.assertEqual(2, len(warnings_of({"timed_out": True, "_shards": {"failed": 2}})))
        self.assertEqual([], warnings_of({"timed_out": False, "_shards": {"failed": 0}}))

    def test_refusals(self) -> None:
        """The broker's reason is what is told."""
        error = self.assertRaises(ChronikError, answer_of, 400, b'{"error":{"type":"x","reason":"no such field"},"status":400}')
        self.assertEqual("no such field", str(error))
        self.assertIn("no JSON", str(self.assertRaises(ChronikError, answer_of, 200, b"<html>")))

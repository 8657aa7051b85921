"""Search, health, metrics and refusals over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from chronik.record.batch import with_crc
from chronik.record.build import NewRecord, build_batch
from tests.integration import wire
from tests.integration.clients import SECONDS, admin, create, produce, producer, unused_name
from tests.integration.harness import BrokerTestCase, eventually

DOCUMENTS = [
    json.dumps({"level": "error" if n % 4 == 0 else "info", "n": n, "message": f"request {n} took long", "at": {"host": f"h{n % 3}"}}).encode()
    for n in range(40)
]


class SearchTests(BrokerTestCase):
    """What is found, by Elasticsearch's own client and by plain requests."""

    def setUp(self) -> None:
        """A client, and a topic with records."""
        super().setUp()
        self.client = Elasticsearch(f"http://127.0.0.1:{self.broker.http_port}", request_timeout=SECONDS, basic_auth=self.broker.access.basic)
        self.addCleanup(self.client.close)

    def documents(self) -> str:
        """A new topic with the documents in it, all acknowledged."""
        topic = create(self.broker, unused_name("logs"), 2)
        produce(self.broker, topic, DOCUMENTS)
        return topic

    def search(self, topic: str, **body: Any) -> Any:
        """A search that waits for all that was acknowledged."""
        status, answer = self.broker.http(f"/{topic}/_search?wait_for_offset=end", body)
        self.assertEqual(200, status, answer)
        return answer

    def test_banner(self) -> None:
        """Elasticsearch's client takes the broker for one of its servers."""
        self.assertEqual("chronik", self.client.info()["cluster_name"])

    def test_elasticsearch_client(self) -> None:
        """Search, count and get by Elasticsearch's client."""
        topic = self.documents()
        self.search(topic, size=0)
        found = self.client.search(index=topic, query={"match": {"level": "error"}}, size=5)
        self.assertEqual({"value": 10, "relation": "eq"}, found["hits"]["total"])
        self.assertEqual(5, len(found["hits"]["hits"]))
        hit = found["hits"]["hits"][0]
        self.assertEqual(topic, hit["_index"])
        self.assertEqual(hit["_source"], self.client.get(index=topic, id=hit["_id"])["_source"])
        both = {"bool": {"must": [{"term": {"level.keyword": "info"}}, {"range": {"n": {"gte": 10, "lt": 20}}}]}}
        self.assertEqual(8, self.client.count(index=topic, query=both)["count"])
        with self.assertRaises(NotFoundError):
            self.client.search(index="nowhere")

    def test_scores(self) -> None:
        """A record scores the same in a shard, in the tail, and in the next partition: rare words high, ties newest first."""
        topic = create(self.broker, unused_name("scores"), 2)
        client = producer(self.broker)
        for n in range(8_000):  # so many at once go to a shard
            client.produce(topic, b'{"m":"common%s"}' % (b" rare" if n == 5 else b""), partition=0, timestamp=1_000 + n)
        client.produce(topic, b'{"m":"common rare"}', partition=1, timestamp=5_000)
        self.assertEqual(0, client.flush(SECONDS))
        self.search(topic, size=0)
        for _ in range(2):
            client.produce(topic, b'{"m":"rare"}', partition=0)
        self.assertEqual(0, client.flush(SECONDS))
        hits = self.search(topic, query={"match": {"m": "common rare"}}, sort="_score", size=6)["hits"]
        self.assertEqual([f"{topic}:1:0", f"{topic}:0:5"], [hit["_id"] for hit in hits["hits"][:2]])
        both, rare, common = (hits["hits"][n]["_score"] for n in (0, 2, 4))
        self.assertEqual([both, both, rare, rare, common, common], [hit["_score"] for hit in hits["hits"]])
        self.assertEqual((8_003, both, rare + common), (hits["total"]["value"], hits["max_score"], both))
        self.assertEqual([f"{topic}:0:7999", f"{topic}:0:7998"], [hit["_id"] for hit in hits["hits"][4:]])

    def test_sort_by_a_path(self) -> None:
        """Each topic has its own values at a path, and mixed ones have an order; what another topic holds there does not matter."""
        numbers, mixed = create(self.broker, unused_name("sorted")), create(self.broker, unused_name("sorted"))
        produce(self.broker, mixed, [b'{"s":"b"}', b'{"s":2}', b'{"s":"a"}', b"{}", b'{"s":10}'])
        produce(self.broker, numbers, [b'{"s":%d}' % n for n in (3, 11, 7)])
        self.search(mixed, size=0)
        for topic, order, values in ((numbers, "asc", [3, 7, 11]), (mixed, "asc", [2, 10, "a", "b", None]), (mixed, "desc", ["b", "a", 10, 2, None])):
            hits = self.search(topic, sort=[{"s": order}])["hits"]["hits"]
            self.assertEqual(values, [hit["sort"][0] for hit in hits])
        hits = self.search(f"{mixed},{numbers}", sort=[{"s.keyword": {"order": "desc", "missing": "_first"}}], size=4)["hits"]["hits"]
        self.assertEqual([None, "b", "a", 11], [hit["sort"][0] for hit in hits])

    def test_topic_expressions(self) -> None:
        """Patterns, exclusions, topics switched off, and what is missing."""
        first, second, off = (create(self.broker, unused_name("expr"), 1, **({"search.mode": "off"} if n == 2 else {})) for n in range(3))
        for topic in (first, second):
            produce(self.broker, topic, [b"x"])
            self.search(topic, size=0)
        for expression, topics in (("expr-*", [first, second]), (f"expr-*,-{first}", [second]), (f"{off},{first}", None), (off, None)):
            status, answer = self.broker.http(f"/{expression}/_search")
            found = sorted(answer["searched_through"]) if status == 200 else None
            self.assertEqual(topics, found, expression)
        self.assertEqual(200, self.broker.http("/_search?size=0")[0])
        self.assertEqual(2, self.client.count(index=f"{first},{second},nowhere", ignore_unavailable=True)["count"])
        self.assertEqual(1, self.client.count(index=first, query={"term": {"_id": f"{first}:0:0"}})["count"])

    def test_fresh(self) -> None:
        """A record that was acknowledged is found by a search that waits for the end, every time."""
        topic = create(self.broker, unused_name("fresh"))
        client = producer(self.broker)
        for n in range(30):
            client.produce(topic, b'{"id":"only%d"}' % n)
            self.assertEqual(0, client.flush(SECONDS))
            found = self.search(topic, query={"term": {"id": f"only{n}"}})
            self.assertEqual(1, found["hits"]["total"]["value"], f"record {n}")
            self.assertEqual({"0": n}, found["searched_through"][topic])

    def test_found_without_waiting(self) -> None:
        """A record is found within a moment of its acknowledgement by those who do not ask to wait."""
        topic = self.documents()
        self.search(topic, size=0)
        produce(self.broker, topic, [b"needle"])
        eventually(lambda: self.broker.http(f"/{topic}/_search?q=needle")[1]["hits"]["total"]["value"] == 1, what="the hit")

    def test_queries(self) -> None:
        """Each way to ask finds what it should."""
        topic = self.documents()
        for body, total in (
            ({"query": {"match_all": {}}}, 40),
            ({"query": {"match": {"message": "request 7"}}}, 40),
            ({"query": {"terms": {"n": [1, 2, 99]}}}, 2),
            ({"query": {"range": {"n": {"gt": 37}}}}, 2),
            ({"query": {"exists": {"field": "at.host"}}}, 40),
            ({"query": {"query_string": {"query": "level:error AND at.host:h0"}}}, 4),
            ({"query": {"bool": {"must_not": [{"term": {"level": "info"}}]}}}, 10),
            ({"query": {"term": {"partition": 9}}}, 0),
        ):
            self.assertEqual(total, self.search(topic, **body)["hits"]["total"]["value"], body)

    def test_order_and_pages(self) -> None:
        """Sorted pages follow each other without overlap or gap."""
        topic = self.documents()
        numbers = []
        for start in range(0, 40, 15):
            found = self.search(topic, sort=[{"n": "desc"}], size=15, **{"from": start})
            numbers += [
                json.loads(h["_source"]["value"])["n"] if isinstance(h["_source"]["value"], str) else h["_source"]["value"]["n"]
                for h in found["hits"]["hits"]
            ]
        self.assertEqual(list(range(39, -1, -1)), numbers)

    def test_refusals(self) -> None:
        """What a search does not understand is refused by name, never ignored."""
        topic = self.documents()
        for body, named in (
            ({"aggs": {"a": {"terms": {"field": "n"}}}}, "aggs"),
            ({"query": {"fuzzy": {"n": "x"}}}, "fuzzy"),
            ({"no_such_thing": 1}, "no_such_thing"),
            ({"size": -1}, "size"),
        ):
            status, answer = self.broker.http(f"/{topic}/_search", body)
            self.assertEqual(400, status, answer)
            self.assertIn(named, answer["error"]["reason"])
        self.assertEqual(404, self.broker.http("/nowhere/_search")[0])
        self.assertEqual(404, self.broker.http(f"/{topic}/_doc/{topic}:0:99999")[0])
        self.assertEqual(405, self.broker.http(f"/{topic}/_search", {}, "DELETE")[0])

    def test_a_batch_that_cannot_be_read(self) -> None:
        """A batch whose inside is garbage is accounted for, and what comes before and after it is found."""
        topic = create(self.broker, unused_name("garbage"))
        produce(self.broker, topic, [b"before"] * 2)
        batch = bytearray(build_batch([NewRecord(None, b"inside", 1_000)] * 5, base_offset=0, leader_epoch=0))
        batch[61:] = bytes(len(batch) - 61)
        self.assertEqual((0, 2), wire.produce(self.broker, topic, bytes(with_crc(batch))))
        produce(self.broker, topic, [b"after"])
        self.assertEqual(3, self.search(topic)["hits"]["total"]["value"])
        coverage = self.broker.http(f"/{topic}/_coverage")[1]["partitions"]["0"]
        self.assertEqual((3, {"undecodable": 5}, 0, True), (coverage["indexed"], coverage["skipped"], coverage["missing"], coverage["complete"]))

    def test_coverage(self) -> None:
        """What is indexed and what is skipped is all that is committed, partition by partition."""
        topic = self.documents()
        produce(self.broker, topic, [None, b"", b"\xff\xfe", b"text"])
        self.search(topic, size=0)

        def complete() -> Any:
            coverage = self.broker.http(f"/{topic}/_coverage")[1]
            return coverage["complete"] and coverage

        partitions = eventually(complete, what="complete coverage")["partitions"].values()
        self.assertEqual(44, sum(p["committed_end"] for p in partitions))
        self.assertEqual(44, sum(p["indexed"] + sum(p["skipped"].values()) for p in partitions))
        self.assertEqual({0}, {p["missing"] for p in partitions})

    def test_deleted_topic(self) -> None:
        """A deleted topic is not found, and a new one of its name has none of its records."""
        topic = self.documents()
        client = admin(self.broker)
        client.delete_topics([topic])[topic].result(SECONDS)
        self.assertEqual(404, self.broker.http(f"/{topic}/_search")[0])
        create(self.broker, topic)
        produce(self.broker, topic, [b"new"])
        self.assertEqual(1, self.search(topic)["hits"]["total"]["value"])


class MonitoringTests(BrokerTestCase):
    """Health and metrics."""

    def test_health(self) -> None:
        """The whole and each part are green, with a tree of what they looked at."""
        eventually(lambda: self.broker.http("/health")[0] == 200, what="health")
        answer = self.broker.http("/health")[1]
        self.assertEqual("green", answer["status"])
        for part in ("broker", "search", "cluster"):
            self.assertEqual("green", answer[part]["status"])
            status, alone = self.broker.http(f"/health/{part}")
            self.assertEqual((200, "green"), (status, alone["status"]))
        self.assertEqual(404, self.broker.http("/health/moon")[0])

    def test_metrics(self) -> None:
        """Prometheus reads requests, bytes, stalls and search progress."""
        topic = create(self.broker, unused_name("metered"))
        produce(self.broker, topic, [b"v"] * 10)

        def searched() -> str:
            status, text = self.broker.http("/metrics")
            self.assertEqual(200, status)
            return text if f'chronik_search_indexed_offset{{partition="0",topic="{topic}"}} 10.0' in text else ""

        text = eventually(searched, what="metrics of what is searched")
        names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
        for family in ("chronik_request_seconds_count", "chronik_request_bytes_total", "chronik_response_bytes_total"):
            self.assertIn(family, names)
        for word in ("stall", "lag", "freshness"):
            self.assertTrue([name for name in names if word in name], f"a metric of {word} in {sorted(names)}")


class GuardTests(BrokerTestCase):
    """A web page must not reach a broker on its visitor's machine."""

    def status(self, method: str, path: str, body: str | None = None, **headers: str) -> int:
        """Of the answer to a request with exactly these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.broker.http_port, timeout=SECONDS)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {**self.broker.access.headers, **sent})
            answer = connection.getresponse()
            answer.read()
            self.assertIsNone(answer.getheader("Access-Control-Allow-Origin"))
            return answer.status
        finally:
            connection.close()

    def test_host(self) -> None:
        """Only names of this broker: a name that somebody else's DNS points here is refused."""
        port = self.broker.http_port
        for host, status in (
            (f"127.0.0.1:{port}", 200),
            (f"localhost:{port}", 200),
            (f"[::1]:{port}", 200),
            ("evil.example", 421),
            (f"evil.example:{port}", 421),
        ):
            self.assertEqual(status, self.status("GET", "/", Host=host), host)

    def test_origin(self) -> None:
        """Only the broker's own pages."""
        own = f"http://127.0.0.1:{self.broker.http_port}"
        for origin, status in ((own, 200), ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:1", 403)):
            self.assertEqual(status, self.status("GET", "/", Origin=origin), origin)

    def test_content_type(self) -> None:
        """A body must say that it is JSON, which a page of another site cannot without asking; and asking is not answered."""
        create(self.broker, "typed")
        for content_type, status in (
            ("application/json", 200),
            ("application/json; charset=utf-8", 200),
            ("text/plain", 406),
            ("application/x-www-form-urlencoded", 406),
        ):
            self.assertEqual(status, self.status("POST", "/typed/_count", "{}", Content_Type=content_type), content_type)
        self.assertNotEqual(200, self.status("OPTIONS", "/typed/_count", Origin="http://evil.example", Access_Control_Request_Method="POST"))

    def test_malformed(self) -> None:
        """Bodies that are no JSON, paths that are none and huge heads are refused, and the listener goes on."""
        create(self.broker, "malformed")
        for body in ("{", "[]", '"x"', "{" * 100_000):
            self.assertEqual(400, self.status("POST", "/malformed/_search", body, Content_Type="application/json"))
        for path in ("/../../etc/passwd", "/console/../../etc/passwd", "/%00", "/console/%2e%2e%2fsite.py"):
            self.assertIn(self.status("GET", path), (400, 404))
        self.assertEqual(200, self.status("GET", "/"))

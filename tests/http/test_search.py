"""Tests of which topics a search reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.http.interfaces import HttpAnswer, json_answer
from chronik.http.routing import Routes
from chronik.http.search import SearchEndpoints
from chronik.http.topics import PATTERNS_MAX
from chronik.metadata.image import MetadataImage, TopicImage
from chronik.model import INTERNAL_TOPICS
from chronik.search.broker_interfaces import ISearch
from chronik.security.interfaces import Action, Operation, ResourceType, SecurityImage
from tests.http.harness import Client
from tests.replica.fakes import FakeFeed
from tests.server.core import FakeAuthorizer

INTERNAL = min(INTERNAL_TOPICS)


@implementer(ISearch)
class FakeRelay:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], dict[str, str], bytes]] = []
        self.off: set[str] = {"gone", "nowhere"}
        self.held: list[Deferred[Any]] | None = None

    def searched(self, topics: Sequence[str]) -> frozenset[str]:
        """All but those said to be off."""
        return frozenset(topics) - self.off

    def status(self) -> Any:
        """Not asked."""

    def search(self, action: str, topics: Sequence[str], params: Mapping[str, str], body: bytes, deadline: float | None = None) -> Deferred[Any]:
        """At once."""
        self.asked.append((action, list(topics), dict(params), body))
        answer: HttpAnswer = json_answer({})
        if self.held is None:
            return succeed(answer)
        self.held.append(Deferred())
        return self.held[-1]


class SearchTests(SynchronousTestCase):
    """Names, patterns and rights."""

    def setUp(self) -> None:
        """Three topics and an internal one."""
        self.relay, self.authorizer, routes = FakeRelay(), FakeAuthorizer(), Routes()
        topics = {name: TopicImage(name, uuid4().bytes, ()) for name in ("logs-a", "logs-b", "orders", INTERNAL)}
        self.feed = FakeFeed(MetadataImage(topics=topics))
        SearchEndpoints(self.relay, self.feed, self.authorizer).register(routes)
        self.client = Client(routes)

    def topics(self, target: str) -> list[str]:
        """The topics that a search went to."""
        self.assertEqual(200, self.client.fetch("GET", target).status)
        return self.relay.asked.pop()[1]

    def hide(self, topic: str) -> None:
        """Let nobody read it."""
        self.authorizer.refused.add(Action(Operation.READ, ResourceType.TOPIC, topic))

    def test_exists(self) -> None:
        """HEAD tells whether there is a topic, as Elasticsearch does of an index; who may not read it learns nothing."""
        for target in ("/orders", "/orders,logs-a", "/logs-*", f"/{INTERNAL}", "/_all"):
            self.assertEqual(200, self.client.fetch("HEAD", target).status, target)
        for target in ("/orders,nope", "/nope", "/nope*?allow_no_indices=false", "/_cat", "/_cluster/health"):
            self.assertEqual(404, self.client.fetch("HEAD", target).status, target)
        self.assertEqual(404, self.client.fetch("GET", "/orders").status, "no more than that")
        for topic in ("orders", "nope"):
            self.hide(topic)
            self.assertEqual(403, self.client.fetch("HEAD", f"/{topic}").status)
        self.assertEqual([], self.relay.asked)

    def test_expressions(self) -> None:
        """Patterns mean every topic that matches but internal ones, which must be named."""
        for target in ("/_search", "/_all/_search", "/*/_search"):
            self.assertEqual(["logs-a", "logs-b", "orders"], self.topics(target))
        self.assertEqual(["logs-a", "logs-b"], self.topics("/logs-*/_search"))
        self.assertEqual(["orders", "logs-a", "logs-b"], self.topics("/logs-%2A,orders/_search"))
        self.assertEqual([INTERNAL], self.topics(f"/{INTERNAL}/_search"))
        self.assertEqual([], self.topics("/nothing-*/_count"))

    def test_exclusions(self) -> None:
        """After a pattern a part with a minus takes topics away; before one it is a name."""
        self.assertEqual(["logs-a", "orders"], self.topics("/*,-logs-b/_search"))
        self.assertEqual(["orders"], self.topics("/_all,-logs-*/_count"))
        self.assertEqual([], self.topics("/orders,*,-*/_search"))
        self.assertEqual(["logs-b"], self.topics("/logs-*,logs-a,-logs-a/_search"))
        response = self.client.fetch("GET", "/-logs-b,logs-*/_search")
        self.assertEqual((404, "no such index [-logs-b]: there is no topic of this name"), (response.status, response.json["error"]["reason"]))

    def test_patterns_mean_only_stars(self) -> None:
        """Brackets and question marks are no wildcards, and an empty part is refused."""
        self.assertEqual([], self.topics("/logs-[ab]*/_search"))
        self.assertEqual(404, self.client.fetch("GET", "/logs-%3F/_search").status)
        self.assertEqual(400, self.client.fetch("GET", "/orders,/_search").status)

    def test_many_stars(self) -> None:
        """A pattern takes no longer for its stars, and there are so many patterns at most."""
        self.assertEqual([], self.topics("/" + "*" * 500 + "!/_count"))
        self.assertEqual(["logs-a", "logs-b"], self.topics("/*o**s*-*/_count"))
        self.assertEqual([], self.topics("/orders*s,*orders*orders,l*-*-a/_count"))
        for part in ("o*", "-o*"):
            self.assertEqual(200, self.client.fetch("GET", "/*" + f",{part}" * (PATTERNS_MAX - 1) + "/_count").status)
            self.assertEqual(400, self.client.fetch("GET", "/*" + f",{part}" * PATTERNS_MAX + "/_count").status)

    def test_search_is_off(self) -> None:
        """A pattern passes over topics whose search is off; one that is named is answered for by the search service."""
        self.relay.off.add("logs-a")
        self.assertEqual(["logs-b", "orders"], self.topics("/_search"))
        self.assertEqual(["logs-a", "orders"], self.topics("/logs-a,orders/_search"))
        self.assertEqual(["logs-a"], self.topics("/*-a/_search"))

    def test_document_of_a_pattern(self) -> None:
        """A document is of one topic, by name."""
        for target in ("/log*/_doc/logs-a:0:1", "/none*/_doc/x", "/orders,logs-a/_doc/orders:0:1"):
            self.assertEqual(400, self.client.fetch("GET", target).status, target)

    def test_document_of_an_unavailable_topic(self) -> None:
        """Passed over, a topic that does not exist or is not searched leaves no document to ask for."""
        self.relay.off |= {"logs-a", "nope"}
        for target in ("/nope/_doc/nope:0:1", "/logs-a/_doc/logs-a:0:1"):
            response = self.client.fetch("GET", f"{target}?ignore_unavailable=true")
            self.assertEqual((404, 404, "index_not_found_exception"), (response.status, response.json["status"], response.json["error"]["type"]))
        self.assertEqual([], self.relay.asked)

    def test_options(self) -> None:
        """``ignore_unavailable``, ``allow_no_indices`` and ``expand_wildcards`` do what they say, or are refused."""
        self.relay.off.add("logs-a")
        self.assertEqual(["orders"], self.topics("/orders,gone,logs-a/_search?ignore_unavailable=true"))
        self.assertEqual(404, self.client.fetch("GET", "/orders,gone/_search?ignore_unavailable=false").status)
        self.assertEqual(404, self.client.fetch("GET", "/none-*/_search?allow_no_indices=false").status)
        self.assertEqual(["orders"], self.topics("/orders,logs-*/_search?expand_wildcards=none"))
        self.assertEqual(["logs-b"], self.topics("/logs-*/_search?expand_wildcards=open,hidden"))
        for option in ("ignore_unavailable=maybe", "allow_no_indices=1", "expand_wildcards=some"):
            self.assertEqual(400, self.client.fetch("GET", f"/orders/_search?{option}").status, option)
        self.hide("orders")
        self.assertEqual(403, self.client.fetch("GET", "/orders/_search?ignore_unavailable=true").status)

    def test_rights(self) -> None:
        """What may not be read is left out of patterns, and refused by name alike whether it exists."""
        self.hide("logs-a")
        self.hide("ghost")
        self.assertEqual(["logs-b", "orders"], self.topics("/_search"))
        for name in ("logs-a", "ghost", "orders,logs-a"):
            self.assertEqual(403, self.client.fetch("GET", f"/{name}/_search").status, name)
        self.assertEqual([], self.relay.asked)

    def test_rights_taken_away(self) -> None:
        """A search that waited is answered over what may be read by then; one that names what may not be any more is refused."""
        for target, status, topics in (
            ("/_search", 200, [["logs-a", "logs-b", "orders"], ["logs-b", "orders"]]),
            ("/logs-a/_search", 403, [["logs-a"]]),
            ("/logs-b/_search", 200, [["logs-b"]]),
            ("/logs-a/_doc/logs-a:0:1", 403, [["logs-a"]]),
        ):
            self.relay.asked.clear()
            self.relay.held = []
            self.client.ask("GET", target)
            self.hide("logs-a")
            self.feed.image = replace(self.feed.image, security=SecurityImage(roles={}))
            (held,), self.relay.held = self.relay.held, None
            held.callback(json_answer({}))
            self.assertEqual(status, self.client.answer().status, target)
            self.assertEqual(topics, [asked[1] for asked in self.relay.asked])
            self.authorizer.refused.clear()

    def test_missing(self) -> None:
        """A topic that is named must exist."""
        response = self.client.fetch("GET", "/nowhere/_search")
        self.assertEqual((404, "index_not_found_exception"), (response.status, response.json["error"]["type"]))

    def test_handed_on(self) -> None:
        """Action, parameters, id and body reach the search processes; ``pretty`` does not."""
        self.client.fetch("POST", "/orders/_search?wait_for_offset=end&pretty", b'{"size":1}', content_type="application/json")
        self.client.fetch("GET", "/orders/_doc/orders:0:7")
        self.client.fetch("GET", "/orders/_coverage")
        self.assertEqual(
            [
                ("search", ["orders"], {"wait_for_offset": "end"}, b'{"size":1}'),
                ("doc", ["orders"], {"id": "orders:0:7"}, b""),
                ("coverage", ["orders"], {}, b""),
            ],
            self.relay.asked,
        )

    def test_wrong_shapes(self) -> None:
        """What is not served is told so by name."""
        for target in ("/a/b/_search", "/_doc/1", "/orders/_mapping", "/orders/_field_caps"):
            response = self.client.fetch("GET", target)
            self.assertEqual((404, 404), (response.status, response.json["status"]), target)
        self.assertEqual(405, self.client.fetch("PUT", "/orders/_doc/1").status)

"""The plugin passes the contract of its seam, over a service that is not Open Policy Agent but answers as it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chronik_auth_opa.authorizer import OpaAuthorizer, make, make_with
from chronik_auth_opa.cache import DecisionCache
from chronik_auth_opa.client import ANSWER_BYTES_MAX, QUERIES_MAX
from treq.testing import RequestTraversalAgent
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.security.interfaces import BROKER, Action, Operation, Principal, ResourceType
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ALICE, ALTER_CLUSTER, BOB, READ_ORDERS, READ_OTHER, WRITE_ORDERS, RestrictingAuthorizerContract

URL = "http://127.0.0.1:8181/v1/data/chronik/allow"


def permitted(question: dict[str, Any], action: dict[str, Any]) -> bool:
    """The contract's policy: alice may read ``orders``, and so describe it."""
    if question["principal"] | {"groups": []} != {"type": "User", "name": "alice", "groups": []} or action["resource"]["type"] != "topic":
        return False
    if action["any"]:
        return bool(action["operation"] == "read")
    return action["operation"] in ("read", "describe") and action["resource"]["name"] == "orders"


class Service(Resource):
    """The policy service.

    :ivar asked: the questions.
    :ivar answer: makes the body of an answer of a question.
    :ivar held: requests that wait, while it is told to hold them.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[bytes | None] = []
        self.answer: Callable[[dict[str, Any]], bytes] = lambda question: self.result([permitted(question, each) for each in question["actions"]])
        self.status = 200
        self.held: list[tuple[Request, bytes]] | None = None

    @staticmethod
    def result(decisions: Sequence[Any]) -> bytes:
        """The body that says this."""
        return json.dumps({"result": list(decisions)}).encode()

    def render_POST(self, request: Request) -> Any:
        """Answer a question."""
        assert request.content is not None
        question = json.loads(request.content.read())["input"]
        self.asked.append(question)
        self.tokens.append(request.getHeader(b"authorization"))
        request.setResponseCode(self.status)
        if self.held is None:
            return self.answer(question)
        self.held.append((request, self.answer(question)))
        return NOT_DONE_YET

    def release(self) -> None:
        """Answer those that wait."""
        held, self.held = self.held or [], None
        for request, body in held:
            request.write(body)
            request.finish()


class OpaTests(RestrictingAuthorizerContract, SynchronousTestCase):
    """The contract, and what is special: one question a request, remembering, and refusing."""

    def setUp(self) -> None:
        """A service that works."""
        super().setUp()
        self.service, self.clock = Service(), Clock()
        self.agent = RequestTraversalAgent(self.service)

    def make_authorizer(self, **options: str) -> OpaAuthorizer:
        """Over an HTTP connection in memory; underscores in options are dots."""
        config = Configuration().with_values({"super.users": "User:root"})
        given = {"url": URL, **{name.replace("_", "."): value for name, value in options.items()}}
        return make_with(self.agent, auth_context(clock=self.clock, config=config), given)

    def wait(self, deferred: Deferred[Any]) -> Any:
        """Once all that was sent has arrived."""
        self.agent.flush()
        return self.successResultOf(deferred)

    def ask(self, authorizer: OpaAuthorizer, *actions: Action, principal: Principal = ALICE) -> list[bool]:
        """What it says."""
        return list(self.wait(authorizer.authorize(principal, "10.0.0.7", actions)))

    def test_one_question_for_a_request(self) -> None:
        """Everything that is not remembered, each once, with who and from where."""
        authorizer = self.make_authorizer()
        somebody = Principal("User", "alice", frozenset({"b", "a"}))
        self.assertEqual([True, False, True], self.ask(authorizer, READ_ORDERS, WRITE_ORDERS, READ_ORDERS, principal=somebody))
        (question,) = self.service.asked
        self.assertEqual({"type": "User", "name": "alice", "groups": ["a", "b"]}, question["principal"])
        self.assertEqual("10.0.0.7", question["host"])
        self.assertEqual({"operation": "read", "resource": {"type": "topic", "name": "orders"}, "any": False}, question["actions"][0])
        self.assertEqual(2, len(question["actions"]))
        self.assertEqual([True, False], self.ask(authorizer, READ_ORDERS, READ_OTHER, principal=somebody))
        self.assertEqual([["other"]], [[action["resource"]["name"] for action in asked["actions"]] for asked in self.service.asked[1:]])

    def test_remembered_for_so_long(self) -> None:
        """A decision counts for its time, and then the policy of that day does."""
        authorizer = self.make_authorizer(cache_ttl_ms="2000")
        self.assertEqual([True], self.ask(authorizer, READ_ORDERS))
        self.service.answer = lambda question: self.service.result([False])
        self.clock.advance(1.9)
        self.assertEqual([True], self.ask(authorizer, READ_ORDERS))
        self.clock.advance(0.2)
        self.assertEqual([False], self.ask(authorizer, READ_ORDERS))
        self.assertEqual(2, len(self.service.asked))

    def test_who_asks_matters(self) -> None:
        """What was remembered of one principal, group or host is not another's."""
        authorizer = self.make_authorizer()
        for principal in (ALICE, BOB, Principal("User", "alice", frozenset({"g"}))):
            self.ask(authorizer, READ_ORDERS, principal=principal)
        self.wait(authorizer.authorize(ALICE, "10.0.0.8", [READ_ORDERS]))
        self.assertEqual(4, len(self.service.asked))

    def test_nothing_is_remembered_where_nothing_may_be(self) -> None:
        """Neither with no entries nor with no time."""
        for options in ({"cache_max_entries": "0"}, {"cache_ttl_ms": "0"}):
            authorizer = self.make_authorizer(**options)
            self.service.asked.clear()
            self.ask(authorizer, READ_ORDERS)
            self.ask(authorizer, READ_ORDERS)
            self.assertEqual(2, len(self.service.asked))

    def test_bounded(self) -> None:
        """The oldest make room."""
        cache = DecisionCache(3, 10.0, self.clock.seconds)
        for number in range(5):
            cache.put(number, True)
        cache.put(3, False)
        self.assertEqual([None, None, True, False, True], [cache.get(number) for number in range(5)])
        self.assertEqual(3, len(cache))

    def refused(self, authorizer: OpaAuthorizer) -> None:
        """Everything is, nothing of it is remembered, and the log says so."""
        self.assertEqual([False, False], self.ask(authorizer, READ_ORDERS, WRITE_ORDERS))

    def test_fails_closed(self) -> None:
        """Whatever the service says that is no decision refuses, and the next question is asked again."""
        authorizer = self.make_authorizer()
        bodies: list[bytes] = [b"", b"{", b"[]", b"{}", b'{"result": true}', b'{"result": [true]}', b'{"result": [true, true, true]}']
        bodies += [b'{"result": [1, 1]}', b'{"result": ["true", true]}', b'{"result": null}', b"[" * 100_000, b"x" * (ANSWER_BYTES_MAX + 1)]
        for body in bodies:
            self.service.answer = lambda question, body=body: body  # type: ignore[misc]
            self.refused(authorizer)
        self.service.answer = lambda question: self.service.result([True, True])
        for status in (500, 404, 401, 302, 204):
            self.service.status = status
            self.refused(authorizer)
        self.service.status = 200
        self.assertEqual([True, True], self.ask(authorizer, READ_ORDERS, WRITE_ORDERS))

    def test_remembered_decisions_outlive_the_service(self) -> None:
        """For their time, and no longer."""
        authorizer = self.make_authorizer()
        self.assertEqual([True], self.ask(authorizer, READ_ORDERS))
        self.service.status = 500
        self.assertEqual([True, False], self.ask(authorizer, READ_ORDERS, WRITE_ORDERS))
        self.clock.advance(6)
        self.assertEqual([False], self.ask(authorizer, READ_ORDERS))

    def test_timeout(self) -> None:
        """An answer that does not come in time is a refusal, and one that comes later is nothing."""
        authorizer = self.make_authorizer(timeout_ms="500")
        self.service.held = []
        answer = authorizer.authorize(ALICE, "::1", [READ_ORDERS])
        self.agent.flush()
        self.assertNoResult(answer)
        self.clock.advance(0.6)
        self.assertEqual([False], self.successResultOf(answer))

    def test_many_at_once(self) -> None:
        """Equal questions are asked once, and of different ones only so many at a time; all are answered."""
        authorizer = self.make_authorizer()
        self.service.held = []
        same = [authorizer.authorize(ALICE, "::1", [READ_ORDERS]) for _ in range(10)]
        others = [authorizer.authorize(ALICE, f"10.0.0.{number}", [READ_ORDERS]) for number in range(QUERIES_MAX + 10)]
        self.agent.flush()
        self.assertEqual(QUERIES_MAX, len(self.service.asked))
        self.service.release()
        for _ in range(3):
            self.agent.flush()
        self.assertEqual([[True]] * len([*same, *others]), self.successResultOf(gatherResults([*same, *others])))
        self.assertEqual(1 + QUERIES_MAX + 10, len(self.service.asked))

    def test_who_goes_away(self) -> None:
        """Whoever asks, and does not wait for the answer, takes it from nobody else."""
        authorizer = self.make_authorizer()
        self.service.held = []
        first, second = (authorizer.authorize(ALICE, "::1", [READ_ORDERS]) for _ in range(2))
        self.agent.flush()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.service.release()
        self.agent.flush()
        self.assertEqual(([True], 1), (self.successResultOf(second), len(self.service.asked)))

    def test_large_requests(self) -> None:
        """More actions than one question may have are several questions, and the answers stand where they belong."""
        actions = [Action(Operation.READ, ResourceType.TOPIC, "orders" if number % 2 else f"t{number}") for number in range(2_500)]
        self.assertEqual([bool(number % 2) for number in range(2_500)], self.ask(self.make_authorizer(), *actions))
        self.assertGreater(len(self.service.asked), 1)

    def test_super_users_are_not_asked_about(self) -> None:
        """Nor is the broker itself."""
        authorizer = self.make_authorizer()
        self.assertEqual([True], self.ask(authorizer, ALTER_CLUSTER, principal=Principal("User", "root")))
        self.assertEqual([True], self.ask(authorizer, ALTER_CLUSTER, principal=BROKER))
        self.assertEqual([], self.service.asked)

    def test_token(self) -> None:
        """It is sent, and read of a file."""
        path = Path(self.mktemp())
        path.write_text("abc123\n")
        self.ask(self.make_authorizer(token_file=str(path)), READ_ORDERS)
        self.assertEqual(["Bearer abc123"], [token if token is None or isinstance(token, str) else token.decode() for token in self.service.tokens])

    def test_options(self) -> None:
        """What is missing, unknown or wrong is named."""
        for options, word in (
            ({"url": ""}, "plugin.auth.opa.url"),
            ({"url": "ftp://x/"}, "plugin.auth.opa.url"),
            ({"url": "http:///x"}, "plugin.auth.opa.url"),
            ({"x": "1"}, "option x"),
            ({"timeout_ms": "soon"}, "timeout.ms"),
            ({"timeout_ms": "0"}, "timeout.ms"),
            ({"cache_ttl_ms": "-1"}, "cache.ttl.ms"),
            ({"token_file": "/nowhere/token"}, "/nowhere/token"),
        ):
            self.assertIn(word, str(self.assertRaises(ConfigurationError, self.make_authorizer, **options)))


class RealConnectionTests(TestCase):
    """Over a socket, as the drop-in makes it."""

    async def test_asked_refused_and_closed(self) -> None:
        """A decision arrives; when the service is gone the answer is no, and nothing is left open."""
        service = Service()
        port = reactor.listenTCP(0, Site(service), interface="127.0.0.1")  # type: ignore[attr-defined]
        context = auth_context(clock=reactor)
        authorizer = make(context, {"url": f"http://127.0.0.1:{port.getHost().port}/allow", "cache.ttl.ms": "0"})
        self.assertEqual([True, False], list(await authorizer.authorize(ALICE, "::1", [READ_ORDERS, WRITE_ORDERS])))
        await authorizer.close()
        await port.stopListening()
        self.assertEqual([False], list(await authorizer.authorize(ALICE, "::1", [READ_ORDERS])))
        await authorizer.close()

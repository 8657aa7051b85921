"""Tests of guards, authentication, routing and errors, through the whole site."""

from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.http.site import ANSWER_SECONDS, CONTENT_BYTES_MAX, DISCARDED_BYTES_MAX, IDLE_SECONDS, PARAMETERS_MAX, REQUEST_SECONDS
from tests.http.harness import Client, FakeCredentials

SENTINEL = "password-in-a-traceback"


async def _echo(request: HttpRequest) -> HttpAnswer:
    return json_answer({"path": request.path, "params": dict(request.params), "length": len(request.body), "principal": str(request.principal)})


async def _fail(request: HttpRequest) -> HttpAnswer:
    raise RuntimeError(SENTINEL)


async def _forbid(request: HttpRequest) -> HttpAnswer:
    raise HttpError(403, "security_exception", "not yours")


class SiteCase(SynchronousTestCase):
    """A site with an endpoint of each kind."""

    def setUp(self) -> None:
        """A table."""
        self.slow: Deferred[None] = Deferred()
        self.routes = Routes(
            endings={"_echo": Route({"GET": _echo, "POST": _echo})},
            paths={
                "fail": Route({"GET": _fail}),
                "forbid": Route({"GET": _forbid}),
                "slow": Route({"GET": self._wait}),
                "busy": Route({"GET": self._work}),
            },
        )
        self.client = Client(self.routes)

    async def _wait(self, request: HttpRequest) -> HttpAnswer:
        await self.slow
        return json_answer({})

    async def _work(self, request: HttpRequest) -> HttpAnswer:
        self.client.clock.rightNow += 0.001
        return json_answer({})


class GuardTests(SiteCase):
    """What a web page may not do."""

    def test_hosts(self) -> None:
        """Addresses, localhost and the broker's own names are served, other names are not."""
        for host in ("127.0.0.1", "127.0.0.1:9200", "[::1]:9200", "[::1]", "localhost:1", "a.localhost", "Broker.Example:9200"):
            self.assertEqual(200, self.client.fetch("GET", "/_echo", host=host).status, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "broker.example.evil"):
            self.assertEqual(421, self.client.fetch("GET", "/_echo", host=host).status, host)

    def test_origins(self) -> None:
        """Only pages of this very host and port may ask."""
        self.assertEqual(200, self.client.fetch("GET", "/_echo", host="localhost:9200", origin="http://localhost:9200").status)
        for origin in ("http://evil.example", "null", "http://localhost:9201", "file://", "http://localhost:9200.evil.example"):
            response = self.client.fetch("GET", "/_echo", host="localhost:9200", origin=origin)
            self.assertEqual(403, response.status, origin)
            self.assertNotIn("access-control-allow-origin", response.headers)

    def test_content_types(self) -> None:
        """Bodies are JSON by any of its names; what a form may send is refused."""
        for good in ("application/json", "application/json; charset=utf-8", "application/vnd.elasticsearch+json; compatible-with=9"):
            self.assertEqual(200, self.client.fetch("POST", "/_echo", b"{}", content_type=good).status, good)
        for bad in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = self.client.fetch("POST", "/_echo", b"{}", content_type=bad)
            self.assertEqual((406, "media_type_header_exception"), (response.status, response.json["error"]["type"]), bad)
        self.assertEqual(406, self.client.fetch("POST", "/_echo", content_type="text/plain").status)
        self.assertEqual(400, self.client.fetch("POST", "/_echo", b"{}", content_type="multipart/form-data; boundary=x").status)

    def test_options(self) -> None:
        """Nobody is told that other origins may come."""
        response = self.client.fetch("OPTIONS", "/_echo")
        self.assertEqual((405, "get, post"), (response.status, response.headers["allow"]))
        self.assertFalse([name for name in response.headers if name.startswith("access-control")])


class AnswerTests(SiteCase):
    """How answers and errors look."""

    def test_unknown(self) -> None:
        """An endpoint that is not there is named, in Elasticsearch's shape."""
        response = self.client.fetch("GET", "/logs/_nothing")
        self.assertEqual((404, 404), (response.status, response.json["status"]))
        self.assertIn("/logs/_nothing", response.json["error"]["root_cause"][0]["reason"])

    def test_compatible_type(self) -> None:
        """Elasticsearch's clients get their own name of JSON in the version they asked for."""
        for version in (8, 9):
            accept = f"application/vnd.elasticsearch+json; compatible-with={version}"
            answered = self.client.fetch("GET", "/_echo", accept=accept).headers["content-type"]
            self.assertEqual(f"application/vnd.elasticsearch+json;compatible-with={version}", answered)
        self.assertEqual("application/json", self.client.fetch("GET", "/_echo", accept="*/*").headers["content-type"])

    def test_pretty(self) -> None:
        """``pretty`` indents, and is no parameter of the endpoint."""
        for target in ("/_echo?pretty", "/_echo?pretty=true"):
            response = self.client.fetch("GET", target)
            self.assertIn(b'\n  "path"', response.body)
            self.assertEqual({}, response.json["params"])
        self.assertNotIn(b"\n  ", self.client.fetch("GET", "/_echo?pretty=false").body)

    def test_long_and_pretty(self) -> None:
        """Others have their turns while a long answer is indented."""

        async def long(request: HttpRequest) -> HttpAnswer:
            return json_answer([1] * 100_000)

        self.routes.paths["long"] = Route({"GET": long})
        self.client.ask("GET", "/long?pretty")
        self.assertEqual(b"", self.client.transport.value())
        self.client.clock.advance(0)
        self.assertEqual([1] * 100_000, self.client.answer().json)

    def test_head(self) -> None:
        """HEAD tells the length and sends no body."""
        full = self.client.fetch("GET", "/_echo")
        head = self.client.fetch("HEAD", "/_echo")
        self.assertEqual((200, b"", str(len(full.body))), (head.status, head.body, head.headers["content-length"]))

    def test_encoded(self) -> None:
        """Percent signs stand for UTF-8; a slash in a name does not divide."""
        self.assertEqual(["a/b", "_echo"], self.client.fetch("GET", "/a%2Fb/_echo").json["path"])
        self.assertEqual({"q": "ä"}, self.client.fetch("GET", "/_echo?q=%C3%A4").json["params"])

    def test_bad_targets(self) -> None:
        """What cannot be understood is the client's fault, never ours."""
        many = "&".join(f"p{n}=" for n in range(PARAMETERS_MAX + 1))
        for target in ("/%ff/_echo", "/_echo?q=%ff", f"/_echo?{many}"):
            self.assertEqual(400, self.client.fetch("GET", target).status, target)
        self.assertEqual(404, self.client.fetch("GET", "//[bad").status)

    def test_failure(self) -> None:
        """A failure of ours is logged once and tells nothing outside."""
        response = self.client.fetch("GET", "/fail")
        self.assertEqual(500, response.status)
        self.assertNotIn(SENTINEL.encode(), response.body)
        self.assertNotIn(b"Traceback", response.body)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))


class ConnectionTests(SiteCase):
    """Bodies that are too long, and clients that go away or say nothing."""

    def assert_refused(self) -> None:
        """One answer, 413, that says that the connection ends."""
        response = self.client.answer()
        self.assertEqual((413, "close"), (response.status, response.headers["connection"]))
        self.assertEqual("content_too_long_exception", response.json["error"]["type"])

    def test_long_body(self) -> None:
        """The refusal comes before the body; the connection ends after it."""
        head = f"POST /_echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {CONTENT_BYTES_MAX + 1}\r\n\r\n"
        self.client.send(head.encode())
        self.assert_refused()
        self.client.send(bytes(CONTENT_BYTES_MAX + 1))
        self.assertTrue(self.client.transport.disconnecting)
        self.assertEqual(b"", self.client.transport.value())

    def test_long_chunked_body(self) -> None:
        """A body of unknown length is refused where it becomes too long."""
        self.client.send(b"POST /_echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        for _ in range(CONTENT_BYTES_MAX >> 20):
            self.client.send(chunk)
        self.assertEqual(b"", self.client.transport.value())
        self.client.send(chunk)
        self.assert_refused()
        self.assertFalse(self.client.transport.disconnecting)
        for _ in range(DISCARDED_BYTES_MAX >> 20):
            self.client.send(chunk)
        self.assertTrue(self.client.transport.disconnecting)

    def test_longest_body(self) -> None:
        """The limit itself is allowed."""
        response = self.client.fetch("POST", "/_echo", bytes(CONTENT_BYTES_MAX), content_type="application/json")
        self.assertEqual(CONTENT_BYTES_MAX, response.json["length"])

    def test_gone(self) -> None:
        """Who goes away cancels what was asked for, and nothing is logged."""
        cancelled: list[object] = []
        self.slow = Deferred(cancelled.append)
        self.client.ask("GET", "/slow")
        self.client.hang_up()
        self.assertEqual([self.slow], cancelled)
        self.assertEqual([], self.flushLoggedErrors())

    def test_cancelled_here(self) -> None:
        """What is cancelled while its client waits is a failure of ours."""
        self.client.ask("GET", "/slow")
        self.slow.errback(CancelledError())
        self.assertEqual(500, self.client.answer().status)
        self.assertEqual(1, len(self.flushLoggedErrors(CancelledError)))

    def test_idle(self) -> None:
        """A head that never ends is not waited for."""
        self.client.send(b"GET /_echo HTTP/1.1\r\nHost:")
        self.client.clock.advance(IDLE_SECONDS + 1)
        self.assertTrue(self.client.transport.disconnecting)

    def test_slow(self) -> None:
        """Nor is one that goes on and never ends; a request that ends in time may take its time to be answered."""
        self.client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.client.clock.pump([1] * (REQUEST_SECONDS + 5))
        self.slow.callback(None)
        self.assertEqual(200, self.client.answer().status)
        self.client.send(b"GET /_echo HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(REQUEST_SECONDS - 1):
            self.client.send(b"X: y\r\n")
            self.client.clock.advance(1)
        self.assertFalse(self.client.transport.disconnecting)
        self.client.clock.advance(1)
        self.assertTrue(self.client.transport.disconnecting)

    def test_gone_in_the_middle(self) -> None:
        """Of a request whose client goes before its end nothing stays behind."""
        self.client.send(b"GET /_echo HTTP/1.1\r\nHost: localhost\r\n")
        self.client.hang_up()
        self.assertEqual([], self.client.clock.getDelayedCalls())

    def test_many_at_once(self) -> None:
        """Requests that come together are answered in as many turns of the reactor as they take; who goes meanwhile leaves nothing behind."""
        many = b"GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100
        self.client.send(many)
        self.assertLess(self.client.transport.value().count(b"200 OK"), 5)
        for _ in range(100):
            self.client.clock.advance(0)
        self.assertEqual(100, self.client.transport.value().count(b"200 OK"))
        self.client.send(many)
        self.client.hang_up()
        self.client.clock.advance(0)
        self.assertEqual([], self.client.clock.getDelayedCalls())

    def test_reads_nothing(self) -> None:
        """While an answer is not taken, what was asked for behind it is not answered; in the end it is not waited for."""
        transport = self.client.transport
        write = transport.write

        def full(data: bytes) -> None:
            write(data)
            transport.producer.pauseProducing()

        transport.write = full  # type: ignore[method-assign]
        self.client.send(b"GET /_echo HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        self.assertEqual(1, transport.value().count(b"200 OK"))
        self.assertEqual("paused", transport.producerState)
        transport.producer.resumeProducing()
        self.assertEqual(2, transport.value().count(b"200 OK"))
        aborted: list[bool] = []
        transport.abortConnection = lambda: aborted.append(True)  # type: ignore[method-assign]
        self.client.clock.advance(ANSWER_SECONDS - 1)
        self.assertFalse(aborted)
        self.client.clock.advance(1)
        self.assertTrue(aborted)


class AuthenticationTests(SiteCase):
    """Who may ask."""

    def setUp(self) -> None:
        """A broker with users."""
        super().setUp()
        self.client = Client(self.routes, FakeCredentials())

    def basic(self, text: str) -> str:
        """A header's value."""
        return "Basic " + base64.b64encode(text.encode()).decode()

    def test_user(self) -> None:
        """The right password makes a principal."""
        self.assertEqual("User:alice", self.client.fetch("GET", "/_echo", authorization=self.basic("alice:secret")).json["principal"])

    def test_refused(self) -> None:
        """Anything else is asked for a password."""
        for value in (self.basic("alice:wrong"), self.basic("bob:secret"), "Basic %%%", "Bearer x", "Basic"):
            response = self.client.fetch("GET", "/_echo", authorization=value)
            self.assertEqual((401, "security_exception"), (response.status, response.json["error"]["type"]), value)
            self.assertTrue(response.headers["www-authenticate"].startswith("basic "))

    def test_too_many_failures(self) -> None:
        """After too many wrong passwords none is tried, and the answer says when to come back; others are not disturbed."""
        for _ in range(5):
            self.assertEqual(401, self.client.fetch("GET", "/_echo", authorization=self.basic("alice:wrong")).status)
        response = self.client.fetch("GET", "/_echo", authorization=self.basic("alice:secret"))
        self.assertEqual((429, "12"), (response.status, response.headers["retry-after"]))
        self.assertEqual(401, self.client.fetch("GET", "/_echo", authorization=self.basic("bob:x")).status)
        self.assertEqual(200, self.client.fetch("GET", "/_echo").status)
        self.client.clock.advance(12)
        self.assertEqual(200, self.client.fetch("GET", "/_echo", authorization=self.basic("alice:secret")).status)

    def test_served(self) -> None:
        """Who was given something is told of, but not for a refusal, nor for what is everybody's."""
        self.routes.paths["health/livez"] = Route({"GET": _echo})
        refused = [{"authorization": self.basic("alice:wrong")}, {"host": "evil.example"}, {"content_type": "text/plain"}]
        for headers in refused:
            self.client.fetch("POST", "/_echo", b"{}", **headers)
        for path in ("/forbid", "/nowhere", "/health/livez"):
            self.client.fetch("GET", path)
        self.assertEqual([], self.client.served)
        self.client.fetch("GET", "/_echo")
        self.assertEqual([self.client.transport], self.client.served)

    def test_forbidden(self) -> None:
        """A refusal asks the anonymous who they are, and is final for who is known."""
        self.assertEqual(401, self.client.fetch("GET", "/forbid").status)
        self.assertEqual(403, self.client.fetch("GET", "/forbid", authorization=self.basic("alice:secret")).status)
        self.assertEqual(403, Client(self.routes).fetch("GET", "/forbid").status)


class HostileTests(SiteCase):
    """Whatever comes is answered, and never by a failure."""

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60), st.sampled_from(["GET", "POST", "HEAD", "PUT", "X"]))
    @settings(max_examples=200)
    def test_targets(self, target: str, method: str) -> None:
        """Any target has an answer below 500."""
        self.assertLess(Client(self.routes).fetch(method, "/_" + target.replace("%", "%25"), accept="a/b").status, 500)
        self.assertLess(Client(self.routes).fetch(method, "/" + target).status, 500)

    @given(st.sampled_from(["host", "origin", "authorization", "content_type", "accept"]), st.text(st.characters(max_codepoint=255)))
    @settings(max_examples=200)
    def test_headers(self, name: str, value: str) -> None:
        """Any header has an answer below 500."""
        value = "".join(character for character in value if character.isprintable())
        self.assertLess(Client(self.routes, FakeCredentials()).fetch("GET", "/_echo", **{name: value}).status, 500)

"""What the audit trail is told of HTTP requests."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.http.acls import AclEndpoints
from chronik.http.auditing import LOGIN_S, LOGINS_MAX, HttpAudit
from chronik.http.calls import HttpCalls
from chronik.http.configs import ConfigEndpoints
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.security.audit_interfaces import NO_AUDIT, AuditEvent, AuditKind
from chronik.security.interfaces import ANONYMOUS, CLUSTER_NAME, Action, Operation, Principal, ResourceType
from chronik.server.calls import ApiCalls
from chronik.server.table import api_table
from tests.http.harness import ALICE, Client, FakeCredentials
from tests.server.memory_broker import MemoryBroker
from tests.server.test_audited import FakeTrail


def basic(user: str, password: str) -> str:
    """Credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(method: str = "GET", path: str = "t/_search", principal: Principal = ALICE, body: bytes = b"", **headers: str) -> HttpRequest:
    """One of alice's."""
    return HttpRequest(method, tuple(path.split("/")), {}, headers, body, principal, "10.0.0.9")


class HttpAuditTests(SynchronousTestCase):
    """:class:`HttpAudit`."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.trail = FakeTrail()
        self.audit = HttpAudit(self.trail, self.clock)

    def events(self, kind: AuditKind) -> list[AuditEvent]:
        """Those of a kind."""
        return [event for event in self.trail.events if event.kind is kind]

    def test_logins(self) -> None:
        """Whoever proves who they are is told of once in a while, though every request proves it; anonymous requests prove nothing."""
        for _ in range(3):
            self.audit.served(request(authorization=basic("alice", "canary")), json_answer({}))
            self.audit.served(request(principal=ANONYMOUS), json_answer({}))
        self.audit.served(replace(request(), peer_host="10.0.0.8"), json_answer({}))
        self.clock.advance(LOGIN_S)
        self.audit.served(request(authorization=basic("alice", "canary")), json_answer({}))
        told = [(event.principal, event.host, event.details["mechanism"]) for event in self.events(AuditKind.AUTHENTICATION)]
        self.assertEqual([("User:alice", "10.0.0.9", "basic"), ("User:alice", "10.0.0.8", "certificate"), ("User:alice", "10.0.0.9", "basic")], told)
        self.assertNotIn("canary", repr(self.trail.events))

    def test_many_logins(self) -> None:
        """Whom it remembers is bounded."""
        for number in range(LOGINS_MAX + 10):
            self.audit.served(request(principal=Principal("User", str(number))), json_answer({}))
        self.assertEqual(LOGINS_MAX, len(self.audit._logins))

    def test_refused_logins(self) -> None:
        """Who was claimed, as far as it can be read, and never the password or token."""
        error = HttpError(401, "security_exception", "user or password is wrong")
        for header, principal, mechanism in (
            (basic("alice", "canary"), "User:alice", "basic"),
            ("Basic canary", "", "basic"),
            ("Bearer canary", "", "bearer"),
            (f"Basic {base64.b64encode(b'canary').decode()}", "", "basic"),
        ):
            self.audit.refused_login({"authorization": header}, "GET", "/t/_search", "10.0.0.9", error)
            event = self.trail.events.pop()
            self.assertEqual((principal, mechanism, False), (event.principal, event.details["mechanism"], event.succeeded))
            self.assertEqual("user or password is wrong", event.reason)
            self.assertNotIn("canary", repr(event))
        self.audit.refused_login({}, "GET", "/", "10.0.0.9", error)
        self.assertEqual([], self.trail.events)

    def test_refused(self) -> None:
        """What somebody may not do, named or anonymous."""
        refusal = HttpError(403, "security_exception", "no").answer()
        self.audit.served(request(), refusal)
        self.audit.served(request(principal=ANONYMOUS), HttpError(401, "security_exception", "no").answer())
        self.audit.served(request(), HttpError(404, "x", "no").answer())
        told = [(event.action, event.principal, event.resource, event.reason) for event in self.events(AuditKind.AUTHORIZATION)]
        self.assertEqual([("GET /t/_search", name, "/t/_search", "no") for name in ("User:alice", "User:ANONYMOUS")], told)

    def test_changes(self) -> None:
        """What is administered below _security is told with what there was and what there is, as the answer has it; reading it is not."""
        answer = replace(json_answer({}), change=({"x": 1}, {"x": 2}))
        self.audit.served(request("PUT", "_security/user/bob", body=b'{"password":"canary"}'), answer)
        self.audit.served(request("GET", "_security/user/bob"), json_answer({}))
        self.audit.served(request("DELETE", "_security/user/bob"), HttpError(404, "x", "no such user").answer())
        self.audit.served(request("PUT", "_chronik/quotas"), json_answer({}))  # told where the API is called
        self.audit.served(request("POST", "_chronik/acls"), json_answer({}))
        done, failed = self.events(AuditKind.CHANGE)
        self.assertEqual(("PUT /_security/user/bob", True, {"status": 200}), (done.action, done.succeeded, done.details))
        self.assertEqual(({"x": 1}, {"x": 2}), (done.before, done.after))
        self.assertEqual((False, "no such user", {}, {}), (failed.succeeded, failed.reason, failed.before, failed.after))
        self.assertNotIn("canary", repr(self.trail.events))


class SiteTests(SynchronousTestCase):
    """The site tells it."""

    def fetch(self, trail: Any, **headers: str) -> int:
        """The status of one request."""

        async def serve(request: HttpRequest) -> HttpAnswer:
            return json_answer({})

        client = Client(Routes(paths={"x": Route({"GET": serve})}), FakeCredentials(), audit=trail)
        return client.fetch("GET", "/x", **headers).status

    def test_told(self) -> None:
        """A login that is good, and one that is not."""
        trail = FakeTrail()
        self.assertEqual([200, 401], [self.fetch(trail, authorization=basic("alice", password)) for password in ("secret", "x")])
        self.assertEqual([("User:alice", True), ("User:alice", False)], [(event.principal, event.succeeded) for event in trail.events])
        self.assertEqual(200, self.fetch(NO_AUDIT))


class CalledTests(SynchronousTestCase):
    """Endpoints that call Kafka's APIs, which tell of refusals themselves."""

    def test_refusals_are_told_once(self) -> None:
        """Whoever may not, with credentials or without, is recorded by the API, and not by the site again."""
        broker, trail = MemoryBroker(), FakeTrail()
        broker.start(self)
        operations = (Operation.DESCRIBE, Operation.ALTER, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS)
        broker.authorizer.refused |= {Action(operation, ResourceType.CLUSTER, CLUSTER_NAME) for operation in operations}
        calls = HttpCalls(ApiCalls(replace(broker.services, audit=trail), api_table()))
        routes = Routes()
        AclEndpoints(calls).register(routes)
        ConfigEndpoints(calls).register(routes)
        client = Client(routes, FakeCredentials(), audit=trail)
        acl = b'{"acls": [{"principal": "User:alice", "resource": "topic", "name": "orders", "operation": "read"}]}'
        quota = b'{"entity": {"user": "alice"}, "limits": {"producer_byte_rate": 1}}'
        for method, path, body, api in (
            ("GET", "acls", b"", "DescribeAcls"),
            ("POST", "acls", acl, "CreateAcls"),
            ("DELETE", "acls?pattern=any", b"", "DeleteAcls"),
            ("GET", "configs/brokers/1", b"", "DescribeConfigs"),
            ("PUT", "configs/brokers/1", b'{"log.retention.ms": 1}', "IncrementalAlterConfigs"),
            ("GET", "quotas", b"", "DescribeClientQuotas"),
            ("PUT", "quotas", quota, "AlterClientQuotas"),
        ):
            for headers, status in (({"authorization": basic("alice", "secret")}, 403), ({}, 401)):
                trail.events.clear()
                content = {"content_type": "application/json"} if body else {}
                self.assertEqual(status, client.fetch(method, f"/_chronik/{path}", body, **headers, **content).status, path)
                told = [(event.kind, event.action) for event in trail.events if event.kind is not AuditKind.AUTHENTICATION]
                self.assertEqual([(AuditKind.AUTHORIZATION, api)], told)

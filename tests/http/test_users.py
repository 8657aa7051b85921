"""Users over HTTP."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.http.routing import Routes
from chronik.http.users import UserEndpoints
from chronik.security.audit_interfaces import AuditKind
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.security.scram_keys import proves
from chronik.testing.pools import SynchronousThreadPools
from tests.http.harness import Client, Response
from tests.server.memory_broker import MemoryBroker
from tests.server.test_audited import FakeTrail


class UsersTests(SynchronousTestCase):
    """``/_security/user``."""

    def setUp(self) -> None:
        """A broker, and a client of its site."""
        self.broker = MemoryBroker()
        self.broker.start(self)
        routes = Routes()
        UserEndpoints(self.broker.services, SynchronousThreadPools(), os.urandom).register(routes)
        self.trail = FakeTrail()
        self.client = Client(routes, audit=self.trail)

    def ask(self, method: str, name: str = "", body: Any = None) -> Response:
        """A request."""
        path = "/_security/user" + (f"/{name}" if name else "")
        if body is None:
            return self.client.fetch(method, path)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.fetch(method, path, data, content_type="application/json")

    def put(self, name: str, **fields: Any) -> Response:
        """Make or change a user."""
        return self.ask("PUT", name, {"password": "wonderland", **fields})

    def test_made_shown_and_deleted(self) -> None:
        """A user is made, changed, shown without anything secret, and deleted."""
        self.assertEqual({"created": True}, self.put("alice").json)
        self.assertEqual({"created": False}, self.put("alice", password="other", iterations=8192, mechanisms=["SCRAM-SHA-512"]).json)
        kept = self.broker.feed.image.security.scram
        self.assertTrue(proves(kept["SCRAM-SHA-256", "alice"], "SCRAM-SHA-256", "wonderland"))
        self.assertTrue(proves(kept["SCRAM-SHA-512", "alice"], "SCRAM-SHA-512", "other"))
        shown = self.ask("GET", "alice").json["alice"]
        mechanisms = {"SCRAM-SHA-256": {"iterations": 4096}, "SCRAM-SHA-512": {"iterations": 8192}}
        self.assertEqual(("alice", True, {"mechanisms": mechanisms}), (shown["username"], shown["enabled"], shown["metadata"]))
        self.assertEqual({"found": True}, self.ask("DELETE", "alice").json)
        self.assertEqual((404, {"found": False}), (self.ask("DELETE", "alice").status, self.ask("DELETE", "alice").json))
        self.assertEqual((404, {}), (self.ask("GET", "alice").status, self.ask("GET", "alice").json))

    def test_audited(self) -> None:
        """The audit trail has what there was and what there is, and nothing that proves anybody."""
        self.put("alice", mechanisms=["SCRAM-SHA-256"])
        self.put("alice", iterations=8192)
        self.ask("DELETE", "alice")
        first, second = ({"SCRAM-SHA-256": {"iterations": 4096}}, {name: {"iterations": 8192} for name in ("SCRAM-SHA-256", "SCRAM-SHA-512")})
        told = [(event.before, event.after) for event in self.trail.events if event.kind is AuditKind.CHANGE]
        self.assertEqual([({}, first), (first, second), (second, {})], told)
        self.assertNotIn("wonderland", repr(self.trail.events))

    def test_several(self) -> None:
        """All users, or some of them by name."""
        for name in ("alice", "bob", "carol"):
            self.put(name)
        self.assertEqual(["alice", "bob", "carol"], list(self.ask("GET").json))
        self.assertEqual(["alice", "carol"], list(self.ask("GET", "alice,nobody,carol").json))

    def test_names(self) -> None:
        """Names are what the URL says, prepared."""
        self.put("b%C3%BC%20%2F")
        self.assertEqual(["bü /"], list(self.ask("GET").json))
        self.assertEqual(400, self.put("%07").status)

    def test_refused(self) -> None:
        """What cannot be understood is refused, without the password."""
        for body in (
            b"hush", [], {}, {"password": ""}, {"password": 1}, {"password": "hush", "roles": ["admin"]}, {"password": "hush", "iterations": 1},
            {"password": "hush", "iterations": True}, {"password": "hush", "mechanisms": []}, {"password": "hush", "mechanisms": ["PLAIN"]},
            {"password": "hush\u0007"}, {"password": "hush", "mechanisms": "SCRAM-SHA-256"}, {"password": "hush", "mechanisms": [[]]},
            b'{"password": "hush", "\\ud800": 1}',
        ):  # fmt: skip
            response = self.ask("PUT", "alice", body)
            self.assertEqual(400, response.status, body)
            self.assertNotIn(b"hush", response.body)
        self.assertEqual({}, dict(self.broker.feed.image.security.scram))

    def test_not_allowed(self) -> None:
        """Who may not describe or alter the cluster is refused, whether the user exists or not."""
        self.put("alice")
        for operation, methods in ((Operation.DESCRIBE, ["GET"]), (Operation.ALTER, ["PUT", "DELETE"])):
            self.broker.authorizer.refused = {Action(operation, ResourceType.CLUSTER, CLUSTER_NAME)}
            for method in methods:
                bodies = {self.ask(method, name, {"password": "p"} if method == "PUT" else None).body for name in ("alice", "nobody")}
                self.assertEqual(1, len(bodies))
                self.assertEqual(403, self.ask(method, "alice", {"password": "p"} if method == "PUT" else None).status)

    def test_unavailable(self) -> None:
        """While nothing can be changed, that is what is said."""
        self.broker.metadata.read_only = True
        self.assertEqual(503, self.put("alice").status)

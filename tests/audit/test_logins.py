"""Authentications by SASL and by certificates."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.audit.logins import LoginAudit
from chronik.network.interfaces import Handshake, Session
from chronik.security.audit_interfaces import AuditKind
from chronik.security.interfaces import ANONYMOUS, Login, Principal
from chronik.security.sasl.gate import Outcome
from tests.server.test_audited import FakeTrail

SESSION = Session("SASL_SSL", "10.0.0.9", 5555, "10.0.0.1", 9092, ANONYMOUS)


class LoginAuditTests(SynchronousTestCase):
    """:class:`LoginAudit`."""

    def test_ended(self) -> None:
        """Who proved it and how; or who was claimed, and why nothing was proved."""
        trail = FakeTrail()
        audit = LoginAudit(trail)
        alice = Principal("User", "alice")
        audit.ended(Outcome(SESSION, "SCRAM-SHA-256", Login(alice), "alice"))
        audit.ended(Outcome(SESSION, "SCRAM-SHA-512", Login(alice, token_id="id"), "alice", again=True))
        audit.ended(Outcome(SESSION, "PLAIN", None, "bob", "wrong password"))
        audit.ended(Outcome(SESSION, "x" * 10_000, None, "", "Unsupported SASL mechanism"))
        self.assertTrue(all(event.kind is AuditKind.AUTHENTICATION and event.listener == "SASL_SSL" for event in trail.events))
        told = [(event.principal, event.succeeded, event.reason) for event in trail.events]
        expected = [
            ("User:alice", True, ""),
            ("User:alice", True, ""),
            ("User:bob", False, "wrong password"),
            ("", False, "Unsupported SASL mechanism"),
        ]
        self.assertEqual(expected, told)
        self.assertEqual({"mechanism": "SCRAM-SHA-512", "again": True, "token": "id"}, trail.events[1].details)
        self.assertEqual(64, len(trail.events[3].details["mechanism"]))

    def test_shaken(self) -> None:
        """Whose certificate it was; or why there is no connection."""
        trail = FakeTrail()
        audit = LoginAudit(trail)
        audit.shaken(Handshake("SSL", "10.0.0.9", Principal("User", "CN=alice")))
        audit.shaken(Handshake("SSL", "10.0.0.9", None, "showed a certificate of an unknown CA"))
        told = [(event.action, event.principal, event.host, event.listener, event.succeeded, event.reason) for event in trail.events]
        expected = [
            ("TlsHandshake", "User:CN=alice", "10.0.0.9", "SSL", True, ""),
            ("TlsHandshake", "", "10.0.0.9", "SSL", False, "showed a certificate of an unknown CA"),
        ]
        self.assertEqual(expected, told)

"""What a connection of a SASL listener must pass, and how its sessions end."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.cluster.interfaces import QuotaChange
from chronik.errors import ConfigurationError, ErrorCode
from chronik.protocol import messages as m
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.gate import ISaslListener
from tests.server.sasl_peer import LIMITS, SaslBroker, SaslPeer, bare

NONE, FAILED, ILLEGAL = ErrorCode.NONE, ErrorCode.SASL_AUTHENTICATION_FAILED, ErrorCode.ILLEGAL_SASL_STATE
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class SaslCase(SynchronousTestCase):
    """One connection."""

    settings: ClassVar[dict[str, str]] = {}

    def setUp(self) -> None:
        """A broker, and a connection to it."""
        self.broker = SaslBroker(self, self.settings)
        self.peer = self.broker.connect()


class LoginTests(SaslCase):
    """Who gets in."""

    def test_every_mechanism_and_version(self) -> None:
        """The right password lets a user in, after which everything is served."""
        for mechanism in MECHANISMS:
            for version in (0, 1, 2):
                peer = self.broker.connect()
                self.assertEqual(NONE, peer.versions().error_code)
                self.assertEqual(NONE, peer.login(mechanism, version=version).error_code)
                self.assertEqual(("User:alice", NONE), (peer.principal, peer.metadata().error_code))
        self.assertEqual(9, sum(self.broker.servers.counts.values()))
        self.assertEqual({"User:alice"}, {str(each.login.principal) for each in self.broker.outcomes if each.login})

    def test_wrong_password(self) -> None:
        """A wrong one is refused in Kafka's words, after a delay, and the connection ends; one line of the log says who it was."""
        for mechanism in MECHANISMS:
            peer = self.broker.connect()
            with capturedLogs() as logged:
                self.assertEqual(NONE, peer.handshake(mechanism).error_code)
                client = sasl_client(mechanism, "alice", "hush")
                message = self.successResultOf(client.respond(None))
                if mechanism != "PLAIN":
                    message = self.successResultOf(client.respond(peer.authenticate(message).auth_bytes))
                self.assertIsNone(peer.ask(m.SaslAuthenticateRequest(auth_bytes=message), 2))
                self.assertFalse(peer.over)
                self.broker.clock.advance(0.1)
            refused = peer.answer()
            self.assertEqual(FAILED, refused.error_code)
            self.assertTrue(refused.error_message.startswith("Authentication failed"), refused.error_message)
            self.assertTrue(peer.over)
            self.assertEqual("User:ANONYMOUS", peer.principal)
            (line,) = [formatEvent(event) for event in logged]
            self.assertIn("'alice'", line)
            self.assertNotIn("hush", line)

    def test_unknown_mechanism(self) -> None:
        """It is refused with the list of those that there are, and the connection ends."""
        answer = self.peer.handshake("GSSAPI")
        self.assertEqual((ErrorCode.UNSUPPORTED_SASL_MECHANISM, MECHANISMS), (answer.error_code, answer.mechanisms))
        self.assertTrue(self.peer.over)
        self.assertEqual({("SASL_PLAINTEXT", "unknown", "failed"): 1}, dict(self.broker.servers.counts))

    def test_interface(self) -> None:
        """What a listener's connections share is what the gate of one expects."""
        for server in self.broker.servers._servers.values():
            self.assertTrue(verifyObject(ISaslListener, server))

    def test_mechanisms_are_told(self) -> None:
        """So they are after a handshake that goes well."""
        self.assertEqual(MECHANISMS, self.peer.handshake("PLAIN").mechanisms)

    def test_deleted_user(self) -> None:
        """A user who is deleted, or has another password, stays in, and does not get in again."""
        self.peer.login("PLAIN")
        self.broker.set_password("alice", None)
        self.broker.set_password("bob", "other")
        self.assertEqual(NONE, self.peer.metadata().error_code)
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            self.assertEqual(FAILED, self.broker.connect().login(mechanism).error_code)
            self.assertEqual(FAILED, self.broker.connect().login(mechanism, "bob").error_code)
            self.assertEqual(NONE, self.broker.connect().login(mechanism, "bob", "other").error_code)

    def test_quotas_are_the_users(self) -> None:
        """What a user may use is what the one who logged in may."""
        change = QuotaChange((("user", "alice"),), {"request_percentage": 0.0001})
        self.successResultOf(self.broker.broker.controller.alter_quotas([change]))
        quotas = self.broker.broker.services.quotas
        for user, throttled in (("alice", True), ("bob", False)):
            peer = self.broker.connect()
            peer.login("PLAIN", user)
            session = peer.connection.session
            assert session is not None
            self.assertEqual(throttled, quotas.worked(session, "me", 1.0) > 0)


class BareTests(SaslCase):
    """After a handshake of version 0."""

    def test_login(self) -> None:
        """Messages and answers have only their size before them; what follows are Kafka requests again."""
        for mechanism in MECHANISMS:
            peer = self.broker.connect()
            self.assertEqual(NONE, peer.handshake(mechanism, 0).error_code)
            client = sasl_client(mechanism, "alice", "wonderland")
            message = self.successResultOf(client.respond(None))
            while message is not None:
                for byte in bare(message):
                    peer.send(bytes([byte]))
                message = self.successResultOf(client.respond(peer.bare_answer()))
            self.assertEqual(("User:alice", NONE), (peer.principal, peer.metadata().error_code))

    def test_pipelined(self) -> None:
        """All in one piece is served in order."""
        peer = self.peer
        data = peer.frame(m.SaslHandshakeRequest(mechanism="PLAIN"), 0)
        metadata = peer.frame(m.MetadataRequest(topics=()), 9)
        peer.send(data + bare(b"\0alice\0wonderland") + metadata)
        self.assertEqual(NONE, peer.answer().error_code)
        self.broker.clock.advance(0)
        self.assertEqual(b"", peer.bare_answer())
        self.broker.clock.advance(0)
        self.assertEqual(NONE, peer.answer().error_code)

    def test_refused(self) -> None:
        """A failure has no answer: the connection ends, after the delay."""
        self.peer.handshake("PLAIN", 0)
        self.peer.send(bare(b"\0alice\0wrong"))
        self.assertFalse(self.peer.over)
        self.broker.clock.advance(0.1)
        self.assertTrue(self.peer.over)
        self.assertIsNone(self.peer.bare_answer())

    def test_sizes(self) -> None:
        """A message may be empty; one of a negative size or a very large one ends the connection at once."""
        for data, over in ((b"\xff\xff\xff\xff", True), (b"\x7f\xff\xff\xff", True), (b"\x00\x00\x20\x01", True), (b"\x00\x00\x20\x00", False)):
            peer = self.broker.connect()
            peer.handshake("PLAIN", 0)
            peer.send(data)
            self.assertEqual(over, peer.over)
        peer = self.broker.connect()
        peer.handshake("SCRAM-SHA-256", 0)
        peer.send(bare(b""))
        self.broker.clock.advance(0.1)
        self.assertTrue(peer.over)


class OrderTests(SaslCase):
    """What may come when."""

    def test_other_requests(self) -> None:
        """Before authentication nothing else is served, nor read, and one line of the log says so."""
        metadata, produce = m.MetadataRequest(topics=()), m.ProduceRequest(acks=1, timeout_ms=1, topic_data=())
        for before in ("nothing", "versions", "handshake", "first message"):
            for request, version in ((metadata, 9), (produce, 9)):
                peer = self.broker.connect()
                if before == "versions":
                    peer.versions()
                elif before != "nothing":
                    peer.handshake("SCRAM-SHA-256")
                if before == "first message":
                    peer.authenticate(b"n,,n=alice,r=nonce")
                with capturedLogs() as logged:
                    peer.send(peer.frame(request, version))
                self.assertTrue(peer.over, before)
                self.assertIsNone(peer.answer())
                self.assertEqual(1, len(logged))
                self.assertIn("has to authenticate first", formatEvent(logged[0]) or "")

    def test_message_before_handshake(self) -> None:
        """SaslAuthenticate without a handshake is told so, and ends the connection."""
        answer = self.peer.authenticate(b"\0alice\0wonderland")
        self.assertEqual((ILLEGAL, True), (answer.error_code, self.peer.over))
        self.assertEqual("User:ANONYMOUS", self.peer.principal)

    def test_second_handshake(self) -> None:
        """So is a second handshake."""
        self.peer.handshake("PLAIN")
        self.assertEqual((ILLEGAL, True), (self.peer.handshake("PLAIN").error_code, self.peer.over))

    def test_versions_in_an_exchange(self) -> None:
        """ApiVersions has its place before the handshake, as often as one likes."""
        self.assertEqual([NONE] * 3, [self.peer.versions().error_code for _ in range(3)])
        self.peer.handshake("PLAIN")
        self.peer.send(self.peer.frame(m.ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3))
        self.assertTrue(self.peer.over)

    def test_unknown_version_of_versions(self) -> None:
        """Clients may ask for a version that nobody knows, and are told which there are."""
        frame = self.broker.connect().frame(m.ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3)
        self.peer.send(frame[:6] + b"\x00\x63" + frame[8:])
        self.assertEqual(int(ErrorCode.UNSUPPORTED_VERSION).to_bytes(2, "big"), (self.peer.bare_answer() or b"")[4:6])
        self.assertEqual(NONE, self.peer.handshake("PLAIN").error_code)

    def test_after_authentication(self) -> None:
        """Where sessions do not end, SASL requests after authentication are refused, as by Kafka; a message ends the connection."""
        self.peer.login("PLAIN")
        self.assertEqual((ILLEGAL, False), (self.peer.handshake("PLAIN").error_code, self.peer.over))
        self.assertEqual((ILLEGAL, True), (self.peer.authenticate(b"x").error_code, self.peer.over))

    def test_nothing_after_a_failure(self) -> None:
        """What was sent behind a message that fails is not served."""
        self.peer.handshake("PLAIN")
        wrong = self.peer.frame(m.SaslAuthenticateRequest(auth_bytes=b"\0alice\0wrong"), 2)
        self.peer.send(wrong + self.peer.frame(m.SaslHandshakeRequest(mechanism="PLAIN"), 1))
        self.broker.clock.advance(0.1)
        self.assertEqual(FAILED, self.peer.answer().error_code)
        self.broker.clock.advance(1)
        self.assertIsNone(self.peer.answer())

    def test_pipelined(self) -> None:
        """A login sent in one piece, with what is to follow it, is served in order."""
        peer = self.peer
        frames = [
            peer.frame(m.ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3),
            peer.frame(m.SaslHandshakeRequest(mechanism="PLAIN"), 1),
            peer.frame(m.SaslAuthenticateRequest(auth_bytes=b"\0alice\0wonderland"), 2),
            peer.frame(m.MetadataRequest(topics=()), 9),
        ]
        peer.send(b"".join(frames))
        for _ in frames:
            self.broker.clock.advance(0)
        self.assertEqual([NONE] * 4, [peer.answer().error_code for _ in frames])

    def test_other_listeners(self) -> None:
        """Where nobody has to authenticate, SASL requests are refused, and the connection goes on."""
        peer = SaslPeer(self.broker, "PLAINTEXT")
        self.assertEqual(ILLEGAL, peer.handshake("PLAIN").error_code)
        self.assertEqual(ILLEGAL, peer.authenticate(b"x").error_code)
        self.assertEqual((NONE, False), (peer.metadata().error_code, peer.over))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.lists(st.sampled_from(["versions", "handshake", "handshake 0", "good", "bad", "metadata", "garbage"]), max_size=8))
    @example(["handshake 0", "metadata"])
    @example(["handshake 0", "good", "metadata"])
    def test_any_order(self, steps: list[str]) -> None:
        """Whatever comes in whatever order, nobody is served who has not proved who it is."""
        peer = self.broker.connect()
        for step in steps:
            if peer.over:
                break
            if step == "versions":
                peer.send(peer.frame(m.ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3))
            elif step.startswith("handshake"):
                peer.send(peer.frame(m.SaslHandshakeRequest(mechanism="PLAIN"), 0 if step.endswith("0") else 1))
            elif step == "metadata":
                peer.send(peer.frame(m.MetadataRequest(topics=()), 9))
            elif step == "garbage":
                peer.send(b"\x00\x00\x00\x10" + b"\x00\x03\x00\x09" + b"x" * 12)
            else:
                message = b"\0alice\0wonderland" if step == "good" else b"\0alice\0wrong"
                peer.send(peer.frame(m.SaslAuthenticateRequest(auth_bytes=message), 2))
            for _ in range(3):  # a message is refused, then answered late, then the connection ends
                self.broker.clock.advance(0.2)
            if step == "metadata":
                self.assertEqual(peer.principal == "User:ANONYMOUS", peer.over)


class LimitTests(SaslCase):
    """How large, and how long."""

    settings: ClassVar[dict[str, str]] = {"sasl.server.max.receive.size": "1000"}

    def test_sizes(self) -> None:
        """Requests before authentication are small, whatever their API may be afterwards."""
        for key, size in ((18, 65 << 10), (17, 65 << 10), (36, 1000 + (65 << 10)), (3, 100)):
            peer = self.broker.connect()
            peer.send(size.to_bytes(4, "big") + key.to_bytes(2, "big") + b"\x00\x00\x00\x00")
            self.assertTrue(peer.over, key)

    def test_deadline(self) -> None:
        """However busy it is, whoever has not authenticated in time is sent away."""
        for seconds in range(int(LIMITS.authentication_seconds)):
            self.assertFalse(self.peer.over, seconds)
            self.peer.versions()
            self.broker.clock.advance(1)
        self.broker.clock.advance(1)
        self.assertTrue(self.peer.over)
        self.assertTrue(self.peer.factory.refused["deadline"])

    def test_no_deadline_afterwards(self) -> None:
        """Whoever has may stay."""
        self.peer.login("PLAIN")
        self.broker.clock.pump([1.0] * 60)
        self.assertEqual((NONE, False), (self.peer.metadata().error_code, self.peer.over))

    def test_hanging_up(self) -> None:
        """A peer that goes while it is kept waiting leaves nothing behind."""
        self.peer.handshake("PLAIN")
        self.peer.send(self.peer.frame(m.SaslAuthenticateRequest(auth_bytes=b"\0alice\0wrong"), 2))
        self.peer.leave()
        self.broker.clock.advance(1)
        self.assertEqual({}, self.peer.factory.connections)

    def test_a_crowd_fails(self) -> None:
        """However many fail at one time, all are told."""
        peers = [self.broker.connect() for _ in range(50)]
        for peer in peers:
            peer.handshake("PLAIN")
            peer.send(peer.frame(m.SaslAuthenticateRequest(auth_bytes=b"\0alice\0wrong"), 2))
        self.broker.clock.pump([0.1, 0, 0, 0, 0])
        self.assertEqual([(FAILED, True)] * 50, [(peer.answer().error_code, peer.over) for peer in peers])

    def test_failures_do_not_fill_the_log(self) -> None:
        """Of many failures in a second some are logged, and the rest is counted."""
        with capturedLogs() as logged:
            for _ in range(50):
                self.broker.connect().authenticate(b"x")
            self.broker.clock.advance(1)
            self.broker.connect().authenticate(b"x")
        lines = [formatEvent(event) or "" for event in logged]
        self.assertEqual(12, len(lines))
        self.assertIn("40 more", lines[10])


class SessionTests(SaslCase):
    """KIP-368."""

    settings: ClassVar[dict[str, str]] = {
        "connections.max.reauth.ms": "10000",
        "listener.name.sasl_plaintext.scram-sha-512.connections.max.reauth.ms": "3000",
    }

    def test_told(self) -> None:
        """Who authenticates is told for how long, by version 1 and later; the mechanism's own time wins."""
        for mechanism, version, lifetime in (("PLAIN", 2, 10_000), ("PLAIN", 1, 10_000), ("PLAIN", 0, 0), ("SCRAM-SHA-512", 2, 3000)):
            self.assertEqual(lifetime, self.broker.connect().login(mechanism, version=version).session_lifetime_ms)

    def test_cut(self) -> None:
        """The first request after the end of a session ends the connection, whatever version it authenticated by; silence does not."""
        for version in (0, 2):
            peer = self.broker.connect()
            peer.login("PLAIN", version=version)
            self.broker.clock.advance(9.9)
            self.assertEqual(NONE, peer.metadata().error_code)
            self.broker.clock.advance(0.2)
            self.assertFalse(peer.over)
            peer.send(peer.frame(m.MetadataRequest(topics=()), 9))
            self.assertTrue(peer.over)
            self.assertIsNone(peer.answer())
        self.assertEqual({"SASL_PLAINTEXT": 2}, self.broker.servers.expired)

    def test_renewed(self) -> None:
        """Who proves it again, before or after the end, has a new session on the same connection."""
        self.peer.login("PLAIN")
        for pause in (8, 11, 5):
            self.broker.clock.advance(pause)
            self.assertEqual(10_000, self.peer.login("PLAIN").session_lifetime_ms)
            self.assertEqual(NONE, self.peer.metadata().error_code)
        self.assertEqual([False, True, True, True], [each.again for each in self.broker.outcomes])

    def test_not_too_often(self) -> None:
        """Nobody begins again within a second of the last time."""
        self.peer.login("PLAIN")
        self.assertEqual(NONE, self.peer.login("PLAIN").error_code)
        self.broker.clock.advance(0.9)
        self.assertEqual((ILLEGAL, False), (self.peer.handshake("PLAIN").error_code, self.peer.over))
        self.broker.clock.advance(0.1)
        self.assertEqual(NONE, self.peer.login("PLAIN").error_code)

    def test_old_handshake(self) -> None:
        """Bare messages cannot renew a session."""
        self.peer.login("PLAIN")
        self.assertEqual(ILLEGAL, self.peer.handshake("PLAIN", 0).error_code)
        self.assertEqual(NONE, self.peer.metadata().error_code)

    def test_only_sasl_meanwhile(self) -> None:
        """While a session is renewed nothing else is served."""
        self.peer.login("PLAIN")
        self.peer.handshake("PLAIN")
        self.peer.send(self.peer.frame(m.MetadataRequest(topics=()), 9))
        self.assertTrue(self.peer.over)

    def test_deadline(self) -> None:
        """A renewal has its time, too."""
        self.peer.login("PLAIN")
        self.broker.clock.pump([1.0] * 9)
        self.peer.handshake("PLAIN")
        self.broker.clock.pump([1.0] * 29)
        self.assertFalse(self.peer.over)
        self.broker.clock.pump([1.0] * 2)
        self.assertTrue(self.peer.over)

    def test_same_principal(self) -> None:
        """Nobody becomes somebody else."""
        self.peer.login("PLAIN")
        answer = self.peer.login("PLAIN", "bob")
        self.assertEqual((FAILED, True, "User:alice"), (answer.error_code, self.peer.over, self.peer.principal))
        self.assertIn("Cannot change principals", answer.error_message)

    def test_same_mechanism(self) -> None:
        """Nor comes by another mechanism, even with the right password."""
        self.peer.login("PLAIN")
        answer = self.peer.login("SCRAM-SHA-256")
        self.assertEqual((FAILED, True), (answer.error_code, self.peer.over))
        self.assertIn("not supported for re-authentication of mechanism 'PLAIN'", answer.error_message)

    def test_changed_password(self) -> None:
        """Whose password has changed does not renew the session with the old one."""
        self.peer.login("SCRAM-SHA-256")
        self.broker.set_password("alice", "other")
        self.assertEqual((FAILED, True), (self.peer.login("SCRAM-SHA-256").error_code, self.peer.over))


class MechanismTests(SynchronousTestCase):
    """What a listener offers."""

    def test_listeners_own(self) -> None:
        """A listener may offer others than the rest, and have users of its own for PLAIN."""
        jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_carol="singer";'
        own = {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": jaas}
        broker = SaslBroker(self, {f"listener.name.sasl_plaintext.{key}": value for key, value in own.items()})
        self.assertEqual(("PLAIN",), broker.connect().handshake("PLAIN").mechanisms)
        self.assertEqual(NONE, broker.connect().login("PLAIN", "carol", "singer").error_code)
        self.assertEqual(FAILED, broker.connect().login("PLAIN", "alice").error_code)
        self.assertEqual(ErrorCode.UNSUPPORTED_SASL_MECHANISM, broker.connect().handshake("SCRAM-SHA-256").error_code)

    def test_wrong_jaas(self) -> None:
        """What cannot be offered refuses to start."""
        self.assertRaises(ConfigurationError, SaslBroker, self, {"listener.name.sasl_plaintext.plain.sasl.jaas.config": "nonsense"})

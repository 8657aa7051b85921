"""PLAIN."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.security.interfaces import ISaslExchange, ISaslMechanism, Login, SaslFailure
from chronik.security.sasl.client import PlainClient
from chronik.security.sasl.plain import MESSAGE_BYTES_MAX, PlainMechanism
from chronik.security.sasl.static_users import StaticUsers
from chronik.testing.auth_contract import CredentialStoreContract
from tests.security.sasl.users import ALICE, PASSWORD, Users, failures, logins


class PlainTests(SynchronousTestCase):
    """RFC 4616."""

    def setUp(self) -> None:
        """A mechanism."""
        self.users = Users()
        self.mechanism = PlainMechanism(logins(self.users))

    def refused(self, message: bytes) -> str:
        """What is said to a message."""
        return str(self.failureResultOf(self.mechanism.begin().step(message), SaslFailure).value)

    def test_interfaces(self) -> None:
        """They provide what they say."""
        verifyObject(ISaslMechanism, self.mechanism)
        verifyObject(ISaslExchange, self.mechanism.begin())

    def test_right(self) -> None:
        """The right password proves the user, with or without saying for whom."""
        for message in (b"\0alice\0wonderland", b"alice\0alice\0wonderland"):
            self.assertEqual((b"", Login(ALICE)), self.successResultOf(self.mechanism.begin().step(message)))

    def test_client(self) -> None:
        """Our own client's message is one, and nothing follows it."""
        client = PlainClient("alice", PASSWORD)
        self.assertEqual((b"", Login(ALICE)), self.successResultOf(self.mechanism.begin().step(self.successResultOf(client.respond(None)))))
        self.assertIsNone(self.successResultOf(client.respond(b"")))

    def test_refused_in_kafkas_words(self) -> None:
        """Each way to be wrong is told as Kafka tells it."""
        wrong = "Authentication failed: Invalid username or password"
        for message, said in (
            (b"\0alice\0wrong", wrong),
            (b"\0nobody\0wonderland", wrong),
            (b"\0al\xffice\0wonderland", wrong),
            (b"\0alice\0" + b"x" * MESSAGE_BYTES_MAX, wrong),
            (b"\0\0wonderland", "Authentication failed: username not specified"),
            (b"\0alice\0", "Authentication failed: password not specified"),
            (b"bob\0alice\0wonderland", "Authentication failed: Client requested an authorization id that is different from username"),
            (b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
            (b"\0alice\0won\0derland", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        ):
            self.assertEqual(said, self.refused(message))

    def test_second_message(self) -> None:
        """There is one message, whatever came of it."""
        exchange = self.mechanism.begin()
        self.successResultOf(exchange.step(b"\0alice\0wonderland"))
        self.failureResultOf(exchange.step(b"\0alice\0wonderland"), SaslFailure)

    def test_failures_count(self) -> None:
        """Whoever fails too often is told so, and nothing is checked."""
        clock = Clock()
        self.mechanism = PlainMechanism(logins(self.users, clock, failures(clock, per_user=2)))
        for _ in range(2):
            self.refused(b"\0alice\0wrong")
        asked = len(self.users.asked)
        self.assertIn("try again later", self.refused(b"\0alice\0wonderland"))
        self.assertEqual(asked, len(self.users.asked))

    @given(st.binary(max_size=60))
    def test_any_bytes(self, message: bytes) -> None:
        """Whatever comes is refused, never a failure of another kind."""
        self.failureResultOf(PlainMechanism(logins(Users())).begin().step(message), SaslFailure)


class StaticUsersTests(CredentialStoreContract, SynchronousTestCase):
    """Users of a JAAS configuration."""

    def make_credential_store(self) -> StaticUsers:
        """The contract's two."""
        return StaticUsers({"alice": "wonderland", "bob": "bücher & so"}, b"secret")

    def test_tells_nothing(self) -> None:
        """No password stands in what it keeps."""
        self.assertNotIn("wonderland", repr(vars(self.make_credential_store())))

"""Both sides of handshakes, in memory: who is let in, as whom, and what is said to the others."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.network.interfaces import TlsRefusal
from chronik.security.interfaces import Principal
from chronik.security.tls.client import ClientTls
from chronik.security.tls.making import Issued
from chronik.security.tls.server import ServerTls
from tests.security.tls.authority import authority, broker, ca_file, client, file, now, server, settings, shake

DAY = 86_400.0


def dialing(shown: Issued | None = None, host: str = "localhost", **more: str) -> Any:
    """A client that trusts the tests' CA; underscores in keys stand for dots."""
    named = {key.replace("_", "."): value for key, value in more.items()}
    own = {} if shown is None else {"ssl.keystore.location": file(shown)}
    return ClientTls("a client", Configuration().with_values({"ssl.truststore.location": ca_file(), **own, **named})).to(host)


class ServerTests(SynchronousTestCase):
    """A listener."""

    def shake(self, tls: ServerTls, side: Any) -> tuple[Any, Any]:
        """A handshake that comes to a good end."""
        there, here = side.connection(), tls.connection()
        self.assertEqual((None, None), shake(there, here))
        return there, here

    def refused(self, tls: ServerTls, side: Any) -> tuple[str, str]:
        """What the log says of a client, and the alert that it gets."""
        there, here = side.connection(), tls.connection()
        alert, error = shake(there, here)
        assert error is not None
        return tls.explain(here, error), "" if alert is None else str(alert)

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 with forward secrecy and authenticated encryption."""
        for version in ("TLSv1.2", "TLSv1.3"):
            there, _ = self.shake(server(), dialing(ssl_enabled_protocols=version))
            self.assertEqual(version, there.get_protocol_version_name())
            self.assertIn("GCM", there.get_cipher_name())

    def test_old_versions(self) -> None:
        """Nothing older is spoken, nor a version that was switched off."""
        tls = server()
        old = SSL.Context(SSL.TLS_CLIENT_METHOD)
        old.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        old.set_min_proto_version(SSL.TLS1_VERSION)
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        there, here = SSL.Connection(old), tls.connection()
        there.set_connect_state()
        self.assertIsNotNone(shake(there, here)[0])
        said, _ = self.refused(server(ssl_enabled_protocols="TLSv1.3"), dialing(ssl_enabled_protocols="TLSv1.2"))
        self.assertEqual("speaks no version of TLS that is spoken here", said)

    def test_weak_ciphers(self) -> None:
        """A client that offers only what is not safe finds nothing in common."""
        for suites in (b"AES128-SHA", b"ECDHE-ECDSA-AES128-SHA256", b"ECDHE-ECDSA-AES256-SHA"):
            weak = SSL.Context(SSL.TLS_CLIENT_METHOD)
            weak.set_cipher_list(suites + b":@SECLEVEL=0")
            weak.set_max_proto_version(SSL.TLS1_2_VERSION)
            there, here = SSL.Connection(weak), server().connection()
            there.set_connect_state()
            error = shake(there, here)[1]
            assert error is not None
            self.assertIn("none of the cipher suites", server().explain(here, error))

    def test_chosen_ciphers(self) -> None:
        """Suites that are configured, by IANA's names; a version without any is not spoken."""
        tls = server(ssl_cipher_suites="TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
        there, _ = self.shake(tls, dialing())
        self.assertEqual(("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"), (there.get_protocol_version_name(), there.get_cipher_name()))
        with self.assertRaisesRegex(ConfigurationError, "no suite"):
            server(ssl_cipher_suites="TLS_AES_128_GCM_SHA256", ssl_enabled_protocols="TLSv1.2")

    def test_nobody_asked(self) -> None:
        """Without client authentication nobody is known, whatever they could show."""
        _, here = self.shake(server(), dialing(client()))
        self.assertIsNone(server().identify(here))

    def test_requested(self) -> None:
        """A certificate that is asked for may be missing; one that is shown counts, and must be good."""
        tls = server(ssl_client_auth="requested")
        self.assertIsNone(tls.identify(self.shake(tls, dialing())[1]))
        self.assertEqual(Principal("User", "CN=alice,OU=People,O=Tests"), tls.identify(self.shake(tls, dialing(client()))[1]))
        self.assertIn("not trusted", self.refused(tls, dialing(client(issuer="other CA")))[0])

    def test_required(self) -> None:
        """Whom a certificate stands for, by rules; groups are its fields."""
        tls = server(ssl_client_auth="required", ssl_principal_mapping_rules="RULE:^CN=([^,]+).*$/$1/U", ssl_principal_groups="OU,O")
        for version in ("TLSv1.2", "TLSv1.3"):
            _, here = self.shake(tls, dialing(client(), ssl_enabled_protocols=version))
            found = tls.identify(here)
            assert found is not None
            self.assertEqual((Principal("User", "ALICE"), {"People", "Tests"}), (found, found.groups))

    def test_refused_certificates(self) -> None:
        """Wrong CA, wrong purpose, expired, none: the log says which, and the client gets the alert for it."""
        tls = server(ssl_client_auth="required")
        for shown, said, alert in (
            (None, "showed no certificate, and this listener requires one", "certificate required"),
            (client(issuer="other CA"), "issued by a CA that is not trusted: CN=alice", "unknown ca"),
            (client(server=True), "for another purpose: CN=alice", "unsupported certificate"),
            (client(days=-1), "has expired: CN=alice", "certificate expired"),
        ):
            why, told = self.refused(tls, dialing(shown))
            self.assertIn(said, why)
            self.assertIn(alert, told)

    def test_no_rule(self) -> None:
        """A certificate that no rule makes somebody of lets nobody in."""
        tls = server(ssl_client_auth="required", ssl_principal_mapping_rules="RULE:^CN=admin$/$0/")
        _, here = self.shake(tls, dialing(client()))
        with self.assertRaisesRegex(TlsRefusal, "belongs to nobody.*CN=alice"):
            tls.identify(here)

    def test_needs(self) -> None:
        """A listener without a certificate, or that asks for one and trusts nobody, is refused by name."""
        with self.assertRaisesRegex(ConfigurationError, r"listener IN: .*ssl\.keystore\.location"):
            ServerTls("IN", Configuration(), lambda: 0.0)
        values = {"ssl.keystore.location": file(broker()), "ssl.client.auth": "requested"}
        with self.assertRaisesRegex(ConfigurationError, r"listener IN: ssl\.client\.auth=requested needs ssl\.truststore"):
            ServerTls("IN", Configuration().with_values(values), lambda: 0.0)

    def test_names(self) -> None:
        """Clients that ask for another name get its certificate (SNI), by itself or by a pattern of one label."""
        names = f"other.example:{file(broker('other.example'))},*.wild.example:{file(broker('*.wild.example'))}"
        tls = server(ssl_keystore_sni=names, ssl_client_auth="required")
        for host, subject in (("localhost", "broker"), ("other.example", "other.example"), ("a.wild.example", "*.wild.example")):
            side = dialing(client(), host)
            there, here = self.shake(tls, side)
            self.assertEqual(f"CN={subject}", there.get_peer_certificate(as_cryptography=True).subject.rfc4514_string())
            side.identify(there)
            self.assertIsNotNone(tls.identify(here), "client authentication holds for every name")
        there, _ = self.shake(tls, dialing(client(), "a.b.wild.example"))
        self.assertEqual("CN=broker", there.get_peer_certificate(as_cryptography=True).subject.rfc4514_string())

    def test_resumption(self) -> None:
        """A client resumes its session by a ticket, in both versions, and is still the same; another certificate's tickets count for nothing."""
        tls = server(ssl_client_auth="required")
        for version in ("TLSv1.2", "TLSv1.3"):
            side = dialing(client(), ssl_enabled_protocols=version)
            there, here = self.shake(tls, side)
            session = there.get_session()
            again = side.connection()
            again.set_session(session)
            resumed = tls.connection()
            self.assertEqual((None, None), shake(again, resumed))
            self.assertEqual(tls.identify(here), tls.identify(resumed))
            self.assertTrue(is_resumed(again), version)
            other = side.connection()
            other.set_session(session)
            self.assertEqual((None, None), shake(other, server(ssl_client_auth="required").connection()))
            self.assertFalse(is_resumed(other), version)

    def test_resumed_session_of_an_expired_certificate(self) -> None:
        """A session does not outlive the certificate that it was made with."""
        later = [now().timestamp()]
        tls = server(lambda: later[0], ssl_client_auth="required")
        _, here = self.shake(tls, dialing(client()))
        tls.identify(here)
        later[0] += 101 * DAY
        with self.assertRaisesRegex(TlsRefusal, "expired"):
            tls.identify(here)

    def test_renegotiation(self) -> None:
        """Nobody can make the broker do another handshake on the same connection."""
        tls = server()
        there, here = self.shake(tls, dialing(ssl_enabled_protocols="TLSv1.2"))
        try:
            there.renegotiate()
            there.do_handshake()
        except SSL.Error:
            pass
        shake(there, here)
        self.assertEqual(0, here.total_renegotiations())

    def test_expiry(self) -> None:
        """Days left, and whether that is soon."""
        tls = server()
        self.assertAlmostEqual(100, tls.days_left, places=2)
        self.assertFalse(tls.near_expiry)
        self.assertTrue(server(ssl_expiry_warning_days="101").near_expiry)
        self.assertLess(server(lambda: now().timestamp() + 101 * DAY).days_left, 0)


def is_resumed(connection: Any) -> bool:
    """Whether a client's connection took up an earlier session: pyOpenSSL has no name for the question."""
    from OpenSSL._util import lib

    return bool(lib.SSL_session_reused(connection._ssl)) if hasattr(lib, "SSL_session_reused") else b"reused" in connection.get_state_string()


class ClientTests(SynchronousTestCase):
    """Connections from here."""

    def test_names(self) -> None:
        """The other end must have the name or address that was connected to, unless nobody cares."""
        for host in ("localhost", "127.0.0.1", "::1"):
            side = dialing(host=host)
            there, here = side.connection(), server().connection()
            self.assertEqual((None, None), shake(there, here))
            self.assertEqual("CN=broker", getattr(side.identify(there), "name", None))
        for host in ("elsewhere.example", "127.0.0.2", "local"):
            side = dialing(host=host)
            there, here = side.connection(), server().connection()
            self.assertEqual((None, None), shake(there, here))
            with self.assertRaisesRegex(TlsRefusal, host):
                side.identify(there)
            lax = dialing(host=host, ssl_endpoint_identification_algorithm="")
            self.assertIsNotNone(lax.identify(there))

    def test_no_name_at_all(self) -> None:
        """A certificate without names is for nobody, whatever its common name says."""
        side = dialing(host="localhost")
        nameless = server(ssl_keystore_location=file(client("localhost", server=True)))
        there = side.connection()
        self.assertEqual((None, None), shake(there, nameless.connection()))
        self.assertRaises(TlsRefusal, side.identify, there)

    def test_untrusted(self) -> None:
        """A broker of another CA is refused, and told so."""
        side = dialing(ssl_truststore_location=ca_file("other CA"))
        there, here = side.connection(), server().connection()
        error, alert = shake(there, here)
        assert error is not None
        self.assertIn("issued by a CA that is not trusted: CN=broker", side.explain(there, error))
        self.assertIn("unknown ca", str(alert))

    def test_clients_are_no_brokers(self) -> None:
        """A client's certificate is for another purpose."""
        tls = server(ssl_keystore_location=file(client()))
        side = dialing()
        there, here = side.connection(), tls.connection()
        error, _ = shake(there, here)
        assert error is not None
        self.assertIn("another purpose", side.explain(there, error))

    def test_system_trust(self) -> None:
        """Without a truststore whom the system trusts counts, which is not the tests' CA."""
        side = ClientTls("x", Configuration()).to("localhost")
        there, here = side.connection(), server().connection()
        error, _ = shake(there, here)
        self.assertIsNotNone(error)

    def test_settings_are_used(self) -> None:
        """The tests' own settings name a certificate and a CA."""
        self.assertEqual(authority().certificate.subject, broker().certificate.issuer)
        self.assertIn("ssl.truststore.location", settings())

"""Keys and certificates out of files and of the configuration."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration, load
from chronik.errors import ConfigurationError
from chronik.security.tls.making import SERVER, Issued, issue, make_authority, name_of
from chronik.security.tls.stores import fingerprint, key_store, trusted_certificates
from tests.security.tls.authority import authority, broker, ca_file, client, file, now

SECRET = "quite-secret"


def config(**values: str) -> Configuration:
    """A configuration; underscores stand for dots."""
    return Configuration().with_values({key.replace("_", "."): value for key, value in values.items()})


def encrypted(issued: Issued) -> bytes:
    """A private key that takes a password."""
    locked = serialization.BestAvailableEncryption(SECRET.encode())
    return issued.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def p12(issued: Issued, *above: Issued, password: str = SECRET) -> bytes:
    """A PKCS#12 file with a key."""
    locked = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"broker", issued.key, issued.certificate, [each.certificate for each in above], locked)


class KeyStoreTests(SynchronousTestCase):
    """Private keys and their certificates."""

    def refused(self, **values: str) -> str:
        """Why these settings cannot be used; the password is never in it."""
        message = str(self.assertRaises(ConfigurationError, key_store, config(**values)))
        self.assertNotIn(SECRET, message)
        return message

    def test_pem_file(self) -> None:
        """One file with everything, in whatever order."""
        for data in (broker().pem, broker().certificate_pem + broker().key_pem, authority().certificate_pem + broker().pem):
            store = key_store(config(ssl_keystore_location=file(data)))
            assert store is not None
            self.assertEqual(broker().certificate, store.certificate)
            self.assertEqual((), store.chain, "whoever trusts the root has it")

    def test_encrypted_key(self) -> None:
        """A key with a password, which is right, wrong or missing."""
        path = file(encrypted(broker()) + broker().certificate_pem)
        self.assertIsNotNone(key_store(config(ssl_keystore_location=path, ssl_key_password=SECRET)))
        self.assertIn("ssl.key.password is not set", self.refused(ssl_keystore_location=path))
        self.assertIn("ssl.key.password is wrong", self.refused(ssl_keystore_location=path, ssl_key_password=SECRET + "x"))
        self.assertIn("not encrypted", self.refused(ssl_keystore_location=file(broker()), ssl_key_password=SECRET))

    def test_inline(self) -> None:
        """The same in the configuration itself, also when a properties file has joined its lines."""
        key, certificate = broker().key_pem.decode(), broker().certificate_pem.decode()
        for join in (str, lambda text: text.replace("\n", " ")):
            store = key_store(config(ssl_keystore_key=join(key), ssl_keystore_certificate_chain=join(certificate)))
            assert store is not None
            self.assertEqual(broker().certificate, store.certificate)
        self.assertIn("ssl.keystore.key is not set", self.refused(ssl_keystore_certificate_chain=certificate))
        self.assertIn("both set", self.refused(ssl_keystore_location=file(broker()), ssl_keystore_key=key))

    def test_pkcs12(self) -> None:
        """A PKCS#12 file, whose password is right, wrong or missing."""
        path = file(p12(broker(), authority()))
        store = key_store(config(ssl_keystore_location=path, ssl_keystore_type="pkcs12", ssl_keystore_password=SECRET))
        assert store is not None
        self.assertEqual(broker().certificate, store.certificate)
        self.assertIn("is wrong", self.refused(ssl_keystore_location=path, ssl_keystore_type="PKCS12", ssl_keystore_password=SECRET + "x"))
        self.assertIn("cannot be read", self.refused(ssl_keystore_location=path, ssl_keystore_type="PKCS12"))
        two = {"ssl_keystore_password": SECRET, "ssl_key_password": SECRET + "x"}
        self.assertIn("one password", self.refused(ssl_keystore_location=path, ssl_keystore_type="PKCS12", **two))
        self.assertIn("PKCS12", self.refused(ssl_keystore_location=path))

    def test_chain(self) -> None:
        """Certificates between a broker's and its CA are shown, the nearest first."""
        root = make_authority(name_of("root"), now(), 10)
        middle = issue(root, name_of("middle"), now(), 10, [SERVER])
        leaf = issue(Issued(middle.key, middle.certificate), name_of("leaf"), now(), 10, [SERVER])
        data = leaf.key_pem + root.certificate_pem + middle.certificate_pem + leaf.certificate_pem
        store = key_store(config(ssl_keystore_location=file(data)))
        assert store is not None
        self.assertEqual((leaf.certificate, (middle.certificate,)), (store.certificate, store.chain))

    def test_refused(self) -> None:
        """Each file that cannot be used is told with its key and the reason."""
        for data, reason in (
            (b"", "no private key"),
            (broker().certificate_pem, "no private key"),
            (broker().key_pem, "no certificate"),
            (broker().pem + client().key_pem, "2 private keys"),
            (client().key_pem + broker().certificate_pem, "none of its certificates belongs to"),
            (broker().key_pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + broker().certificate_pem, "damaged"),
            (b"\xfe\xed\xfe\xed\0\0\0\2", "JKS"),
            (b"\xce\xce\xce\xce\0\0\0\2", "JKS"),
            (b"\x80\x81", "no PEM file"),
        ):
            message = self.refused(ssl_keystore_location=file(data))
            self.assertIn(reason, message)
            self.assertIn("ssl.keystore.location", message)
        self.assertIn("No such file", self.refused(ssl_keystore_location="/nowhere/broker.pem"))
        self.assertIn("PEM files have no password", self.refused(ssl_keystore_location=file(broker()), ssl_keystore_password=SECRET))

    def test_jks_type(self) -> None:
        """Kafka's default type is refused as a value, saying what to do."""
        for key in ("ssl.keystore.type", "ssl.truststore.type", "listener.name.tls.ssl.keystore.type"):
            message = str(self.assertRaises(ConfigurationError, load, {key: "JKS"}, {}))
            self.assertIn("keytool", message)

    def test_secrets_are_hidden(self) -> None:
        """Neither keys nor passwords are in the representation of what holds them."""
        store = key_store(config(ssl_keystore_location=file(broker())))
        self.assertNotIn("PrivateKey", repr(store))
        self.assertNotIn("PrivateKey", repr(broker()))


class TrustStoreTests(SynchronousTestCase):
    """Who is trusted."""

    def test_pem_and_pkcs12(self) -> None:
        """Certificates of both kinds of file, and inline."""
        both = authority().certificate_pem + authority("other CA").certificate_pem
        certificates = (authority().certificate, authority("other CA").certificate)
        self.assertEqual(certificates, trusted_certificates(config(ssl_truststore_location=file(both))))
        self.assertEqual(certificates, trusted_certificates(config(ssl_truststore_certificates=both.decode())))
        locked = serialization.BestAvailableEncryption(SECRET.encode())
        data = pkcs12.serialize_key_and_certificates(b"x", None, None, certificates, locked)
        found = trusted_certificates(config(ssl_truststore_location=file(data), ssl_truststore_type="PKCS12", ssl_truststore_password=SECRET))
        self.assertEqual(set(certificates), set(found))

    def test_nothing(self) -> None:
        """Nothing configured is nobody trusted; a file without certificates is a mistake."""
        self.assertEqual((), trusted_certificates(config()))
        with self.assertRaisesRegex(ConfigurationError, "no certificate"):
            trusted_certificates(config(ssl_truststore_location=file(broker().key_pem)))


class FingerprintTests(SynchronousTestCase):
    """Noticing that files changed."""

    def test_changes(self) -> None:
        """A file that is there, and one that is not."""
        self.assertEqual(fingerprint((ca_file(),)), fingerprint((ca_file(),)))
        self.assertNotEqual(fingerprint((ca_file(),)), fingerprint((ca_file("other CA"),)))
        self.assertEqual((None,), fingerprint(("/nowhere",)))

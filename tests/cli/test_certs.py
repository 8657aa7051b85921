"""``chronik certs``, and how commands are told to connect."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from chronik.cli import certs
from chronik.cli.options import parse
from chronik.cli.security import client_security
from chronik.config import Configuration
from chronik.errors import ChronikError, ConfigurationError
from chronik.security.tls.client import ClientTls
from chronik.security.tls.server import ServerTls
from tests.security.tls.authority import ca_file, client, file, shake


class CertsTests(SynchronousTestCase):
    """Making certificates."""

    def setUp(self) -> None:
        """A directory that is not there yet."""
        self.folder = Path(self.mktemp()) / "certs"

    def make(self, *arguments: str) -> str:
        """Run the command; what it prints."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.successResultOf(certs.perform(None, parse(["certs", str(self.folder), *arguments], {})))
        return out.getvalue()

    def refused(self, *arguments: str) -> str:
        """Why it makes nothing."""
        failure = self.failureResultOf(certs.perform(None, parse(["certs", str(self.folder), *arguments], {})), ChronikError)
        return str(failure.value)

    def certificate(self, name: str) -> x509.Certificate:
        """One that was made."""
        return x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())

    def test_files(self) -> None:
        """Nobody else may read what was made."""
        self.make("--client", "alice", "--client", "bob")
        self.assertEqual({"ca.pem", "ca-key.pem", "broker.pem", "alice.pem", "bob.pem"}, set(os.listdir(self.folder)))
        self.assertEqual(0o700, stat.S_IMODE(self.folder.stat().st_mode))
        for path in self.folder.iterdir():
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode), path)

    def test_contents(self) -> None:
        """The broker's is good for this machine and what was asked for, and as a client; a client's is no server's."""
        self.make("--client", "alice", "--host", "broker.example", "--host", "192.0.2.7", "--days", "10")
        broker, alice = self.certificate("broker"), self.certificate("alice")
        names = broker.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(["localhost", "broker.example"], names.get_values_for_type(x509.DNSName))
        self.assertEqual(["127.0.0.1", "::1", "192.0.2.7"], [str(each) for each in names.get_values_for_type(x509.IPAddress)])
        purposes = broker.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], list(purposes))
        self.assertEqual([ExtendedKeyUsageOID.CLIENT_AUTH], list(alice.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value))
        self.assertEqual(10, round((alice.not_valid_after_utc - alice.not_valid_before_utc).total_seconds() / 86400))
        self.assertTrue(self.certificate("ca").extensions.get_extension_for_class(x509.BasicConstraints).value.ca)

    def test_they_fit(self) -> None:
        """A broker and a client that are set up as is printed understand each other."""
        said = self.make("--client", "alice")
        words = [line.strip().removeprefix("--set ").removesuffix(" \\").strip("'") for line in said.splitlines() if "--set" in line]
        tls = ServerTls("SSL", Configuration().with_values(dict(word.split("=", 1) for word in words)), lambda: 0.0)
        use = next(line for line in said.splitlines() if "chronik topics list" in line).split()[1:]
        security = client_security(parse(use, {}))
        assert security.tls is not None
        there, here = security.tls.to("localhost").connection(), tls.connection()
        self.assertEqual((None, None), shake(there, here))
        self.assertEqual("User:alice", str(tls.identify(here)))

    def test_later_clients(self) -> None:
        """The CA that is there issues certificates for more clients; nothing that is there is changed."""
        self.make("--client", "alice")
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.make("--client", "bob")
        self.assertEqual(before, {name: (self.folder / name).read_bytes() for name in before})
        self.certificate("bob").verify_directly_issued_by(self.certificate("ca"))

    def test_never_overwrites_unasked(self) -> None:
        """What is there is only replaced when that is said, and the CA never is."""
        self.make("--client", "alice")
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.assertIn("alice.pem already; --replace", self.refused("--client", "alice", "--client", "new"))
        self.assertIn("broker.pem already; --replace", self.refused("--client", "bob", "--host", "broker.example"))
        self.assertEqual(before, {path.name: path.read_bytes() for path in self.folder.iterdir()})
        self.make("--client", "alice", "--replace")
        for name, same in (("ca.pem", True), ("ca-key.pem", True), ("broker.pem", False), ("alice.pem", False)):
            self.assertEqual(same, before[name] == (self.folder / name).read_bytes(), name)

    def test_half_a_ca(self) -> None:
        """A CA without its key, or the other way round, is not made anew: what it issued would be worth nothing."""
        self.make()
        (self.folder / "ca-key.pem").rename(self.folder / "elsewhere")
        self.assertIn("ca-key.pem is not", self.refused("--client", "bob"))

    def test_names(self) -> None:
        """What cannot be a file or a host is refused by the command line."""
        for arguments in (["--client", "../x"], ["--client", "ca"], ["--client", ""], ["--host", "a b"], ["--host", "http://x"], ["--days", "0"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                parse(["certs", *arguments], {})


class SecurityOptionsTests(SynchronousTestCase):
    """How commands connect."""

    def security(self, *arguments: str, environ: dict[str, str] | None = None) -> ClientTls | None:
        """What a command line says."""
        return client_security(parse(["topics", "list", *arguments], environ or {})).tls

    def test_plain(self) -> None:
        """Without options there is no TLS."""
        self.assertIsNone(self.security())

    def test_options(self) -> None:
        """A CA, a certificate with its key in one file or in two."""
        self.assertIsNotNone(self.security("--tls"))
        alice = client()
        for own in (["--tls-cert", file(alice)], ["--tls-cert", file(alice.certificate_pem), "--tls-key", file(alice.key_pem)]):
            tls = self.security("--tls-ca", ca_file(), *own)
            assert tls is not None
            self.assertIn("CN=alice", tls.material.subject)

    def test_mistakes(self) -> None:
        """Each says which option."""
        for arguments, said in (
            (["--tls-key", ca_file()], "--tls-cert"),
            (["--tls-ca", "/nowhere"], "/nowhere cannot be read"),
            (["--tls-cert", "/nowhere"], "/nowhere cannot be read"),
            (["--tls-cert", ca_file(), "--tls-key", "/nowhere"], "--tls-key /nowhere cannot be read"),
            (["--command-config", "/nowhere"], "/nowhere"),
        ):
            with self.assertRaisesRegex(ConfigurationError, said):
                self.security(*arguments)

    def test_file(self) -> None:
        """Kafka's client properties, also by the environment; options win, and what is not used is told."""
        path = self.mktemp()
        Path(path).write_text(f"security.protocol=SSL\nssl.truststore.location=/nowhere\nssl.keystore.location={file(client())}\nacks=all\n")
        with contextlib.redirect_stderr(io.StringIO()) as err:
            tls = self.security("--tls-ca", ca_file(), environ={"CHRONIK_COMMAND_CONFIG": path})
        assert tls is not None
        self.assertIn("CN=alice", tls.material.subject)
        self.assertIn("acks: not used", err.getvalue())

    def test_protocols(self) -> None:
        """A protocol that is not spoken is refused, and so is a value that cannot be."""
        wrong_version = "security.protocol=SSL\nssl.enabled.protocols=SSLv3\n"
        for text, said in (("security.protocol=KERBEROS\n", "KERBEROS"), (wrong_version, "ssl.enabled.protocols")):
            path = self.mktemp()
            Path(path).write_text(text)
            with self.assertRaisesRegex(ConfigurationError, said):
                self.security("--command-config", path)

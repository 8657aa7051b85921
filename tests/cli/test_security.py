"""How commands know who they are for."""

from __future__ import annotations

import argparse
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chronik.cli.options import parse
from chronik.cli.security import ClientSecurity, client_security
from chronik.cli.users import new_password, prepared
from chronik.errors import ChronikError

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SecurityTests(SynchronousTestCase):
    """Options and Kafka's client properties."""

    def file(self, text: str) -> str:
        """A file of this text."""
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def options(self, *arguments: str, environ: dict[str, str] | None = None) -> argparse.Namespace:
        """Options of a command."""
        return parse(["topics", "list", *arguments], environ or {})

    def security(self, *arguments: str, environ: dict[str, str] | None = None) -> ClientSecurity:
        """What options say."""
        return client_security(self.options(*arguments, environ=environ), ask=lambda prompt: "asked")

    def refused(self, *arguments: str) -> str:
        """Why they are refused."""
        return str(self.assertRaises(ChronikError, self.security, *arguments))

    def test_nobody(self) -> None:
        """Without options there is no login."""
        self.assertEqual(ClientSecurity(), self.security())
        self.assertIsNone(self.security().sasl)

    def test_user(self) -> None:
        """A user with a password of a file logs in by SCRAM, or by what is said."""
        password = self.file("wonder land\nmore\n")
        found = self.security("--user", "alice", "--password-file", password)
        self.assertEqual((None, "SCRAM-SHA-512", "alice", "wonder land"), (found.tls, found.mechanism, found.user, found.password))
        self.assertNotIn("wonder", repr(found))
        assert found.sasl is not None
        self.assertEqual("SCRAM-SHA-512", found.sasl().mechanism)
        self.assertEqual("PLAIN", self.security("--user", "alice", "--password-file", password, "--mechanism", "PLAIN").mechanism)

    def test_properties(self) -> None:
        """Kafka's properties say it as well, named by an option or the environment; options win."""
        jaas = f'sasl.jaas.config={SCRAM} required username="bob" password="b";'
        path = self.file(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n{jaas}\nclient.id=x\n")
        for found in (self.security("--command-config", path), self.security(environ={"CHRONIK_COMMAND_CONFIG": path})):
            self.assertEqual(("SCRAM-SHA-256", "bob", "b"), (found.mechanism, found.user, found.password))
        found = self.security("--command-config", path, "--user", "alice", "--password-file", self.file("a"))
        self.assertEqual(("SCRAM-SHA-256", "alice", "a"), (found.mechanism, found.user, found.password))

    def test_refused(self) -> None:
        """What cannot be is refused, and no password is repeated."""
        good = f'sasl.jaas.config={SCRAM} required username="bob" password="hush";'
        for text, said in (
            ("security.protocol=SASL_PLAINTEXT", "needs a user"),
            (f"security.protocol=KERBEROS\n{good}", "cannot be used"),
            (f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\n{good}", "login module"),
            ("security.protocol=SASL_SSL\nsasl.jaas.config=hush", "reads: MODULE"),
            (good, "that nobody does"),
            ("sasl.login.class=x", "means nothing"),
        ):
            error = self.refused("--command-config", self.file(text))
            self.assertIn(said, error)
            self.assertNotIn("hush", error)
        for path in ("/nowhere", self.file(""), self.file("\nx")):
            self.assertIn("password", self.refused("--user", "alice", "--password-file", path))

    def test_new_password(self) -> None:
        """A new password is asked for twice, or read."""
        options = argparse.Namespace(name="alice", new_password_file=self.file("from a file\n"))
        self.assertEqual("from a file", new_password(options))
        self.assertEqual("IX", prepared("\u2168", "password"))
        self.assertRaises(ChronikError, prepared, "\u0007", "name")

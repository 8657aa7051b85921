"""How commands know who they are for."""

from __future__ import annotations

import argparse
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
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

    def mechanism(self, security: ClientSecurity) -> str:
        """By which it logs in."""
        made = security.sasl(Clock())
        assert made is not None
        name: str = made().mechanism
        return name

    def authorization(self, security: ClientSecurity) -> str | None:
        """What HTTP is told."""
        return self.successResultOf(Deferred.fromCoroutine(security.authorization(Clock())))  # type: ignore[no-any-return]

    def test_nobody(self) -> None:
        """Without options there is no login."""
        self.assertEqual(ClientSecurity(), self.security())
        self.assertIsNone(self.security().sasl(None))

    def test_user(self) -> None:
        """A user with a password of a file logs in by SCRAM, or by what is said."""
        password = self.file("wonder land\nmore\n")
        found = self.security("--user", "alice", "--password-file", password)
        self.assertEqual((None, "SCRAM-SHA-512", "alice", "wonder land"), (found.tls, found.mechanism, found.user, found.password))
        self.assertNotIn("wonder", repr(found))
        self.assertEqual("SCRAM-SHA-512", self.mechanism(found))
        self.assertEqual("PLAIN", self.security("--user", "alice", "--password-file", password, "--mechanism", "PLAIN").mechanism)

    def test_properties(self) -> None:
        """Kafka's properties say it as well, named by an option or the environment; options win."""
        jaas = f'sasl.jaas.config={SCRAM} required username="bob" password="b";'
        path = self.file(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n{jaas}\nclient.id=x\n")
        for found in (self.security("--command-config", path), self.security(environ={"CHRONIK_COMMAND_CONFIG": path})):
            self.assertEqual(("SCRAM-SHA-256", "bob", "b"), (found.mechanism, found.user, found.password))
        found = self.security("--command-config", path, "--user", "alice", "--password-file", self.file("a"))
        self.assertEqual(("SCRAM-SHA-256", "alice", "a"), (found.mechanism, found.user, found.password))

    def test_tokens(self) -> None:
        """Of a file, of the environment, or of the file that Kafka's properties name; a user wins over the environment, as options do."""
        path = self.file("from-file\n")
        config = self.file(f"security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url=file://{Path(path).absolute()}\n")
        environ = {"CHRONIK_TOKEN": "from-environment"}
        for found, token in (
            (self.security("--token-file", path, environ=environ), "from-file"),
            (self.security(environ=environ), "from-environment"),
            (self.security("--command-config", config), "from-file"),
            (self.security("--command-config", config, environ=environ), "from-environment"),
        ):
            self.assertEqual(f"Bearer {token}", self.authorization(found))
            self.assertEqual("OAUTHBEARER", self.mechanism(found))
            self.assertNotIn(token, repr(found))
        user = self.security("--user", "alice", "--password-file", self.file("a"), environ=environ)
        self.assertEqual("Basic YWxpY2U6YQ==", self.authorization(user))
        made_up = Deferred.fromCoroutine(self.security(environ={"CHRONIK_TOKEN": "a b"}).authorization(None))
        self.assertIn("is no bearer token", str(self.failureResultOf(made_up)))

    def test_tokens_of_an_issuer(self) -> None:
        """What Kafka's clients say of themselves is understood, in both of its forms, with the secret in a file or not."""
        begin = "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url=https://issuer.example/token\n"
        module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
        handler = "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n"
        client = "sasl.oauthbearer.client.credentials.client."
        for rest in (
            f'{handler}sasl.jaas.config={module} required clientId="a" clientSecret="hush" ;\n',
            f"{client}id=a\n{client}secret=hush\nsasl.oauthbearer.scope=s\nsasl.jaas.config={module} required ;\n",
            f"{client}id=a\n{client}secret.file={self.file('hush')}\nsasl.oauthbearer.header.urlencode=true\n",
        ):
            self.assertEqual("OAUTHBEARER", self.mechanism(self.security("--command-config", self.file(begin + rest))))

    def test_tokens_refused(self) -> None:
        """What contradicts itself, or says too little."""
        token = self.file("x")
        self.assertIn("not by PLAIN", self.refused("--token-file", token, "--mechanism", "PLAIN"))
        self.assertIn("leave --user out", self.refused("--user", "a", "--mechanism", "OAUTHBEARER"))
        self.assertIn("needs a token", self.refused("--mechanism", "OAUTHBEARER"))
        config = "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
        self.assertIn("needs a token", self.refused("--command-config", self.file(config)))
        handler = "sasl.login.callback.handler.class=com.example.Mine\n"
        self.assertIn("program of Java's", self.refused("--command-config", self.file(config + handler)))

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

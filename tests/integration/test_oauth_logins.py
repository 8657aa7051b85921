"""Commands and brokers that log in by tokens, which they get of an authorization server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.task import deferLater

from chronik.config import Configuration
from chronik.defer import deferred
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.network.channel import AuthenticationError
from chronik.network.peers import BrokerChannels
from chronik.protocol.messages import MetadataRequest, MetadataResponse
from chronik.security.sasl.inter_broker import inter_broker_client
from chronik.threads import ReactorThreadPools
from tests.integration.clients import unused_name
from tests.integration.test_oauth import OAuthCase, in_thread
from tests.security.issuer import CLIENTS

SECRET = "sasl.oauthbearer.client.credentials.client.secret"


class CommandTests(OAuthCase):
    """The command ``chronik``."""

    settings: ClassVar[dict[str, str]] = {"authorizer": "acl", "super.users": "User:producer"}

    def file(self, text: str) -> str:
        """A file of this text, for its owner alone."""
        handle, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        return path

    def chronik(self, *arguments: str, input: str = "", status: int = 0, token: str = "") -> str:
        """Run it; what it prints."""
        environ = {**os.environ, "CHRONIK_TOKEN": token}
        command = [sys.executable, "-m", "chronik.cli", *arguments]
        done = subprocess.run(command, input=input, capture_output=True, text=True, check=False, timeout=60, env=environ)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertNotIn("eyJ", done.stderr)
        return done.stdout + done.stderr

    def properties(self, secret: str = CLIENTS["producer"]) -> str:
        """Kafka's properties of a client that gets its tokens itself."""
        return self.file(
            f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url={self.url}/token\n"
            "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ;\n"
            f"sasl.oauthbearer.client.credentials.client.id=producer\n{SECRET}={secret}\n"
        )

    @in_thread
    def test_client_credentials(self) -> None:
        """Records are produced, consumed and searched; all connections of a command share a token."""
        topic, config = unused_name("commands"), ("--command-config", self.properties())
        broker, http = ("-b", self.broker.bootstrap), ("--http", f"http://127.0.0.1:{self.broker.http_port}")
        self.chronik("produce", topic, *config, *broker, input="a\nb\n")
        self.assertEqual(1, self.server.tokens.issued)
        self.assertTrue(self.chronik("consume", topic, *config, *broker).startswith("a\nb\n"))
        self.assertIn("2", self.chronik("search", topic, "*", "--count", "--wait", *config, *http))
        self.chronik("roles", "grant", "analyst", "--operation", "read", "--topic", topic, *config, *http)
        wrong = self.chronik("topics", "list", "--command-config", self.properties("wrong"), *broker, status=1)
        self.assertIn("gives no token to producer: invalid_client", wrong)
        self.assertIn("invalid_client", self.chronik("search", topic, "*", "--command-config", self.properties("wrong"), *http, status=1))

    @in_thread
    def test_given(self) -> None:
        """Tokens of a file and of the environment; one that is no good is refused."""
        broker, token = ("-b", self.broker.bootstrap), self.token()
        self.chronik("topics", "list", "--token-file", self.file(token), *broker)
        self.chronik("topics", "list", *broker, token=token)
        refusal = self.chronik("topics", "list", *broker, token=self.issuer.token(exp=1), status=1)
        self.assertIn("the bearer of a token cannot log in", refusal)
        self.assertIn("invalid_token", refusal)


class BrokerTests(OAuthCase):
    """How brokers log in to each other, against a real one."""

    async def connected(self, **more: str) -> Any:
        """A channel to the broker, as another broker has one."""
        config = Configuration().with_values(
            {
                "sasl.mechanism.inter.broker.protocol": "OAUTHBEARER",
                "listener.name.sasl_plaintext.sasl.oauthbearer.token.endpoint.url": f"{self.url}/token",
                "sasl.oauthbearer.client.credentials.client.id": "producer",
                SECRET: CLIENTS["producer"],
                **more,
            }
        )
        pools = ReactorThreadPools(reactor)
        self.addCleanup(pools.close)
        sasl = inter_broker_client(config, "SASL_PLAINTEXT", pools, os.urandom, reactor)
        image = BrokerImage(1, 1, {"SASL_PLAINTEXT": Endpoint("127.0.0.1", self.broker.port, "SASL_PLAINTEXT")})
        return await BrokerChannels(reactor, 2, lambda _: image, "SASL_PLAINTEXT", sasl=sasl).connect(1)

    @deferred
    async def test_login(self) -> None:
        """A channel outlives the tokens that it was opened with: another one is got before each ends."""
        self.server.tokens.lifetime_seconds = 8
        channel = await self.connected()
        for _ in range(36):
            response: MetadataResponse = await channel.request(MetadataRequest(topics=()))
            self.assertEqual(1, len(response.brokers))
            await deferLater(reactor, 0.4)  # type: ignore[arg-type]
        channel.close()
        self.assertGreaterEqual(self.server.tokens.issued, 3)

    @deferred
    async def test_refused(self) -> None:
        """Why there is no login is told: no token is given, or it is for somebody else."""
        self.flushLoggedErrors()
        try:
            await self.connected(**{SECRET: "wrong"})
            self.fail("it was let in")
        except AuthenticationError as error:
            self.assertIn("invalid_client", str(error))
        path = Path(self.mktemp()).absolute()
        path.write_text(self.issuer.token(aud="other"))
        path.chmod(0o600)
        try:
            await self.connected(**{"listener.name.sasl_plaintext.sasl.oauthbearer.token.endpoint.url": f"file://{path}"})
            self.fail("it was let in")
        except AuthenticationError as error:
            self.assertIn("invalid_token", str(error))

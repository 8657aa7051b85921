"""OAUTHBEARER with Kafka's own tools."""

from __future__ import annotations

from contrib.java.kafka_tools import kafka_tool, properties
from tests.integration.test_oauth import OAuthCase, in_thread
from tests.security.issuer import CLIENTS


class KafkaToolTests(OAuthCase):
    """Java's clients."""

    @in_thread
    def test_java(self) -> None:
        """Kafka's own producer and consumer, which ask the authorization server themselves (KIP-768)."""
        login = (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
            f'clientId="producer" clientSecret="{CLIENTS["producer"]}" scope="produce";'
        )
        handler = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
        settings = properties(
            self.mktemp(),
            [
                "security.protocol=SASL_PLAINTEXT",
                "sasl.mechanism=OAUTHBEARER",
                f"sasl.jaas.config={login}",
                f"sasl.login.callback.handler.class={handler}",
                f"sasl.oauthbearer.token.endpoint.url={self.url}/token",
            ],
        )
        where = ("--bootstrap-server", self.broker.bootstrap, "--topic", "java", "--command-config", settings)
        allowed = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.url}/token"]
        status, output = kafka_tool("org.apache.kafka.tools.ConsoleProducer", *where, stdin="by token\n", options=allowed)
        self.assertEqual(0, status, output)
        consume = ("--from-beginning", "--max-messages", "1", "--timeout-ms", "30000")
        status, output = kafka_tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *where, *consume, options=allowed)
        self.assertIn("by token", output)
        self.assertGreaterEqual(self.server.tokens.issued, 2)

"""Whether tests of access stay as they are when all others get in another way."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.access import ACCESS, ANYBODY, Secured, Tls
from tests.integration.harness import OWN_ACCESS, Broker


class AccessTests(SynchronousTestCase):
    """Brokers that are not started."""

    def broker(self, *arguments: object, **more: object) -> Broker:
        """One whose directory goes."""
        broker = Broker(*arguments, **more)  # type: ignore[arg-type]
        self.addCleanup(broker.close)
        return broker

    def test_own(self) -> None:
        """A broker of anybody's has nothing of the way that all others are reached by."""
        broker = self.broker({"sasl.enabled.mechanisms": "PLAIN"}, access=ANYBODY)
        kafka = f"listeners=PLAINTEXT://127.0.0.1:{broker.port},SASL_PLAINTEXT://127.0.0.1:{broker.sasl_port}"
        self.assertIn(kafka, broker.command())
        self.assertFalse([word for word in broker.command() if word.startswith(("ssl.", "authorizer", "super.users", "users.bootstrap.file"))])
        self.assertEqual({"bootstrap.servers": broker.bootstrap}, broker.confluent)

    def test_everybody(self) -> None:
        """A broker and its clients go by one and the same way."""
        for access, protocol in ((Tls(), "SSL"), (Secured(), "SASL_SSL")):
            broker = self.broker(access=access)
            self.assertIn(f"listeners={protocol}://127.0.0.1:{broker.port}", broker.command())
            told = (broker.confluent["security.protocol"], broker.python["security_protocol"], broker.aiokafka["security_protocol"])
            self.assertEqual((protocol,) * 3, told)

    def test_not_said(self) -> None:
        """Whoever sets what is about access, and does not say so, is told."""
        for key in sorted(OWN_ACCESS):
            with self.assertRaisesRegex(AssertionError, f"a broker with {key} of its own"):
                self.broker({key: "x"}, access=ACCESS).command()

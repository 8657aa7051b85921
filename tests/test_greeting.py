"""Tests of what a broker says when it has started."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.greeting import first_steps


class FirstStepsTests(SynchronousTestCase):
    """What is said can be typed."""

    def test_default(self) -> None:
        """The commands need no options."""
        produce, search = first_steps("PLAINTEXT", "127.0.0.1:9092", "http://127.0.0.1:6092/")
        self.assertTrue(produce.endswith("| chronik produce logs"))
        self.assertIn("chronik search logs level:error  ", search)
        self.assertIn("open http://127.0.0.1:6092/ in a browser", search)

    def test_elsewhere(self) -> None:
        """They name the listeners, as commands take them."""
        produce, search = first_steps("PLAINTEXT", "0.0.0.0:19092", "http://127.0.0.1:16092/")
        self.assertTrue(produce.endswith("| chronik produce logs -b 127.0.0.1:19092"))
        self.assertIn("chronik search logs level:error --http http://127.0.0.1:16092  ", search)
        self.assertIn("-b [::1]:9092", first_steps("PLAINTEXT", "[::1]:9092", "")[0])

    def test_without_http(self) -> None:
        """Nobody is sent where nothing listens, nor where a certificate is to be trusted first."""
        self.assertEqual("      chronik consume logs --from-beginning", first_steps("PLAINTEXT", "127.0.0.1:9092", "")[1])
        self.assertNotIn("search", first_steps("PLAINTEXT", "127.0.0.1:9092", "https://127.0.0.1:6093/")[1])

    def test_secured(self) -> None:
        """They say what the listener asks for."""
        for protocol, options in (
            ("SSL", "--tls-ca FILE --tls-cert FILE"),
            ("SASL_SSL", "--tls-ca FILE --user NAME"),
            ("SASL_PLAINTEXT", "--user NAME"),
        ):
            self.assertEqual([f"Try:  chronik topics list -b 127.0.0.1:9093 {options}"], first_steps(protocol, "127.0.0.1:9093", ""))

"""For how long a login by SASL holds (KIP-368)."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.security.interfaces import Login, Principal
from chronik.security.sasl.server import SaslServer
from chronik.security.sasl.turns import Turns

NOW = 1_700_000_000.0


class LifetimeTests(SynchronousTestCase):
    """What a proof still holds is told by the time of day, of which the client hears a duration."""

    def lifetime_ms(self, ahead: float, expires: float | None, **settings: str) -> int | None:
        """Of a login that is made while the wall clock is so far ahead."""
        clock = Clock()
        config = Configuration().with_values({name.replace("_", "."): value for name, value in settings.items()})
        server = SaslServer("L", lambda: config, {}, clock, lambda: NOW + ahead, lambda outcome: None, Turns(clock))
        return server.lifetime_ms("PLAIN", Login(Principal("User", "alice"), expires=expires))

    def test_end_of_the_proof(self) -> None:
        """So long, nothing once it is over, and for ever where it has no end."""
        self.assertEqual([60_000, 50_000, 0, None], [self.lifetime_ms(*each) for each in ((0, NOW + 60), (10, NOW + 60), (61, NOW + 60), (0, None))])

    def test_configured(self) -> None:
        """The sooner of both ends counts."""
        ends = [self.lifetime_ms(ahead, NOW + 60, connections_max_reauth_ms="20000") for ahead in (0, 45)]
        self.assertEqual([20_000, 15_000], ends)

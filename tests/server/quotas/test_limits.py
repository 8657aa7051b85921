"""Which limit applies: Kafka's order, from the most specific to the least."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata.image import CLIENT_ID, PRODUCER_BYTE_RATE, USER, QuotaEntity
from chronik.server.quotas.limits import limit_of

LEVELS: tuple[tuple[QuotaEntity, tuple[str, str]], ...] = (
    (((USER, "u"), (CLIENT_ID, "c")), ("u", "c")),
    (((USER, "u"), (CLIENT_ID, None)), ("u", "c")),
    (((USER, "u"),), ("u", "")),
    (((USER, None), (CLIENT_ID, "c")), ("u", "c")),
    (((USER, None), (CLIENT_ID, None)), ("u", "c")),
    (((USER, None),), ("u", "")),
    (((CLIENT_ID, "c"),), ("", "c")),
    (((CLIENT_ID, None),), ("", "c")),
)


class LimitTests(SynchronousTestCase):
    """All eight levels."""

    def test_order(self) -> None:
        """Each level counts once those before it are gone, and says whose use is one."""
        quotas = {entity: {PRODUCER_BYTE_RATE: float(index)} for index, (entity, _) in enumerate(LEVELS)}
        for index, (entity, whose) in enumerate(LEVELS):
            found = limit_of(quotas, PRODUCER_BYTE_RATE, "u", "c")
            self.assertEqual((float(index), *whose), found)
            del quotas[entity]
        self.assertIsNone(limit_of(quotas, PRODUCER_BYTE_RATE, "u", "c"))

    def test_each_limit_by_itself(self) -> None:
        """A more specific entity that limits something else does not hide a limit."""
        quotas = {LEVELS[0][0]: {"consumer_byte_rate": 1.0}, LEVELS[7][0]: {PRODUCER_BYTE_RATE: 2.0}}
        self.assertEqual((2.0, "", "c"), limit_of(quotas, PRODUCER_BYTE_RATE, "u", "c"))

    def test_others(self) -> None:
        """Other users and clients have nothing to do with it."""
        quotas = {((USER, "x"),): {PRODUCER_BYTE_RATE: 1.0}, ((CLIENT_ID, "x"),): {PRODUCER_BYTE_RATE: 1.0}}
        self.assertIsNone(limit_of(quotas, PRODUCER_BYTE_RATE, "u", "c"))

"""Producer ids."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.producer_ids import ProducerIds


class ProducerIdsTests(SynchronousTestCase):
    """:class:`~chronik.cluster.producer_ids.ProducerIds`."""

    def setUp(self) -> None:
        """Blocks of a thousand."""
        self.asked: list[Deferred[range]] = []
        self.ids = ProducerIds(self.allocate)

    def allocate(self) -> Deferred[range]:
        """Whoever gives blocks takes its time."""
        self.asked.append(Deferred())
        return self.asked[-1]

    def test_many_at_once(self) -> None:
        """Thousands of producers that begin while a block is on its way have ids, each another one, and so has who comes later."""
        many = [Deferred.fromCoroutine(self.ids.next()) for _ in range(2500)]
        for number in range(3):
            self.asked[number].callback(range(1000 * number, 1000 * (number + 1)))
        self.assertEqual(list(range(2500)), [self.successResultOf(each) for each in many])
        self.assertEqual((2500, 3), (self.successResultOf(Deferred.fromCoroutine(self.ids.next())), len(self.asked)))

    def test_failure(self) -> None:
        """Whoever asks when there is no block hears why, the next one asks again."""
        first, second = (Deferred.fromCoroutine(self.ids.next()) for _ in range(2))
        self.asked[0].errback(OSError("nobody answers"))
        self.failureResultOf(first, OSError)
        self.asked[1].callback(range(7, 9))
        self.assertEqual(7, self.successResultOf(second))

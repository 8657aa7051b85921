"""Measures of use, by Kafka's arithmetic."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.network.rate import THROTTLE_MS_MAX, SampledRate, TokenBucket

NOW = 1_700_000_000_000.0


class SampledRateTests(SynchronousTestCase):
    """Eleven windows of a second."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.rate = SampledRate(11, 1000)

    def test_new(self) -> None:
        """What was just begun counts as if ten windows before it had been empty."""
        self.rate.record(1000, NOW)
        self.assertEqual(0, self.rate.throttle_ms(100, NOW))
        self.rate.record(1, NOW)
        self.assertEqual(10, self.rate.throttle_ms(100, NOW))

    def test_waiting_helps(self) -> None:
        """Use that is spread is forgotten a window at a time; the time told is what brings the average down to the limit."""
        for second in range(11):
            self.rate.record(200, NOW + second * 1000)
        now = NOW + 10_500
        self.assertEqual(11_500, self.rate.throttle_ms(100, now))
        self.assertEqual([True, False], [self.rate.throttle_ms(100, now + wait) > 0 for wait in (5_000, 6_000)])

    def test_longest(self) -> None:
        """No wait is longer than an answer can tell, however small the limit is."""
        self.rate.record(3_000_000, NOW)
        bucket = TokenBucket(11, 1000)
        bucket.spend(1000, 1e-4, NOW)
        waits = [self.rate.throttle_ms(1, NOW), self.rate.throttle_ms(1e-310, NOW), bucket.throttle_ms(1e-4, NOW), bucket.throttle_ms(1e-310, NOW)]
        self.assertEqual([THROTTLE_MS_MAX] * 4, waits)

    def test_steady(self) -> None:
        """Use a little below the limit is never throttled, at twice the limit always in the end."""
        for second in range(60):
            self.rate.record(90, NOW + second * 1000)
            self.assertEqual(0, self.rate.throttle_ms(100, NOW + second * 1000))
        rate = SampledRate(11, 1000)
        waits = []
        for second in range(60):
            rate.record(200, NOW + second * 1000)
            waits.append(rate.throttle_ms(100, NOW + second * 1000))
        self.assertEqual(0, waits[0])
        self.assertTrue(all(waits[10:]))

    def test_old_use_is_forgotten(self) -> None:
        """A window counts until it is eleven windows old."""
        self.rate.record(100_000, NOW)
        self.assertGreater(self.rate.throttle_ms(1, NOW + 10_999), 0)
        self.assertFalse(self.rate.idle(NOW + 10_999))
        self.assertTrue(self.rate.idle(NOW + 11_000))
        self.assertEqual(0, self.rate.throttle_ms(1, NOW + 11_000))

    def test_taken_back(self) -> None:
        """Use that did not happen after all leaves nothing."""
        self.rate.record(5000, NOW)
        self.rate.record(-5000, NOW)
        self.assertEqual(0, self.rate.throttle_ms(1, NOW))

    def test_bounded(self) -> None:
        """However long it is used, no more samples are kept than windows and one."""
        for step in range(1000):
            self.rate.record(1, NOW + step * 700)
        self.assertEqual(12, len(self.rate._samples))


class TokenBucketTests(SynchronousTestCase):
    """Eleven windows of a second."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.bucket = TokenBucket(11, 1000)

    def test_burst(self) -> None:
        """A new bucket is full, and may be overdrawn once."""
        self.assertEqual(0, self.bucket.throttle_ms(5, NOW))
        self.bucket.spend(55, 5, NOW)
        self.assertEqual(0, self.bucket.throttle_ms(5, NOW))
        self.bucket.spend(60, 5, NOW)
        self.assertEqual(12_000, self.bucket.throttle_ms(5, NOW))
        self.assertEqual(2_000, self.bucket.throttle_ms(5, NOW + 10_000))
        self.assertEqual(0, self.bucket.throttle_ms(5, NOW + 12_000))

    def test_full(self) -> None:
        """It never holds more than comes in all windows."""
        self.bucket.spend(0, 5, NOW)
        self.bucket.spend(56, 5, NOW + 3_600_000)
        self.assertEqual(200, self.bucket.throttle_ms(5, NOW + 3_600_000))

    def test_idle(self) -> None:
        """An untouched bucket and one that filled up are the same."""
        self.assertTrue(self.bucket.idle(NOW))
        self.bucket.spend(1, 5, NOW)
        self.assertFalse(self.bucket.idle(NOW + 10_999))
        self.assertTrue(self.bucket.idle(NOW + 11_000))
        self.bucket.spend(100, 5, NOW + 11_000)
        self.assertFalse(self.bucket.idle(NOW + 60_000))

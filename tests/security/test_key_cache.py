"""Keys that change, endpoints that fail, and floods of tokens with keys that nobody has."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.security.tokens.key_cache import UNKNOWN_KEY_SECONDS, WAITING_MAX, KeyCache, RefreshTimes
from chronik.security.tokens.key_set import parse_key_set
from chronik.security.tokens.sources import IKeySetSource
from chronik.security.tokens.web import SourceError
from tests.security.fakes import NowPools
from tests.security.issuer import Issuer

TIMES = RefreshTimes(3600.0, 0.125, 10.0)


@implementer(IKeySetSource)
class FakeSource:
    """An issuer's endpoint: answers, fails, or lets wait.

    :ivar asked: how often.
    :ivar held: those who wait, when it lets them.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.asked = 0
        self.problem: Exception | None = None
        self.garbage: bytes | None = None
        self.held: list[Deferred[bytes]] | None = None

    def read(self) -> Deferred[bytes]:
        """Answer."""
        self.asked += 1
        if self.held is not None:
            waiting: Deferred[bytes] = Deferred()
            self.held.append(waiting)
            return waiting
        if self.problem is not None:
            return fail(self.problem)
        return succeed(self.issuer.key_set() if self.garbage is None else self.garbage)


class KeyCacheTests(SynchronousTestCase):
    """One cache over a fake endpoint."""

    def setUp(self) -> None:
        """Begin to read."""
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.issuer = Issuer(self.clock.seconds)
        self.source = FakeSource(self.issuer)

    def begin(self) -> KeyCache:
        """A cache that has begun."""
        cache = KeyCache(self.source, NowPools(), self.clock, TIMES)
        cache.begin()
        self.addCleanup(cache.end)
        return cache

    def find(self, cache: KeyCache, key_id: str | None = "k1") -> Deferred[Any]:
        """Look for a key."""
        return Deferred.fromCoroutine(cache.find(key_id, "ES256"))

    def found(self, cache: KeyCache, key_id: str | None = "k1") -> int:
        """How many there are."""
        return len(self.successResultOf(self.find(cache, key_id)))

    def test_kept(self) -> None:
        """Known keys are not asked for again."""
        cache = self.begin()
        for _ in range(100):
            self.assertEqual(1, self.found(cache))
        self.assertEqual(1, self.source.asked)

    def test_refresh(self) -> None:
        """After the interval they are read anew, whether somebody asks or not; what is no longer published is no longer good."""
        cache = self.begin()
        self.issuer.rotate("k2", forget=True)
        self.clock.advance(3599)
        self.assertEqual((1, 1), (self.found(cache), self.source.asked))
        self.clock.advance(1)
        self.assertEqual((1, 2), (self.found(cache, "k2"), self.source.asked))
        self.assertEqual(0, self.found(cache))
        self.clock.advance(3600)
        self.assertEqual(4, self.source.asked)

    def test_rotation(self) -> None:
        """A new key is looked for when the first token names it, even right after the start."""
        cache = self.begin()
        self.issuer.rotate("k2")
        self.assertEqual(1, self.found(cache, "k2"))
        self.assertEqual(1, self.found(cache))
        self.assertEqual(2, self.source.asked)

    def test_flood_of_unknown_keys(self) -> None:
        """Ten thousand ids that nobody has lead to one reading, and to one more ten seconds later; known keys are found meanwhile."""
        cache = self.begin()
        for number in range(10_000):
            self.assertEqual(0, self.found(cache, f"nobody-{number}"))
        self.assertEqual(2, self.source.asked)
        self.assertEqual(1, self.found(cache))
        self.clock.advance(UNKNOWN_KEY_SECONDS)
        for number in range(10):
            self.assertEqual(0, self.found(cache, f"nobody-{number}"))
        self.assertEqual(3, self.source.asked)

    def test_unknown_keys_wait_together(self) -> None:
        """Whoever comes while the keys are read waits for that; too many are not kept waiting."""
        cache = self.begin()
        self.source.held = []
        waiting = [self.find(cache, "k2") for _ in range(WAITING_MAX)]
        self.assertEqual(0, self.found(cache, "k2"))
        self.assertEqual(1, self.found(cache))
        self.issuer.rotate("k2")
        self.source.held[0].callback(self.issuer.key_set())
        self.assertEqual({1}, {len(self.successResultOf(each)) for each in waiting})
        self.assertEqual(2, self.source.asked)

    def test_failing_endpoint_keeps_keys(self) -> None:
        """While the endpoint fails, the old keys are good, it is asked less and less often, and the log says so once."""
        cache = self.begin()
        self.source.problem = SourceError("no route to host")
        self.clock.advance(3600)
        self.assertEqual(2, self.source.asked)
        times = []
        for _ in range(600):
            before = self.source.asked
            self.clock.advance(0.125)
            self.assertEqual(1, self.found(cache))
            if self.source.asked > before:
                times.append(self.clock.seconds() - 1_003_600)
        expected = [0.125, 0.375, 0.875, 1.875, 3.875, 7.875, 15.875, 25.875, 35.875, 45.875, 55.875, 65.875]
        self.assertEqual(expected, times)
        self.source.problem = None
        self.issuer.rotate("k2")
        self.clock.advance(10)
        self.assertEqual(1, self.found(cache, "k2"))

    def test_garbage_keeps_keys(self) -> None:
        """What is no key set counts as a failure."""
        cache = self.begin()
        for garbage in (b"", b"<html>", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"AAAA"}]}'):
            self.source.garbage = garbage
            self.clock.advance(3600)
            self.assertEqual(1, self.found(cache))
        self.source.garbage = None
        self.clock.advance(10)
        self.assertEqual(1, self.found(cache))

    def test_no_keys_yet(self) -> None:
        """Before the keys were ever read, tokens wait for the first reading; when that fails they are refused, at once from then on."""
        self.source.held = []
        cache = self.begin()
        waiting = self.find(cache)
        self.assertNoResult(waiting)
        self.source.held[0].errback(SourceError("refused"))
        self.failureResultOf(waiting, SourceError)
        self.source.held = None
        self.clock.advance(0.125)
        self.assertEqual(1, self.found(cache))

    def test_nothing_unexpected_stops_it(self) -> None:
        """A source that fails in a way nobody foresaw is logged, and asked again."""
        cache = self.begin()
        self.source.problem = RuntimeError("what?")
        self.clock.advance(3600)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.source.problem = None
        self.issuer.rotate("k2")
        self.clock.advance(0.125)
        self.assertEqual((1, 3), (self.found(cache, "k2"), self.source.asked))

    def test_end(self) -> None:
        """After the end nothing is asked any more, also by who was in the middle of it."""
        cache = self.begin()
        self.source.held = []
        waiting = self.find(cache, "k2")
        cache.end()
        self.source.held[0].callback(self.issuer.key_set())
        self.assertEqual([], list(self.successResultOf(waiting)))
        self.assertEqual(0, self.found(cache, "k3"))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(2, self.source.asked)

    def test_first(self) -> None:
        """What was read before is good at once."""
        cache = KeyCache(self.source, NowPools(), self.clock, TIMES, parse_key_set(self.issuer.key_set()))
        cache.begin()
        self.addCleanup(cache.end)
        self.assertEqual((1, 0), (self.found(cache), self.source.asked))

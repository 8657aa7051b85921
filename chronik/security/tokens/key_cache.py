"""The issuer's keys as last read: anew now and then, and when a token names a key that is not there.

Whoever shows tokens chooses the ids of keys in them, so these lead to at most one reading in :data:`UNKNOWN_KEY_SECONDS`. A source that fails takes
nothing away: the keys that were read last stay good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from chronik.config import Configuration
from chronik.defer import IThreadPools, Pool
from chronik.security.tokens.key_set import KeySet, VerificationKey, parse_key_set
from chronik.security.tokens.web import SourceError

UNKNOWN_KEY_SECONDS: Final = 10.0
"""Least time between two readings for keys that are not there. An issuer publishes a key before it signs with it: the honest do not wait for this."""

WAITING_MAX: Final = 1024
"""Tokens that may wait for one reading; more are told that their key is not known."""


@dataclass(frozen=True, slots=True)
class RefreshTimes:
    """Seconds between two readings, and after one that failed: the first pause and the longest."""

    refresh: float
    backoff: float
    backoff_max: float

    @classmethod
    def of(cls, config: Configuration) -> RefreshTimes:
        """As configured."""
        prefix = "sasl.oauthbearer.jwks.endpoint."
        backoff: float = config.get(prefix + "retry.backoff.ms") / 1000
        return cls(config.get(prefix + "refresh.ms") / 1000, backoff, max(backoff, config.get(prefix + "retry.backoff.max.ms") / 1000))


class KeyCache:
    """Keys by id, kept as the issuer has them.

    :param source: an :class:`~chronik.security.tokens.sources.IKeySetSource`.
    :param pools: where sets are parsed.
    :param first: what was read before; None to read it once begun.
    """

    _log = Logger()

    def __init__(self, source: Any, pools: IThreadPools, clock: IReactorTime, times: RefreshTimes, first: KeySet | None = None) -> None:
        self._source = source
        self._pools = pools
        self._clock = clock
        self._times = times
        self._keys = first
        self._failures = 0
        self._asked_at = float("-inf")
        self._reading = False
        self._waiting: list[Deferred[None]] = []
        self._timer: IDelayedCall | None = None
        self._ended = False

    def begin(self) -> None:
        """Read the keys, at once if there are none yet, and anew from then on."""
        if self._keys is None:
            self._read()
        else:
            self._later(self._times.refresh)

    def end(self) -> None:
        """Read nothing more."""
        self._ended = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that a token may be signed with, perhaps after a look whether the issuer has new ones.

        :raises SourceError: no keys are known at all.
        """
        found = self._keys.find(key_id, algorithm) if self._keys is not None else ()
        if not found and self._may_wait():
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            if not self._reading:
                self._asked_at = self._clock.seconds()
                self._read()
            await waiting
            found = self._keys.find(key_id, algorithm) if self._keys is not None else ()
        if self._keys is None:
            raise SourceError("the issuer's keys are not known yet")
        return found

    def _may_wait(self) -> bool:
        if self._ended or len(self._waiting) >= WAITING_MAX:
            return False
        return self._reading or self._clock.seconds() - self._asked_at >= UNKNOWN_KEY_SECONDS

    def _read(self) -> None:
        self._reading = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        Deferred.fromCoroutine(self._read_once())

    async def _read_once(self) -> None:
        try:
            data = await self._source.read()
            self._keys = await self._pools.run(Pool.CPU, parse_key_set, data)
            self._told_good(self._keys)
        except SourceError as error:
            self._told_bad(str(error))
        except ValueError as error:
            self._told_bad(f"what was read is no key set: {error}")
        except Exception:  # noqa: BLE001  what nobody foresaw must not be the end of reading
            self._failures += 1
            self._log.failure("the keys that bearer tokens are signed with could not be read")
        finally:
            self._reading = False
            waiting, self._waiting = self._waiting, []
            if not self._ended:
                self._later(self._pause())
            for each in waiting:
                each.callback(None)

    def _pause(self) -> float:
        if not self._failures:
            return self._times.refresh
        return min(self._times.backoff * 2.0 ** min(self._failures - 1, 30), self._times.backoff_max)

    def _later(self, seconds: float) -> None:
        self._timer = self._clock.callLater(seconds, self._read)

    def _told_good(self, keys: KeySet) -> None:
        if self._failures:
            self._log.info("the keys that bearer tokens are signed with can be read again")
        self._failures = 0
        self._log.debug("{count} keys for bearer tokens were read; {unusable} more are of no use", count=len(keys), unusable=keys.unusable)

    def _told_bad(self, problem: str) -> None:
        """Once, not each time."""
        self._failures += 1
        if self._failures == 1:
            what = "those that were read last stay good" if self._keys is not None else "until they can, no bearer token is good"
            self._log.warn("the keys that bearer tokens are signed with cannot be read: {problem}; {what}", problem=problem, what=what)

"""Certificates that change while a broker runs: files are looked at now and then, the configuration when it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.config import Configuration
from chronik.config.interfaces import IReconfigurable
from chronik.config.tls_keys import TLS_KEYS
from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.tls.client import ClientTls
from chronik.security.tls.contexts import DAY_SECONDS, days_left, near_expiry
from chronik.security.tls.server import ServerTls
from chronik.security.tls.stores import fingerprint, store_paths

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

COMPLAINT_SECONDS: Final = DAY_SECONDS
"""How often a certificate that is about to end is complained about."""

_SSL: Final = "ssl."
"""What is in the names of all keys of certificates, for one listener or for all."""


class _Watched:
    """One user of certificates.

    :ivar tried: the files as they were when they were read last, whether they could be used or not.
    :ivar config: the configuration likewise.
    :ivar warned: when its certificate's end was last complained about.
    """

    def __init__(self, tls: ServerTls | ClientTls) -> None:
        self.tls: Any = tls
        self.tried = tls.material.read
        self.config = tls.config
        self.warned = float("-inf")


@implementer(IReconfigurable)
class TlsReloader:
    """Reads certificates anew when they changed. What cannot be used is told once, and what was there before goes on being used.

    :param users: listeners, and connections from here.
    :param config: the broker's configuration as it is now.
    :param pools: where files are read.
    :param clock: an ``IReactorTime``, for the intervals.
    :param wall_clock: tells how long certificates still hold.
    """

    _log = Logger()

    def __init__(
        self,
        users: Sequence[ServerTls | ClientTls],
        config: Callable[[], Configuration],
        pools: IThreadPools,
        clock: Any,
        wall_clock: WallClock,
    ) -> None:
        self._watched = [_Watched(each) for each in users]
        self._config = config
        self._pools = pools
        self._clock = clock
        self._wall_clock = wall_clock
        self._timer: IDelayedCall | None = None
        self._looking = False
        self._again = False
        self._stopped = False

    @deferred
    async def check_configuration(self, config: Configuration) -> None:
        """Read what other certificates would be used; see :meth:`IReconfigurable.check_configuration`."""
        for watched in self._watched:
            own = config.for_listener(watched.tls.config.listener)
            if _differ(own, watched.config):
                await self._pools.run(Pool.BACKGROUND, watched.tls.load, own)

    def configuration_changed(self, config: Configuration, changed: AbstractSet[str]) -> None:
        """Read them if it may have been theirs; see :meth:`IReconfigurable.configuration_changed`."""
        if any(_SSL in name for name in changed):
            self.look_soon()

    def start(self) -> None:
        """Look from now on."""
        self._complain()
        if self._watched:
            self.look_soon()

    def look_soon(self) -> None:
        """Look now, and from then on again at intervals; nobody waits for it."""
        if self._watched and not self._stopped:
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            self._look_now()

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    @deferred
    async def look(self) -> None:
        """Look at files and configuration now; fires once all that changed is in use. Of looks that overlap the later one waits, and is one."""
        if self._looking:
            self._again = True
            return
        self._looking = True
        try:
            for watched in self._watched:
                await self._look_at(watched)
            self._complain()
        finally:
            self._looking = False
        if self._again and not self._stopped:
            self._again = False
            await self.look()

    async def _look_at(self, watched: _Watched) -> None:
        config = self._config().for_listener(watched.tls.config.listener)
        changed = _differ(config, watched.config)
        # The files that are named now, of which those in use may be none: what could not be used may be put right.
        found = await self._pools.run(Pool.BACKGROUND, fingerprint, store_paths(config))
        if (found == watched.tried and not changed) or self._stopped:
            return
        watched.tried, watched.config = found, config
        tls = watched.tls
        try:
            material = await self._pools.run(Pool.BACKGROUND, tls.load, config)
        except ConfigurationError as problem:
            self._log.warn(
                "{problem}; the certificates that were used before go on being used: {subject}", problem=str(problem), subject=tls.material.subject
            )
            return
        watched.tried, watched.warned = material.read, float("-inf")
        tls.replace(config, material)
        self._log.info("{listener}: new connections go by new certificates: {subject}", listener=tls.listener, subject=material.subject)

    def _complain(self) -> None:
        now = self._clock.seconds()
        for watched in self._watched:
            tls = watched.tls
            days = days_left(tls.material.expires, self._wall_clock())
            if near_expiry(tls.config, days) and now - watched.warned >= COMPLAINT_SECONDS:
                watched.warned = now
                self._log.warn(
                    "{listener}: the certificate {subject}, or one that is shown with it, {ends}; put a new one in its place",
                    listener=tls.listener,
                    subject=tls.material.subject,
                    ends=f"ends in {days:.1f} days" if days >= 0 else f"ended {-days:.1f} days ago: clients refuse it",
                )

    def _look_later(self) -> None:
        if not self._stopped and (self._timer is None or not self._timer.active()):
            self._timer = self._clock.callLater(self._config().get("ssl.reload.interval.ms") / 1000, self._look_now)

    def _look_now(self) -> None:
        looking = self.look()
        looking.addErrback(lambda failure: self._log.failure("certificates could not be looked at", failure))
        looking.addBoth(lambda _: self._look_later())


def _differ(one: Configuration, other: Configuration) -> bool:
    return any(one.get(key.name) != other.get(key.name) for key in TLS_KEYS)

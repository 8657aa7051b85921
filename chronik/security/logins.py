"""Logins by password, and who has failed at them too often. Kafka's mechanisms and HTTP share one of each."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from zope.interface import implementer

from chronik.defer import FlatLock, deferred
from chronik.metadata.interfaces import IImageObserver
from chronik.security.interfaces import ICredentialStore, Principal
from chronik.security.sasl.saslprep import prepared_if_possible

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.metadata.image import ImageDelta, MetadataImage

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_MAX: Final = 20_000
"""Addresses, users and pairs of both whose failures are remembered; those that failed longest ago are forgotten first."""

KNOWN_SECONDS: Final = 3600.0
"""For how long a login lets the same user come from the same address, whoever else fails there or under that name."""

WRONG_TIMES: Final = 3.0
"""The time that a wrong password took counts so often for the pause after it: who guesses has less of the machine than who logs in."""

CHECKS_WAITING_MAX: Final = 256
"""Logins that wait for theirs, about two seconds of work, and the pauses between while clients ask; whoever comes then is told to come back."""

CACHE_SECONDS: Final = 30.0
"""For how long a password that was right need not be computed anew: clients of HTTP send it with every request."""

CACHED_MAX: Final = 1_000
"""Users whose passwords are known so."""

_MINUTE: Final = 60.0


class LoginsRefused(Exception):
    """Nothing was checked: there were too many failures, or there are too many logins.

    :ivar seconds: when to come back.
    """

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = max(1, math.ceil(seconds))


class FailedLogins:
    """Counts failed logins by address and by user; each count drains by its limit a minute.

    A user who logged in lately from an address is not kept out of there by the failures of others: only failures of that user from there count.

    :param clock: keeps time.
    :param per_address: failures a minute from one address, an IPv6 network of 64 bits being one; asked for at every failure.
    :param per_user: failures a minute under one name.
    """

    def __init__(self, clock: IReactorTime, per_address: Callable[[], int], per_user: Callable[[], int]) -> None:
        self._seconds = clock.seconds
        self._per_address = per_address
        self._per_user = per_user
        self._counts: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def check(self, host: str, user: str) -> None:
        """Whether somebody may try.

        :raises LoginsRefused: not now.
        """
        address, name = _address(host), _short(user)
        if self._known.get((address, name), 0.0) > self._seconds():
            wait = self._wait((address, name), self._per_user())
        else:
            wait = max(self._wait(("address", address, ""), self._per_address()), self._wait(("user", name, ""), self._per_user()))
        if wait > 0:
            raise LoginsRefused("too many logins failed, try again later", wait)

    def failed(self, host: str, user: str) -> None:
        """Somebody did."""
        address, name = _address(host), _short(user)
        self._count(("address", address, ""), self._per_address())
        self._count(("user", name, ""), self._per_user())
        self._count((address, name), self._per_user())

    def succeeded(self, host: str, user: str) -> None:
        """Somebody logged in."""
        whose = (_address(host), _short(user))
        self._counts.pop(whose, None)
        _keep(self._known, whose, self._seconds() + KNOWN_SECONDS)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._counts) + len(self._known)

    def _level(self, key: tuple[str, ...], limit: int) -> float:
        level, since = self._counts.get(key, (0.0, 0.0))
        return max(0.0, level - (self._seconds() - since) * limit / _MINUTE)

    def _wait(self, key: tuple[str, ...], limit: int) -> float:
        over = self._level(key, limit) - (limit - 1)
        return over * _MINUTE / limit if over > 1e-6 else 0.0

    def _count(self, key: tuple[str, ...], limit: int) -> None:
        _keep(self._counts, key, (min(self._level(key, limit) + 1.0, float(limit)), self._seconds()))


@implementer(IImageObserver)
class PasswordLogins:
    """Checks passwords: not too many at once, not those of who failed too often, and not the same one over and over.

    :param store: knows users; None when nobody does.
    :param failures: who has failed too often.
    :param secret: under which passwords that were right are remembered; of this process alone.
    :param pause: how long no other password is to be checked, of the time that one took, in seconds.
    """

    def __init__(
        self,
        store: ICredentialStore | None,
        failures: FailedLogins,
        clock: IReactorTime,
        secret: bytes,
        pause: Callable[[float], float] = lambda took: 0.0,
    ) -> None:
        self._store = store
        self._failures = failures
        self._clock = clock
        self._seconds = clock.seconds
        self._secret = secret
        self._pause = pause
        # One at a time: the pool for what computes has two threads, and others need one of them.
        self._turns = FlatLock()
        self._right: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._generation = 0

    @property
    def known(self) -> bool:
        """Whether there is anybody to check passwords."""
        return self._store is not None

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Users in the metadata may have other passwords."""
        if delta.security.scram:
            self.forget()

    def forget(self) -> None:
        """Passwords have changed: check all of them anew."""
        self._generation += 1
        self._right.clear()

    @deferred
    async def verify(self, user: str, password: str, host: str) -> Principal | None:
        """The principal when the password is right, else None.

        :param host: where it comes from.
        :raises LoginsRefused: nothing was checked.
        """
        key = hmac.digest(self._secret, f"{len(user)}:{user}{password}".encode("utf-8", "surrogatepass"), "sha256")
        found = self._remembered(key)
        if found is None:
            self._failures.check(host, user)
            if len(self._turns.waiting) >= CHECKS_WAITING_MAX:
                raise LoginsRefused("too many logins are waiting, try again later", 1.0)
            await self._turns.acquire()
            found = await self._check(key, user, password, host)
        if found is not None:
            self._failures.succeeded(host, user)
        return found

    @deferred
    async def _check(self, key: bytes, user: str, password: str, host: str) -> Principal | None:
        """In its turn, which is over some time after; somebody before may have had the same password checked, or failed too often by now."""
        computed = 0.0
        try:
            found = self._remembered(key)
            if found is None and self._store is not None:
                self._failures.check(host, user)
                generation, began = self._generation, self._seconds()
                try:
                    found = await self._store.verify_password(user, password)
                finally:
                    computed = self._seconds() - began
                if found is not None and generation == self._generation:
                    _keep(self._right, key, (found, self._seconds() + CACHE_SECONDS), CACHED_MAX)
            if found is None:
                # Before the next one has its turn, which goes by that.
                self._failures.failed(host, user)
                computed *= WRONG_TIMES
            return found
        finally:
            self._end_turn(self._pause(computed) if computed else 0.0)

    def _end_turn(self, pause: float) -> None:
        if pause:
            self._clock.callLater(pause, self._turns.release)
        else:
            self._turns.release()

    def _remembered(self, key: bytes) -> Principal | None:
        principal, until = self._right.get(key, (None, 0.0))
        return principal if until > self._seconds() else None


def _keep(remembered: OrderedDict[K, V], key: K, value: V, limit: int = REMEMBERED_MAX) -> None:
    """Remember something as the newest, and forget the oldest."""
    remembered[key] = value
    remembered.move_to_end(key)
    if len(remembered) > limit:
        remembered.popitem(last=False)


def _address(host: str) -> str:
    """What of an address counts: one machine has a whole network of 64 bits in IPv6."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False)) if found.ipv4_mapped is None else str(found.ipv4_mapped)
    return host


def _short(user: str) -> str:
    """A name in the one form in which users are looked up, however it was written; of a long one what takes less room."""
    user = prepared_if_possible(user)
    return user if len(user) <= 64 else hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()

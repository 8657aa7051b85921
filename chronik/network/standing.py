"""What one connection is to the reactor: a stranger, a client, or a client that sends much; see :mod:`~chronik.network.crowd`."""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

from chronik.network.crowd import Crowd
from chronik.network.limits import QUIET_SECONDS


class HasCrowd(Protocol):
    """What all connections of a listener share, of which the crowd may be another one later."""

    crowd: Crowd


class Standing:
    """Says where the socket of a connection is served, as what comes over it shows who is there. It keeps no transport: many connections end at once,
    and what is part of no circle is freed then.

    :param shared: has the crowd.
    :param internal: whether it is of one of the broker's own children, who are known and never wait for clients.
    :ivar stranger: whether it has not shown yet to be a client, or has been quiet since.
    """

    __slots__ = ("_internal", "_much_at", "_shared", "_with_heavy", "stranger")

    def __init__(self, shared: HasCrowd, internal: bool) -> None:
        self._shared = shared
        self._internal = internal
        self.stranger = not internal
        self._much_at = -inf
        self._with_heavy = False

    def asked(self, transport: Any, much: bool, now: float, proves: bool) -> bool:
        """A request came.

        :param much: whether whoever sends such ones is to wait for the others who do.
        :param proves: whether it shows that a client is there.
        :returns: whether a stranger has become a client by it.
        """
        if much:
            self._much_at = now
        if not self.stranger:
            self._shared.crowd.give_way()
        elif proves:
            self.stranger = False
            self._shared.crowd.promote(transport)
            return True
        return False

    def was_read(self, transport: Any) -> None:
        """What came has been served, and the socket is read from and has nothing to write: whoever sends much may go where others are who do."""
        if self._much_at >= 0 and not (self._with_heavy or self.stranger or self._internal):
            self._with_heavy = self._shared.crowd.heavy(transport)

    def rest(self, transport: Any, now: float, quiet_since: float) -> None:
        """Whoever has not sent much for a while is like others, and who has not asked for as long is a stranger again.

        :param quiet_since: when it was answered last, infinite where something is left to do.
        """
        if now - self._much_at > QUIET_SECONDS:
            self.gone(transport)
        if now - quiet_since > QUIET_SECONDS and not (self.stranger or self._internal):
            self.stranger = True
            self._shared.crowd.demote(transport)

    def gone(self, transport: Any) -> None:
        """It sends nothing more, or not much."""
        if self._much_at >= 0:
            self._much_at, self._with_heavy = -inf, False
            self._shared.crowd.light(transport)

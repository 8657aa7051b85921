"""An append to one partition as a Deferred."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.replica.interfaces import IPendingAppend
from chronik.storage.interfaces import AppendResult


@implementer(IPendingAppend)
class DeferredAppend:
    """Fires a Deferred.

    :ivar ended: fires with the :class:`~chronik.storage.interfaces.AppendResult`.
    """

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended: Deferred[AppendResult] = Deferred()

    def acknowledged(self, result: AppendResult) -> None:
        """See :meth:`IPendingAppend.acknowledged`."""
        self.ended.callback(result)

    def refused(self, reason: BaseException) -> None:
        """See :meth:`IPendingAppend.refused`."""
        self.ended.errback(reason)

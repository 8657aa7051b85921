"""Log stores for tests, and an observer that remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.model import TopicId, TopicPartition
from chronik.storage.interfaces import Extent, IExtentObserver, IFileSystem, IPartitionLog
from chronik.storage.store import SegmentLogStore
from chronik.testing.pools import SynchronousThreadPools

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

NOW = 1_700_000_100_000
"""The ms at which the clock of :func:`make_clock` begins, a little after the first record of :mod:`chronik.testing.records`."""

TP = TopicPartition("t", 0)
ID = TopicId(bytes(range(16)))


class PromptClock(Clock):
    """A clock whose turns are always over: what is to be done after the present one is done within the call."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """Plan it; do it now where ``delay`` is 0."""
        call = super().callLater(delay, callable, *args, **kw)
        if not delay:
            self.advance(0)
        return call


def make_clock() -> Clock:
    """A clock that shows :data:`NOW`."""
    clock = PromptClock()
    clock.advance(NOW / 1000)
    return clock


def make_store(
    file_system: IFileSystem, clock: Clock, *directories: str, pools: Any = None, wall_clock: WallClock | None = None, **options: Any
) -> SegmentLogStore:
    """A segment store that does everything within the call.

    :param wall_clock: where it is not to be ``clock``'s.
    :param options: as :class:`~chronik.storage.store.SegmentLogStore` takes them by keyword.
    """
    times = clock, wall_clock or clock.seconds
    return SegmentLogStore(directories or ("/data",), file_system, pools or SynchronousThreadPools(), *times, "cluster", 1, **options)


@implementer(IExtentObserver)
class RecordingObserver:
    """Keeps what it hears as tuples in ``heard``; flushes, which are many, only where asked."""

    def __init__(self, flushes: bool = False) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._flushes = flushes

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        """Note it."""
        self.heard.append(("opened", extent.base_offset))

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        """Note it."""
        self.heard.append(("sealed", extent.base_offset, extent.end_offset))

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        """Note it."""
        self.heard.append(("rewritten", extent.base_offset, extent.generation))

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """Note it."""
        self.heard.append(("truncated", offset, leader_epoch))

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        """Note it."""
        self.heard.append(("start", offset))

    def flushed(self, log: IPartitionLog) -> None:
        """Note it."""
        if self._flushes:
            self.heard.append(("flushed", log.flushed_offset))

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        """Note it."""
        self.heard.append(("failed", type(reason)))

    def deleted(self, log: IPartitionLog) -> None:
        """Note it."""
        self.heard.append(("deleted",))

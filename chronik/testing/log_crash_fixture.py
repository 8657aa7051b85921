"""Images of what a crash would leave of a log store, and short ways to check them: what the contracts of crashes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from twisted.internet.task import Clock
from zope.interface import implementer

from chronik.storage.config import LogConfig
from chronik.storage.interfaces import Extent, IExtentObserver, IPartitionLog
from chronik.testing.log_disks import Disk
from chronik.testing.log_fixture import ALL, LogFixture
from chronik.testing.logs import ID, TP
from chronik.testing.records import batch_of

SMALL = LogConfig(segment_bytes=500, index_interval_bytes=100, file_delete_delay_ms=0)
"""A few records fill an extent."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a crash would have left at one moment.

    :ivar flushed: everything below this offset was promised.
    :ivar end: everything below this offset had been appended.
    :ivar ceiling: what had been removed from this offset on must not come back.
    """

    disk: Disk
    flushed: int
    end: int
    ceiling: int = ALL


def value_of(n: int) -> bytes:
    """The value of the record of a sequence number; lengths differ."""
    return b"%d" % n + b"." * (n % 90)


class Photographer:
    """Takes images of a disk while a log is worked with.

    :ivar images: so far.
    :ivar floor: while a truncation to this offset is under way, no more than what is below it is promised.
    :ivar ceiling: a truncation to this offset is done.
    """

    def __init__(self, disk: Disk, log: Any) -> None:
        self._disk = disk
        self._log = log
        self._taking = False
        self.images: list[Image] = []
        self.floor = self.ceiling = ALL

    def look(self) -> None:
        """Take one."""
        if not self._taking:
            # A copy of a disk may itself be a step of it.
            self._taking = True
            image = self._disk.crashed(Random(len(self.images)))
            self.images.append(Image(image, min(self._log.flushed_offset, self.floor), self._log.end_offset, self.ceiling))
            self._taking = False


@implementer(IExtentObserver)
class _LookingObserver:
    """Takes an image whenever the log tells something."""

    def __init__(self, photographer: Photographer) -> None:
        self._look = photographer.look

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        self._look()

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        self._look()

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        self._look()

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        self._look()

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        self._look()

    def flushed(self, log: IPartitionLog) -> None:
        self._look()

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        self._look()

    def deleted(self, log: IPartitionLog) -> None:
        self._look()


class LogCrashFixture(LogFixture):
    """Stores on a disk that crashes.

    :cvar durable: its logs outlive it. Those of one that keeps nothing must be new after a crash, and the same tests check that.
    """

    durable: ClassVar[bool] = True

    def make_disk(self) -> Disk:
        """An empty disk."""
        raise NotImplementedError

    def make_store(self, clock: Clock) -> Any:
        """A store on the disk of this test."""
        if not hasattr(self, "disk"):
            self.disk = self.adopted(self.make_disk())
        return self.disk.make_store(clock)

    def adopted(self, disk: Disk) -> Disk:
        """A disk that goes at the end of the test."""
        self.addCleanup(disk.close)
        return disk

    # -- crashes ------------------------------------------------------------------------------------------------------

    def crash(self, random: Random | None = None) -> None:
        """Go on with a new store on what a crash leaves."""
        self.disk = self.adopted(self.disk.crashed(random or Random(1)))
        self.store = self.started()

    def images_of(self, work: Callable[[Any, Photographer], None], config: LogConfig = SMALL) -> Sequence[Image]:
        """Images taken while ``work(log, photographer)`` was done, the last one when all was done."""
        log = self.opened(config)
        photographer = Photographer(self.disk, log)
        log.watch(_LookingObserver(photographer))
        self.disk.watch_steps(photographer.look)
        work(log, photographer)
        self.disk.watch_steps(None)
        photographer.look()
        return photographer.images

    def recovered(self, images: Sequence[Image], config: LogConfig = SMALL) -> Iterator[tuple[Any, Image]]:
        """The log that a new store finds on each image, after the checks that hold for all. None for a store that keeps nothing."""
        for image in images:
            store = image.disk.make_store(self.clock)
            self.wait(store.start())
            if self.durable:
                log = self.wait(store.open(TP, ID, config))
                self.assertGreaterEqual(log.end_offset, image.flushed, "what was flushed is lost")
                self.assertEqual(log.end_offset, log.flushed_offset, "what is found counts as flushed")
                yield log, image
            else:
                self.assert_new(store)
            self.wait(store.close())
            image.disk.close()

    def assert_new(self, store: Any) -> None:
        """Check that there is nothing, and no trace of anything."""
        self.assertEqual([], list(store.known()))
        log = self.wait(store.open(TP, ID, SMALL))
        self.assertEqual((0, 0, 0, -1, True), (log.start_offset, log.end_offset, log.flushed_offset, log.latest_epoch, log.clean))
        self.assertEqual([], self.records(log))

    def sent(self, log: Any, n: int, epoch: int = 0) -> Any:
        """Append record ``n`` of an idempotent producer."""
        return self.wait(log.append(batch_of(value_of(n), producer_id=7, producer_epoch=0, base_sequence=n), epoch))

"""Log directories as the store has them: taken at the start, or refused by their disk, with what was found in each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from chronik.clocks import WallClock
from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ChronikError
from chronik.model import topic_id_text
from chronik.storage.checkpointing import OffsetCheckpoints, StartOffsetWriter
from chronik.storage.checkpoints import CLEAN_SHUTDOWN, LOCK, DirectoryIdentity
from chronik.storage.damage import Scrubber
from chronik.storage.directory import DirectoryWriter, LogDirectory
from chronik.storage.discovery import Found, look
from chronik.storage.disks import DiskPolicy, DiskWatch, is_full
from chronik.storage.flush import FlushScheduler
from chronik.storage.identity import identify
from chronik.storage.interfaces import DirectoryState, IFileSystem, ILock
from chronik.storage.usage import disk_space

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from chronik.model import TopicPartition
    from chronik.storage.files import FileCache
    from chronik.storage.log import SegmentLog

T = TypeVar("T")

SPACE_SECONDS: Final = 10.0
"""How often a disk is asked for its free space."""

PROGRESS_SECONDS: Final = 5.0
"""How often recovery says how far it is."""


class Home:
    """One of ``log.dirs``.

    :param watch: of its disk.
    :param pools: what asks its disk runs there.
    :param policy: how much is scrubbed.
    :param openers: how many logs are opened, and recovered, at a time.
    :ivar clean: it was left in order.
    :ivar logs: how many logs it has.
    :ivar unopened: how many of those that were found are not open yet; ``found`` is how many they were.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        file_system: IFileSystem,
        pools: IThreadPools,
        clock: IReactorTime,
        wall_clock: WallClock,
        files: FileCache,
        watch: DiskWatch,
        policy: DiskPolicy,
        openers: int,
    ) -> None:
        name = os.path.basename(path)
        self.path = path
        self.watch = watch
        self._file_system = file_system
        self.pools = pools
        self._clock = clock
        self._lock: ILock | None = None
        self._openers = cycle([pools.worker(f"background {name}") for _ in range(openers)])
        self._asking = False
        self._ask_at = 0.0
        self._say_at = clock.seconds() + PROGRESS_SECONDS
        self.clean = False
        self.logs = self.unopened = self.found = 0
        self.scrubber = Scrubber(pools, clock, wall_clock, policy)
        writer = DirectoryWriter(pools.worker(f"write {name}"), clock, watch)
        flusher = FlushScheduler(file_system, pools.worker(f"flush {name}"), path, clock, watch)
        checkpoints = OffsetCheckpoints(file_system, path)
        starts = StartOffsetWriter(pools, checkpoints)
        self.directory = LogDirectory(path, file_system, pools, clock, wall_clock, files, writer, flusher, checkpoints, starts, watch, self.scrubber)

    @property
    def online(self) -> bool:
        """Whether it is used."""
        return self.watch.failure is None

    @property
    def room(self) -> float:
        """Bytes of free space for each log, if it had one more; none while it is full."""
        return max(0, self.watch.space[1]) / (self.logs + 1) if self.watch.status().state is not DirectoryState.FULL else 0.0

    def open(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Open a log in one of the threads that do nothing else."""
        return next(self._openers).run(function, *args)

    # -- beginning and end --------------------------------------------------------------------------------------------

    def take(self, identity: DirectoryIdentity) -> Found:
        """In a thread: make, lock and identify the directory, and see what is in it.

        :raises ChronikError: it must not be used.
        :raises OSError: its disk refuses.
        """
        try:
            self._file_system.make_directory(self.path)
            self._lock = self._file_system.lock(os.path.join(self.path, LOCK))
        except BlockingIOError:
            raise ChronikError(f"log directory {self.path} is in use by another broker: stop that one, or choose another with log.dirs") from None
        identify(self._file_system, self.path, identity)
        self.watch.space = disk_space(self._file_system, self.path)
        return look(self.directory)

    def release(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def leave(self, clean: bool, points: Mapping[TopicPartition, int], starts: Mapping[TopicPartition, int], changes: int) -> None:
        """In a thread: note how far its logs are and, if they are all closed well, that they are."""
        try:
            if self.online:
                self.directory.checkpoints.write(points, starts, changes)
                if clean:
                    self._file_system.write_whole(os.path.join(self.path, CLEAN_SHUTDOWN), b'{"version":0}')
        except OSError as error:
            self._log.error("{path} could not be left in order: {error}; its logs are recovered at the next start", path=self.path, error=error)

    # -- now and then -------------------------------------------------------------------------------------------------

    @deferred
    async def checkpoint(self, logs: Sequence[SegmentLog]) -> None:
        """What recovery of its logs needs is written before the note that lets it begin later, and synced together."""
        offsets = offsets_of(logs, self)
        results: list[tuple[bool, Any]] = await DeferredList([log.write_progress() for log in logs], consumeErrors=True)
        for ok, failure in results:
            if not ok:
                self.not_written(failure, "an index")
                break
        await self.pools.run(Pool.BACKGROUND, self.directory.checkpoints.write, *offsets)

    def look_around(self) -> None:
        """About once a second: how its disk does, how much room it has, how far recovery is."""
        now = self._clock.seconds()
        if not self.online:
            return
        self.watch.look()
        if now >= self._ask_at and not self._asking and self.online:
            self._asking = True
            self._ask_at = now + SPACE_SECONDS
            asking: Deferred[tuple[int, int]] = self.pools.run(Pool.BACKGROUND, disk_space, self._file_system, self.path)
            asking.addCallbacks(self._have_space, lambda failure: None).addBoth(self._asked)
        if self.unopened and now >= self._say_at:
            self._say_at = now + PROGRESS_SECONDS
            self._log.info("opening the logs in {path}: {left} of {count} are left", path=self.path, left=self.unopened, count=self.found)

    def _have_space(self, space: tuple[int, int]) -> None:
        self.watch.space = space

    def _asked(self, _: object) -> None:
        self._asking = False

    def opened(self) -> None:
        """A log that was found is open, or gone."""
        self.unopened = max(0, self.unopened - 1)

    def not_written(self, failure: Failure, what: str) -> None:
        """Something beside the segments could not be written: a full disk is told of, a failed one given up."""
        error = failure.value
        self.watch.told_of(error)
        if self.online:
            again = "; it is tried again" if is_full(error) else ""
            self._log.error("{what} in {path} could not be written: {error}{again}", what=what, path=self.path, error=str(error), again=again)


def new_identity(cluster_id: str, broker_id: int, directory_id: bytes) -> DirectoryIdentity:
    """What a directory is marked with that is new."""
    return DirectoryIdentity(cluster_id, broker_id, topic_id_text(directory_id))


def refused(path: str, error: OSError) -> str:
    """Why a directory cannot be used, for the operator."""
    what = f"{error.filename}: " if error.filename and error.filename != path else ""
    return f"log directory {path} cannot be used: {what}{error.strerror or error}; put that right, or choose another with log.dirs"


def offsets_of(logs: Sequence[SegmentLog], home: Home) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int], int]:
    """How far each open log is on disk, where it begins, and how many changes the checkpoints of its directory had seen by then."""
    points = {log.topic_partition: offset for log in logs if (offset := log.checkpoint_offset) is not None}
    return points, {log.topic_partition: log.start_offset for log in logs}, home.directory.checkpoints.changes

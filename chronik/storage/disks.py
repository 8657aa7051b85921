"""How the disk under a log directory does: quick, slow, full, or not to be believed any more."""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from chronik.storage.interfaces import DirectoryState, DirectoryStatus

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""What a disk says that others may put right."""

EXHAUSTION: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What says that this process, or the system, has no more of something, and nothing of a file."""

_NOT_THE_DISK: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EBADF, *EXHAUSTION)
"""What says more of names, or of this process, than of the disk: one log suffers, not the directory."""

SYNC_BUCKETS_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

MEMORY_SECONDS: Final = 60.0
"""How long a slow write or sync is held against a disk."""

FULL_SECONDS: Final = 10.0
"""How long after its last refusal for want of space a disk counts as full."""

FULL_BYTES: Final = 1 << 20
"""A disk with less free space counts as full, whether or not anybody wanted to write."""

LOOK_SECONDS_MAX: Final = 3.0
"""Of the time between two looks no more counts: what is beyond that, the process or the whole machine stood still, not the disk."""


def is_full(error: BaseException | None) -> bool:
    """Whether a disk refused for want of space."""
    return isinstance(error, OSError) and error.errno in FULL


def is_disk_failure(error: BaseException | None) -> bool:
    """Whether an error of a write or sync says that the disk is not to be believed any more."""
    return isinstance(error, OSError) and error.errno not in (*FULL, *_NOT_THE_DISK)


def nobody(why: str) -> None:
    """Told of the last directory's end where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class DiskPolicy:
    """When a disk is slow, and when too slow.

    :ivar slow_ms: a write or sync that takes longer is slow (``log.dir.slow.ms``).
    :ivar offline_ms: one that has not returned after this long takes the directory offline; -1 never (``log.dir.offline.ms``).
    :ivar scrub_bytes_per_second: of sealed segments that are read and checked, 0 for none (``log.scrub.bytes.per.second``).
    :ivar scrub_interval_ms: how long a segment that was checked is left alone (``log.scrub.interval.ms``).
    """

    slow_ms: int = 2_000
    offline_ms: int = 120_000
    scrub_bytes_per_second: int = 1 << 20
    scrub_interval_ms: int = 7 * 86_400_000


class _Running:
    """What is done one after the other, of which one may take long.

    :ivar seconds: how long the one under way was seen to run.
    """

    __slots__ = ("active", "seconds", "since", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.active = False
        self.since = 0.0
        self.seconds = 0.0

    def begin(self, now: float) -> None:
        """The next one begins."""
        self.active = True
        self.since = now
        self.seconds = 0.0


class DiskWatch:
    """Watches one log directory's disk.

    :param failed: called once, with this watch, when the directory goes offline.
    :ivar failure: why it is offline, None while it is not.
    :ivar syncs: how many syncs took how long, by :data:`SYNC_BUCKETS_SECONDS` and one bucket for longer ones; ``sync_seconds`` all together.
    :ivar space: total and usable bytes, as last asked; -1 when unknown.
    :ivar damaged: segments that are damaged, as ``path: what``.
    """

    _log = Logger()

    def __init__(self, path: str, clock: IReactorTime, policy: DiskPolicy, failed: Callable[[DiskWatch], None]) -> None:
        self.path = path
        self._clock = clock
        self._policy = policy
        self._failed = failed
        self._sync = _Running("sync")
        self._write = _Running("write")
        self._slow_at: deque[float] = deque(maxlen=2)
        self._slowest: tuple[float, float] = (0.0, 0.0)
        self._full_until = 0.0
        self._full_why = ""
        self._looked_at = clock.seconds()
        self._said = DirectoryState.OK
        self.failure: str | None = None
        self.syncs = [0] * (len(SYNC_BUCKETS_SECONDS) + 1)
        self.sync_seconds = 0.0
        self.space = (-1, -1)
        self.damaged: dict[str, str] = {}

    # -- what it is told ----------------------------------------------------------------------------------------------

    def sync_began(self) -> None:
        """A flush is under way."""
        self._sync.begin(self._clock.seconds())

    def sync_ended(self) -> None:
        """It returned, whatever it said."""
        seconds = self._clock.seconds() - self._sync.since
        self._sync.active = False
        self.syncs[bisect_left(SYNC_BUCKETS_SECONDS, seconds)] += 1
        self.sync_seconds += seconds
        self._took(seconds)

    def write_began(self) -> None:
        """A write is under way in the thread."""
        self._write.begin(self._clock.seconds())

    def write_ended(self, more: bool) -> None:
        """It returned.

        :param more: and the next one is under way.
        """
        now = self._clock.seconds()
        self._took(now - self._write.since)
        self._write.active = False
        if more:
            self._write.begin(now)

    def stalled(self, seconds: float) -> None:
        """A write on the reactor took long."""
        self._took(seconds)

    def filled(self, error: OSError) -> None:
        """Something was refused for want of space."""
        self._full_until = self._clock.seconds() + FULL_SECONDS
        self._full_why = f"{error.filename or self.path}: {error.strerror or error}"
        self._say()

    def told_of(self, error: BaseException | None) -> None:
        """A write or sync failed: note a full disk, give up a failed one."""
        if is_full(error):
            self.filled(error)  # type: ignore[arg-type]
        elif is_disk_failure(error):
            self.fail(str(error))

    def fail(self, why: str) -> None:
        """Go offline: nothing that this disk says is believed until the broker starts again."""
        if self.failure is None:
            self.failure = why
            self._log.critical(
                "log directory {path} is offline, its partitions take no requests: {why}. Put the disk right and start the broker again",
                path=self.path,
                why=why,
            )
            self._failed(self)

    def look(self) -> None:
        """Called about once a second: see how long what is under way has taken."""
        now = self._clock.seconds()
        passed = min(max(0.0, now - self._looked_at), LOOK_SECONDS_MAX)
        self._looked_at = now
        for running in (self._sync, self._write):
            if running.active:
                running.seconds += min(passed, max(0.0, now - running.since))
                if 0 <= self._policy.offline_ms < running.seconds * 1000:
                    self.fail(f"a {running.what} has not returned for {running.seconds:.0f} s (log.dir.offline.ms={self._policy.offline_ms})")
        self._say()

    def _took(self, seconds: float) -> None:
        now = self._clock.seconds()
        if seconds >= self.slowest_seconds(now):
            self._slowest = (now, seconds)
        if seconds * 1000 >= self._policy.slow_ms:
            self._slow_at.append(now)

    # -- what it tells ------------------------------------------------------------------------------------------------

    def slowest_seconds(self, now: float) -> float:
        """The longest write or sync of the last minute, or under way."""
        past = self._slowest[1] if now - self._slowest[0] < MEMORY_SECONDS else 0.0
        return max(past, *(running.seconds for running in (self._sync, self._write) if running.active), 0.0)

    def status(self) -> DirectoryStatus:
        """How it does now."""
        state, why = self._state()
        total, usable = self.space
        slowest = self.slowest_seconds(self._clock.seconds())
        return DirectoryStatus(
            self.path, state, why, total, usable, slowest, tuple(self.syncs), self.sync_seconds, tuple(f"{p}: {w}" for p, w in self.damaged.items())
        )

    def _state(self) -> tuple[DirectoryState, str]:
        now = self._clock.seconds()
        if self.failure is not None:
            return DirectoryState.OFFLINE, self.failure
        if now < self._full_until:
            return DirectoryState.FULL, self._full_why
        if 0 <= self.space[1] < FULL_BYTES:
            return DirectoryState.FULL, f"{self.space[1]} bytes are left"
        under_way = max((running.seconds for running in (self._sync, self._write) if running.active), default=0.0)
        twice = len(self._slow_at) == 2 and now - self._slow_at[0] < MEMORY_SECONDS
        if under_way * 1000 >= self._policy.slow_ms or twice:
            return DirectoryState.SLOW, f"a write or sync took {self.slowest_seconds(now):.1f} s (log.dir.slow.ms={self._policy.slow_ms})"
        return DirectoryState.OK, ""

    def _say(self) -> None:
        """One line in the log when the state changes; going offline has its own."""
        state, why = self._state()
        if state is self._said:
            return
        self._said = state
        if state is DirectoryState.OK:
            self._log.info("log directory {path} is as it should be again", path=self.path)
        elif state is not DirectoryState.OFFLINE:
            self._log.warn("log directory {path} is {state}: {why}", path=self.path, state=state.value, why=why)


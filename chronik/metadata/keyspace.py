"""The keys, values and revisions of a store that lives in one process: what the file and the memory store share.

A :class:`Draft` evaluates commits one after the other on top of a :class:`Keyspace`, so that several of them can be made durable at
once and then take effect together, or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from twisted.logger import Logger

from chronik.metadata.interfaces import (
    BYTES_PER_COMMIT_MAX,
    OPERATIONS_PER_COMMIT_MAX,
    Compacted,
    Compare,
    Conflict,
    Delete,
    Entry,
    IWatcher,
    Put,
    Revision,
    Snapshot,
    TooLarge,
)

HISTORY_REVISIONS_MAX: Final = 1_000
"""Revisions kept for watches that begin in the past; they begin right after a snapshot, so a short history is enough."""


@dataclass(frozen=True, slots=True)
class StagedRevision:
    """One commit's changes, and which of its keys hang on a lease."""

    revision: int
    changes: Mapping[str, bytes | None]
    leases: Mapping[str, int] = field(default_factory=dict)


def check_size(compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> None:
    """Refuse what one commit may not carry.

    :raises TooLarge: too many operations or bytes.
    :raises ValueError: one key is changed twice, which no store can do in one revision.
    """
    count = len(compares) + len(operations)
    if count > OPERATIONS_PER_COMMIT_MAX:
        raise TooLarge(f"a commit may have {OPERATIONS_PER_COMMIT_MAX} compares and operations, not {count}")
    size = sum(len(o.key.encode()) + (len(o.value) if isinstance(o, Put) else 0) for o in operations)
    if size > BYTES_PER_COMMIT_MAX:
        raise TooLarge(f"a commit may carry {BYTES_PER_COMMIT_MAX} bytes of keys and values, not {size}")
    if len({o.key for o in operations}) != len(operations):
        raise ValueError("one commit changes the same key twice")


@dataclass(slots=True, eq=False)
class _Watch:
    """Who watches, the last revision it heard of, and whether it wants no more."""

    watcher: IWatcher
    seen: int
    over: bool = False


class Keyspace:
    """Everything that is durable, the latest revisions, and who watches."""

    _log = Logger()

    def __init__(self, revision: int = 0, entries: Mapping[str, Entry] | None = None, leases: Mapping[str, int] | None = None) -> None:
        self.revision = revision
        self.entries: dict[str, Entry] = dict(entries or {})
        self.leases: dict[str, int] = dict(leases or {})
        self._history: deque[Revision] = deque(maxlen=HISTORY_REVISIONS_MAX)
        self._watches: list[_Watch] = []

    def snapshot(self) -> Snapshot:
        """Everything as of now."""
        return Snapshot(self.revision, MappingProxyType(dict(self.entries)))

    def apply(self, revisions: Sequence[StagedRevision]) -> None:
        """Make revisions that are durable take effect; :meth:`deliver` tells of them."""
        for staged in revisions:
            self._change(staged)
            self._history.append(Revision(staged.revision, MappingProxyType(dict(staged.changes))))

    def deliver(self) -> None:
        """Tell every watcher what it has not heard yet; one that fails does not keep the others from hearing."""
        for watch in tuple(self._watches):
            self._catch_up(watch)

    def watch(self, revision: int, watcher: IWatcher) -> None:
        """Tell ``watcher`` of everything after ``revision``, from the next :meth:`deliver` on."""
        self._watches.append(_Watch(watcher, revision))

    def unwatch(self, watcher: IWatcher) -> None:
        """Tell it no more."""
        for watch in self._watches:
            watch.over = watch.over or watch.watcher is watcher
        self._watches = [watch for watch in self._watches if not watch.over]

    def lose_watchers(self, reason: Compacted) -> None:
        """End every watch."""
        for watch in tuple(self._watches):
            self._lose(watch, reason)

    def _catch_up(self, watch: _Watch) -> None:
        forgotten = self.revision - len(self._history)
        if watch.seen < forgotten:
            self._lose(watch, Compacted(f"revisions {watch.seen + 1} to {forgotten} are no longer kept"))
        while not watch.over and watch.seen < self.revision:
            revision = self._history[watch.seen - self.revision]
            watch.seen = revision.revision
            try:
                watch.watcher.revision(revision)
            except Exception:  # noqa: BLE001  a watcher must not keep the others from hearing
                self._log.failure("A watcher failed on metadata revision {revision}", revision=revision.revision)

    def _lose(self, watch: _Watch, reason: Compacted) -> None:
        self.unwatch(watch.watcher)
        watch.watcher.lost(reason)

    def _change(self, staged: StagedRevision) -> None:
        self.revision = staged.revision
        for key, value in staged.changes.items():
            self.leases.pop(key, None)
            if value is None:
                self.entries.pop(key, None)
                continue
            self.entries[key] = Entry(value, staged.revision)
            if key in staged.leases:
                self.leases[key] = staged.leases[key]


class Draft:
    """Commits that hold on top of a keyspace and of each other, not yet durable."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._changed: dict[str, int] = {}
        self._leases = dict(keyspace.leases)
        self.revision = keyspace.revision
        self.staged: list[StagedRevision] = []

    def stage(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> int:
        """Add a commit.

        :returns: its revision; the one before when it changes nothing.
        :raises Conflict: a compare does not hold.
        """
        for compare in compares:
            found = self._revision_of(compare.key)
            if found != compare.revision:
                raise Conflict(f"{compare.key} was last changed at revision {found}, not {compare.revision}")
        changes: dict[str, bytes | None] = {}
        leases: dict[str, int] = {}
        for operation in operations:
            if isinstance(operation, Put):
                changes[operation.key] = operation.value
                if operation.lease:
                    leases[operation.key] = operation.lease
            elif self._revision_of(operation.key):
                changes[operation.key] = None
        return self._add(changes, leases)

    def end_lease(self, lease: int) -> int:
        """Add the removal of every key that hangs on this lease; the revision it makes."""
        return self._add({key: None for key, holder in self._leases.items() if holder == lease}, {})

    def _add(self, changes: Mapping[str, bytes | None], leases: Mapping[str, int]) -> int:
        if changes:
            self.revision += 1
            self.staged.append(StagedRevision(self.revision, changes, leases))
        for key, value in changes.items():
            self._changed[key] = 0 if value is None else self.revision
            self._leases.pop(key, None)
        self._leases.update(leases)
        return self.revision

    def _revision_of(self, key: str) -> int:
        if key in self._changed:
            return self._changed[key]
        entry = self._keyspace.entries.get(key)
        return entry.revision if entry is not None else 0

"""A metadata store that keeps nothing, and fails on demand: for tests, and for trying things out.

It holds to the whole contract, durability aside. What a clustered store does to its users now and then can be asked of it: the next
commits fail in a given way, watches fall behind or are lost.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from chronik.defer import deferred
from chronik.metadata.interfaces import Compacted, Compare, Conflict, Delete, IMetadataStore, IWatcher, Put, ReadOnly, Snapshot, UnknownOutcome
from chronik.metadata.keyspace import Draft, Keyspace, check_size
from chronik.metadata.leases import Leases


class Fault(enum.Enum):
    """How the next commit goes wrong."""

    CONFLICT = "somebody else was faster"
    READ_ONLY = "no quorum"
    UNKNOWN_NOT_MADE = "the request was lost"
    UNKNOWN_MADE = "the answer was lost"


@implementer(IMetadataStore)
class MemoryMetadataStore:
    """The ``memory`` store.

    :param clock: times leases.
    :ivar faults: consumed one a commit, before its compares are looked at; None lets that one pass.
    :ivar read_only: while set, every commit is refused.
    :ivar commits: how many commits were made.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._keyspace = Keyspace()
        self._leases = Leases(clock, self._remove_leased)
        self._held = False
        self.faults: deque[Fault | None] = deque()
        self.read_only = False
        self.commits = 0

    @deferred
    async def start(self) -> None:
        """There is nothing to open."""

    @deferred
    async def snapshot(self) -> Snapshot:
        """Everything, now."""
        return self._keyspace.snapshot()

    def watch(self, revision: int, watcher: IWatcher) -> None:
        """Tell ``watcher`` of later revisions, at once of those that happened already."""
        self._keyspace.watch(revision, watcher)
        self._deliver()

    def unwatch(self, watcher: IWatcher) -> None:
        """Stop telling it."""
        self._keyspace.unwatch(watcher)

    @deferred
    async def commit(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> int:
        """Commit at once, or fail as told."""
        check_size(compares, operations)
        fault = self.faults.popleft() if self.faults else None
        if self.read_only or fault is Fault.READ_ONLY:
            raise ReadOnly("the store takes no writes now")
        if fault is Fault.CONFLICT:
            raise Conflict("somebody else was faster")
        if fault is Fault.UNKNOWN_NOT_MADE:
            raise UnknownOutcome("the answer did not come")
        revision = self._make(compares, operations)
        if fault is Fault.UNKNOWN_MADE:
            raise UnknownOutcome("the answer did not come")
        return revision

    @deferred
    async def grant_lease(self, seconds: int) -> int:
        """A lease on the injected clock."""
        return self._leases.grant(seconds)

    @deferred
    async def keep_lease(self, lease: int) -> bool:
        """Start the lease's time anew."""
        return self._leases.keep(lease)

    @deferred
    async def revoke_lease(self, lease: int) -> None:
        """End the lease and remove its keys."""
        if self._leases.end(lease):
            self._remove_leased(lease)

    @deferred
    async def close(self) -> None:
        """End the timers."""
        self._leases.stop()

    def hold_watches(self) -> None:
        """Let watchers fall behind: commits answer, revisions do not arrive."""
        self._held = True

    def release_watches(self) -> None:
        """Deliver everything held back, in order."""
        self._held = False
        self._deliver()

    def compact(self) -> None:
        """Lose every watch, as when what it still has to hear of is gone."""
        self._keyspace.lose_watchers(Compacted("revisions were compacted away"))

    def _make(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> int:
        for operation in operations:
            if isinstance(operation, Put) and operation.lease and operation.lease not in self._leases:
                raise Conflict(f"lease {operation.lease} of {operation.key} has ended")
        draft = Draft(self._keyspace)
        revision = draft.stage(compares, operations)
        self._take(draft)
        return revision

    def _remove_leased(self, lease: int) -> None:
        draft = Draft(self._keyspace)
        draft.end_lease(lease)
        self._take(draft)

    def _take(self, draft: Draft) -> None:
        self.commits += len(draft.staged)
        self._keyspace.apply(draft.staged)
        self._deliver()

    def _deliver(self) -> None:
        if not self._held:
            self._keyspace.deliver()

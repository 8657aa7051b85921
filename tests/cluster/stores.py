"""A cluster in which each broker has its own view of the one metadata store: late, or without writes, or with answers that are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.defer import deferred
from chronik.metadata.interfaces import Compacted, Compare, Delete, IMetadataStore, IWatcher, Put, ReadOnly, Revision, Snapshot, UnknownOutcome
from chronik.metadata.memory import MemoryMetadataStore
from tests.cluster.brokers import LocalCluster


@implementer(IWatcher)
class _Watch:
    """Passes revisions on, or keeps them."""

    def __init__(self, view: OwnView, watcher: Any) -> None:
        self._view = view
        self.watcher = watcher
        self._kept: deque[Revision] = deque()
        self.over = False

    def revision(self, revision: Revision) -> None:
        """The store's next one."""
        self._kept.append(revision)
        self.drain()

    def lost(self, reason: Compacted) -> None:
        """The watch is over."""
        self.watcher.lost(reason)

    def drain(self) -> None:
        """Pass on what may be passed on."""
        while self._kept and not self._view.late and not self.over:
            self.watcher.revision(self._kept.popleft())


@implementer(IMetadataStore)
class OwnView:
    """One broker's view of a store that others use too.

    :ivar late: revisions are kept back.
    :ivar gates: when it is a list, snapshots wait in it.
    :ivar read_only: commits are refused.
    :ivar lost_answers: so many commits are made, and their answers lost.
    """

    def __init__(self, store: MemoryMetadataStore) -> None:
        self._store = store
        self._watches: list[_Watch] = []
        self.late = False
        self.gates: list[Deferred[None]] | None = None
        self.read_only = False
        self.lost_answers = 0

    def start(self) -> Deferred[None]:
        """At once."""
        return self._store.start()

    @deferred
    async def snapshot(self) -> Snapshot:
        """Everything, when the gates are open."""
        if self.gates is not None:
            gate: Deferred[None] = Deferred()
            self.gates.append(gate)
            await gate
        return await self._store.snapshot()

    def watch(self, revision: int, watcher: Any) -> None:
        """Through a watch of its own."""
        watch = _Watch(self, watcher)
        self._watches.append(watch)
        self._store.watch(revision, watch)

    def unwatch(self, watcher: Any) -> None:
        """End it."""
        for watch in self._watches:
            if watch.watcher is watcher:
                watch.over = True
                self._store.unwatch(watch)
        self._watches = [watch for watch in self._watches if not watch.over]

    @deferred
    async def commit(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> int:
        """Commit, unless it is refused; the answer may be lost."""
        if self.read_only:
            raise ReadOnly("cut off from the store")
        revision = await self._store.commit(compares, operations)
        if self.lost_answers:
            self.lost_answers -= 1
            raise UnknownOutcome("the answer was lost")
        return revision

    def grant_lease(self, seconds: int) -> Deferred[int]:
        """The store's."""
        return self._store.grant_lease(seconds)

    def keep_lease(self, lease: int) -> Deferred[bool]:
        """The store's."""
        return self._store.keep_lease(lease)

    def revoke_lease(self, lease: int) -> Deferred[None]:
        """The store's."""
        return self._store.revoke_lease(lease)

    def close(self) -> Deferred[None]:
        """The store's."""
        return self._store.close()

    def catch_up(self) -> None:
        """Let the broker see everything again."""
        self.late = False
        for watch in tuple(self._watches):
            watch.drain()

    def open_gates(self) -> None:
        """Let snapshots through."""
        gates, self.gates = self.gates or [], None
        for gate in gates:
            gate.callback(None)


class OwnViews(LocalCluster):
    """Brokers with a view each.

    :ivar views: by broker id.
    """

    def __init__(self, case: SynchronousTestCase, count: int) -> None:
        self.views: dict[int, OwnView] = {}
        super().__init__(case, count)

    def store_of(self, broker_id: int) -> Any:
        """Its view."""
        self.views[broker_id] = OwnView(self.metadata)
        return self.views[broker_id]

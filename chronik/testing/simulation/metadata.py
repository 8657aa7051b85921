"""One metadata store for a whole cluster, and each broker's own view of it: answers and revisions take their time, get lost, or cannot be had."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.metadata.interfaces import Compacted, Compare, Delete, IMetadataStore, IWatcher, Put, ReadOnly, Revision, Snapshot, UnknownOutcome
from chronik.metadata.memory import Fault, MemoryMetadataStore
from chronik.testing.simulation.reactor import SimulatedReactor

CUT_OFF_SECONDS: Final = 2.0
"""After how long a broker gives up waiting for a store that it cannot reach."""


@implementer(IMetadataStore)
class MetadataView:
    """What one start of a broker sees of the cluster's store.

    :param store: the cluster's.
    :param reactor: the broker's.
    :param committing: called right before a commit reaches the store.
    :ivar cut_off: nothing gets from the broker to the store, nor back.
    :ivar lag: how much later than usual, in seconds, the broker hears of revisions.
    :ivar faults: how the next commits go wrong, one each.
    """

    def __init__(
        self, store: MemoryMetadataStore, reactor: SimulatedReactor, random: Random, committing: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._committing = committing
        self._reactor = reactor
        self._random = random
        self._watchers: list[IWatcher] = []
        self._revisions: dict[IWatcher, _Watching] = {}
        self.cut_off = False
        self.lag = 0.0
        self.faults: deque[Fault] = deque()

    def _latency(self) -> float:
        random = self._random.random()
        return 0.0002 + random * 0.001 if random < 0.97 else 0.01 + random * 0.05

    def _ask(self, ask: Callable[[], Deferred[Any]], lost: Exception) -> Deferred[Any]:
        """Send a request and wait for its answer; it is asked for as the store is when it gets there.

        :param lost: what is said when the store cannot be reached.
        """
        answer: Deferred[Any] = Deferred()
        self._reactor.timeline.after(self._latency(), self._arrived, ask, answer, lost)
        return answer

    def _arrived(self, ask: Callable[[], Deferred[Any]], answer: Deferred[Any], lost: Exception) -> None:
        if self.cut_off:
            self._reactor.timeline.after(CUT_OFF_SECONDS, self._answered, lost, answer.errback)
        elif self._reactor.alive or self._random.random() < 0.5:
            # What a process sent before it died may get there.
            ask().addCallbacks(self._answer, self._refuse, (answer, lost), {}, (answer,), {})

    def _answer(self, result: Any, answer: Deferred[Any], lost: Exception) -> None:
        if self.cut_off:
            self._reactor.timeline.after(CUT_OFF_SECONDS, self._answered, lost, answer.errback)
        else:
            self._reactor.timeline.after(self._latency(), self._answered, result, answer.callback)

    def _refuse(self, failure: Any, answer: Deferred[Any]) -> None:
        self._reactor.timeline.after(self._latency(), self._answered, failure, answer.errback)

    def _answered(self, result: Any, fire: Callable[[Any], None]) -> None:
        if self._reactor.alive:
            fire(result)

    # -- the store's interface ----------------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """Reach the store."""
        return self._ask(self._store.start, ReadOnly("the store does not answer"))

    def snapshot(self) -> Deferred[Snapshot]:
        """Everything, as of when the request gets there."""
        return self._ask(self._store.snapshot, ReadOnly("the store does not answer"))

    def watch(self, revision: int, watcher: IWatcher) -> None:
        """Tell ``watcher`` of later revisions, some time after they were made."""
        self.unwatch(watcher)
        watching = self._revisions[watcher] = _Watching(self, watcher, self._reactor, lambda: self._latency() + self.lag)
        self._store.watch(revision, watching)

    def unwatch(self, watcher: IWatcher) -> None:
        """Stop telling it."""
        watching = self._revisions.pop(watcher, None)
        if watching is not None:
            watching.end()
            self._store.unwatch(watching)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> Deferred[int]:
        """Commit, unless a fault is due."""
        fault = self.faults.popleft() if self.faults else None

        def ask() -> Deferred[int]:
            if fault is not None:
                self._store.faults.appendleft(fault)
            self._committing()
            return self._store.commit(compares, operations)

        return self._ask(ask, UnknownOutcome("the answer did not come"))

    def grant_lease(self, seconds: int) -> Deferred[int]:
        """See :meth:`IMetadataStore.grant_lease`."""
        return self._ask(lambda: self._store.grant_lease(seconds), ReadOnly("the store does not answer"))

    def keep_lease(self, lease: int) -> Deferred[bool]:
        """See :meth:`IMetadataStore.keep_lease`."""
        return self._ask(lambda: self._store.keep_lease(lease), ReadOnly("the store does not answer"))

    def revoke_lease(self, lease: int) -> Deferred[None]:
        """See :meth:`IMetadataStore.revoke_lease`."""
        return self._ask(lambda: self._store.revoke_lease(lease), ReadOnly("the store does not answer"))

    def close(self) -> Deferred[None]:
        """Follow no more."""
        self.end()
        closed: Deferred[None] = Deferred()
        closed.callback(None)
        return closed

    # -- what happens to it -------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The broker is gone."""
        for watcher in tuple(self._revisions):
            self.unwatch(watcher)

    def reconnect(self) -> None:
        """The store can be reached again: deliver what was held back."""
        self.cut_off = False
        self.lag = 0.0
        for watching in tuple(self._revisions.values()):
            watching.schedule()

    def lose_watches(self) -> None:
        """The store forgot what the watches still have to hear of."""
        for watcher in tuple(self._revisions):
            self.unwatch(watcher)
            watcher.lost(Compacted("revisions were compacted away"))


@implementer(IWatcher)
class _Watching:
    """Revisions on their way to one watcher, in order."""

    def __init__(self, view: MetadataView, watcher: IWatcher, reactor: SimulatedReactor, latency: Callable[[], float]) -> None:
        self._view = view
        self._watcher = watcher
        self._reactor = reactor
        self._latency = latency
        self._under_way: deque[Revision] = deque()
        self._scheduled = False
        self._over = False

    def revision(self, revision: Revision) -> None:
        """Made just now."""
        self._under_way.append(revision)
        self.schedule()

    def lost(self, reason: Compacted) -> None:
        """See :meth:`IWatcher.lost`."""
        if not self._over and self._reactor.alive:
            self._over = True
            self._watcher.lost(reason)

    def schedule(self) -> None:
        """Let what is under way arrive."""
        if self._under_way and not self._scheduled and not self._view.cut_off and not self._over:
            self._scheduled = True
            self._reactor.timeline.after(self._latency(), self._arrive)

    def _arrive(self) -> None:
        self._scheduled = False
        while self._under_way and not self._over and not self._view.cut_off and self._reactor.alive:
            self._watcher.revision(self._under_way.popleft())

    def end(self) -> None:
        """Nobody listens."""
        self._over = True


class ViewMaker:
    """Gives each start of a broker its view; stands where the maker of the ``memory`` store is."""

    seam = "metadata"
    name = "memory"
    summary = "one store for the whole cluster"
    help = ""
    interface = "chronik.metadata.interfaces:IMetadataStore"

    def __init__(self, view: MetadataView) -> None:
        self._view = view

    def make(self, context: Any, options: Mapping[str, str]) -> MetadataView:
        """The view."""
        return self._view

"""Fenced writes: every change is a small plan made from what the store holds, committed only while this broker is the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import MetadataImage
from chronik.metadata.interfaces import (
    OPERATIONS_PER_COMMIT_MAX,
    Compacted,
    Compare,
    Conflict,
    Delete,
    Entry,
    IMetadataFeed,
    IMetadataStore,
    IWatcher,
    MetadataError,
    Put,
    ReadOnly,
    Revision,
    TooLarge,
    UnknownOutcome,
)

ATTEMPTS_MAX: Final = 10
"""How often a change is planned anew after somebody else was faster or an answer was lost."""

OPERATIONS_PER_PLAN_MAX: Final = OPERATIONS_PER_COMMIT_MAX - 1
"""What a plan may hold beside the compare of the controller's key."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One commit to be; without operations there is nothing left to do."""

    compares: Sequence[Compare] = ()
    operations: Sequence[Put | Delete] = ()


Planner = Callable[["KeyView"], Plan]
"""Makes the plan from what is there; called again when that changed meanwhile, so it must recognise its own work."""


@implementer(IWatcher)
class KeyView:
    """The store's keys with their revisions, which compares need and the image does not have."""

    def __init__(self, store: IMetadataStore) -> None:
        self._store = store
        self._entries: dict[str, Entry] = {}
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self._stale = True
        self.current = 0

    async def reach(self, revision: int) -> None:
        """Wait until this revision is seen here too: a store tells its watchers one after the other."""
        if self._stale:
            await self.refresh()
        if self.current < revision:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((revision, waiting))
            await waiting

    async def refresh(self) -> None:
        """Read everything anew and follow from there.

        :raises MetadataError: it cannot be read; whoever waits for a revision is told so too, and the next who asks has it read.
        """
        self._stale = True
        self._store.unwatch(self)
        try:
            snapshot = await self._store.snapshot()
        except Exception as problem:
            self._fail(ReadOnly(f"it cannot be read: {problem}"))
            raise
        if snapshot.revision >= self.current:
            self._entries, self.current = dict(snapshot.entries), snapshot.revision
        self._stale = False
        self._store.unwatch(self)
        self._store.watch(self.current, self)
        self._fire_reached()

    def stop(self) -> None:
        """Follow no more; whoever still waits for a revision is told so."""
        self._store.unwatch(self)
        self._stale = True
        self._fail(ReadOnly("the broker stops"))

    def _fail(self, reason: MetadataError) -> None:
        waiting, self._waiting = self._waiting, []
        for _, reached in waiting:
            reached.errback(reason)

    def get(self, key: str) -> Entry | None:
        """What a key holds."""
        return self._entries.get(key)

    def value(self, key: str) -> bytes | None:
        """Only the value."""
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def unchanged(self, key: str) -> Compare:
        """Holds as long as the key is as it is seen now."""
        entry = self._entries.get(key)
        return Compare(key, entry.revision if entry is not None else 0)

    def under(self, prefix: str) -> Mapping[str, Entry]:
        """Every key that begins so."""
        return {key: entry for key, entry in self._entries.items() if key.startswith(prefix)}

    def revision(self, revision: Revision) -> None:
        """The next revision."""
        self.current = revision.revision
        for key, value in revision.changes.items():
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = Entry(value, revision.revision)
        self._fire_reached()

    def lost(self, reason: Compacted) -> None:
        """What is seen here is old from now on; everything is read anew, now if somebody waits for it, else by the next write."""
        self._stale = True
        if self._waiting:
            Deferred.fromCoroutine(self.refresh()).addErrback(lambda failure: failure.trap(MetadataError))

    def _fire_reached(self) -> None:
        ready = [waiting for revision, waiting in self._waiting if revision <= self.current]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self.current]
        for waiting in ready:
            waiting.callback(None)


class Writer:
    """Commits plans.

    :param store: where to.
    :param feed: the own image; a write answers once that has it.
    :param view: the store's keys; writers of one broker share it.
    """

    _log = Logger()

    def __init__(self, store: IMetadataStore, feed: IMetadataFeed, view: KeyView) -> None:
        self._store = store
        self._feed = feed
        self.view = view

    async def write(self, planner: Planner) -> int:
        """Plan, commit, and plan again when something came in between.

        :returns: the revision after which the change is seen.
        :raises KafkaError: whatever the planner raises; ``KAFKA_STORAGE_ERROR``, ``POLICY_VIOLATION`` (too large) or ``REQUEST_TIMED_OUT``.
        """
        try:
            return await self._write(planner)
        except ReadOnly as problem:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The cluster's metadata cannot be changed now: {problem}") from problem
        except TooLarge as problem:
            raise KafkaError(ErrorCode.POLICY_VIOLATION, f"The change is too large: {problem}.") from problem

    async def current_image(self) -> MetadataImage:
        """The own image, once it has all that anybody was answered.

        :raises KafkaError: as :meth:`write`: the store does not tell now.
        """
        await self.write(lambda view: Plan())
        image: MetadataImage = self._feed.image
        return image

    async def _write(self, planner: Planner) -> int:
        latest = 0
        for _ in range(ATTEMPTS_MAX):
            await self.view.reach(max(latest, self._feed.image.revision))
            fences, planned_at = self._fences(), self.view.current
            plan = self._plan(planner)
            try:
                if isinstance(plan, Plan) and plan.operations:
                    return await self._seen(await self._store.commit((*fences, *plan.compares), plan.operations))
                # What is seen here may be old: that there is nothing to do, or that it cannot be done, holds only for what the store has now.
                latest = latest or await self._latest(fences)
            except (Conflict, UnknownOutcome) as problem:
                self._log.info("A metadata change is planned anew: {problem}", problem=str(problem))
                await self._read_again()
                continue
            if latest <= planned_at:
                if isinstance(plan, KafkaError):
                    raise plan
                return await self._seen(planned_at)
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"The change was overtaken by others {ATTEMPTS_MAX} times: try again.")

    def _plan(self, planner: Planner) -> Plan | KafkaError:
        try:
            return planner(self.view)
        except KafkaError as error:
            return error

    def _latest(self, fences: Sequence[Compare] = ()) -> Deferred[int]:
        """The newest revision that anybody was answered; a commit of nothing tells it."""
        return self._store.commit(fences, ())

    async def catch_up(self) -> None:
        """Wait until the own image shows what the plans were made from."""
        await self._feed.reached(self.view.current)

    async def _read_again(self) -> None:
        await self.view.refresh()

    def _fences(self) -> Sequence[Compare]:
        """What must hold beside a plan's own compares."""
        return ()

    async def _seen(self, revision: int) -> int:
        await self._feed.reached(revision)
        await self.view.reach(revision)
        return revision


class FencedWriter(Writer):
    """Commits plans for the holder of the controller key alone; see :class:`Writer` for the parameters.

    Its writes fail with ``NOT_CONTROLLER`` while this broker is not the controller.
    """

    _fence: Compare | None = None

    @property
    def held(self) -> bool:
        """Whether this broker is the controller, as far as it knows."""
        return self._fence is not None

    def hold(self, revision: int) -> None:
        """From now on write as the one who set the controller's key at this revision."""
        self._fence = Compare(keys.CONTROLLER, revision)

    def release(self) -> None:
        """Write no more."""
        self._fence = None

    async def _read_again(self) -> None:
        await super()._read_again()
        if self._fence is not None and self.view.unchanged(keys.CONTROLLER) != self._fence:
            self.release()

    def _fences(self) -> Sequence[Compare]:
        if self._fence is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "Another broker is the controller: ask it.")
        return (self._fence,)

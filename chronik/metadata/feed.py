"""The current image: follows a store's revisions and tells observers of each change, in order."""

from __future__ import annotations

from collections import deque
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.metadata.builder import ImageBuilder
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import Compacted, IImageObserver, IMetadataFeed, IMetadataStore, IWatcher, ReadOnly, Revision, Snapshot

RETRY_SECONDS: Final = 1.0
"""Pause before the store is asked again for a snapshot that it could not give."""


@implementer(IMetadataFeed, IWatcher)
class MetadataFeed:
    """Keeps one image up to date.

    :param store: what it follows; started before.
    :param clock: times the pause after a failed snapshot.
    """

    _log = Logger()

    def __init__(self, store: IMetadataStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._builder = ImageBuilder()
        self._observers: list[IImageObserver] = []
        self._arrived: deque[Revision | Snapshot] = deque()
        self._telling = False
        self._told = -1
        self._waiting: list[tuple[int, Deferred[MetadataImage]]] = []
        self._retry: IDelayedCall | None = None
        self._stopped = False
        self.image = self._builder.image

    @deferred
    async def start(self) -> None:
        """Take the first snapshot and watch from there; fires once observers were told of it."""
        await self._catch_up()

    def stop(self) -> None:
        """Follow no more; whoever still waits for a revision is told so."""
        self._stopped = True
        self._store.unwatch(self)
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        waiting, self._waiting = self._waiting, []
        for _, reached in waiting:
            reached.errback(ReadOnly("the broker stops"))

    def observe(self, observer: IImageObserver) -> None:
        """Tell ``observer`` of every later change."""
        self._observers.append(observer)

    def unobserve(self, observer: IImageObserver) -> None:
        """Stop telling it."""
        self._observers = [known for known in self._observers if known is not observer]

    @deferred
    async def reached(self, revision: int) -> MetadataImage:
        """The image, once it is at ``revision`` or later and everyone knows."""
        if self._told < revision and self._stopped:
            raise ReadOnly("the broker stops")
        if self._told < revision:
            waiting: Deferred[MetadataImage] = Deferred()
            self._waiting.append((revision, waiting))
            await waiting
        return self.image

    def revision(self, revision: Revision) -> None:
        """The store's next revision."""
        self._take(revision)

    def lost(self, reason: Compacted) -> None:
        """The watch is over: begin anew from a snapshot."""
        self._log.info("The metadata watch was lost ({reason}): taking a snapshot", reason=str(reason))
        self._catch_up_until_done()

    async def _catch_up(self) -> None:
        snapshot = await self._store.snapshot()
        if not self._stopped:
            self._take(snapshot)
            self._store.watch(snapshot.revision, self)

    def _catch_up_until_done(self) -> None:
        Deferred.fromCoroutine(self._catch_up()).addErrback(self._try_later)

    def _try_later(self, failure: Failure) -> None:
        self._log.failure("The metadata store gave no snapshot, asking again in {seconds} s", failure=failure, seconds=RETRY_SECONDS)
        if not self._stopped:
            self._retry = self._clock.callLater(RETRY_SECONDS, self._catch_up_until_done)

    def _take(self, arrived: Revision | Snapshot) -> None:
        """Work through what arrived, in order, also when an observer's doing makes more arrive meanwhile."""
        self._arrived.append(arrived)
        if self._telling:
            return
        self._telling = True
        try:
            while self._arrived:
                self._advance(self._arrived.popleft())
        finally:
            self._telling = False

    def _advance(self, arrived: Revision | Snapshot) -> None:
        if isinstance(arrived, Snapshot):
            delta = self._builder.rebuild(arrived)
        else:
            delta = self._builder.apply(arrived)
        self.image = self._builder.image
        if delta != ImageDelta():
            self._tell(self.image, delta)
        self._told = self.image.revision
        self._fire_reached()

    def _tell(self, image: MetadataImage, delta: ImageDelta) -> None:
        for observer in tuple(self._observers):
            try:
                observer.image_changed(image, delta)
            except Exception:  # noqa: BLE001  an observer must not keep the others from hearing
                self._log.failure("An observer of the metadata failed at revision {revision}", revision=image.revision)

    def _fire_reached(self) -> None:
        ready = [reached for revision, reached in self._waiting if revision <= self._told]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._told]
        for reached in ready:
            reached.callback(self.image)

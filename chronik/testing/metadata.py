"""Helpers for tests around metadata: workers without threads, and watchers and observers that write down what they hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from chronik.defer import IWorker
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import Compacted, IImageObserver, IWatcher, Revision

T = TypeVar("T")


@implementer(IWorker)
class ImmediateWorker:
    """Does its work in the call, on the caller's thread."""

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run it now."""
        return maybeDeferred(function, *args)

    def close(self) -> Deferred[None]:
        """There is nothing to end."""
        return succeed(None)


@implementer(IWorker)
class HeldWorker:
    """Keeps its work until told, so that a test sees what happens meanwhile.

    :ivar held: work not done yet, in order.
    """

    def __init__(self) -> None:
        self.held: list[Callable[[], object]] = []

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Keep it for later."""
        answer: Deferred[T] = Deferred()
        self.held.append(lambda: maybeDeferred(function, *args).chainDeferred(answer))
        return answer

    def release(self) -> None:
        """Do the oldest piece of work."""
        self.held.pop(0)()

    def release_all(self) -> None:
        """Do all work, also what it leads to."""
        while self.held:
            self.release()

    def close(self) -> Deferred[None]:
        """There is nothing to end."""
        return succeed(None)


@implementer(IWatcher)
class RecordingWatcher:
    """Writes down revisions.

    :ivar revisions: all heard, in order.
    :ivar reasons: why watches were lost.
    """

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        self.reasons: list[Compacted] = []

    def revision(self, revision: Revision) -> None:
        """Write it down."""
        self.revisions.append(revision)

    def lost(self, reason: Compacted) -> None:
        """Write it down."""
        self.reasons.append(reason)


@implementer(IImageObserver)
class RecordingObserver:
    """Writes down images and deltas."""

    def __init__(self) -> None:
        self.images: list[MetadataImage] = []
        self.deltas: list[ImageDelta] = []

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Write both down."""
        self.images.append(image)
        self.deltas.append(delta)

"""The contract of a metadata store: a small versioned key-value store that etcd could keep.

Keys are UTF-8 paths (``topics/orders``), values are bytes. One commit is one revision; revisions grow by at least one and are never reused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.metadata.image import ImageDelta, MetadataImage

OPERATIONS_PER_COMMIT_MAX: Final = 128
"""Compares, puts and deletes of one commit together; etcd's default limit."""

BYTES_PER_COMMIT_MAX: Final = 1_500_000
"""Keys and values of one commit together; etcd's default request limit is 1.5 MiB."""


class MetadataError(Exception):
    """A commit that was not, or may not have been, made."""


class Conflict(MetadataError):
    """A compare did not hold: nothing was written. Read again and decide anew."""


class ReadOnly(MetadataError):
    """The store takes no writes now (lost its quorum, or its disk failed): nothing was written."""


class UnknownOutcome(MetadataError):
    """The answer was lost: the commit was made whole or not at all. Read again to learn which."""


class TooLarge(MetadataError):
    """More than one commit may carry; split it. Nothing was written."""


class Compacted(MetadataError):
    """Revisions that a watch asked for are gone: take a snapshot and watch from there."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Holds when the key was last changed at ``revision``; 0 means that it does not exist."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Put:
    """Set a key. With ``lease`` it goes when that lease ends."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; a missing one is fine."""

    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's value and the revision that set it."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything in the store at one revision."""

    revision: int
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Revision:
    """All that one commit changed: ``changes[key]`` is the new value, None when the key was removed."""

    revision: int
    changes: Mapping[str, bytes | None]


class IWatcher(Interface):
    """Who is told of revisions."""

    def revision(revision: Revision) -> None:
        """The next revision, each once, in order, always whole."""

    def lost(reason: Compacted) -> None:
        """Revisions were missed: the watch is over, a new snapshot is needed."""


class IMetadataStore(Interface):
    """Where the cluster's metadata is kept. All commits are durable when they answer."""

    def start() -> Deferred[None]:
        """Open it.

        :raises ChronikError: it cannot be used; says why and what to do.
        """

    def snapshot() -> Deferred[Snapshot]:
        """Everything, at a revision no older than any commit already answered to this process."""

    def watch(revision: int, watcher: IWatcher) -> None:
        """Tell ``watcher`` of every revision after ``revision``.

        A commit's own revision may arrive before or after the commit's answer.
        """

    def unwatch(watcher: IWatcher) -> None:
        """Stop telling it; an unknown one is fine."""

    def commit(compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> Deferred[int]:
        """Do all operations at once if all compares hold.

        :returns: the new revision; where nothing is changed, the newest there is, no older than any commit that was answered to anybody.
        :raises MetadataError: :class:`Conflict`, :class:`ReadOnly`, :class:`UnknownOutcome` or :class:`TooLarge`.
        """

    def grant_lease(seconds: int) -> Deferred[int]:
        """A new lease that ends by itself after so many seconds without :meth:`keep_lease`. The floor is 2 s.

        :returns: its id, never 0.
        """

    def keep_lease(lease: int) -> Deferred[bool]:
        """Start the lease's time anew; False when it has ended already."""

    def revoke_lease(lease: int) -> Deferred[None]:
        """End a lease now, and remove its keys; an unknown one is fine."""

    def close() -> Deferred[None]:
        """Finish what was begun and release the store."""


class IImageObserver(Interface):
    """Who follows the image."""

    def image_changed(image: MetadataImage, delta: ImageDelta) -> None:
        """A new image is current. Called on the reactor thread, in order; may be called with several revisions joined."""


class IMetadataFeed(Interface):
    """The current image and its changes."""

    image = Attribute("""The current :class:`~chronik.metadata.image.MetadataImage`.""")

    def observe(observer: IImageObserver) -> None:
        """Tell ``observer`` of every change from now on, in the order of observe calls."""

    def unobserve(observer: IImageObserver) -> None:
        """Stop; an unknown one is fine."""

    def reached(revision: int) -> Deferred[MetadataImage]:
        """Fires with the current image once it is at ``revision`` or later, and its observers were told."""

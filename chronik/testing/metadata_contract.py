"""What every metadata store must do: a mixin of tests for whoever writes one.

Mix it into a ``twisted.trial.unittest.SynchronousTestCase`` (or ``TestCase``) and provide :meth:`MetadataStoreContract.make_store`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from chronik.metadata.interfaces import (
    BYTES_PER_COMMIT_MAX,
    OPERATIONS_PER_COMMIT_MAX,
    Compare,
    Conflict,
    Delete,
    Entry,
    IMetadataStore,
    Put,
    Revision,
    Snapshot,
    TooLarge,
)
from chronik.testing.metadata import RecordingWatcher

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Base
else:
    _Base = object


class MetadataStoreContract(_Base):
    """The contract of :class:`~chronik.metadata.interfaces.IMetadataStore`.

    The store under test is alone in its cluster. Where its Deferreds need real time to fire, override :meth:`wait`.
    """

    def make_store(self, clock: Clock) -> Any:
        """A new and empty store, not started, with leases on ``clock``."""
        raise NotImplementedError

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred."""
        return self.successResultOf(deferred)

    def wait_failure(self, deferred: Deferred[Any], kind: type[Exception]) -> None:
        """Check that a Deferred fails this way."""
        self.failureResultOf(deferred, kind)

    def setUp(self) -> None:
        """Start a store."""
        super().setUp()
        self.clock = Clock()
        self.store = self.make_store(self.clock)
        self.wait(self.store.start())

    def tearDown(self) -> None:
        """Close it."""
        self.wait(self.store.close())
        super().tearDown()

    def commit(self, *operations: Put | Delete, compares: Sequence[Compare] = ()) -> int:
        """Commit, and the revision."""
        revision: int = self.wait(self.store.commit(compares, operations))
        return revision

    def snapshot(self) -> Snapshot:
        """A snapshot."""
        snapshot: Snapshot = self.wait(self.store.snapshot())
        return snapshot

    def lease(self, seconds: int = 10) -> int:
        """A new lease."""
        lease: int = self.wait(self.store.grant_lease(seconds))
        return lease

    def test_provides_the_interface(self) -> None:
        """It has every method with its arguments."""
        self.assertTrue(verifyObject(IMetadataStore, self.store))

    def test_begins_empty(self) -> None:
        """A new store has no keys."""
        self.assertEqual(dict(self.snapshot().entries), {})

    def test_put_is_in_the_snapshot(self) -> None:
        """A snapshot holds the value and the revision that set it."""
        revision = self.commit(Put("a/b", b"1"))
        snapshot = self.snapshot()
        self.assertEqual(dict(snapshot.entries), {"a/b": Entry(b"1", revision)})
        self.assertEqual(snapshot.revision, revision)

    def test_snapshot_does_not_change(self) -> None:
        """A snapshot stays as it was taken."""
        self.commit(Put("a", b"1"))
        before = self.snapshot()
        self.commit(Put("a", b"2"), Put("b", b"1"))
        self.assertEqual([before.entries["a"].value, "b" in before.entries], [b"1", False])

    def test_revisions_grow(self) -> None:
        """Each commit has a higher revision than the one before."""
        revisions = [self.commit(Put("a", b"%d" % number)) for number in range(5)]
        self.assertEqual(revisions, sorted(set(revisions)))
        self.assertGreater(revisions[0], 0)

    def test_revision_belongs_to_the_key(self) -> None:
        """Setting one key leaves the revision of another alone."""
        first = self.commit(Put("a", b"1"))
        self.commit(Put("b", b"1"))
        self.assertEqual(self.snapshot().entries["a"].revision, first)

    def test_any_bytes_and_names(self) -> None:
        """Values are bytes, keys any text."""
        value = bytes(range(256))
        self.commit(Put("tópics/☃ x", value), Put("empty", b""))
        entries = self.snapshot().entries
        self.assertEqual([entries["tópics/☃ x"].value, entries["empty"].value], [value, b""])

    def test_delete(self) -> None:
        """A deleted key is gone, and may come back with a new revision."""
        first = self.commit(Put("a", b"1"))
        self.commit(Delete("a"))
        self.assertEqual(dict(self.snapshot().entries), {})
        self.assertGreater(self.commit(Put("a", b"2"), compares=[Compare("a", 0)]), first)

    def test_delete_of_a_missing_key(self) -> None:
        """Deleting what is not there is fine."""
        self.commit(Delete("a"))
        self.assertEqual(dict(self.snapshot().entries), {})

    def test_commit_is_whole(self) -> None:
        """All operations of a commit happen at one revision."""
        self.commit(Put("old", b"1"))
        revision = self.commit(Put("a", b"1"), Put("b", b"2"), Delete("old"))
        self.assertEqual(dict(self.snapshot().entries), {"a": Entry(b"1", revision), "b": Entry(b"2", revision)})

    def test_compare_holds(self) -> None:
        """A commit goes through when the key is as expected."""
        revision = self.commit(Put("a", b"1"), compares=[Compare("a", 0)])
        self.commit(Put("a", b"2"), compares=[Compare("a", revision)])
        self.assertEqual(self.snapshot().entries["a"].value, b"2")

    def test_compare_fails(self) -> None:
        """One compare that does not hold keeps everything as it was."""
        revision = self.commit(Put("a", b"1"))
        for stale in (0, revision - 1, revision + 1):
            compares = [Compare("a", revision), Compare("b", 0), Compare("a", stale)]
            self.wait_failure(self.store.commit(compares, [Put("a", b"2"), Put("b", b"2")]), Conflict)
        self.assertEqual(dict(self.snapshot().entries), {"a": Entry(b"1", revision)})

    def test_compare_of_a_missing_key(self) -> None:
        """A key that does not exist has revision 0 and no other."""
        self.wait_failure(self.store.commit([Compare("a", 1)], [Put("a", b"1")]), Conflict)

    def test_compare_alone(self) -> None:
        """A commit without operations checks only."""
        revision = self.commit(Put("a", b"1"))
        self.assertEqual(self.commit(compares=[Compare("a", revision)]), revision)
        self.wait_failure(self.store.commit([Compare("a", 0)], []), Conflict)

    def test_two_at_once(self) -> None:
        """Of two commits that expect the same and are under way together, one wins."""
        first = self.store.commit([Compare("a", 0)], [Put("a", b"1")])
        second = self.store.commit([Compare("a", 0)], [Put("a", b"2")])
        self.wait(first)
        self.wait_failure(second, Conflict)
        self.assertEqual(self.snapshot().entries["a"].value, b"1")

    def test_too_many_operations(self) -> None:
        """Compares and operations together are limited, and the limit itself passes."""
        compares = [Compare("a", 0)]
        fitting = [Put(f"k{number}", b"") for number in range(OPERATIONS_PER_COMMIT_MAX - 1)]
        self.wait_failure(self.store.commit(compares, [*fitting, Put("more", b"")]), TooLarge)
        self.assertEqual(dict(self.snapshot().entries), {})
        self.commit(*fitting, compares=compares)
        self.assertEqual(len(self.snapshot().entries), OPERATIONS_PER_COMMIT_MAX - 1)

    def test_too_many_bytes(self) -> None:
        """Keys and values together are limited, and the limit itself passes."""
        value = bytes(BYTES_PER_COMMIT_MAX - 1)
        self.wait_failure(self.store.commit([], [Put("ab", value)]), TooLarge)
        self.commit(Put("a", value))
        self.assertEqual(list(self.snapshot().entries), ["a"])

    def test_same_key_twice(self) -> None:
        """One revision cannot hold two changes of one key."""
        self.wait_failure(self.store.commit([], [Put("a", b"1"), Delete("a")]), ValueError)

    def test_watch_tells_of_later_revisions(self) -> None:
        """A watcher hears of each later commit once, in order and whole, and of nothing before."""
        start = self.commit(Put("before", b"1"))
        watcher = RecordingWatcher()
        self.store.watch(start, watcher)
        first = self.commit(Put("a", b"1"), Put("b", b"2"))
        second = self.commit(Delete("a"))
        self.assertEqual(watcher.revisions, [Revision(first, {"a": b"1", "b": b"2"}), Revision(second, {"a": None})])

    def test_watch_from_the_past(self) -> None:
        """A watch that begins at an earlier revision hears of what came since."""
        start = self.commit(Put("a", b"1"))
        later = [self.commit(Put("a", b"2")), self.commit(Put("a", b"3"))]
        watcher = RecordingWatcher()
        self.store.watch(start, watcher)
        self.assertEqual([revision.revision for revision in watcher.revisions], later)
        self.assertEqual(watcher.reasons, [])

    def test_watch_hears_nothing_of_failures(self) -> None:
        """A commit that was not made is not told."""
        watcher = RecordingWatcher()
        self.store.watch(self.snapshot().revision, watcher)
        self.wait_failure(self.store.commit([Compare("a", 7)], [Put("a", b"1")]), Conflict)
        self.assertEqual(watcher.revisions, [])

    def test_unwatch(self) -> None:
        """A watcher that left hears nothing more; leaving twice is fine, others stay."""
        gone, staying = RecordingWatcher(), RecordingWatcher()
        self.store.watch(self.snapshot().revision, gone)
        self.store.watch(self.snapshot().revision, staying)
        self.store.unwatch(gone)
        self.store.unwatch(gone)
        self.commit(Put("a", b"1"))
        self.assertEqual([len(gone.revisions), len(staying.revisions)], [0, 1])

    def test_lease_keeps_its_keys(self) -> None:
        """Keys of a lease stay while it is kept."""
        lease = self.lease(10)
        self.commit(Put("a", b"1", lease))
        for _ in range(5):
            self.clock.advance(8)
            self.assertTrue(self.wait(self.store.keep_lease(lease)))
        self.assertIn("a", self.snapshot().entries)

    def test_lease_ends(self) -> None:
        """Keys of a lease that nobody keeps go, as one revision, and others stay."""
        lease = self.lease(10)
        self.commit(Put("a", b"1", lease), Put("b", b"1", lease), Put("other", b"1"))
        watcher = RecordingWatcher()
        self.store.watch(self.snapshot().revision, watcher)
        self.clock.advance(10)
        self.assertEqual(list(self.snapshot().entries), ["other"])
        self.assertEqual([dict(revision.changes) for revision in watcher.revisions], [{"a": None, "b": None}])
        self.assertFalse(self.wait(self.store.keep_lease(lease)))

    def test_lease_has_a_floor(self) -> None:
        """A lease lasts two seconds at least."""
        lease = self.lease(0)
        self.assertNotEqual(lease, 0)
        self.commit(Put("a", b"1", lease))
        self.clock.advance(1.9)
        self.assertTrue(self.wait(self.store.keep_lease(lease)))

    def test_lease_revoked(self) -> None:
        """Revoking a lease removes its keys at once; again is fine."""
        lease = self.lease()
        self.commit(Put("a", b"1", lease))
        self.wait(self.store.revoke_lease(lease))
        self.wait(self.store.revoke_lease(lease))
        self.assertEqual(dict(self.snapshot().entries), {})

    def test_put_without_the_lease_stays(self) -> None:
        """A key set again without a lease no longer hangs on it."""
        lease = self.lease()
        self.commit(Put("a", b"1", lease))
        self.commit(Put("a", b"2"))
        self.wait(self.store.revoke_lease(lease))
        self.assertEqual(self.snapshot().entries["a"].value, b"2")

    def test_put_under_an_ended_lease(self) -> None:
        """Nothing can be hung on a lease that is over."""
        lease = self.lease()
        self.wait(self.store.revoke_lease(lease))
        self.wait_failure(self.store.commit([], [Put("a", b"1", lease)]), Conflict)
        self.assertEqual(dict(self.snapshot().entries), {})

    def test_leases_are_told_apart(self) -> None:
        """Ids of leases are not given twice, and one's end leaves the other alone."""
        first, second = self.lease(), self.lease()
        self.assertNotEqual(first, second)
        self.commit(Put("a", b"1", first), Put("b", b"1", second))
        self.wait(self.store.revoke_lease(first))
        self.assertEqual(list(self.snapshot().entries), ["b"])

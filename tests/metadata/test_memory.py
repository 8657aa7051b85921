"""The memory store: the contract, and the failures it can be told to give."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata.interfaces import Compacted, Conflict, Put, ReadOnly, Revision, UnknownOutcome
from chronik.metadata.keyspace import HISTORY_REVISIONS_MAX
from chronik.metadata.memory import Fault, MemoryMetadataStore
from chronik.testing.metadata import RecordingWatcher
from chronik.testing.metadata_contract import MetadataStoreContract


class MemoryStoreContractTests(MetadataStoreContract, SynchronousTestCase):
    """The contract."""

    def make_store(self, clock: Clock) -> MemoryMetadataStore:
        """An empty one."""
        return MemoryMetadataStore(clock)


class FaultTests(SynchronousTestCase):
    """What it does when told to fail."""

    def setUp(self) -> None:
        """Make a store."""
        self.store = MemoryMetadataStore(Clock())

    def put(self, key: str) -> None:
        """Set a key."""
        self.successResultOf(self.store.commit([], [Put(key, b"1")]))

    def keys(self) -> list[str]:
        """The keys there are."""
        return sorted(self.successResultOf(self.store.snapshot()).entries)

    def test_faults_that_write_nothing(self) -> None:
        """Conflict, read-only and a lost request leave the store as it was."""
        for fault, kind in ((Fault.CONFLICT, Conflict), (Fault.READ_ONLY, ReadOnly), (Fault.UNKNOWN_NOT_MADE, UnknownOutcome)):
            self.store.faults.append(fault)
            self.failureResultOf(self.store.commit([], [Put("a", b"1")]), kind)
        self.assertEqual(self.keys(), [])

    def test_lost_answer_did_write(self) -> None:
        """After a lost answer the commit is there."""
        self.store.faults.append(Fault.UNKNOWN_MADE)
        self.failureResultOf(self.store.commit([], [Put("a", b"1")]), UnknownOutcome)
        self.assertEqual(self.keys(), ["a"])

    def test_each_fault_once(self) -> None:
        """A fault belongs to one commit; None lets one pass before it."""
        self.store.faults.extend([None, Fault.CONFLICT])
        self.put("a")
        self.failureResultOf(self.store.commit([], [Put("b", b"1")]), Conflict)
        self.put("c")
        self.assertEqual(self.keys(), ["a", "c"])

    def test_read_only(self) -> None:
        """While read-only it refuses all commits and goes on answering reads."""
        self.put("a")
        self.store.read_only = True
        self.failureResultOf(self.store.commit([], [Put("b", b"1")]), ReadOnly)
        self.assertEqual(self.keys(), ["a"])

    def test_late_watch(self) -> None:
        """Held watches hear nothing until released, then everything in order."""
        watcher = RecordingWatcher()
        self.store.watch(0, watcher)
        self.store.hold_watches()
        self.put("a")
        self.put("b")
        self.assertEqual(watcher.revisions, [])
        self.store.release_watches()
        self.assertEqual(watcher.revisions, [Revision(1, {"a": b"1"}), Revision(2, {"b": b"1"})])

    def test_compacted(self) -> None:
        """Compaction ends watches; a new one from a snapshot works."""
        watcher = RecordingWatcher()
        self.store.watch(0, watcher)
        self.store.compact()
        self.put("a")
        self.assertEqual([type(reason) for reason in watcher.reasons], [Compacted])
        self.store.watch(self.successResultOf(self.store.snapshot()).revision, watcher)
        self.put("b")
        self.assertEqual([revision.revision for revision in watcher.revisions], [2])

    def test_watch_from_too_far_back(self) -> None:
        """What is no longer kept cannot be watched."""
        for number in range(HISTORY_REVISIONS_MAX + 1):
            self.put(f"k{number}")
        kept, gone = RecordingWatcher(), RecordingWatcher()
        self.store.watch(1, kept)
        self.store.watch(0, gone)
        self.assertEqual([len(kept.revisions), len(kept.reasons)], [HISTORY_REVISIONS_MAX, 0])
        self.assertEqual([len(gone.revisions), len(gone.reasons)], [0, 1])

    def test_watcher_that_commits(self) -> None:
        """A commit made while a revision is told arrives after it, at every watcher, once."""
        store = self.store

        class Committing(RecordingWatcher):
            def revision(self, revision: Revision) -> None:
                super().revision(revision)
                if revision.revision == 1:
                    store.commit([], [Put("b", b"1")])

        first, second = Committing(), RecordingWatcher()
        self.store.watch(0, first)
        self.store.watch(0, second)
        self.put("a")
        self.assertEqual([r.revision for r in first.revisions], [1, 2])
        self.assertEqual([r.revision for r in second.revisions], [1, 2])

    def test_watcher_that_fails(self) -> None:
        """A failing watcher is logged and does not keep others from hearing."""

        class Failing(RecordingWatcher):
            def revision(self, revision: Revision) -> None:
                raise ZeroDivisionError

        other = RecordingWatcher()
        self.store.watch(0, Failing())
        self.store.watch(0, other)
        self.put("a")
        self.assertEqual(len(other.revisions), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

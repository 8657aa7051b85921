"""The file store: the contract, durability through any crash, damage, failing disks, group commit and rewriting."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from crc32c import crc32c
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import IWorker
from chronik.errors import ChronikError
from chronik.metadata.file import GROUP_COMMITS_MAX, FileMetadataStore
from chronik.metadata.interfaces import Compare, Conflict, Delete, Put, ReadOnly, Revision, UnknownOutcome
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.metadata import HeldWorker, ImmediateWorker, RecordingWatcher
from chronik.testing.metadata_contract import MetadataStoreContract
from tests.metadata.disk import Disk, MachineWorker

LOG = "/data/metadata/metadata.log"


def make_store(disk: Disk, worker: IWorker | None = None, clock: Clock | None = None, rewrite_bytes_min: int = 1 << 20) -> FileMetadataStore:
    """A store on ``disk``, not started."""
    marks = iter(range(1, 1_000_000))
    return FileMetadataStore(
        disk,  # type: ignore[arg-type]
        "/data/metadata",
        worker or ImmediateWorker(),
        clock or Clock(),
        rewrite_bytes_min,
        lambda count: next(marks).to_bytes(count, "big"),
    )


class FileStoreContractTests(MetadataStoreContract, SynchronousTestCase):
    """The contract."""

    def make_store(self, clock: Clock) -> FileMetadataStore:
        """A store on an empty disk."""
        return make_store(Disk(), clock=clock)


class RewritingFileStoreContractTests(MetadataStoreContract, SynchronousTestCase):
    """The contract, with the log rewritten all the time."""

    def make_store(self, clock: Clock) -> FileMetadataStore:
        """A store that rewrites its log after little growth."""
        return make_store(Disk(), clock=clock, rewrite_bytes_min=1)


class FileCase(SynchronousTestCase):
    """Tests on one disk."""

    def setUp(self) -> None:
        """An empty one."""
        self.disk = Disk()

    def start(self, **arguments: Any) -> FileMetadataStore:
        """A started store."""
        store = make_store(self.disk, **arguments)
        self.successResultOf(store.start())
        return store

    def put(self, store: FileMetadataStore, **values: bytes) -> int:
        """Set keys."""
        return self.successResultOf(store.commit([], [Put(key, value) for key, value in values.items()]))

    def values(self, store: FileMetadataStore) -> dict[str, bytes]:
        """All keys and values."""
        return {key: entry.value for key, entry in self.successResultOf(store.snapshot()).entries.items()}

    def refusal(self) -> str:
        """Why a store does not start on the disk as it is."""
        store = make_store(self.disk)
        message = str(self.failureResultOf(store.start(), ChronikError).value)
        self.assertEqual(self.disk.locks, set())
        return message


class PersistenceTests(FileCase):
    """What is there after a stop."""

    def test_reopened(self) -> None:
        """Values and their revisions are the same in the next life, and revisions go on."""
        store = self.start()
        first = self.put(store, a=b"1")
        self.put(store, a=b"2", b=b"1")
        self.successResultOf(store.commit([], [Delete("b")]))
        before = self.successResultOf(store.snapshot())
        self.successResultOf(store.close())
        again = self.start()
        self.assertEqual(self.successResultOf(again.snapshot()), before)
        self.assertGreater(self.put(again, c=b"1"), before.revision)
        self.failureResultOf(again.commit([Compare("a", first)], [Put("a", b"3")]), Conflict)

    def test_leases_end_with_the_process(self) -> None:
        """Keys on a lease of an earlier life go at start, as one revision; a rewrite does not forget the lease."""
        for rewrite_bytes_min in (1, 1 << 20):
            self.disk = Disk()
            store = self.start(rewrite_bytes_min=rewrite_bytes_min)
            lease = self.successResultOf(store.grant_lease(10))
            self.successResultOf(store.commit([], [Put("leased", b"1", lease), Put("b", b"1")]))
            for number in range(20):
                self.put(store, b=b"%d" % number)
            self.successResultOf(store.close())
            again = self.start()
            self.assertEqual(self.values(again), {"b": b"19"})
            self.assertEqual(self.values(self.reopen(again)), {"b": b"19"})

    def reopen(self, store: FileMetadataStore) -> FileMetadataStore:
        """The next life."""
        self.successResultOf(store.close())
        return self.start()

    def test_closed(self) -> None:
        """A closed store takes nothing more and leaves the directory to others."""
        store = self.start()
        self.successResultOf(store.close())
        self.failureResultOf(store.commit([], [Put("a", b"1")]), ReadOnly)
        self.start()

    def test_not_started(self) -> None:
        """Before its start a store takes nothing."""
        self.failureResultOf(make_store(self.disk).commit([], [Put("a", b"1")]), ReadOnly)

    def test_locked(self) -> None:
        """Two processes never share a directory."""
        self.start()
        store = make_store(self.disk)
        self.assertIn("another process uses", str(self.failureResultOf(store.start(), ChronikError).value))


class RewriteTests(FileCase):
    """The log is replaced by its snapshot as it grows."""

    def test_size_is_bounded(self) -> None:
        """Setting one key for ever does not fill the disk, and everything survives."""
        store = self.start(rewrite_bytes_min=10_000)
        self.put(store, keep=b"x" * 100)
        for number in range(1_000):
            self.put(store, a=b"%d" % number)
            self.assertLess(len(self.disk.names[LOG].data), 11_000)
        before = self.successResultOf(store.snapshot())
        self.successResultOf(store.close())
        self.assertEqual(self.successResultOf(self.start().snapshot()), before)

    def test_big_state_is_not_rewritten_often(self) -> None:
        """The log grows to a multiple of its snapshot before it is replaced."""
        store = self.start(rewrite_bytes_min=1)
        self.put(store, big=b"x" * 100_000)
        self.disk.steps = 0
        for _ in range(100):
            self.put(store, a=b"1")
        self.assertLess(self.disk.steps, 220)

    def test_rewrite_fails(self) -> None:
        """Without room for a snapshot the old log is used on, and the commits stay."""
        store = self.start(rewrite_bytes_min=2_000)
        self.disk.failing = {"create": errno.ENOSPC}
        for number in range(100):
            self.put(store, a=b"%d" % number)
        self.successResultOf(store.close())
        self.disk.failing = {}
        self.assertEqual(self.values(self.start()), {"a": b"99"})

    def test_rename_not_synced(self) -> None:
        """When it is not known which log a crash would leave, nothing more is written to either."""
        store = self.start(rewrite_bytes_min=2_000)
        self.disk.failing = {"sync_directory": errno.EIO}
        answered: list[int] = []
        refused: list[Failure] = []
        for number in range(100):
            store.commit([], [Put("a", b"%d" % number)]).addCallbacks(lambda _, number=number: answered.append(number), refused.append)
        self.assertTrue(refused[-1].check(ReadOnly))
        self.assertEqual(len(answered) + len(refused), 100)
        self.disk.failing = {}
        for way in ("lost", "kept"):
            self.disk.crash(way)
            self.assertEqual(self.values(self.start()), {"a": b"%d" % answered[-1]})


class GroupCommitTests(FileCase):
    """Commits under way together share a sync."""

    def setUp(self) -> None:
        """With a worker that waits."""
        super().setUp()
        self.worker = HeldWorker()
        self.store = make_store(self.disk, self.worker)
        start = self.store.start()
        self.worker.release_all()
        self.successResultOf(start)

    def commit(self, *compares: Compare, **values: bytes) -> Deferred[int]:
        """Begin a commit."""
        return self.store.commit(compares, [Put(key, value) for key, value in values.items()])

    def test_one_sync(self) -> None:
        """What waited during a sync becomes durable by the next one, together."""
        commits = [self.commit(**{f"k{number}": b"1"}) for number in range(10)]
        self.assertEqual(len(self.worker.held), 1)
        self.worker.release()
        self.assertEqual(self.successResultOf(commits[0]), 1)
        self.disk.steps = 0
        self.worker.release()
        self.assertEqual([self.successResultOf(commit) for commit in commits[1:]], list(range(2, 11)))
        self.assertEqual([self.disk.steps, self.worker.held], [2, []])

    def test_groups_are_bounded(self) -> None:
        """However many wait, one sync takes a bounded number, and the reactor gets its turn in between."""
        commits = [self.commit(**{f"k{number}": b"1"}) for number in range(1 + 2 * GROUP_COMMITS_MAX + 5)]
        made = []
        while self.worker.held:
            self.worker.release()
            made.append(sum(commit.called for commit in commits))
        self.assertEqual(made, [1, 1 + GROUP_COMMITS_MAX, 1 + 2 * GROUP_COMMITS_MAX, len(commits)])

    def test_nothing_is_seen_before_its_sync(self) -> None:
        """Neither answer, nor watch, nor snapshot tell of what a crash could take back."""
        watcher = RecordingWatcher()
        self.store.watch(0, watcher)
        commit = self.commit(a=b"1")
        self.assertNoResult(commit)
        self.assertEqual([watcher.revisions, dict(self.successResultOf(self.store.snapshot()).entries)], [[], {}])
        self.worker.release()
        self.successResultOf(commit)
        self.assertEqual(watcher.revisions, [Revision(1, {"a": b"1"})])

    def test_compares_within_a_group(self) -> None:
        """Commits of one group are checked against each other in their order."""
        self.commit(first=b"1")
        won, lost = self.commit(Compare("a", 0), a=b"1"), self.commit(Compare("a", 0), a=b"2")
        follows = self.commit(Compare("a", 2), a=b"3")
        self.worker.release_all()
        self.assertEqual([self.successResultOf(won), self.successResultOf(follows)], [2, 3])
        self.failureResultOf(lost, Conflict)

    def test_lease_that_ends_during_the_sync(self) -> None:
        """A key put under a lease that ends meanwhile does not stay behind."""
        lease = self.successResultOf(self.store.grant_lease(5))
        put = self.store.commit([], [Put("a", b"1", lease)])
        revoked = self.store.revoke_lease(lease)
        self.worker.release_all()
        self.successResultOf(put)
        self.successResultOf(revoked)
        self.assertEqual(dict(self.successResultOf(self.store.snapshot()).entries), {})

    def test_close_finishes(self) -> None:
        """Closing waits for what was begun."""
        first, second = self.commit(a=b"1"), self.commit(b=b"1")
        closed = self.store.close()
        self.assertNoResult(closed)
        self.worker.release_all()
        for done in (first, second, closed):
            self.successResultOf(done)


class FailingDiskTests(FileCase):
    """Disks that refuse."""

    def test_full_disk(self) -> None:
        """A write that fails writes nothing; once there is room the store goes on, and only what was answered survives."""
        store = self.start()
        self.put(store, a=b"1")
        self.disk.failing = {"pwritev": errno.ENOSPC}
        failure = self.failureResultOf(store.commit([], [Put("b", b"1" * 100)]), ReadOnly)
        self.assertIn("try again", str(failure.value))
        self.disk.failing = {}
        self.put(store, c=b"1")
        self.disk.crash("lost")
        self.assertEqual(self.values(self.start()), {"a": b"1", "c": b"1"})

    def test_failed_sync(self) -> None:
        """After a sync that failed the outcome is open, and nothing is written any more; reads go on."""
        store = self.start()
        self.put(store, a=b"1")
        self.disk.failing = {"fdatasync": errno.EIO}
        self.failureResultOf(store.commit([], [Put("b", b"1")]), UnknownOutcome)
        self.disk.failing = {}
        self.failureResultOf(store.commit([], [Put("c", b"1")]), ReadOnly)
        self.assertEqual(self.values(store), {"a": b"1"})

    def test_what_a_failed_sync_left_in_memory(self) -> None:
        """A process that is started again finds a commit that the disk never got: it is on the disk before others follow."""
        disk = MemoryFileSystem(Random(1))
        disk.make_directory("/d")
        disk.sync_file_system("/")
        first = FileMetadataStore(disk, "/d", ImmediateWorker(), Clock())
        self.successResultOf(first.start())
        disk.fail("sync", "*metadata.log")
        self.failureResultOf(first.commit([], [Put("a", b"1")]), UnknownOutcome)
        disk.kill()
        second = FileMetadataStore(disk, "/d", ImmediateWorker(), Clock())
        self.successResultOf(second.start())
        self.successResultOf(second.commit([], [Put("b", b"2")]))
        disk.crash()
        third = FileMetadataStore(disk, "/d", ImmediateWorker(), Clock())
        self.successResultOf(third.start())
        self.assertEqual({"a", "b"}, set(self.successResultOf(third.snapshot()).entries))
        self.flushLoggedErrors()

    def test_failed_write_that_cannot_be_taken_back(self) -> None:
        """A half-written block that stays leaves the outcome open, and the next start without it."""
        store = self.start()
        self.put(store, a=b"1")
        self.disk.failing = {"pwritev": errno.EIO, "truncate": errno.EIO}
        self.failureResultOf(store.commit([], [Put("b", b"1")]), UnknownOutcome)
        self.disk.failing = {}
        self.disk.crash("kept")
        self.assertEqual(self.values(self.start()), {"a": b"1"})

    def test_unusable_directory(self) -> None:
        """A directory that cannot be written is told at start."""
        self.disk.failing = {"make_directory": errno.EACCES}
        self.assertIn("/data/metadata cannot be used", self.refusal())


class DamageTests(FileCase):
    """Files that are not as they were written."""

    def setUp(self) -> None:
        """With three commits on the disk."""
        super().setUp()
        store = self.start()
        self.ends = []
        for key in ("a", "b", "c"):
            self.put(store, **{key: b"value"})
            self.ends.append(len(self.disk.names[LOG].data))
        whole = bytes(self.disk.names[LOG].data)
        self.successResultOf(store.close())
        self.disk.names[LOG].data[:] = whole  # as a crash leaves it
        self.data = self.disk.names[LOG].data

    def test_torn_tail_at_every_byte(self) -> None:
        """A last block cut anywhere is dropped, the others stay, and the store goes on from there."""
        whole = bytes(self.data)
        for size in range(self.ends[1], len(whole)):
            self.disk.names[LOG].data[:] = whole[:size]
            store = self.start()
            self.assertEqual(list(self.values(store)), ["a", "b"])
            self.assertEqual(len(self.disk.names[LOG].data), self.ends[1])
            self.put(store, d=b"1")
            self.successResultOf(store.close())
            again = self.start()
            self.assertEqual(list(self.values(again)), ["a", "b", "d"])
            self.successResultOf(again.close())

    def test_changed_byte_in_the_last_block(self) -> None:
        """A last block that does not match its checksum counts as unfinished."""
        whole = bytes(self.data)
        for position in range(self.ends[1], len(whole)):
            self.disk.names[LOG].data[:] = whole
            self.disk.names[LOG].data[position] ^= 0x10
            store = self.start()
            self.assertEqual(list(self.values(store)), ["a", "b"])
            self.successResultOf(store.close())

    def test_what_is_cut_off_is_kept(self) -> None:
        """Whether a last block was being written or was damaged later cannot be told: its bytes are put aside, and the log says where."""
        self.data[-1] ^= 0x10
        cut = bytes(self.data[self.ends[1] :])
        with capturedLogs() as logged:
            self.start()
        self.assertEqual(cut, bytes(self.disk.names[LOG + ".cut"].data))
        self.assertTrue(any(LOG + ".cut" in (formatEvent(event) or "") for event in logged))

    def test_changed_byte_after_a_clean_stop(self) -> None:
        """A store that was closed left nothing unfinished: no change and no cut, wherever it is, is taken for a crash's work."""
        self.successResultOf(self.start().close())
        whole = bytes(self.disk.names[LOG].data)
        for position in range(len(whole)):
            self.disk.names[LOG].data[:] = whole
            self.disk.names[LOG].data[position] ^= 0x10
            self.assertIn(LOG, self.refusal())
            self.disk.names[LOG].data[:] = whole[:position]
            self.assertIn(LOG, self.refusal())
        self.disk.names[LOG].data[:] = whole
        self.assertEqual(list(self.values(self.start())), ["a", "b", "c"])

    def test_changed_byte_before(self) -> None:
        """Any change before the last block is refused, naming the place, and the file is left as it is."""
        whole = bytes(self.data)
        for position in range(self.ends[1]):
            self.data[:] = whole
            self.data[position] ^= 0x10
            damaged = bytes(self.data)
            self.assertIn(LOG, self.refusal())
            self.assertEqual(self.data, damaged)

    def test_nonsense_that_fits_its_checksum(self) -> None:
        """A block that cannot be read is refused, naming the place, although its checksum is right."""
        whole, end = bytes(self.data), self.ends[1]
        mark, size = whole[end : end + 8], int.from_bytes(whole[end + 8 : end + 12], "big")
        payload = whole[end + 16 : end + 16 + size]
        for nonsense in (*(payload[:cut] for cut in range(2, size)), payload.replace(b"c", b"\xff", 1)):
            head = len(nonsense).to_bytes(4, "big")
            self.data[:] = whole[:end] + mark + head + crc32c(nonsense, crc32c(head)).to_bytes(4, "big") + nonsense
            refusal = self.refusal()
            self.assertIn(f"{LOG} is damaged at byte {end}", refusal)
            self.assertIn("cannot be read", refusal)

    def test_zeros_at_the_end(self) -> None:
        """Zeros after the last block, as some file systems leave, are an unfinished write."""
        self.data.extend(bytes(4096))
        self.assertEqual(list(self.values(self.start())), ["a", "b", "c"])

    def test_newer_format(self) -> None:
        """A newer format is named with both versions."""
        self.data[11] = 9
        self.assertIn("version 9", self.refusal())

    def test_foreign_file(self) -> None:
        """Another program's file is not touched."""
        self.data[:] = b"something else entirely, and quite long"
        self.assertIn("not a metadata log", self.refusal())

    def test_empty_file(self) -> None:
        """An empty file is no log: ours appear whole by a rename."""
        self.data[:] = b""
        self.assertIn("damaged at byte 0", self.refusal())

    def test_unfinished_rewrite(self) -> None:
        """What a rewrite left behind is removed."""
        self.disk.open(LOG + ".tmp", create=True).pwritev([b"half"], 0)
        self.assertEqual(list(self.values(self.start())), ["a", "b", "c"])
        self.assertFalse(self.disk.exists(LOG + ".tmp"))


class CrashTests(FileCase):
    """The machine stops at every step there is, in every way."""

    def work(self, worker: IWorker) -> list[int]:
        """Commit pairs of keys, with rewrites in between; the revisions answered."""
        answered: list[int] = []
        store = make_store(self.disk, worker, rewrite_bytes_min=300)
        started = store.start()
        for number in range(1, 13):
            operations = [Put("a", b"%d" % number), Put(f"b{number % 3}", b"%d" % number * 20)]
            started.addCallback(lambda _, operations=operations: store.commit([], operations).addCallback(answered.append))
        return answered

    def check(self, way: str, answered: list[int]) -> None:
        """Everything answered is there, nothing is there in part, and the store goes on."""
        store = self.start(rewrite_bytes_min=300)
        snapshot = self.successResultOf(store.snapshot())
        last = max(answered, default=0)
        self.assertIn(snapshot.revision, (last, last + 1), way)
        if snapshot.revision:
            self.assertEqual(snapshot.entries["a"].value, b"%d" % snapshot.revision)
            self.assertEqual(snapshot.entries[f"b{snapshot.revision % 3}"].value, b"%d" % snapshot.revision * 20)
        self.put(store, after=b"1")
        self.disk.crash("lost")
        self.assertIn("after", self.values(self.start()))

    def test_crash_at_every_step(self) -> None:
        """Answered commits survive, whatever became of the bytes that were not synced."""
        steps = 0
        for way in ("lost", "kept", "first half", "second half"):
            for step in range(1, 1_000):
                self.disk = Disk()
                self.disk.cut_at = step
                worker = MachineWorker()
                answered = self.work(worker)
                if not worker.stopped:
                    self.assertEqual(len(answered), 12)
                    break
                self.disk.crash(way)
                self.check(way, answered)
                steps += 1
        self.assertGreater(steps, 4 * 30)

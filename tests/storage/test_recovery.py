"""Opening what is on disk: after clean stops, crashes, and damage of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.testing.logs import ID, TP
from chronik.testing.records import batch_of
from tests.storage.test_store import StoreCase

ALL = 1 << 30
CONFIG = LogConfig(segment_bytes=400, index_interval_bytes=100)
DIRECTORY = f"/data/{TP}"


class RecoveryCase(StoreCase):
    """A log of ten one-record batches in several segments, opened again after something happened to its files."""

    config = CONFIG

    def filled(self, **options: Any) -> Any:
        """A store with the log, everything flushed, not closed."""
        store = self.started(**options)
        log = self.successResultOf(store.open(TP, ID, self.config))
        for n in range(10):
            self.successResultOf(log.append(batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n), 0))
        return store

    def stopped(self) -> None:
        """Leave it closed properly."""
        self.successResultOf(self.filled().close())

    def crashed(self, checkpoint: bool = False) -> None:
        """Leave it crashed, with the recovery point at 10 or at 0."""
        self.filled(checkpoint_ms=1000 if checkpoint else 60_000)
        if checkpoint:
            self.clock.advance(1)
        self.disk.crash()

    def segments(self) -> list[str]:
        """Paths of the segments."""
        return [f"{DIRECTORY}/{name}" for name in self.disk.list(DIRECTORY) if name.endswith(".log")]

    def change(self, path: str, change: Callable[[bytes], bytes]) -> None:
        """Give a file other bytes."""
        self.disk.write_whole(path, change(self.disk.read_whole(path)))

    def log(self) -> Any:
        """The log, opened again."""
        self.of = self.started()
        return self.successResultOf(self.of.open(TP, ID, self.config))

    def values(self, log: Any) -> list[bytes | None]:
        """All its values."""
        found: list[bytes | None] = []
        while len(found) < log.end_offset:
            data = self.successResultOf(log.read(len(found), ALL, ALL, True))
            batches = list(whole_batches(data.read(0, ALL)))
            data.close()
            self.assertTrue(batches)
            found += [record.value for _, batch in batches for record in decode_records(batch)]
        return found

    def check_first(self, count: int) -> Any:
        """Open it: it has this many of the records, and its producer goes on after them."""
        log = self.log()
        self.assertEqual([b"%d" % n for n in range(count)], self.values(log))
        if count:
            again = self.successResultOf(log.append(batch_of(b"x", producer_id=7, producer_epoch=0, base_sequence=count - 1), 0))
            self.assertEqual((count - 1, True), (again.base_offset, again.duplicate))
        return log


class TailTests(RecoveryCase):
    """The end of the last segment after a crash."""

    def test_untouched(self) -> None:
        """Everything is found, and said to be unclean."""
        self.crashed()
        self.assertFalse(self.check_first(10).clean)

    def test_torn(self) -> None:
        """A batch cut in two is cut away."""
        self.crashed()
        self.change(self.segments()[-1], lambda data: data[:-3])
        self.check_first(9)

    def test_garbage(self) -> None:
        """What is no batch is cut away, zeros as well."""
        for garbage in (b"\0" * 300, b"garbage" * 50, b"\xff" * 5):
            self.crashed()
            self.change(self.segments()[-1], lambda data, garbage=garbage: data + garbage)
            self.check_first(10)
            self.assertEqual([], [name for name in self.disk.list(DIRECTORY) if name.endswith(".corrupt")])
            self.successResultOf(self.of.delete(TP, ID))
            self.successResultOf(self.of.close())

    def test_empty(self) -> None:
        """A last segment whose bytes never reached the disk is just empty."""
        self.crashed()
        base = int(self.segments()[-1].rsplit("/", 1)[1][:20])
        self.change(self.segments()[-1], lambda data: b"")
        self.check_first(base)

    def test_goes_on(self) -> None:
        """After recovery the log is appended to as if nothing had been."""
        self.crashed()
        self.change(self.segments()[-1], lambda data: data[:-3])
        log = self.log()
        self.assertEqual(9, self.successResultOf(log.append(batch_of(b"9", producer_id=7, producer_epoch=0, base_sequence=9), 1)).base_offset)
        self.successResultOf(self.of.close())
        self.check_first(10)


class MiddleTests(RecoveryCase):
    """Damage with good data behind it."""

    def damage(self) -> str:
        """Flip a byte of the first batch."""
        path = self.segments()[0]
        self.change(path, lambda data: data[:62] + bytes([data[62] ^ 1]) + data[63:])
        return path

    def test_not_known_to_be_flushed(self) -> None:
        """The log ends before it, and what follows is kept aside."""
        self.crashed()
        path = self.damage()
        self.check_first(0)
        self.flushLoggedErrors()
        names = self.disk.list(DIRECTORY)
        self.assertIn(f"{path}.corrupt", [f"{DIRECTORY}/{name}" for name in names])
        self.assertEqual([path], self.segments())
        self.assertGreater(sum(name.endswith(".corrupt") for name in names), 1)

    def test_flushed(self) -> None:
        """Damage of what was on disk for certain is no crash's work: the log is not opened and nothing is changed."""
        self.crashed(checkpoint=True)
        path = self.segments()[-1]
        self.change(path, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        before = {name: self.disk.read_whole(name) for name in self.segments()}
        failure = self.failureResultOf(self.started().open(TP, ID, CONFIG), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.code)
        self.assertIn("are damaged", str(failure))
        self.assertEqual(before, {name: self.disk.read_whole(name) for name in self.segments()})

    def test_hole(self) -> None:
        """A segment that lost its end, while the next one kept its beginning, ends the log."""
        self.crashed()
        first, second = self.segments()[:2]
        size = next(iter(whole_batches(self.disk.read_whole(first))))[0].size_bytes
        self.change(first, lambda data: data[:size])
        self.check_first(1)
        self.assertFalse(self.disk.exists(second))

    def test_missing_segment_is_no_new_log(self) -> None:
        """Data below the recovery point that is missing after a clean stop is not replaced by new offsets."""
        self.stopped()
        for path in self.segments():
            self.change(path, lambda data: data[:-1])
        failure = self.failureResultOf(self.started().open(TP, ID, CONFIG), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.code)


class BoundTests(RecoveryCase):
    """How much is read after a crash: what was not noted to be on disk, however large the segment is in which that was."""

    config = LogConfig(segment_bytes=1 << 30, index_interval_bytes=1000)

    def grown(self, count: int, more: int) -> Any:
        """A log of so many batches at the last checkpoint but one, then a second one's worth, then some without a checkpoint; the disk crashed."""
        store = self.started(checkpoint_ms=1000)
        log = self.successResultOf(store.open(TP, ID, self.config))
        self.sent = 0
        for part in (count, more, more):
            for _ in range(part):
                self.send(log)
            if self.sent <= count + more:
                self.clock.advance(1)
        self.names = self.disk.list(DIRECTORY)
        self.size = log.size_bytes
        self.disk.crash()
        self.disk.bytes_read = 0

    def send(self, log: Any) -> None:
        """One more batch of a producer."""
        value = b"%d" % self.sent
        self.successResultOf(log.append(batch_of(value, producer_id=7, producer_epoch=0, base_sequence=self.sent), 0))
        self.sent += 1

    def test_bounded(self) -> None:
        """A hundred times as large a segment takes no more reading; everything is there, and found by offset, time and producer."""
        read = []
        for count in (100, 10_000):
            self.setUp()
            self.grown(count, 50)
            log = self.log()
            read.append(self.disk.bytes_read)
            self.assertEqual((0, self.sent), (log.start_offset, log.end_offset))
            self.assertEqual(self.size, log.size_bytes)
            for offset in (0, count // 2, count - 1, count, count + 75, self.sent - 1):
                data = self.successResultOf(log.read(offset, ALL, ALL, True))
                first = next(iter(whole_batches(data.read(0, 200))))[0]
                data.close()
                self.assertEqual(offset, first.base_offset)
            self.assertEqual(0, self.successResultOf(log.offset_of_max_timestamp()).offset)
            self.send(log)
            self.assertEqual([(7, self.sent - 1)], [(p.producer_id, p.last_sequence) for p in log.active_producers()])
        self.assertLess(read[1], 1.2 * read[0] + 10_000)

    def test_files_beside(self) -> None:
        """However many checkpoints there were, few files are beside the segment."""
        store = self.started(checkpoint_ms=1000)
        log = self.successResultOf(store.open(TP, ID, self.config))
        self.sent = 0
        for _ in range(10):
            self.send(log)
            self.clock.advance(1)
        self.assertEqual(2, sum(name.endswith(".snapshot") for name in self.disk.list(DIRECTORY)))

    def test_torn_entries(self) -> None:
        """What is in the index files behind the recovery point may be anything."""
        for junk in (bytes(40), b"\xff" * 40, b"\x00\x00\x01\x00" * 10, b"\x7f\xff\xff\xff" * 9 + b"xyz"):
            self.setUp()
            self.grown(500, 50)
            for extension in (".index", ".timeindex"):
                self.change(f"{DIRECTORY}/{0:020d}{extension}", lambda data, junk=junk: data + junk)
            log = self.log()
            self.assertEqual((self.sent, self.size), (log.end_offset, log.size_bytes))
            self.assertEqual([b"%d" % n for n in range(self.sent)], self.values(log))

    def test_index_of_something_else(self) -> None:
        """An index that does not fit is not believed."""
        self.grown(500, 50)
        self.change(f"{DIRECTORY}/{0:020d}.index", lambda data: data[:-4] + bytes([0, 0, 0, 7]))
        log = self.log()
        self.assertEqual([b"%d" % n for n in range(self.sent)], self.values(log))


class MissingTests(RecoveryCase):
    """Records that were on disk for certain and are not there: no cut, no new log, nothing changed."""

    def refused(self) -> str:
        """Why the log is not opened; its files are as they were."""
        before = {name: self.disk.read_whole(name) for name in self.segments()} if self.disk.exists(DIRECTORY) else {}
        failure = self.failureResultOf(self.started().open(TP, ID, CONFIG), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.code)
        self.assertIn(DIRECTORY, str(failure))
        self.assertEqual(before, {name: self.disk.read_whole(name) for name in self.segments()} if self.disk.exists(DIRECTORY) else {})
        return str(failure)

    def each_leave(self) -> Iterator[None]:
        """After a clean stop, and after a crash with a recovery point."""
        for leave in (self.stopped, lambda: self.crashed(checkpoint=True)):
            self.setUp()
            leave()
            yield

    def test_cut_between_batches(self) -> None:
        """The last segment is whole and too short."""
        for _ in self.each_leave():
            path = self.segments()[-1]
            size = next(iter(whole_batches(self.disk.read_whole(path))))[0].size_bytes
            self.change(path, lambda data, size=size: data[:-size])
            self.assertIn("recovery-point-offset-checkpoint", self.refused())

    def test_cut_between_batches_in_the_middle(self) -> None:
        """An earlier segment is whole and ends before the next one begins: what is missing is refused, what is there is served."""
        for _ in self.each_leave():
            path = self.segments()[0]
            size = next(iter(whole_batches(self.disk.read_whole(path))))[0].size_bytes
            self.change(path, lambda data, size=size: data[:size])
            log = self.log()
            second = log.segments[1].base_offset
            self.assertEqual((0, 10), (log.start_offset, log.end_offset))
            self.assertEqual(size, len(self.successResultOf(log.read(0, ALL, ALL, True))))
            for offset in range(1, second):
                failure = self.failureResultOf(log.read(offset, ALL, ALL, True), KafkaError).value
                self.assertEqual(ErrorCode.CORRUPT_MESSAGE, failure.code)
                self.assertIn("are missing at its end", str(failure))
            self.assertGreater(len(self.successResultOf(log.read(second, ALL, ALL, True))), 0)
            self.assertIn(path, self.of.status()[0].damaged[0])

    def test_batch_that_says_less_than_it_holds(self) -> None:
        """A damaged batch at the end of an earlier segment, which says that it ends before the next one begins, is not served."""
        for _ in self.each_leave():
            path, second = self.segments()[0], int(self.segments()[1].rsplit("/", 1)[1][:20])
            whole = bytes(batch_of(*(b"%d" % n for n in range(second))))
            self.change(path, lambda data, whole=whole: whole[:26] + bytes([whole[26] - 1]) + whole[27:])
            log = self.log()
            for offset in range(second):
                failure = self.failureResultOf(log.read(offset, ALL, ALL, True), KafkaError).value
                self.assertEqual((ErrorCode.CORRUPT_MESSAGE, True), (failure.code, "CRC" in str(failure)))
            self.assertGreater(len(self.successResultOf(log.read(second, ALL, ALL, True))), 0)

    def test_first_segment(self) -> None:
        """What is missing at the beginning was removed by retention before a crash, or by somebody else; it is told."""
        for clean in (True, False):
            self.setUp()
            self.stopped() if clean else self.crashed()
            first, second = self.segments()[:2]
            self.disk.unlink(first)
            with capturedLogs() as logged:
                log = self.log()
            begin = int(second[-24:-4])
            self.assertEqual((begin, 10), (log.start_offset, log.end_offset))
            (told,) = [line for event in logged if "are not there any more" in (line := formatEvent(event))]
            self.assertIn(f"records 0 to {begin - 1} are", told)
            self.assertEqual(clean, "says that they were there" in told)

    def test_stray_segment_in_the_middle(self) -> None:
        """A file that claims offsets which another segment has: what comes after it is told apart, and no offset has two records."""
        self.stopped()
        first, second = self.segments()[:2]
        headers = [header for header, _ in whole_batches(self.disk.read_whole(first))]
        claimed = headers[-1].base_offset
        self.disk.write_whole(f"{DIRECTORY}/{claimed:020d}.log", b"")
        log = self.log()
        self.assertEqual(claimed, log.segments[0].end_offset)
        failure = self.failureResultOf(log.read(claimed, ALL, ALL, True), KafkaError).value
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, failure.code)
        self.assertGreater(len(self.successResultOf(log.read(int(second[-24:-4]), ALL, ALL, True))), 0)

    def test_no_segments(self) -> None:
        """The directory is there, and nothing is in it but what says whose it is."""
        for _ in self.each_leave():
            for path in self.segments():
                self.disk.unlink(path)
            self.refused()

    def test_no_directory(self) -> None:
        """The whole directory is gone: no empty log takes its place, not at the next start either."""
        for _ in self.each_leave():
            self.disk.remove_tree(DIRECTORY)
            self.refused()
            self.disk.crash()
            self.refused()

    def test_no_directory_of_a_deleted_topic(self) -> None:
        """A topic whose log was lost can be deleted, and one of its name be made anew, at once or when the broker has run for a while."""
        for wait in (False, True):
            self.setUp()
            self.stopped()
            self.disk.remove_tree(DIRECTORY)
            store = self.started()
            if wait:
                self.clock.advance(1.5)
            else:
                self.failureResultOf(store.open(TP, ID, CONFIG), KafkaError)
                self.successResultOf(store.delete(TP, ID))
            self.assertEqual(0, self.successResultOf(store.open(TP, ID, CONFIG)).end_offset)


class StrangeNameTests(RecoveryCase):
    """Names that only look like ours."""

    def test_segments(self) -> None:
        """A number beyond any offset, and digits that are none of ours, make no segment."""
        for name in ("99999999999999999999.log", "²" * 20 + ".log", "٣" * 20 + ".log"):
            self.setUp()
            self.stopped()
            self.disk.write_whole(f"{DIRECTORY}/{name}", b"x")
            self.check_first(10)

    def test_partitions(self) -> None:
        """A directory that is not named exactly like a partition is none."""
        self.stopped()
        for name in ("t-007", "t-²", "t-٣", "-0"):
            self.disk.make_directory(f"/data/{name}")
            self.disk.write_whole(f"/data/{name}/partition.metadata", self.disk.read_whole(f"{DIRECTORY}/partition.metadata"))
        self.assertEqual([(TP, ID)], list(self.started().known()))


class SideFileTests(RecoveryCase):
    """What is derived from the log is believed only while it fits."""

    def each_way(self, extension: str, **expected: Any) -> None:
        """Damage all files of a kind in many ways, after a stop and after a crash."""
        ways: list[Callable[[bytes], bytes]] = [
            lambda data: b"",
            lambda data: data[:-1],
            lambda data: data[: len(data) // 24 * 12],
            lambda data: data + bytes(24),
            lambda data: b"\xff" * len(data),
            lambda data: bytes(len(data)),
            lambda data: data + data,
        ]
        for leave in (self.stopped, self.crashed):
            for way in ways:
                leave()
                for name in self.disk.list(DIRECTORY):
                    if name.endswith(extension):
                        self.change(f"{DIRECTORY}/{name}", way)
                log = self.check_first(10)
                found = self.successResultOf(log.offset_of_max_timestamp())
                self.assertEqual(0, found.offset)
                self.assertEqual(0, log.latest_epoch)
                self.successResultOf(self.of.delete(TP, ID))
                self.successResultOf(self.of.close())

    def test_offset_indexes(self) -> None:
        """Offset indexes are made anew."""
        self.each_way(".index")

    def test_time_indexes(self) -> None:
        """Time indexes are made anew."""
        self.each_way(".timeindex")

    def test_snapshots(self) -> None:
        """Producers are found in the log."""
        self.each_way(".snapshot")

    def test_epochs(self) -> None:
        """Epochs are found in the batches."""
        for data in (b"", b"1\n0\n", b"0\n2\n1 1\n", b"0\n2\n3 1\n2 5\n", b"\xff", b"0\n1\n0 x\n"):
            self.stopped()
            self.disk.write_whole(f"{DIRECTORY}/leader-epoch-checkpoint", data)
            self.assertEqual((0, 10), self.check_first(10).end_offset_for_epoch(0))
            self.successResultOf(self.of.delete(TP, ID))
            self.successResultOf(self.of.close())

    def test_missing(self) -> None:
        """All side files may be missing."""
        self.stopped()
        for name in self.disk.list(DIRECTORY):
            if not name.endswith((".log", ".metadata")):
                self.disk.unlink(f"{DIRECTORY}/{name}")
        self.check_first(10)

    def test_damaged_checkpoints(self) -> None:
        """Without recovery points everything is checked; without starts the log begins where its first segment does."""
        self.crashed()
        for name in ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint"):
            self.disk.write_whole(f"/data/{name}", b"nonsense")
        self.check_first(10)

    def test_leftovers(self) -> None:
        """Files that were on their way out are removed."""
        self.stopped()
        for name in ("00000000000000000000.log.deleted", "x.tmp"):
            self.disk.write_whole(f"{DIRECTORY}/{name}", b"x")
        self.check_first(10)
        self.assertEqual([], [name for name in self.disk.list(DIRECTORY) if name.endswith((".deleted", ".tmp"))])

    def test_snapshot_of_another_history(self) -> None:
        """A snapshot made before a truncation is not taken for the state of what came after it."""
        self.stopped()
        log = self.log()
        self.successResultOf(log.truncate(5))
        for n in range(5, 12):
            self.successResultOf(log.append(batch_of(b"%d" % n, producer_id=8, producer_epoch=0, base_sequence=n - 5), 1))
        self.disk.crash()
        log = self.log()
        self.assertEqual([(7, 4), (8, 6)], sorted((p.producer_id, p.last_sequence) for p in log.active_producers()))


class FuzzTests(RecoveryCase):
    """Bytes changed anywhere."""

    @settings(max_examples=80)
    @given(st.integers(0, 40), st.integers(0, 2000), st.binary(min_size=1, max_size=9), st.booleans())
    def test_any_file(self, which: int, position: int, data: bytes, clean: bool) -> None:
        """Whatever is changed in one file, opening gives a log with the first records, or says that the disk failed."""
        self.setUp()
        (self.stopped if clean else self.crashed)()
        names = [name for name in self.disk.list(DIRECTORY) if name != "partition.metadata"]
        path = f"{DIRECTORY}/{names[which % len(names)]}"
        self.change(path, lambda old: old[: position % (len(old) + 1)] + data + old[position % (len(old) + 1) + len(data) :])
        opening = self.started().open(TP, ID, CONFIG)
        opening.addErrback(lambda failure: failure.trap(KafkaError) and None)
        log = self.successResultOf(opening)
        self.flushLoggedErrors()
        if log is not None and not clean:
            self.assertLessEqual(log.end_offset, 10)
            self.assertEqual([b"%d" % n for n in range(log.end_offset)], self.values(log))

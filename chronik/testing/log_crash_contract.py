"""What every log store must keep when the machine stops: a mixin of tests for whoever writes one.

Mix it into a ``twisted.trial.unittest.SynchronousTestCase`` (or ``TestCase``) and provide :meth:`LogCrashContract.make_disk`. While a store works,
images are taken of what a crash would leave: whenever it tells of something, whenever something it was asked for is done, and before each of its
writes and syncs where the disk can tell. Every image is opened by a new store, which must have all that was promised by then, once and in order.

A crash is as good as its disk. :class:`~chronik.testing.log_disks.MemoryDisk` loses and tears whatever was not synced, so it finds a store that says
"flushed" too early. :class:`~chronik.testing.log_disks.RealDisk` only finds one that had not written yet. A store over SQLite has the first kind by
:class:`~chronik.testing.sqlite_disk.SqliteDisk`.
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from chronik.storage.config import LogConfig
from chronik.testing.log_crash_fixture import SMALL, Image, Photographer, value_of
from chronik.testing.log_fixture import ALL
from chronik.testing.log_follower_contract import led
from chronik.testing.log_follower_crash_contract import FollowerCrashContract
from chronik.testing.logs import ID, TP
from chronik.testing.records import batch_of


class LogCrashContract(FollowerCrashContract):
    """What a crash leaves of the logs of a :class:`~chronik.storage.interfaces.ILogStore`.

    :cvar histories: how many random histories are tried.
    """

    histories: ClassVar[int] = 25

    # -- one crash ----------------------------------------------------------------------------------------------------

    def test_crash(self) -> None:
        """What was flushed is there after a crash, once and in order, and the log says that it was not closed."""
        log = self.opened(LogConfig(segment_bytes=400))
        for n in range(10):
            self.append(log, b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n)
        self.assertEqual(10, self.wait(log.flush()))
        images = [Image(self.disk.crashed(Random(seed)), 10, 10) for seed in range(8)]
        for log, _ in self.recovered(images):
            self.assertFalse(log.clean)
            self.assertEqual([(n, b"%d" % n) for n in range(10)], self.records(log))
            self.assertTrue(self.append(log, b"9", producer_id=7, producer_epoch=0, base_sequence=9).duplicate)

    def test_crash_keeps_raised_epoch(self) -> None:
        """A raised epoch is durable once its Deferred fires."""
        log = self.opened()
        self.append(log, b"a")
        self.wait(log.flush())
        self.wait(log.raise_epoch(8))
        self.crash()
        self.assertEqual(8 if self.durable else -1, self.opened().latest_epoch)

    def test_crash_after_truncation(self) -> None:
        """Truncated records do not come back between those appended and flushed later."""
        log = self.opened(LogConfig(segment_bytes=200))
        for n in range(8):
            self.append(log, b"old%d" % n)
        self.wait(log.flush())
        self.wait(log.truncate(1))
        self.append(log, b"new", leader_epoch=1)
        self.wait(log.flush())
        self.crash()
        self.assertEqual([(0, b"old0"), (1, b"new")] if self.durable else [], self.records(self.opened()))

    def test_crash_keeps_start(self) -> None:
        """A start that was advanced is durable once its Deferred fires, and so is all that is above it."""
        log = self.opened(LogConfig(segment_bytes=300, write_caching=True))
        for n in range(9):
            self.append(log, b"%d" % n)
        self.wait(log.advance_start(7))
        images = [Image(self.disk.crashed(Random(seed)), 7, 9) for seed in range(8)]
        for log, _ in self.recovered(images):
            self.assertEqual(7, log.start_offset)
            self.assertEqual([(n, b"%d" % n) for n in range(7, log.end_offset)], self.records(log))

    def test_crash_after_deletion(self) -> None:
        """A removed log does not come back, nor do its records in another one of the name."""
        log = self.opened(SMALL)
        for n in range(8):
            self.sent(log, n)
        self.wait(self.store.delete(TP, ID))
        for seed in range(4):
            self.crash(Random(seed))
            self.assertEqual([], list(self.store.known()))
        log = self.opened(SMALL)
        self.assertEqual((0, 0, []), (log.start_offset, log.end_offset, self.records(log)))

    def test_crash_while_unopened(self) -> None:
        """A log that was not opened between two crashes is as the first one left it, and still not clean."""
        log = self.opened(SMALL)
        for n in range(8):
            self.sent(log, n)
        self.wait(log.flush())
        self.crash()
        self.wait(self.store.close())
        self.store = self.started()
        self.crash()
        log = self.opened(SMALL)
        self.assertEqual((8, False) if self.durable else (0, True), (log.end_offset, log.clean))

    # -- a crash at any moment ----------------------------------------------------------------------------------------

    def test_appending(self) -> None:
        """Appending, rolling and flushing may be interrupted anywhere: what is left are the first records, and duplicates are known."""

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(25):
                self.sent(log, n)
                photographer.look()

        images = self.images_of(work)
        self.assertGreater(len(images), 50)
        for log, image in self.recovered(images):
            # The very append may be there that had not been counted yet.
            self.assertLessEqual(log.end_offset, image.end + 1)
            self.assertEqual([(n, value_of(n)) for n in range(log.end_offset)], self.records(log))
            if log.end_offset:
                self.assertTrue(self.sent(log, log.end_offset - 1).duplicate)
            self.assertFalse(self.sent(log, log.end_offset).duplicate)

    def test_truncating(self) -> None:
        """While a log is cut back and grows again, what is found is a history that it had."""

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(20):
                self.sent(log, n)
            photographer.floor = 6
            self.wait(log.truncate(6))
            photographer.floor, photographer.ceiling = ALL, 6
            photographer.look()
            for n in range(6, 16):
                self.wait(log.append(batch_of(b"new%d" % n), 1))

        for log, image in self.recovered(self.images_of(work)):
            values = self.records(log)
            self.assertEqual(list(range(log.end_offset)), [offset for offset, _ in values])
            new = [offset for offset, value in values if value is not None and value.startswith(b"new")]
            self.assertTrue(new or log.end_offset <= image.ceiling, "truncated records came back")
            if new:
                self.assertEqual(list(range(6, log.end_offset)), new, "old records behind new ones")
                self.assertEqual((0, 6), log.end_offset_for_epoch(0))

    def test_closing(self) -> None:
        """A stop may be interrupted too, and the start after it as well."""

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(12):
                self.sent(log, n)
            self.wait(self.store.close())

        for log, image in self.recovered(self.images_of(work)):
            again = Image(self.adopted(image.disk.crashed(Random(len(self.records(log))))), log.flushed_offset, log.end_offset)
            for other, _ in self.recovered([again]):
                self.assertEqual(self.records(log), self.records(other))

    def test_removing(self) -> None:
        """Retention may be interrupted: the newest records are there whatever happens to the oldest."""

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(25):
                self.sent(log, n)
            log.set_high_watermark(25)
            self.wait(log.advance_start(20))
            for _ in range(3):
                self.clock.advance(1)
            self.sent(log, 25)

        for log, _ in self.recovered(self.images_of(work)):
            self.assertLessEqual(log.start_offset, 20)
            kept = dict(self.records(log))
            for n in range(20, log.end_offset):
                self.assertEqual(value_of(n), kept[n])

    def test_raising_epochs(self) -> None:
        """Epochs are never lost behind the records that were appended under them, nor do they come before them."""

        def work(log: Any, photographer: Photographer) -> None:
            for epoch in range(3, 9):
                self.wait(log.raise_epoch(epoch))
                photographer.look()
                self.append(log, b"%d" % epoch, leader_epoch=epoch)

        for log, _ in self.recovered(self.images_of(work)):
            found = [(log.epoch_for_offset(offset), value) for offset, value in self.records(log)]
            self.assertEqual([(epoch, b"%d" % epoch) for epoch in range(3, 3 + log.end_offset)], found)
            self.assertIn(log.latest_epoch, {log.end_offset - 1 + 3, log.end_offset + 3} if log.end_offset else {-1, 3})

    # -- random histories ---------------------------------------------------------------------------------------------

    def test_random_histories(self) -> None:
        """Whatever is done to a log, it is what a list would be, but for what a crash may take."""
        for seed in range(self.histories):
            self.disk = self.adopted(self.make_disk())
            self.store = self.started()
            _History(self, Random(seed)).run()


class _History:
    """One random history of a log, beside a list of its values."""

    def __init__(self, case: LogCrashContract, random: Random) -> None:
        self._case = case
        self._random = random
        self._config = LogConfig(segment_bytes=300, index_interval_bytes=80, write_caching=random.random() < 0.5, file_delete_delay_ms=0)
        self._model: list[bytes] = []
        self._epoch = 0
        self._log = case.opened(self._config)
        self._operations = {
            "append": (6, self._append),
            "flush": (2, self._flush),
            "truncate": (1, self._truncate),
            "remove": (1, self._remove),
            "replicate": (2, self._replicate),
            "restart": (1, self._restart),
            "wait": (1, lambda: case.clock.advance(1)),
            "stop": (1, self._stop),
            "crash": (2, self._crash),
        }

    def run(self) -> None:
        """Do some operations, and compare after each."""
        case = self._case
        names = list(self._operations)
        weights = [weight for weight, _ in self._operations.values()]
        done = []
        for name in self._random.choices(names, weights, k=30):
            done.append(name)
            self._operations[name][1]()
            log = self._log
            case.assertEqual(len(self._model), log.end_offset, done)
            case.assertEqual([(n, self._model[n]) for n in range(log.start_offset, len(self._model))], case.records(log), done)

    def _append(self) -> None:
        value = b"%d-" % len(self._model) * self._random.randint(1, 12)
        self._case.append(self._log, value, leader_epoch=self._epoch)
        self._model.append(value)

    def _flush(self) -> None:
        self._case.assertEqual(len(self._model), self._case.wait(self._log.flush()))

    def _truncate(self) -> None:
        offset = self._random.randint(self._log.start_offset, self._log.end_offset)
        self._case.wait(self._log.truncate(offset))
        del self._model[offset:]
        self._epoch += 1

    def _remove(self) -> None:
        self._case.wait(self._log.advance_start(self._random.randint(0, self._log.end_offset)))

    def _replicate(self) -> None:
        base = len(self._model)
        values = [b"%d+" % (base + n) * self._random.randint(1, 12) for n in range(self._random.randint(1, 9))]
        sent = b"".join(led(base + n, value, epoch=self._epoch) for n, value in enumerate(values))
        self._case.assertEqual(base + len(values), self._case.wait(self._log.replicate(sent)))
        self._model += values

    def _restart(self) -> None:
        offset = self._random.randint(0, self._log.end_offset + 9)
        self._case.wait(self._log.restart_at(offset))
        self._model[:] = [b""] * offset

    def _stop(self) -> None:
        self._case.wait(self._case.store.close())
        self._case.store = self._case.started()
        self._found(len(self._model))

    def _crash(self) -> None:
        flushed = self._log.flushed_offset
        self._case.crash(self._random)
        self._found(flushed)

    def _found(self, flushed: int) -> None:
        """The log that is there now takes its place; the list loses what the log was allowed to lose."""
        case, start = self._case, self._log.start_offset
        log = self._log = case.opened(self._config)
        if not case.durable:
            flushed = start = 0
        case.assertGreaterEqual(log.end_offset, flushed, "what was flushed is lost")
        case.assertEqual(start, log.start_offset, "what was removed came back, or more was")
        del self._model[log.end_offset :]
        self._epoch += 1

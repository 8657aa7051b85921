"""The contracts of logs and stores, over both file systems and the memory backend; and that the one of crashes finds what it should."""

from __future__ import annotations

import os
import unittest
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.backends import StorageContext, make_memory_store
from chronik.storage.filesystem import RealFileSystem
from chronik.storage.interfaces import IFileSystem
from chronik.storage.memory import MemoryFile
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.log_contract import LogContract, LogStoreContract
from chronik.testing.log_crash_contract import LogCrashContract
from chronik.testing.log_disks import DATA, Disk, MemoryDisk, NoDisk, RealDisk
from chronik.testing.logs import make_store
from chronik.testing.pools import SynchronousThreadPools


def store_in_memory(file_system: IFileSystem, clock: Clock) -> Any:
    """A segment store over a disk in memory."""
    return make_store(file_system, clock, DATA)


def store_on_disk(directory: str, clock: Clock) -> Any:
    """A segment store over a real directory."""
    return make_store(RealFileSystem(), clock, directory)


def memory_backend(clock: Clock) -> Any:
    """The backend ``memory``, as the broker makes it."""
    pools, times = SynchronousThreadPools(), (clock, clock.seconds)
    context = StorageContext(("/data",), RealFileSystem(), pools, *times, "c", 1, 64, 300_000, 60_000, lambda: 86_400_000)
    return make_memory_store(context, {})


class _OnMemory:
    """Stores over a disk in memory."""

    def make_store(self, clock: Clock) -> Any:
        """A store over the disk of this test."""
        if not hasattr(self, "disk"):
            self.disk = MemoryDisk(store_in_memory)
        return self.disk.make_store(clock)


class SegmentLogTests(_OnMemory, LogContract, SynchronousTestCase):
    """The segment log over a disk in memory."""


class SegmentLogStoreTests(_OnMemory, LogStoreContract, SynchronousTestCase):
    """The segment store over a disk in memory."""


class SegmentCrashTests(LogCrashContract, SynchronousTestCase):
    """What a power cut leaves of the segment store."""

    def make_disk(self) -> Disk:
        """In memory."""
        return MemoryDisk(store_in_memory)


class _OnDisk(SynchronousTestCase):
    """Stores over a real directory."""

    def make_store(self, clock: Clock) -> Any:
        """A store over the directory of this test."""
        if not hasattr(self, "path"):
            self.path = self.mktemp()
        return store_on_disk(os.path.abspath(self.path), clock)


class RealSegmentLogTests(LogContract, _OnDisk):
    """The segment log over real files."""

    make_store = _OnDisk.make_store


class RealSegmentLogStoreTests(LogStoreContract, _OnDisk):
    """The segment store over real files."""

    make_store = _OnDisk.make_store


class RealSegmentCrashTests(LogCrashContract, SynchronousTestCase):
    """What a killed process leaves of the segment store."""

    histories = 5

    def make_disk(self) -> Disk:
        """A directory."""
        return RealDisk(store_on_disk)


class _MemoryBackend:
    """The backend ``memory``."""

    durable = False

    def make_store(self, clock: Clock) -> Any:
        """A store as the broker makes it."""
        return memory_backend(clock)


class MemoryLogTests(_MemoryBackend, LogContract, SynchronousTestCase):
    """Logs of the backend."""


class MemoryLogStoreTests(_MemoryBackend, LogStoreContract, SynchronousTestCase):
    """Its store."""


class MemoryCrashTests(LogCrashContract, SynchronousTestCase):
    """What a crash leaves of it: nothing, and no trace."""

    durable = False

    def make_disk(self) -> Disk:
        """None."""
        return NoDisk(memory_backend)


class _CarelessFile(MemoryFile):
    def fdatasync(self) -> None:
        """Say that it is done."""


class _CarelessFileSystem(MemoryFileSystem):
    """Says that everything is safe, and forgets to see to it. The names of files are."""

    def open(self, path: str, create: bool = False) -> MemoryFile:
        """A careless file."""
        opened = super().open(path, create)
        return _CarelessFile(self, path, opened.node)

    def sync_file_system(self, path: str) -> None:
        """Say that it is done."""


def failures_of(case: type[SynchronousTestCase]) -> set[str]:
    """The tests of a class that fail."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}


class HonestyTests(SynchronousTestCase):
    """The contract of crashes finds a store that lies."""

    def test_unsynced(self) -> None:
        """A store that says "flushed" without a sync fails wherever records are looked for after a crash."""

        class Careless(LogCrashContract, SynchronousTestCase):
            def make_disk(self) -> Disk:
                disk = MemoryDisk(store_in_memory, _CarelessFileSystem(Random(0)))
                MemoryFileSystem.sync_file_system(disk.file_system, "/")
                return disk

        self.assertLessEqual({"test_crash", "test_appending", "test_random_histories"}, failures_of(Careless))
        self.flushLoggedErrors()

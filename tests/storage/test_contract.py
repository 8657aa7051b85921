"""The contracts of logs and stores, over both file systems and the memory backend."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.backends import StorageContext, make_memory_store
from chronik.storage.filesystem import RealFileSystem
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.log_contract import LogContract, LogStoreContract
from chronik.testing.logs import make_store
from chronik.testing.pools import SynchronousThreadPools


class _OnMemory:
    """Stores over a disk in memory."""

    def make_store(self, clock: Clock) -> Any:
        """A store over the disk of this test."""
        if not hasattr(self, "disk"):
            self.disk = MemoryFileSystem(Random(1))
            self.disk.make_directory("/data")
            self.disk.sync_file_system("/")
        return make_store(self.disk, clock)

    def crash_store(self) -> None:
        """Stop the machine."""
        self.disk.crash()


class SegmentLogTests(_OnMemory, LogContract, SynchronousTestCase):
    """The segment log over a disk in memory."""


class SegmentLogStoreTests(_OnMemory, LogStoreContract, SynchronousTestCase):
    """The segment store over a disk in memory."""


class _OnDisk(SynchronousTestCase):
    """Stores over a real directory; a crash is only that of the process."""

    def make_store(self, clock: Clock) -> Any:
        """A store over the directory of this test."""
        if not hasattr(self, "path"):
            self.path = self.mktemp()
        return make_store(RealFileSystem(), clock, os.path.abspath(self.path))

    def crash_store(self) -> None:
        """Leave everything as it is, as a killed process does."""
        for home in self.store._homes:  # type: ignore[attr-defined]
            home.lock.release()
        self.store._closing = True  # type: ignore[attr-defined]


class RealSegmentLogTests(LogContract, _OnDisk):
    """The segment log over real files."""

    make_store = _OnDisk.make_store


class RealSegmentLogStoreTests(LogStoreContract, _OnDisk):
    """The segment store over real files."""

    make_store = _OnDisk.make_store
    crash_store = _OnDisk.crash_store


class _MemoryBackend:
    """The backend ``memory``."""

    durable = False

    def make_store(self, clock: Clock) -> Any:
        """A store as the broker makes it."""
        context = StorageContext(("/data",), RealFileSystem(), SynchronousThreadPools(), clock, "c", 1, 64, 300_000, 60_000, 86_400_000)
        return make_memory_store(context, {})


class MemoryLogTests(_MemoryBackend, LogContract, SynchronousTestCase):
    """Logs of the backend."""


class MemoryLogStoreTests(_MemoryBackend, LogStoreContract, SynchronousTestCase):
    """Its store."""

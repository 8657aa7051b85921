"""The index of one partition on disk: its directory, the manifest, and the shards in it. All calls block; made by the writing thread.

Layout::

    <directory>/manifest.json    which shards there are, replaced whole
    <directory>/<name>/          one shard, whatever its backend keeps

A shard covers the offsets ``base <= offset < end``. Shards follow one another without a gap; the last may still be written to, and its end is
asked of its index. A directory that the manifest does not name is a leftover and removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.logger import Logger

from chronik.search.interfaces import Covered, ISearchBackend, ISearchStore, StoreDamaged
from chronik.search.worker.checks import Checks

MANIFEST: Final = "manifest.json"
MANIFEST_VERSION: Final = 2
"""Grows with every change of how records are indexed: what was made otherwise is dropped and made anew."""

SHARD_TOPIC: Final = 0
"""The topic number of documents in shards: a shard belongs to one partition, and numbers of topics differ from process to process."""

OFFSET_MAX: Final = (1 << 63) - 1


@dataclass(slots=True, eq=False)
class Shard:
    """One index on disk.

    :ivar end: one past the last offset searched in it.
    :ivar store: what it is searched by, and written to while ``writable``.
    :ivar sealed: nothing is added any more.
    :ivar retiring: the store that wrote it is being closed.
    :ivar documents: records and markers, counted as they were added.
    """

    name: str
    base: int
    end: int
    store: ISearchStore
    sealed: bool = False
    writable: bool = False
    retiring: bool = False
    documents: int = 0
    checks: Checks = field(default_factory=Checks)


class ShardDirectory:
    """What one partition keeps on disk.

    :param path: its directory; made when there is a first shard.
    :param heap_bytes: memory for one shard being written.
    :param settings: what documents depend on besides the log; shards made under others are dropped.
    """

    _log = Logger()

    def __init__(self, path: str, backend: ISearchBackend, heap_bytes: int, partition: int, settings: str) -> None:
        self.path = path
        self._backend = backend
        self._heap_bytes = heap_bytes
        self._partition = partition
        self._settings = settings
        self._last_name = 0
        self._saved = False

    def load(self) -> list[Shard]:
        """Open what is there, oldest first. From the first shard on that cannot be trusted, all are dropped."""
        shards: list[Shard] = []
        try:
            for row in self._read_manifest():
                shards.append(self._open(row, shards))
        except Exception as error:  # noqa: BLE001  whatever is wrong with a directory
            self._log.warn("dropping search shards of {path}: {reason}", path=self.path, reason=str(error))
        self._remove_strangers(shards)
        self._saved = bool(shards)
        self._last_name = max((int(s.name.rpartition("-")[2]) for s in shards), default=0)
        return shards

    def create(self, base: int) -> Shard:
        """A new empty shard that begins at ``base``; durable with the next :meth:`save`.

        Names are never used again: the store of a shard that was dropped may still be closing.
        """
        self._last_name += 1
        name = f"{base:020d}-{self._last_name}"
        directory = os.path.join(self.path, name)
        os.makedirs(directory)
        return Shard(name, base, base, self._backend.open(directory, True, self._heap_bytes), writable=True)

    def open_store(self, shard: Shard, writable: bool) -> ISearchStore:
        """Open the shard's index once more, to write to it or only to search it."""
        return self._backend.open(os.path.join(self.path, shard.name), writable, self._heap_bytes)

    def covered(self, shard: Shard) -> Covered:
        """What the shard's index holds."""
        return shard.store.covered(SHARD_TOPIC, self._partition, shard.base, OFFSET_MAX)

    def commit(self, shard: Shard, shards: Sequence[Shard]) -> int:
        """Make what was added durable and visible.

        :returns: bytes the shard takes.
        """
        shard.store.commit()
        shard.checks.record(os.path.join(self.path, shard.name))
        self.save(shards)
        return int(shard.store.size_bytes)

    def finish_writing(self, shard: Shard, written: ISearchStore, shards: Sequence[Shard]) -> None:
        """Close the store that wrote a shard, letting merging end, and note the files as they are now."""
        written.close()
        shard.retiring = False
        if shard.sealed:
            shard.checks = Checks()
        shard.checks.record(os.path.join(self.path, shard.name))
        self.save(shards)

    def save(self, shards: Sequence[Shard]) -> None:
        """Replace the manifest."""
        if not shards and not os.path.isdir(self.path):
            return
        rows = [
            {
                "name": s.name,
                "base": s.base,
                "end": s.end,
                "sealed": s.sealed and not s.retiring,
                "documents": s.documents,
                "checks": s.checks.to_json(),
            }
            for s in shards
        ]
        data = json.dumps({"version": MANIFEST_VERSION, "settings": self._settings, "shards": rows}).encode()
        temporary = os.path.join(self.path, MANIFEST + ".new")
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, os.path.join(self.path, MANIFEST))
        _sync_directory(self.path)
        self._saved = bool(shards)

    def damaged(self, shards: Sequence[Shard], whole: bool = False) -> tuple[int, str] | None:
        """Look for damage done from outside. A first shard that was not committed yet has no manifest to miss.

        :param whole: read every file, not only those whose size or time changed.
        :returns: ``(number of the first damaged shard, what is wrong)``, None when nothing was found.
        """
        if shards and self._saved and not os.path.exists(os.path.join(self.path, MANIFEST)):
            return 0, "its manifest is gone"
        for number, shard in enumerate(shards):
            problem = shard.checks.damaged(os.path.join(self.path, shard.name), whole, shard.retiring or not shard.sealed)
            if problem is not None:
                return number, problem
        return None

    def remove(self, shard: Shard) -> None:
        """Close a shard and remove its files."""
        with contextlib.suppress(Exception):
            shard.store.close()
        shutil.rmtree(os.path.join(self.path, shard.name), ignore_errors=True)

    def remove_all(self, shards: Sequence[Shard]) -> None:
        """Remove the whole directory."""
        for shard in shards:
            self.remove(shard)
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.path))

    def free_bytes(self) -> int:
        """What is left on the disk for others."""
        path = self.path
        while not os.path.isdir(path):
            path = os.path.dirname(path)
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def _read_manifest(self) -> list[dict[str, Any]]:
        try:
            with open(os.path.join(self.path, MANIFEST), "rb") as file:
                manifest = json.load(file)
        except FileNotFoundError:
            return []
        if manifest["version"] != MANIFEST_VERSION or manifest["settings"] != self._settings:
            raise StoreDamaged(f"made by version {manifest['version']} for {manifest['settings']!r}, needed for {self._settings!r}")
        rows: list[dict[str, Any]] = manifest["shards"]
        return rows

    def _open(self, row: dict[str, Any], before: Sequence[Shard]) -> Shard:
        if before and before[-1].end != row["base"]:
            raise StoreDamaged(f"shard {row['name']} begins at {row['base']}, the one before ends at {before[-1].end}")
        directory = os.path.join(self.path, row["name"])
        checks = Checks.from_json(row["checks"])
        problem = checks.damaged(directory, True, not row["sealed"])
        if problem is not None:
            raise StoreDamaged(f"shard {row['name']}: {problem}")
        try:
            store = self._backend.open(directory, False, self._heap_bytes)
        except BaseException as error:
            raise StoreDamaged(f"shard {row['name']}: {error}") from error
        shard = Shard(row["name"], row["base"], row["end"], store, row["sealed"], documents=row["documents"], checks=checks)
        if not shard.sealed:
            covered = self.covered(shard)
            shard.end = max(covered.last_offset + 1, shard.base)
            shard.documents = covered.documents + len(covered.skipped)
        return shard

    def _remove_strangers(self, shards: Sequence[Shard]) -> None:
        """Remove what is no shard of these: leftovers, and whatever stands where one or the manifest is to be."""
        known = {s.name for s in shards}
        for name in os.listdir(self.path) if os.path.isdir(self.path) else ():
            path = os.path.join(self.path, name)
            if name in known or (name == MANIFEST and os.path.isfile(path)):
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(path)


def remove_unknown(roots: Sequence[str], known: frozenset[str]) -> list[str]:
    """Remove index directories (``<root>/<topic id>/<partition>``) that no partition uses; the paths removed."""
    removed = []
    for root in roots:
        for topic in _directories(root):
            for partition in _directories(topic):
                if partition not in known:
                    shutil.rmtree(partition, ignore_errors=True)
                    removed.append(partition)
            with contextlib.suppress(OSError):
                os.rmdir(topic)
    return removed


def _directories(path: str) -> list[str]:
    try:
        return sorted(e.path for e in os.scandir(path) if e.is_dir())
    except FileNotFoundError:
        return []


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What a file system in memory is made of, and what a crash leaves of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all."""


class _Write(NamedTuple):
    """One unsynced write or cut: where it was, how much it wrote (-1 for a cut), the bytes it replaced, and whether a failed sync lost it."""

    position: int
    count: int  # type: ignore[assignment]
    replaced: bytes
    lost: bool = False


class FileNode:
    """A file's bytes.

    :param remember: keep what a crash would need.
    :ivar data: as readers see them.
    """

    __slots__ = ("_remember", "_unsynced", "data")

    def __init__(self, remember: bool) -> None:
        self.data = bytearray()
        self._remember = remember
        self._unsynced: list[_Write] = []

    def write(self, data: bytes, position: int) -> None:
        """Write bytes; a hole before them reads as zeros."""
        end = len(self.data)
        if self._remember:
            self._forget_lost(position, position + len(data))
            self._unsynced.append(_Write(position, len(data), bytes(self.data[position : position + len(data)])))
        if position > end:
            self.data += bytes(position - end)
        self.data[position : position + len(data)] = data

    def truncate(self, size: int) -> None:
        """Cut off, or fill up with zeros."""
        if self._remember:
            self._forget_lost(size, 1 << 62)
            self._unsynced.append(_Write(size, -1, bytes(self.data[size:])))
        if size > len(self.data):
            self.data += bytes(size - len(self.data))
        del self.data[size:]

    def sync(self) -> None:
        """What there is lasts, but for what an earlier sync lost."""
        self._unsynced = [write for write in self._unsynced if write.lost]

    def lose(self) -> None:
        """A sync failed: as on Linux, what was to be synced counts as clean from here on. Readers still see it, no later sync makes it last."""
        self._unsynced = [write if write.count < 0 else write._replace(lost=True) for write in self._unsynced]

    def drop_cache(self) -> None:
        """Let readers see what the disk has of what was lost."""
        for write in reversed(self._unsynced):
            if write.lost:
                _take_back(self.data, write)
        self._unsynced = [write for write in self._unsynced if not write.lost]

    def size_bytes(self) -> int:
        """Its bytes."""
        return len(self.data)

    def _forget_lost(self, start: int, end: int) -> None:
        """These bytes are written anew, or cut off."""
        if any(write.lost for write in self._unsynced):
            known, self._unsynced = self._unsynced, []
            self._unsynced += [w for w in known if not (w.lost and start <= w.position and w.position + w.count <= end)]

    def crashed(self, random: Random) -> FileNode:
        """A file with what was synced, and of the rest any sectors: nothing, all, or some."""
        node = FileNode(remember=True)
        node.data, later = self._synced()
        chance = random.choice((0.0, 0.5, 0.9, 1.0))
        for position, data in later:
            if data is None:
                if random.random() < chance:
                    node.truncate(position)
                continue
            at = 0
            while at < len(data):
                size = SECTOR_BYTES - (position + at) % SECTOR_BYTES
                if random.random() < chance:
                    node.write(data[at : at + size], position + at)
                at += size
        node.sync()
        return node

    def _synced(self) -> tuple[bytearray, list[tuple[int, bytes | None]]]:
        """The bytes as last synced, and what was written since, oldest first; None for a cut."""
        data = bytearray(self.data)
        later: list[tuple[int, bytes | None]] = []
        for write in reversed(self._unsynced):
            position, count, replaced, lost = write
            if lost:
                _take_back(data, write)
            elif count < 0:
                later.append((position, None))
                data[position:] = replaced
            else:
                later.append((position, bytes(data[position : position + count])))
                data[position:] = replaced + data[position + count :]
        later.reverse()
        return data, later


def _take_back(data: bytearray, write: _Write) -> None:
    """Put what was there before in the place of a write, zeros where there was nothing and something follows."""
    end = write.position + write.count
    data[write.position : end] = write.replaced if end >= len(data) else write.replaced.ljust(write.count, b"\0")


@dataclass(frozen=True, slots=True, eq=False)
class NameChange:
    """A name that begins to mean something else, or nothing."""

    directory: Directory
    name: str
    node: Directory | FileNode | None

    def apply(self, entries: dict[str, Directory | FileNode]) -> None:
        """Make it so."""
        if self.node is None:
            entries.pop(self.name, None)
        else:
            entries[self.name] = self.node


class Directory:
    """Names.

    :ivar entries: as readers see them.
    """

    __slots__ = ("_durable", "_unsynced", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, Directory | FileNode] = {}
        self._durable: dict[str, Directory | FileNode] = {}
        self._unsynced: list[Sequence[NameChange]] = []

    def change(self, changes: Sequence[NameChange], remember: bool) -> None:
        """Change names at once, for readers and for a crash."""
        for change in changes:
            change.apply(change.directory.entries)
        if remember:
            self._unsynced.append(changes)

    def sync(self) -> None:
        """The names last."""
        self._settle(len(self._unsynced))

    def _settle(self, count: int) -> None:
        for changes in self._unsynced[:count]:
            for change in changes:
                change.apply(change.directory._durable)
        del self._unsynced[:count]

    def settle_entries(self) -> None:
        """The names as they are last; what was remembered of changes is void."""
        self._durable = dict(self.entries)
        self._unsynced.clear()

    def sync_all(self) -> None:
        """All names and bytes below last."""
        self.sync()
        for node in self.entries.values():
            if isinstance(node, Directory):
                node.sync_all()
            else:
                node.sync()

    def lose_all(self) -> None:
        """A sync of everything failed."""
        for node in self.entries.values():
            if isinstance(node, Directory):
                node.lose_all()
            else:
                node.lose()

    def size_bytes(self) -> int:
        """Bytes of all files below."""
        return sum(node.size_bytes() for node in self.entries.values())

    def kept(self, random: Random) -> dict[str, Directory | FileNode]:
        """The names a crash leaves: those synced, and of the changes since the first few, for a journal keeps their order."""
        names = dict(self._durable)
        for changes in self._unsynced[: random.randint(0, len(self._unsynced))]:
            for change in changes:
                if change.directory is self:
                    change.apply(names)
        return names


def crashed_directory(directory: Directory, random: Random) -> Directory:
    """A copy of a directory and all below it as a crash leaves them."""
    copy = Directory()
    for name, node in directory.kept(random).items():
        copy.entries[name] = crashed_directory(node, random) if isinstance(node, Directory) else node.crashed(random)
    copy.settle_entries()
    return copy

"""The file store's log on disk. Everything here blocks, so it runs in the store's worker thread.

The file ``metadata.log`` is a header and then blocks. The first block is a snapshot, every later one the commits that were made durable by
one sync, so that a crash can tear the last block only::

    header  8 bytes  "chronikm"
            uint32   format version, 1
            8 bytes  the file's own mark, random
            uint32   CRC-32C of the 20 bytes before
    block   8 bytes  the file's mark
            uint32   size of the payload
            uint32   CRC-32C of the size and the payload
            payload  uint8 kind (1 snapshot, 2 commits), then records
    record  int64 revision, uint32 count, then count changes
    change  uint8 flags (0 removed, 1 set, 3 set under a lease), int64 revision, uint32 and the key, uint32 and the value

Numbers are big-endian. A block that is cut short or does not match its CRC ends the log if nothing valid follows it (it was being
written when the machine stopped, and nobody was answered); otherwise the log is damaged, and the store refuses to guess.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from crc32c import crc32c

from chronik.errors import ChronikError
from chronik.metadata.interfaces import Entry
from chronik.metadata.keyspace import StagedRevision
from chronik.storage.interfaces import IFile, IFileSystem

FILE_NAME: Final = "metadata.log"
FORMAT_VERSION: Final = 1

CUT: Final = ".cut"
"""Ending of the file that keeps what the last start cut off the log."""

_MAGIC: Final = b"chronikm"
_HEADER: Final = struct.Struct(">8sI8sI")
_BLOCK: Final = struct.Struct(">8sII")
_RECORD: Final = struct.Struct(">qI")
_CHANGE: Final = struct.Struct(">BqI")
_SIZE: Final = struct.Struct(">I")
_SNAPSHOT: Final = 1
_COMMITS: Final = 2
_REMOVED, _SET, _LEASED = 0, 1, 3


@dataclass(slots=True)
class Recovered:
    """What the log held.

    :ivar leased: keys that hung on a lease of the process that wrote them.
    :ivar torn_bytes: bytes of an unfinished write that were cut off.
    """

    revision: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    leased: set[str] = field(default_factory=set)
    torn_bytes: int = 0


class Journal:
    """Appends blocks and replaces the file by a snapshot of itself.

    :param directory: where the file is; it exists.
    :param random: gives that many random bytes, for the file's mark.
    """

    def __init__(self, file_system: IFileSystem, directory: str, random: Callable[[int], bytes]) -> None:
        self._file_system = file_system
        self._directory = directory
        self._path = f"{directory}/{FILE_NAME}"
        self._random = random
        self._file: IFile | None = None
        self._mark = b""
        self.size = 0
        self.snapshot_size = 0

    def open(self) -> Recovered:
        """Read everything, cutting off an unfinished last write; a missing file is created.

        :raises ChronikError: the file is not ours, of a newer format, or damaged.
        """
        self._file_system.unlink(self._path + ".tmp")
        if not self._file_system.exists(self._path):
            self.rewrite(0, {}, frozenset())
            return Recovered()
        self._file = self._file_system.open(self._path)
        recovered = Recovered()
        data = self._file.pread(self._file.size(), 0)
        self._read_header(data)
        end = self._read_blocks(data, recovered)
        if end < len(data):
            recovered.torn_bytes = len(data) - end
            self._file_system.write_whole(self._path + CUT, data[end:])
            self._file.truncate(end)
        if end > self.snapshot_size:
            # What was read may be nowhere but in memory, where an earlier process left it whose sync failed: no later sync would write it again.
            self._file.pwritev([data[self.snapshot_size : end]], self.snapshot_size)
        self._file.fdatasync()
        self.size = end
        return recovered

    def append(self, staged: Sequence[StagedRevision]) -> None:
        """Write commits as one block and return once they are durable.

        :raises OSError: nothing of them is or will be in the file.
        :raises JournalBroken: they may be in the file; no further call can be trusted.
        """
        file = self._opened()
        block = self._block(_COMMITS, b"".join(map(_encode_commit, staged)))
        try:
            file.pwritev([block], self.size)
        except OSError as error:
            self._take_back(file, error)
            raise
        try:
            file.fdatasync()
        except OSError as error:
            raise JournalBroken(f"{self._path}: {error}") from error
        self.size += len(block)

    def rewrite(self, revision: int, entries: Mapping[str, Entry], leased: Iterable[str]) -> None:
        """Replace the file by one that holds just these entries, at once: before or after a crash there is the old or the new one.

        :raises OSError: the old file stays in use.
        :raises JournalBroken: it is not known which of the two a crash would leave.
        """
        mark = self._random(8)
        start = _HEADER.pack(_MAGIC, FORMAT_VERSION, mark, 0)[:-4]
        start += _SIZE.pack(crc32c(start))
        payload = _RECORD.pack(revision, len(entries)) + _encode_entries(entries, frozenset(leased))
        whole = start + _frame(mark, _SNAPSHOT, payload)
        temporary = self._path + ".tmp"
        file = self._file_system.open(temporary, create=True)
        try:
            file.truncate(0)
            file.pwritev([whole], 0)
            file.fdatasync()
        finally:
            file.close()
        self._file_system.rename(temporary, self._path)
        try:
            self._file_system.sync_directory(self._directory)
            renamed = self._file_system.open(self._path)
        except OSError as error:
            raise JournalBroken(f"{self._path}: {error}") from error
        self.close()
        self._file, self._mark = renamed, mark
        self.size = self.snapshot_size = len(whole)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> IFile:
        assert self._file is not None, "the journal is not open"
        return self._file

    def _block(self, kind: int, payload: bytes) -> bytes:
        return _frame(self._mark, kind, payload)

    def _take_back(self, file: IFile, error: OSError) -> None:
        """After a failed write (a full disk) cut off what did get written, so that the next one starts clean."""
        try:
            file.truncate(self.size)
            file.fdatasync()
        except OSError as second:
            raise JournalBroken(f"{self._path}: {second}") from error

    def _read_header(self, data: bytes) -> None:
        if len(data) < _HEADER.size:
            raise self._damaged(0, "it is shorter than its header")
        magic, version, mark, crc = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ChronikError(f"{self._path} is not a metadata log of this program; move it away or name another directory")
        if version != FORMAT_VERSION:
            raise ChronikError(
                f"{self._path} has format version {version}, this release reads version {FORMAT_VERSION}: run the release that wrote it"
            )
        if crc != crc32c(data[: _HEADER.size - 4]):
            raise self._damaged(0, "its header does not match its checksum")
        self._mark = mark

    def _read_blocks(self, data: bytes, recovered: Recovered) -> int:
        """Take in every valid block; where they end."""
        position = _HEADER.size
        payload = _block_at(data, position, self._mark)
        if payload is None or payload[0] != _SNAPSHOT:
            raise self._damaged(position, "its snapshot does not match its checksum")
        self._take(_decode_snapshot, payload, recovered, position)
        position = self.snapshot_size = position + _BLOCK.size + len(payload)
        while position < len(data):
            payload = _block_at(data, position, self._mark)
            if payload is None:
                self._check_torn(data, position)
                break
            self._take(_decode_commits, payload, recovered, position)
            position += _BLOCK.size + len(payload)
        return position

    def _take(self, decode: Callable[[memoryview, Recovered], None], payload: memoryview, recovered: Recovered, position: int) -> None:
        """Take in a block whose checksum fits; whoever wrote it may still have written nonsense."""
        try:
            decode(payload, recovered)
        except (struct.error, ValueError) as error:
            raise self._damaged(position, f"the block there matches its checksum, yet cannot be read ({error})") from error

    def _check_torn(self, data: bytes, position: int) -> None:
        candidate = data.find(self._mark, position + 1)
        while candidate != -1:
            if _block_at(data, candidate, self._mark) is not None:
                raise self._damaged(position, f"the block there does not match its checksum, yet a whole one follows at byte {candidate}")
            candidate = data.find(self._mark, candidate + 1)

    def _damaged(self, position: int, what: str) -> ChronikError:
        return ChronikError(
            f"{self._path} is damaged at byte {position}: {what}. Nothing was changed. Restore the file from a copy, "
            "or move it away to start with empty metadata (topics must then be created again)"
        )


class JournalBroken(Exception):
    """The disk failed in a way that leaves open what is on it."""


def _frame(mark: bytes, kind: int, payload: bytes) -> bytes:
    body = bytes((kind,)) + payload
    size = _SIZE.pack(len(body))
    return mark + size + _SIZE.pack(crc32c(body, crc32c(size))) + body


def _block_at(data: bytes, position: int, mark: bytes) -> memoryview | None:
    """The payload of the block at ``position``, None when there is no valid one."""
    if position + _BLOCK.size > len(data):
        return None
    found, size, crc = _BLOCK.unpack_from(data, position)
    start = position + _BLOCK.size
    if found != mark or size == 0 or start + size > len(data):
        return None
    payload = memoryview(data)[start : start + size]
    if crc32c(payload, crc32c(data[position + 8 : position + 12])) != crc:
        return None
    return payload


def _encode_change(flags: int, revision: int, key: str, value: bytes) -> bytes:
    name = key.encode()
    return b"".join((_CHANGE.pack(flags, revision, len(name)), name, _SIZE.pack(len(value)), value))


def _encode_commit(staged: StagedRevision) -> bytes:
    parts = [_RECORD.pack(staged.revision, len(staged.changes))]
    for key, value in staged.changes.items():
        flags = _REMOVED if value is None else _LEASED if key in staged.leases else _SET
        parts.append(_encode_change(flags, staged.revision, key, value or b""))
    return b"".join(parts)


def _encode_entries(entries: Mapping[str, Entry], leased: frozenset[str]) -> bytes:
    return b"".join(_encode_change(_LEASED if key in leased else _SET, entry.revision, key, entry.value) for key, entry in entries.items())


def _decode_snapshot(payload: memoryview, recovered: Recovered) -> None:
    _decode_record(payload, 1, recovered)


def _decode_commits(payload: memoryview, recovered: Recovered) -> None:
    position = 1
    while position < len(payload):
        position = _decode_record(payload, position, recovered)


def _decode_record(payload: memoryview, position: int, recovered: Recovered) -> int:
    recovered.revision, count = _RECORD.unpack_from(payload, position)
    position += _RECORD.size
    for _ in range(count):
        flags, revision, size = _CHANGE.unpack_from(payload, position)
        position += _CHANGE.size
        key = str(payload[position : position + size], "utf-8")
        position += size
        (size,) = _SIZE.unpack_from(payload, position)
        position += _SIZE.size
        recovered.leased.discard(key)
        if flags == _REMOVED:
            recovered.entries.pop(key, None)
        else:
            recovered.entries[key] = Entry(bytes(payload[position : position + size]), revision)
        if flags == _LEASED:
            recovered.leased.add(key)
        position += size
        if position > len(payload):
            raise ValueError("a change is longer than its block")
    return position

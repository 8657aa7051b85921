"""The audit file: a JSON object a line, moved aside when it is large, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.defer import IWorker, deferred

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
"""Of what is made new: who did what is not everybody's to read. A file that is there already keeps its permissions."""


@implementer(IAuditWriter)
class AuditFile:
    """Appends to ``path``; what was written before is in ``path.1``, before that in ``path.2``, and so on.

    :param bytes_max: size at which the file is moved aside.
    :param count_max: how many are kept beside it.
    :param worker: the thread.
    """

    name = "file"

    def __init__(self, path: str, bytes_max: int, count_max: int, worker: IWorker) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._count_max = count_max
        self._worker = worker
        self._fd = -1
        self._size = 0

    def write(self, records: Sequence[AuditRecord]) -> Deferred[None]:
        """Append; see :meth:`IAuditWriter.write`."""
        return self._worker.run(self._append, [record.line + b"\n" for record in records])

    @deferred
    async def close(self) -> None:
        """Sync and close; see :meth:`IAuditWriter.close`."""
        try:
            await self._worker.run(self._finish)
        finally:
            await self._worker.close()

    # -- in the thread --

    def _append(self, lines: Sequence[bytes]) -> None:
        try:
            self._open()
            start = 0
            size = self._size
            for number, line in enumerate(lines):
                if size and size + len(line) > self._bytes_max:
                    self._write(b"".join(lines[start:number]))
                    self._rotate()
                    start, size = number, 0
                size += len(line)
            self._write(b"".join(lines[start:]))
        except OSError:
            self._undo()
            raise

    def _open(self) -> None:
        """Open the file; again, if somebody moved it away."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(self._path), os.fstat(self._fd)):
                    return
            self._close()
        os.makedirs(os.path.dirname(self._path), DIRECTORY_MODE, exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = os.fstat(self._fd).st_size

    def _write(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.write(self._fd, memoryview(data)[done:])
        self._size += len(data)

    def _undo(self) -> None:
        """Take back the part of a line, or of several, that a full disk still had room for: they are written again later."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            self._close()

    def _rotate(self) -> None:
        os.fdatasync(self._fd)
        for number in range(self._count_max, 0, -1):
            older = f"{self._path}.{number}"
            newer = f"{self._path}.{number - 1}" if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)
        if not self._count_max:
            os.unlink(self._path)
        self._close()
        self._open()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            os.close(fd)

    def _finish(self) -> None:
        if self._fd >= 0:
            os.fsync(self._fd)
            self._close()

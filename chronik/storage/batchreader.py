"""Reading the batches of a file one after the other, in large pieces."""

from __future__ import annotations

from typing import Final

from chronik.errors import ErrorCode
from chronik.record.batch import HEADER_BYTES, BadBatch, BatchHeader, check_crc, parse_header
from chronik.storage.interfaces import IFile

SCAN_BYTES: Final = 4 << 20
"""How much of a segment recovery reads at a time; a larger batch is read whole."""

BATCH_BYTES_MAX: Final = 1 << 30
"""A length beyond this is no batch's: segments are smaller."""


class BatchReader:
    """Reads batches of a file.

    :param size: bytes of the file.
    :param piece_bytes: how much is read at a time.
    """

    def __init__(self, file: IFile, size: int, piece_bytes: int = SCAN_BYTES) -> None:
        self.file = file
        self._size = size
        self._piece_bytes = piece_bytes
        self._piece = b""
        self._start = 0

    def header(self, position: int) -> BatchHeader:
        """The header at a position.

        :raises BadBatch: there is none, or its batch reaches past the file's end.
        """
        self._read(position, HEADER_BYTES)
        header = parse_header(self._piece, position - self._start)
        if header.size_bytes > BATCH_BYTES_MAX or position + header.size_bytes > self._size:
            raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"a batch of {header.size_bytes} bytes is cut off after {self._size - position}")
        return header

    def batch(self, position: int, header: BatchHeader) -> memoryview:
        """The bytes of the batch there."""
        self._read(position, header.size_bytes)
        at = position - self._start
        return memoryview(self._piece)[at : at + header.size_bytes]

    def batch_follows(self, position: int) -> bool:
        """Whether the batch after the damaged one at ``position`` is whole, as far as that one tells where it ends."""
        try:
            damaged = self.header(position)
            after = position + damaged.size_bytes
            header = self.header(after)
            check_crc(header, self.batch(after, header))
        except BadBatch:
            return False
        return True

    def _read(self, position: int, count: int) -> None:
        if not self._start <= position <= position + count <= self._start + len(self._piece):
            self._start = position
            self._piece = self.file.pread(max(0, min(max(self._piece_bytes, count), self._size - position)), position)

"""Batches for tests: short to write down, and damaged in chosen places."""

from __future__ import annotations

from typing import Any, Final

from chronik.record.batch import with_crc
from chronik.record.build import NewRecord, build_batch

TIMESTAMP: Final = 1_700_000_000_000
"""The ms of the first record of :func:`batch_of`; each next one is a ms later."""


def batch_of(*values: bytes | None, **fields: Any) -> bytes:
    """A batch of records without keys.

    :param fields: as :func:`chronik.record.build.build_batch` takes them.
    """
    return build_batch([NewRecord(None, value, TIMESTAMP + n) for n, value in enumerate(values)], **fields)


def flipped(batch: bytes, position: int) -> bytes:
    """The batch with one bit of the byte at ``position`` turned over."""
    damaged = bytearray(batch)
    damaged[position] ^= 1
    return bytes(damaged)


def forged(batch: bytes, position: int, replacement: bytes) -> bytes:
    """The batch with other bytes at ``position``, and a CRC that fits them."""
    changed = bytearray(batch)
    changed[position : position + len(replacement)] = replacement
    return bytes(with_crc(changed))

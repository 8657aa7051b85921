"""Which partition a key belongs to, as Java's client decides it, so that keys stay where other producers put them."""

from __future__ import annotations

from struct import unpack_from
from typing import Final

CACHED_KEYS_MAX: Final = 100_000
"""Hashing a key takes microseconds in Python; keys repeat."""

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of Kafka's default partitioner (Austin Appleby's MurmurHash2 with Kafka's seed), unsigned."""
    length = len(data)
    value = _SEED ^ length
    words = length >> 2
    for word in unpack_from(f"<{words}I", data):
        word = (word * _M) & _MASK
        word = ((word ^ (word >> 24)) * _M) & _MASK
        value = ((value * _M) & _MASK) ^ word
    rest = data[words << 2 :]
    if rest:
        value = ((value ^ int.from_bytes(rest, "little")) * _M) & _MASK
    value = ((value ^ (value >> 13)) * _M) & _MASK
    return value ^ (value >> 15)


class KeyPartitioner:
    """Partitions by key.

    :param count: partitions of the topic.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: dict[bytes, int] = {}

    def partition(self, key: bytes) -> int:
        """Where records of this key go."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= CACHED_KEYS_MAX:
                self._known.clear()
            found = self._known[key] = (murmur2(key) & 0x7FFFFFFF) % self._count
        return found

"""What can happen to the bytes of a file: anywhere in it, and in the places that its format has, with checksums that fit or not."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from random import Random
from typing import Final

from crc32c import crc32c

from chronik.record.batch import HEADER_BYTES, with_crc

Damage = Callable[[bytes, Random], bytes]
"""Other bytes in the place of a file's."""

NUMBERS: Final = (b"0", b"-1", b"1", b"7", b"9223372036854775807", b"9" * 20, b"x", "²".encode(), b"0x1", b"-0", b"+5", b"", b"1 1", b"1\x00")

EDGES: Final = (b"\x00", b"\x01", b"\xff", bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", bytes(8), b"\xff" * 8)


def cut(data: bytes, random: Random) -> bytes:
    """Only the beginning is left."""
    return data[: random.choice((0, len(data) // 2, max(0, len(data) - 1), random.randrange(len(data) + 1)))]


def flip(data: bytes, random: Random) -> bytes:
    """Some bits are the other way round."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 8)) if out else 0):
        out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def zero(data: bytes, random: Random) -> bytes:
    """A disk's sector, or the rest, reads as zeros."""
    start = random.randrange(len(data) + 1)
    end = random.choice((len(data), min(len(data), start + 64), min(len(data), start + 512)))
    return data[:start] + bytes(end - start) + data[end:]


def grow(data: bytes, random: Random) -> bytes:
    """Something follows."""
    return data + random.choice((bytes(4096), random.randbytes(200), b"\n", b"garbage \xff\n", data[: len(data) // 2], data))


def replace(data: bytes, random: Random) -> bytes:
    """It is another file."""
    texts = (b"hello\n", b"0\n2\n0 0\n", b"0\n0\n", b"{}", b"[]", b"null", b"-1\n", "0\n1\n² ²\n".encode())
    return random.choice((*texts, b"\xff" * 300, bytes(len(data))))


def edge(data: bytes, random: Random) -> bytes:
    """Some number in it is at its limit."""
    at, what = random.randrange(len(data) + 1), random.choice(EDGES)
    return data[:at] + what + data[at + len(what) :]


def shift(data: bytes, random: Random) -> bytes:
    """Some bytes are missing, or twice."""
    at, count = random.randrange(len(data) + 1), random.choice((1, 4, 8, 12, 512))
    return data[:at] + data[at + count :] if random.random() < 0.5 else data[: at + count] + data[at:]


def number(data: bytes, random: Random) -> bytes:
    """A number of a text file is another."""
    found = list(re.finditer(rb"-?\d+", data))
    if not found:
        return grow(data, random)
    chosen = random.choice(found)
    return data[: chosen.start()] + random.choice(NUMBERS) + data[chosen.end() :]


def line(data: bytes, random: Random) -> bytes:
    """A line of a text file is missing, comes twice, or elsewhere."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return replace(data, random)
    chosen = lines.pop(random.randrange(len(lines)))
    for _ in range(random.choice((0, 1, 2))):
        lines.insert(random.randrange(len(lines) + 1), chosen)
    return b"".join(lines)


# -- logs -----------------------------------------------------------------------------------------------------------------


def _batches(data: bytes) -> list[bytes]:
    """A log's batches by their sizes alone; what follows the last is left out."""
    found, at = [], 0
    while at + HEADER_BYTES <= len(data):
        size = 12 + int.from_bytes(data[at + 8 : at + 12], "big")
        if size < HEADER_BYTES or at + size > len(data):
            break
        found.append(data[at : at + size])
        at += size
    return found


def batches(data: bytes, random: Random) -> bytes:
    """A log's batches are not those that were written: fewer, twice, in another order."""
    found = _batches(data)
    if not found:
        return flip(data, random)
    at = random.randrange(len(found))
    choice = random.randrange(4)
    if choice == 0:
        del found[at:]
    elif choice == 1:
        del found[at]
    elif choice == 2:
        found.insert(at, random.choice(found))
    else:
        random.shuffle(found)
    return b"".join(found)


def forge(data: bytes, random: Random) -> bytes:
    """A batch has another header or other records, and a checksum that fits."""
    found = _batches(data)
    if not found:
        return flip(data, random)
    at = random.randrange(len(found))
    batch = bytearray(found[at])
    for _ in range(random.choice((1, 1, 3))):
        where, what = random.randrange(HEADER_BYTES if random.random() < 0.7 else len(batch)), random.choice(EDGES)
        batch[where : where + len(what)] = what
    try:
        found[at] = bytes(with_crc(batch))
    except (struct.error, ValueError, IndexError):
        found[at] = bytes(batch)
    return b"".join(found)


# -- other binary files ---------------------------------------------------------------------------------------------------


def snapshot(data: bytes, random: Random) -> bytes:
    """A snapshot of producers says something else, and its checksum fits."""
    out = bytearray(random.choice((flip, edge, shift, cut))(data[6:], random))
    return data[:2] + struct.pack(">I", crc32c(bytes(out))) + bytes(out)


def entries(data: bytes, random: Random) -> bytes:
    """Entries of an index are not in their order, come twice, or are missing."""
    size = random.choice((8, 12))
    found = [data[at : at + size] for at in range(0, len(data), size)]
    if len(found) > 1:
        found.insert(random.randrange(len(found)), found.pop(random.randrange(len(found))))
    return b"".join(found)


def journal(data: bytes, random: Random) -> bytes:
    """A block of the metadata says something else, and its checksum fits."""
    at, places = 24, []
    while at + 16 <= len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "big")
        places.append((at, size))
        at += 16 + size
    if not places:
        return flip(data, random)
    start, size = random.choice(places)
    payload = random.choice((flip, flip, edge, shift))(data[start + 16 : start + 16 + size], random)
    head = struct.pack(">I", len(payload))
    block = data[start : start + 8] + head + struct.pack(">I", crc32c(payload, crc32c(head))) + payload
    return data[:start] + block + data[start + 16 + size :]


ANYWHERE: Final = (cut, cut, flip, flip, flip, zero, zero, grow, replace, edge, shift)

OF_FORMAT: Final = {
    ".log": (batches, batches, forge, forge),
    ".index": (entries, entries),
    ".timeindex": (entries, entries),
    ".snapshot": (snapshot, snapshot, snapshot),
    "metadata.log": (journal, journal, journal),
}

TEXT: Final = (number, number, number, line, line)
"""For all other files."""


def damages(name: str) -> tuple[Damage, ...]:
    """What can happen to a file of this name."""
    known = OF_FORMAT.get(name) or OF_FORMAT.get(name[name.rfind(".") :] if "." in name else name)
    return (*ANYWHERE, *(known or TEXT))

"""Makes requests that no client sends out of requests that clients send: field by field as their types allow, and byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from chronik.protocol.apis import flexible, request_class
from chronik.protocol.header import parse_request_header, request_header
from chronik.protocol.message import Message, Struct
from chronik.protocol.primitives import DecodeError, EncodeError
from chronik.protocol.schema import Field
from chronik.record.batch import HEADER_BYTES, with_crc
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from tests.fuzz.values import Dictionary, fields
from tests.protocol.samples import Sampler

CORRELATION_ID: Final = 0x01020304

ELEMENTS_MAX: Final = 40
"""What an array is repeated to."""


COUNTS: Final = ("num_partitions", "count")
FEW: Final = 50
MANY: Final = 20_000
"""Thousands of partitions take most of a run's time where they are asked for as often as anything else."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A valid request."""

    api_key: int
    version: int
    message: Message

    @classmethod
    def of(cls, frame: bytes) -> Sample | None:
        """The request in a frame without its size, or one for fewer partitions; None where it is none."""
        try:
            header = parse_request_header(frame)
            message, _ = request_class(header.api_key).decode(frame, header.api_version, header.body_start)
        except (DecodeError, KeyError):
            return None
        for _, field, owner in fields(message):
            setattr(owner, field.name, fewer(field.name, getattr(owner, field.name)))
        return cls(header.api_key, header.api_version, message)

    def frame(self, message: Message | None = None) -> bytes:
        """As it travels, without its size; or another message in its place.

        :raises EncodeError: the other message has no such form.
        """
        return request_header(self.api_key, self.version, CORRELATION_ID, "me") + (message or self.message).encode(self.version)


def fewer(name: str, value: Any) -> Any:
    """A field's value, or one that is no number of very many partitions."""
    return value % FEW if name in COUNTS and isinstance(value, int) and FEW < value <= MANY else value


def copied(value: Any) -> Any:
    """A copy that shares nothing that can be changed; views of a frame become bytes."""
    if isinstance(value, tuple):
        return tuple(map(copied, value))
    if isinstance(value, Struct):
        return value.__class__(**{name: copied(getattr(value, name)) for name in value.__slots__})
    return bytes(value) if isinstance(value, memoryview) else value


class Mutator:
    """Mutates requests.

    :param samples: valid ones, of every API and version.
    :param kept: frames that were worth keeping; they are mutated further.
    """

    def __init__(self, samples: Sequence[Sample], kept: Sequence[bytes] = ()) -> None:
        self._samples = [*samples, *filter(None, map(Sample.of, kept))]
        self._kept = list(kept)
        self._by_api: dict[int, list[Sample]] = {}
        for sample in self._samples:
            self._by_api.setdefault(sample.api_key, []).append(sample)
        self._dictionary = Dictionary(sample.message for sample in samples)

    def frame(self, random: Random) -> bytes:
        """One frame, without its size."""
        choice = random.random()
        if self._kept and choice < 0.05:
            return self._bytes(random, random.choice(self._kept))
        sample = random.choice(random.choice(list(self._by_api.values())))
        if choice < 0.12:
            return sample.frame()
        if choice < 0.2:
            return self._bytes(random, sample.frame())
        for _ in range(20):
            try:
                frame = sample.frame(self._message(random, sample))
            except EncodeError:
                continue
            return self._bytes(random, frame) if random.random() < 0.05 else frame
        return sample.frame()

    # -- messages -----------------------------------------------------------------------------------------------------

    def _message(self, random: Random, sample: Sample) -> Message:
        if random.random() < 0.1:
            return Sampler(random).message(request_class(sample.api_key), sample.version)
        message = copied(sample.message)
        for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
            self._change(random, sample, message)
        return message

    def _change(self, random: Random, sample: Sample, message: Message) -> None:
        """Change one field; fields that the version does not have are changed for nothing."""
        present = [found for found in fields(message) if found[1].present(sample.version)]
        if not present:
            return
        _, field, owner = random.choice(present)
        value = getattr(owner, field.name)
        if field.nullable(sample.version) and random.random() < 0.2:
            value = None
        elif field.array:
            value = self._array(random, sample, field, value)
        elif not field.is_struct:
            value = self._records(random, value) if field.type == "records" else self._dictionary.value(random, field.type)
        elif value is None:
            value = getattr(Sampler(random).message(request_class(sample.api_key), sample.version), field.name, None)
        setattr(owner, field.name, fewer(field.name, value) if random.random() < 0.98 else value)

    def _array(self, random: Random, sample: Sample, field: Field, value: Any) -> tuple[Any, ...]:
        elements = list(value or ())
        choice = random.randrange(7)
        if choice == 0 or (not elements and field.is_struct):
            return self._others(random, sample, field)
        if choice == 1:
            return ()
        if choice == 2 and elements:
            return (*elements, copied(random.choice(elements)))
        if choice == 3 and elements:
            return tuple(copied(random.choice(elements)) for _ in range(random.choice((2, 3, ELEMENTS_MAX))))
        if choice == 4 and elements:
            elements.pop(random.randrange(len(elements)))
            return tuple(elements)
        if field.is_struct:
            return (*elements, *self._others(random, sample, field))
        return (*elements, *(self._dictionary.value(random, field.type) for _ in range(random.choice((1, 2, 5)))))

    def _others(self, random: Random, sample: Sample, like: Field) -> tuple[Any, ...]:
        """The same array of another request of this API, or of a random one."""
        other: Message = random.choice(self._by_api[sample.api_key]).message
        if random.random() < 0.5:
            other = Sampler(random).message(request_class(sample.api_key), sample.version)
        found = [getattr(owner, field.name) for _, field, owner in fields(other) if field == like]
        return copied(random.choice(found) or ()) if found else ()

    # -- batches ------------------------------------------------------------------------------------------------------

    def _records(self, random: Random, value: Any) -> bytes | None:
        batches = [*self._dictionary.records(), self._batch(random)]
        batch = bytearray(random.choice(batches) if random.random() < 0.7 or not value else bytes(value))
        choice = random.randrange(8)
        if choice == 0:
            return bytes(batch)
        if choice == 1:
            return bytes(batch) + bytes(random.choice(batches))
        if choice == 2:
            return bytes(batch[: random.randrange(len(batch) + 1)])
        if choice == 3:
            return bytes(batch) + random.randbytes(random.choice((1, 11, 12, 60, 61, 100)))
        return self._forged(random, batch, crc=choice < 7)

    def _batch(self, random: Random) -> bytes:
        count = random.choice((1, 1, 2, 50))
        records = [
            NewRecord(
                random.choice((None, b"", b"k")),
                random.choice((None, b"", b"v" * random.choice((1, 100, 5000)))),
                random.choice((0, -1, 1_700_000_000_000, (1 << 63) - 1, -(1 << 63) + 1)),
                random.choice(((), (("", None),), (("h", b"v"),))),
            )
            for _ in range(count)
        ]
        try:
            return build_batch(
                records,
                random.choice(tuple(Codec)),
                base_offset=random.choice((0, 1, -1, (1 << 63) - 1)),
                producer_id=random.choice((-1, -1, 0, 1, 1000)),
                producer_epoch=random.choice((-1, 0, 1)),
                base_sequence=random.choice((-1, 0, 1, (1 << 31) - 1)),
                transactional=random.random() < 0.1,
                control=random.random() < 0.1,
            )
        except (ValueError, struct.error):
            return build_batch(records[:1])

    def _forged(self, random: Random, batch: bytearray, crc: bool) -> bytes:
        """A batch with other bytes in some places, with a CRC that fits them or not."""
        for _ in range(random.choice((1, 1, 2, 5))):
            if len(batch) < HEADER_BYTES:
                break
            at = random.randrange(HEADER_BYTES if random.random() < 0.7 else len(batch))
            what = random.choice((b"\x00", b"\xff", b"\x7f", b"\x80", random.randbytes(1), b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff" * 10))
            batch[at : at + len(what)] = what
        try:
            return bytes(with_crc(batch)) if crc else bytes(batch)
        except (struct.error, ValueError, IndexError):
            return bytes(batch)

    # -- bytes --------------------------------------------------------------------------------------------------------

    def _bytes(self, random: Random, frame: bytes) -> bytes:
        data = bytearray(frame)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            self._damage(random, data)
        if flexible(int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:4], "big")) and random.random() < 0.15:
            self._tag(random, data)
        return bytes(data)

    def _damage(self, random: Random, data: bytearray) -> None:
        at = random.randrange(len(data)) if data else 0
        choice = random.randrange(8)
        if choice == 0:
            data[at : at + 1] = random.randbytes(1)
        elif choice == 1 and data:
            data[at] ^= 1 << random.randrange(8)
        elif choice == 2:
            del data[at:]
        elif choice == 3:
            data[at:at] = random.choice((b"\x00", b"\xff", random.randbytes(8), bytes(100)))
        elif choice == 4:
            number = random.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff\x0f", b"\x00\x00", b"\x7f\xff"))
            data[at : at + len(number)] = number
        elif choice == 5:
            other = random.choice(self._samples).frame()
            data[at:] = other[random.randrange(len(other)) :]
        elif choice == 6:
            del data[at : at + random.choice((1, 2, 4, 16))]
        else:
            data[2:4] = struct.pack(">h", random.choice((*range(20), -1, 32767)))

    def _tag(self, random: Random, data: bytearray) -> None:
        """Put tagged fields that nobody knows, or that come twice, at the end."""
        tag, size = random.choice((0, 1, 2, 9, 127)), random.choice((0, 1, 4, 100, 127))
        entry = bytes((tag, size)) + random.randbytes(random.choice((size, size, max(0, size - 1))))
        count = random.choice((1, 1, 2, 100))
        data[-1:] = bytes((count,)) + entry * count

"""Values of a type that programs have trouble with, and those that mean something to the broker under attack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, Final

from chronik.protocol import messages
from chronik.protocol.message import Message, Struct
from chronik.protocol.schema import Field, MessageSchema, message_schema
from tests.protocol.samples import LIMITS

STRINGS: Final = (
    "", "t", "g", "idle", "__consumer_offsets", "__transaction_state", "__cluster_metadata", "consumer", "range", "client-id", "user", "ip",
    "<default>", "1", "-1", "0", "2147483648", "999999999999999999999", "1e309", "nan", "-", "*", ".", "..", "a/b", "a b", "\x00", "\n", "ü",
    "\ud7ff", "\U0001f600", "x" * 249, "x" * 250, "x" * 32767, "retention.ms", "segment.bytes", "min.insync.replicas", "compression.type",
    "max.message.bytes", "cleanup.policy", "message.timestamp.type", "index.interval.bytes", "search.mode", "search.fast", "consumer_byte_rate",
    "request_percentage", "metadata.version", "consumer.session.timeout.ms", "^t.*", "(a+)+$", "[", "compact", "compact,delete", "zstd",
    "LogAppendTime", "none", "earliest",
)  # fmt: skip
"""Names that exist, names that must not, and values of settings."""

INTEGERS: Final = (0, 1, 2, 3, 4, 5, 7, 8, 16, 99, 100, 127, 128, 255, 256, 1000, 6000, 32767, 32768, 65535, 1 << 20)

SIZES: Final = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


class Dictionary:
    """Values by type: those that are always worth trying, and those that valid requests have.

    :param samples: valid requests.
    """

    def __init__(self, samples: Iterable[Message]) -> None:
        self._known: dict[str, list[Any]] = {"string": list(STRINGS), "uuid": [bytes(16)], "bytes": [], "records": []}
        for sample in samples:
            for schema, field, struct in fields(sample):
                value = getattr(struct, field.name)
                for each in value if isinstance(value, tuple) else (value,):
                    if each is not None and not field.is_struct:
                        self._add(field.type, bytes(each) if schema and field.type == "records" else each)

    def _add(self, kind: str, value: Any) -> None:
        known = self._known.setdefault(kind, [])
        if value not in known:
            known.append(value)

    def records(self) -> list[bytes]:
        """Batches of valid requests."""
        return list(self._known["records"])

    def value(self, random: Random, kind: str) -> Any:
        """One value of a wire type that is no struct."""
        size = SIZES.get(kind)
        choice = random.random()
        if size is not None and choice < 0.4:
            top = 1 << (size - 1)
            number = random.choice(INTEGERS) * random.choice((1, 1, -1))
            return number if -top <= number < top else random.randrange(-top, top)
        if kind == "float64" and choice < 0.5:
            return random.choice((float("nan"), float("inf"), -float("inf"), 1e-320, 1.0, 0.01))
        known = self._known.get(kind)
        if known and choice < 0.85:
            return random.choice(known)
        return random.choice(LIMITS[kind])


def fields(message: Message) -> Iterator[tuple[MessageSchema, Field, Struct]]:
    """Every field of a message and of the structs in it, with the struct that has it."""
    schema = message_schema(message.__class__.__name__)
    waiting: list[tuple[str, Struct]] = [(schema.name, message)]
    while waiting:
        name, struct = waiting.pop()
        for field in schema.structs[name]:
            yield schema, field, struct
            value = getattr(struct, field.name)
            if field.is_struct:
                waiting += [(field.type, each) for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Struct)]


def struct_class(schema: MessageSchema, name: str) -> type[Struct]:
    """The class of a struct of a message."""
    cls: type[Message] = getattr(messages, schema.name)
    return cls if name == schema.name else cls._classes[name]

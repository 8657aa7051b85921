"""What a topic holds, counted and hashed in the order of offsets: as it was sent, as consumers have it, as search has it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from confluent_kafka import Message

from tests.integration.harness import Broker

PAGE: Final = 10_000
"""Hits of one page; no search answers more."""


class Content(NamedTuple):
    """Of one partition."""

    count: int
    sha256: str


def text(value: Any) -> bytes:
    """JSON as it is hashed, whoever wrote it: sorted keys, no blanks."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Contents:
    """Takes the records of partitions one after the other.

    :ivar wrong: what came out of order, in words.
    """

    def __init__(self) -> None:
        self._hashes: defaultdict[int, Any] = defaultdict(hashlib.sha256)
        self._next: defaultdict[int, int] = defaultdict(int)
        self.wrong: list[str] = []

    def add(self, partition: int, offset: int, timestamp: int, key: str, value: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """The partition's next record; the first has offset 0.

        :param value: as :func:`text` writes it.
        """
        if offset != self._next[partition]:
            self.wrong.append(f"partition {partition}: offset {offset} where {self._next[partition]} is next")
        self._next[partition] = offset + 1
        self._hashes[partition].update(b"%d %d %s %s %s\n" % (offset, timestamp, key.encode(), value, text(headers)))

    def add_message(self, message: Message) -> None:
        """The partition's next record, as a client of confluent-kafka has it."""
        headers = [(name, value.decode()) for name, value in message.headers() or ()]
        self.add(message.partition(), message.offset(), message.timestamp()[1], message.key().decode(), message.value(), headers)

    def next_offset(self, partition: int) -> int:
        """Where the partition's next record is expected."""
        return self._next[partition]

    def count(self) -> int:
        """Records of all partitions."""
        return sum(self._next.values())

    def summary(self) -> dict[int, Content]:
        """By partition."""
        return {partition: Content(self._next[partition], digest.hexdigest()) for partition, digest in sorted(self._hashes.items())}


def searched(broker: Broker, topic: str, partition: int, end: int) -> Iterator[dict[str, Any]]:
    """All records of a partition as search has them, by offset, fetched in pages.

    :raises AssertionError: a page has fewer or more hits than offsets, or its total says otherwise.
    """
    for start in range(0, end, PAGE):
        last = min(start + PAGE, end) - 1
        query = {"q": f"partition:{partition} AND offset:[{start} TO {last}]", "sort": "offset:asc", "size": PAGE}
        status, answer = broker.http(f"/{topic}/_search?{urlencode(query)}")
        expected = last - start + 1
        if status != 200 or answer["hits"]["total"] != {"value": expected, "relation": "eq"} or len(answer["hits"]["hits"]) != expected:
            said = answer if status != 200 else (answer["hits"]["total"], len(answer["hits"]["hits"]), answer["_shards"])
            raise AssertionError(f"{topic}-{partition} from {start} to {last}: {expected} hits expected, status {status}, {said}")
        yield from (hit["_source"] for hit in answer["hits"]["hits"])


def contents_of_search(broker: Broker, topic: str, ends: Sequence[int]) -> Contents:
    """Everything that search has of a topic whose partitions end at ``ends``."""
    found = Contents()
    for partition, end in enumerate(ends):
        for source in searched(broker, topic, partition, end):
            headers = [(name, value) for name, value in source["headers"].items()]
            found.add(source["partition"], source["offset"], source["timestamp"], source["key"], text(source["value"]), headers)
    return found

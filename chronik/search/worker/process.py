"""The search process as a whole: what comes over the control channel, and which part of the process does it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger

from chronik.search.feed_messages import (
    COMMITTED,
    DELETED,
    EXTENT,
    FED,
    PARTITION,
    SEARCH,
    TRUNCATED,
    SearchCall,
    answer_head,
    progress_head,
    read_committed,
    read_extent,
    read_partition,
    read_search,
    ready_head,
)
from chronik.search.wire import Head, WireError
from chronik.search.worker.answers import JSON, Reply, error_reply
from chronik.search.worker.indexer import Indexer
from chronik.search.worker.searcher import Searcher

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

PROGRESS_INTERVAL_S: Final = 0.5
"""How often the broker is told how far partitions are, and that this process lives: enough for health and metrics."""


@dataclass(frozen=True, slots=True)
class Own:
    """What a process knows of itself.

    :ivar memory_bytes: tells how much memory it takes.
    """

    pid: int
    memory_bytes: Callable[[], int]


class SearchProcess:
    """Joins the indexer and the searcher to the control channel.

    :param send: sends a head and a body to the broker.
    :param own: what is told of the process itself.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, indexer: Indexer, searcher: Searcher, send: Callable[[Head, bytes], None], own: Own) -> None:
        self._clock = clock
        self._own = own
        self._indexer = indexer
        self._searcher = searcher
        self._send = send
        self._telling: IDelayedCall | None = None
        self._handlers: dict[str, Callable[[Head, bytes], Any]] = {
            PARTITION: lambda head, _: indexer.add_partition(read_partition(head)),
            COMMITTED: lambda head, _: indexer.committed(read_committed(head)),
            EXTENT: lambda head, _: indexer.extent(read_extent(head)),
            TRUNCATED: lambda head, _: indexer.truncated(head["feed"], head["offset"]),
            DELETED: lambda head, _: indexer.deleted(head["feed"]),
            FED: lambda head, _: indexer.fed(head["roots"], self._ready),
            SEARCH: lambda head, body: self._search(read_search(head, body)),
        }

    def start(self) -> None:
        """Begin to work."""
        self._indexer.start()
        self._tell_progress()

    def received(self, head: Head, body: bytes) -> None:
        """A frame from the broker."""
        self._handlers[head["type"]](head, body)

    def _ready(self) -> None:
        self._send(ready_head(self._own.pid), b"")

    def _search(self, call: SearchCall) -> None:
        self._searcher.answer(call).addCallback(self._answer, call.call).addErrback(self._failed)

    def _answer(self, reply: Reply, call: int) -> None:
        try:
            self._send(answer_head(call, reply.status, JSON), reply.body)
        except WireError as error:
            reply = error_reply(413, "illegal_argument_exception", f"the answer is too large, ask for fewer hits: {error}")
            self._send(answer_head(call, reply.status, JSON), reply.body)

    def _failed(self, failure: Any) -> None:
        self._log.failure("a search was not answered", failure)

    def _tell_progress(self) -> None:
        self._telling = self._clock.callLater(PROGRESS_INTERVAL_S, self._tell_progress)
        self._send(progress_head(self._indexer.progress(), self._own.memory_bytes()), b"")


def resident_bytes() -> int:
    """Memory this process takes; 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0

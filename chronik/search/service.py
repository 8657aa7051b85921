"""Search as the rest of the broker sees it: a service that answers searches and says how far they see."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorProcess, IReactorSocket, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from chronik.metadata.interfaces import IMetadataFeed
from chronik.search.broker_interfaces import (
    NO_BACKEND,
    Adopt,
    CommittedLog,
    CommittedLogs,
    ISearch,
    PartitionSearchStatus,
    SearchAnswer,
    SearchConfig,
    SearchStatus,
)
from chronik.search.feed import SearchFeed, SearchOff
from chronik.search.feed_messages import ANSWER, PROGRESS, READY, RESUME, Progress, read_progress
from chronik.search.relay import SearchRelay, error_answer
from chronik.search.supervisor import WorkerSupervisor
from chronik.search.wire import ControlProtocol, Head

if TYPE_CHECKING:
    from chronik.model import TopicId

    class Reactor(IReactorProcess, IReactorSocket, IReactorTime):
        """What is needed of the reactor."""


@implementer(ISearch)
class SearchService(Service):
    """The broker's side of search.

    :param reactor: starts the process, adopts its control channel, keeps time.
    :param adopt: makes a connected socket a private Kafka session of this broker.
    :param logs: the partitions hosted here.
    :param metadata: topics and their settings.
    :param directories: the log directories.
    :param offline: those of them that cannot be used now.
    """

    name = "search"
    _log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        adopt: Adopt,
        logs: CommittedLogs,
        metadata: IMetadataFeed,
        directories: Sequence[str],
        config: SearchConfig,
        offline: Callable[[], AbstractSet[str]] = frozenset,
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._control: ControlProtocol | None = None
        self._progress: dict[int, Progress] = {}
        self._memory_bytes = 0
        self._ready = False
        self._feed = SearchFeed(reactor, logs, metadata, config, directories, self._send, offline)
        self._relay = SearchRelay(reactor, self._send)
        self._supervisor = WorkerSupervisor(reactor, reactor, config, adopt, self._connect, self._forget_process)

    def startService(self) -> None:
        """Follow the logs and start the process."""
        super().startService()  # type: ignore[no-untyped-call]
        self._feed.start()
        if self._config.backend != NO_BACKEND:
            self._supervisor.start()

    def stopService(self) -> Deferred[None]:
        """End the process; fires when it is gone."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._feed.stop()
        self._relay.close()
        return self._supervisor.stop(self._close)

    def partition_led(self, topic_id: TopicId, partition: CommittedLog) -> None:
        """A partition is led here from now on, perhaps over another log than the last time."""
        self._feed.partition_led(topic_id, partition)

    def search(
        self, action: str, topics: Sequence[str], params: Mapping[str, str], body: bytes, deadline: float | None = None
    ) -> Deferred[SearchAnswer]:
        """Answer a search.

        :param action: ``search``, ``count``, ``doc`` (its id in ``params["id"]``) or ``coverage``.
        :param topics: names, with wildcards expanded and all allowed to be read by whoever asks.
        :param params: of the URL.
        :param deadline: on the reactor's clock in seconds, None for the configured limit.
        :returns: always an answer, errors in Elasticsearch's shape.
        """
        try:
            asked = self._feed.asked(topics)
        except KeyError as error:
            name = error.args[0]
            return succeed(error_answer(404, "index_not_found_exception", f"no such index [{name}]", index=name))
        except SearchOff as error:
            reason = f"search is off for topic [{error}]: its search.mode is off"
            return succeed(error_answer(400, "illegal_argument_exception", reason, index=str(error)))
        end = self._reactor.seconds() + self._config.timeout_s
        return self._relay.call(action, asked, dict(params), body, end if deadline is None else min(deadline, end))

    def searched(self, topics: Sequence[str]) -> frozenset[str]:
        """See :meth:`ISearch.searched`."""
        return frozenset(name for name in topics if self._feed.searches(name))

    def status(self) -> SearchStatus:
        """How search is doing, for ``/health`` and metrics."""
        rows = []
        for watch in self._feed.watches():
            now, name = watch.now(), watch.partition.topic_partition
            progress = self._progress.get(watch.number, Progress(watch.number, 0, 0, -1, "loading"))
            lag = max(0, now.committed - max(progress.through, now.start))
            rows.append(
                PartitionSearchStatus(
                    name.topic, name.partition, progress.through, now.committed, lag, progress.records, progress.freshness_ms, progress.state
                )
            )
        pid = self._supervisor.pid
        return SearchStatus(pid, self._ready, self._supervisor.restarts, self._memory_bytes, len(self._relay), rows)

    def _connect(self, descriptor: int) -> None:
        control = ControlProtocol(self._received, lambda _: self._control_lost(control))
        self._control = control
        self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, _OneProtocol(control))
        self._feed.attach()

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()

    def _send(self, head: Head, body: bytes = b"") -> None:
        if self._control is not None:
            self._control.send(head, body)

    def _received(self, head: Head, body: bytes) -> None:
        self._supervisor.heard()
        kind = head["type"]
        if kind == ANSWER:
            self._relay.answer(head["call"], SearchAnswer(head["status"], head["content_type"], body))
        elif kind == PROGRESS:
            self._memory_bytes = head["memory_bytes"]
            self._progress.update((p.feed, p) for p in read_progress(head))
        elif kind == RESUME:
            self._feed.resume(head["feed"], head["epoch"], head["offset"])
        elif kind == READY:
            self._ready = True
            self._relay.ready()

    def _control_lost(self, control: ControlProtocol) -> None:
        if control is self._control:
            self._forget_process()

    def _forget_process(self) -> None:
        self._ready = False
        self._control = None
        self._progress.clear()
        self._feed.detach()
        self._relay.lost()


class _OneProtocol(ServerFactory):
    """Gives the one protocol of the control channel."""

    noisy = False

    def __init__(self, protocol: ControlProtocol) -> None:
        self._one = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """The protocol."""
        return self._one

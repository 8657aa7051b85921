"""Puts a search process together: the one module of it that knows all others, and starts the reactor."""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure

from chronik.network.channel import KafkaChannel
from chronik.plugin import find_backend
from chronik.search.interfaces import ISearchBackend
from chronik.search.supervisor import CONTROL_FD, INDEX_FD, READ_FD
from chronik.search.wire import ControlProtocol, Head
from chronik.search.worker.indexer import Indexer
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.lookup import RecordLookup
from chronik.search.worker.process import Own, SearchProcess, resident_bytes
from chronik.search.worker.searcher import Searcher
from chronik.search.worker.source import FetchSource
from chronik.search.worker.threads import IndexThreads, Threads

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorSocket, IReactorTime

    class Reactor(IReactorCore, IReactorFromThreads, IReactorSocket, IReactorTime):
        """What is needed of the reactor."""


class DataChannel(KafkaChannel):
    """A session with the broker; the process ends when it does.

    :param lost: called when it is gone.
    """

    def __init__(self, clock: IReactorTime, lost: Callable[[], None]) -> None:
        super().__init__(clock, "chronik-search")
        self._lost = lost

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The broker ended it."""
        self._lost()
        super().connectionLost(reason)


class Assembly:
    """The parts of a search process.

    :param clock: keeps time.
    :param threads: write indexes, and search them.
    :param backend: what indexes are made with.
    :param own: what the process knows of itself.
    :param end: ends the process.
    :ivar sessions: what serves each descriptor that the broker connected.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, threads: Threads, backend: ISearchBackend, limits: IndexLimits, own: Own, end: Callable[[], None]
    ) -> None:
        self._threads = threads
        self._control = ControlProtocol(self._received, lambda _: end())
        index, read = DataChannel(clock, end), DataChannel(clock, end)
        self.sessions: Mapping[int, Protocol] = {CONTROL_FD: self._control, INDEX_FD: index, READ_FD: read}
        indexer = Indexer(clock, FetchSource(index), threads.write, backend, limits, self._control.send)
        searcher = Searcher(clock, indexer, RecordLookup(FetchSource(read)), threads.search)
        self._process = SearchProcess(clock, indexer, searcher, self._control.send, own)

    def start(self) -> None:
        """Begin to work; whoever calls connects the sessions then."""
        self._threads.start()
        self._process.start()

    def _received(self, head: Head, body: bytes) -> None:
        try:
            self._process.received(head, body)
        except Exception:  # noqa: BLE001  logged; the next message may be fine
            self._log.failure("a message of the broker was not understood: {kind}", kind=head.get("type"))


def run(reactor: Reactor, settings: Mapping[str, Any]) -> None:
    """Run until the control channel closes.

    The end is abrupt on purpose: threads may be deep in native code, and every index can be killed at any moment.
    """
    observer = textFileLogObserver(sys.stderr, timeFormat=None)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    backend = make_backend(settings["backend"], settings["options"])
    limits = IndexLimits(**settings.get("limits", {}))
    assembly = Assembly(reactor, IndexThreads(reactor), backend, limits, Own(os.getpid(), resident_bytes), lambda: os._exit(0))
    reactor.callWhenRunning(_begin, reactor, assembly)
    reactor.run()


def _begin(reactor: Reactor, assembly: Assembly) -> None:
    assembly.start()
    for descriptor, protocol in assembly.sessions.items():
        reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, _OneProtocol(protocol))
        os.close(descriptor)


def make_backend(name: str, options: Mapping[str, str]) -> ISearchBackend:
    """The index backend of this name, or ``module:Class`` of one that is not registered.

    :raises ConfigurationError: there is none.
    """
    module, _, attribute = name.partition(":")
    if attribute:
        backend: ISearchBackend = getattr(importlib.import_module(module), attribute)(**options)
        return backend
    made: ISearchBackend = find_backend("index", name).make(None, options)
    return made


class _OneProtocol(ServerFactory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._one = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        return self._one

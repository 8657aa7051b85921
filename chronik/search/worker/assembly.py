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
from chronik.search.worker.process import SearchProcess
from chronik.search.worker.searcher import Searcher
from chronik.search.worker.source import FetchSource
from chronik.search.worker.threads import IndexThreads

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

    :param reactor: not yet running.
    :param backend: what indexes are made with.
    :param end: ends the process.
    """

    _log = Logger()

    def __init__(self, reactor: Reactor, backend: ISearchBackend, limits: IndexLimits, end: Callable[[], None]) -> None:
        self._reactor = reactor
        self._threads = IndexThreads(reactor)
        self._control = ControlProtocol(self._received, lambda _: end())
        index, read = DataChannel(reactor, end), DataChannel(reactor, end)
        self._sessions = {CONTROL_FD: self._control, INDEX_FD: index, READ_FD: read}
        indexer = Indexer(reactor, FetchSource(index), self._threads.write, backend, limits, self._control.send)
        searcher = Searcher(reactor, indexer, RecordLookup(FetchSource(read)), self._threads.search)
        self._process = SearchProcess(reactor, indexer, searcher, self._control.send)

    def start(self) -> None:
        """Connect, and begin to work."""
        self._threads.start()
        self._process.start()
        for descriptor, protocol in self._sessions.items():
            self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, _OneProtocol(protocol))
            os.close(descriptor)

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
    assembly = Assembly(reactor, backend, IndexLimits(**settings.get("limits", {})), lambda: os._exit(0))
    reactor.callWhenRunning(assembly.start)
    reactor.run()


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

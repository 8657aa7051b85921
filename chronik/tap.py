"""``twist chronik``: its options, and the service that they make."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

from twisted.logger import FilteringLogObserver, ILogObserver, LogLevel
from twisted.python import usage

import chronik
from chronik import config, plugin
from chronik.errors import ChronikError, ConfigurationError
from chronik.logs import LOG_LEVELS

if TYPE_CHECKING:
    from twisted.application.service import IService


_NEWS_OF_TWISTED: Final = ("twisted", "log_legacy")
"""Who tells of connections and factories; warnings of theirs are logged all the same."""


class Options(usage.Options):
    """The command line of ``twist chronik``.

    After parsing, :attr:`configuration` is the whole configuration: flags, environment, file and defaults.
    """

    synopsis = "[--config FILE] [--set KEY=VALUE]..."
    longdesc = "Chronik, a Kafka-compatible streaming broker with full-text search. Without options it listens on this machine alone."
    optParameters = [  # noqa: RUF012 -- twisted reads it from the class
        ["config", "c", None, "Read this configuration file, Kafka's .properties or .toml."],
    ]

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        usage.Options.__init__(self)
        self._environ = environ
        self._sets: dict[str, str] = {}
        self.configuration = config.Configuration()

    def opt_set(self, assignment: str) -> None:
        """Set a configuration key, as KEY=VALUE; may be given several times."""
        name, separator, value = assignment.partition("=")
        if not separator or not name.strip():
            raise usage.UsageError("--set takes KEY=VALUE, and one that was given is none")  # what was given may be a secret
        self._sets[name.strip()] = value

    opt_s = opt_set

    def opt_backends(self) -> None:
        """List all backends that there are, and end."""
        _finish(plugin.listing)

    def opt_help_backend(self, reference: str) -> None:
        """Explain one backend, SEAM:NAME, and end."""
        _finish(lambda: plugin.explain(reference))

    def opt_version(self) -> NoReturn:
        """Print the version, and end."""
        print(f"chronik {chronik.__version__}")
        sys.exit(0)

    def postOptions(self) -> None:
        """Read the configuration.

        :raises UsageError: it cannot be used; one line that says why.
        """
        self._quieten()
        try:
            self.configuration = config.load(self._sets, self._environ, self["config"])
            for key, seam in plugin.SELECTORS.items():
                if self.configuration.get(key) is not None:
                    plugin.find_backend(seam, self.configuration.get(key))
        except ConfigurationError as problem:
            refuse(problem)


    def _quieten(self) -> None:
        """On a terminal, leave out what Twisted tells of itself: the first lines are the broker's. What is logged can be changed later."""
        parent = self.parent
        if parent is None or "fileLogObserverFactory" not in parent:
            return
        LOG_LEVELS.start_with(parent["logLevel"])
        if parent.get("logFormat") == "text":
            for name in _NEWS_OF_TWISTED:
                LOG_LEVELS.set(name, "WARN")
        parent["logLevel"] = LogLevel.debug  # twist would filter first, by a level that cannot change
        parent["fileLogObserverFactory"] = partial(_levelled, parent["fileLogObserverFactory"])


def _levelled(make: Callable[[TextIO], ILogObserver], out: TextIO) -> ILogObserver:
    """A log whose levels can be changed while it is written."""
    return FilteringLogObserver(make(out), [LOG_LEVELS])


def _finish(answer: Callable[[], str]) -> NoReturn:
    try:
        print(answer())
    except ConfigurationError as problem:
        refuse(problem)
    sys.exit(0)


def refuse(problem: ChronikError) -> NoReturn:
    """Say in one line why there will be no broker, and end with status 1."""
    print(f"chronik: {problem}", file=sys.stderr)
    sys.exit(1)


def makeService(options: Options) -> IService:
    """The broker as a service of ``twist``, on the reactor that runs it."""
    # Imported here: the drop-in's options must not cost what a whole broker costs to import.
    from twisted.internet import reactor

    from chronik.broker import BrokerService
    from chronik.clocks import go_by_monotonic
    from chronik.machine import real_machine

    def failed(status: int) -> None:
        """End the process with this status once everything has stopped: ``twist`` itself always says 0."""
        reactor.addSystemEventTrigger("after", "shutdown", lambda: os._exit(status))
        reactor.callWhenRunning(reactor.stop)

    go_by_monotonic(reactor)
    reactor.callWhenRunning(_stop_on_signals, reactor)
    return BrokerService(options.configuration, real_machine(reactor), failed)


def _stop_on_signals(reactor: Any) -> None:
    """Let SIGTERM, SIGINT and SIGHUP end the process with status 0 once all has stopped: Twisted would stop it as well, then die of the signal.

    SIGHUP, as of a terminal that closes, would end it at once. Where it is ignored (``nohup``) it stays so.
    """
    ending = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)

    def stop(number: int, frame: object) -> None:
        for each in ending:
            signal.signal(each, signal.SIG_IGN)
        reactor.callFromThread(reactor.stop)

    for each in ending:
        signal.signal(each, stop)

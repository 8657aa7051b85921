"""Keeps one search process running: starts it, relays what it prints, starts it again when it dies.

The process gets three connected sockets: the control channel, and two private Kafka sessions, one for indexing and one for showing records. Each
ends with the broker, however the broker ends, and the process ends with its control channel.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

import chronik
from chronik.config.loading import PREFIX
from chronik.search.broker_interfaces import Adopt, SearchConfig

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime

CONTROL_FD: Final = 3
INDEX_FD: Final = 4
READ_FD: Final = 5

RESTART_FIRST_S: Final = 0.1
RESTART_MAX_S: Final = 10.0
STABLE_S: Final = 30.0
"""A process that lived so long starts again after the shortest pause."""

STOP_WAIT_S: Final = 3.0
"""How long a process may take to end by itself when asked to."""

LISTEN_INTERVAL_S: Final = 5.0
SILENT_MAX: Final = 12
"""A process that says nothing in so many intervals hangs: it is killed, and the next one goes on from the log. Intervals in which we did nothing
ourselves count once."""

LINE_BYTES_MAX: Final = 4096
"""Longer lines of a process's output are cut."""


class OutputRelay(ProcessProtocol):
    """Passes a process's output on to the log, a line at a time.

    :param ended: called when the process is gone.
    """

    _log = Logger()

    def __init__(self, ended: Callable[[Failure], None]) -> None:
        self._ended = ended
        self._rest = b""

    def outReceived(self, data: bytes) -> None:
        """Printed to standard output."""
        self.errReceived(data)

    def errReceived(self, data: bytes) -> None:
        """Printed to standard error."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LINE_BYTES_MAX]
        for line in lines:
            self._log.info("search process: {line}", line=line[:LINE_BYTES_MAX].decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:
        """It is gone, and its output closed."""
        if self._rest:
            self.errReceived(b"\n")
        self._ended(reason)


class WorkerSupervisor:
    """One search process and its successors.

    :param reactor: starts processes and keeps time.
    :param adopt: makes a socket a private Kafka session.
    :param connect: makes a socket the broker's end of the control channel; it takes its own copy of the descriptor.
    :param ended: called when a process is gone, before the next one starts.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorProcess,
        clock: IReactorTime,
        config: SearchConfig,
        adopt: Adopt,
        connect: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._config = config
        self._adopt = adopt
        self._connect = connect
        self._ended = ended
        self._process: object = None
        self._started_at = 0.0
        self._pause = RESTART_FIRST_S
        self._again: IDelayedCall | None = None
        self._listening: IDelayedCall | None = None
        self._silent = 0
        self._stopping: Deferred[None] | None = None
        self.pid: int | None = None
        self.restarts = 0

    def start(self) -> None:
        """Start a process, or try again later where the system has no room for one."""
        self._again = None
        self._started_at = self._clock.seconds()
        try:
            self._spawn()
        except OSError as error:
            if self.pid is not None:  # it runs and cannot be reached: its end starts the next one
                self.kill()
                return
            self._pause = min(self._pause * 2, RESTART_MAX_S)
            self._log.error("the search process cannot be started: {error}; trying again in {pause} s", error=error, pause=self._pause)
            self._again = self._clock.callLater(self._pause, self.start)

    def _spawn(self) -> None:
        pairs: list[tuple[socket.socket, socket.socket]] = []
        try:
            for _ in range(3):
                pairs.append(socket.socketpair())
                for end in pairs[-1]:
                    end.setblocking(False)
            child: dict[int, int | str] = {0: "w", 1: "r", 2: "r"}
            child.update((CONTROL_FD + n, theirs.fileno()) for n, (_, theirs) in enumerate(pairs))
            arguments = [self._config.python, "-m", "chronik.search.worker"]
            process = self._reactor.spawnProcess(
                OutputRelay(self._process_ended), self._config.python, arguments, env=_environment(), childFDs=child
            )
            self._process, self.pid = process, process.pid
            # Not as an argument: options of a backend may be secrets, and everybody on the machine can read a process's arguments.
            process.writeToChild(0, json.dumps(self._settings()).encode())
            process.closeStdin()
            (control, _), (index, _), (read, _) = pairs
            self._adopt(index.fileno())
            self._adopt(read.fileno())
            self._connect(control.fileno())
            self._silent = 0
            self._listening = self._clock.callLater(LISTEN_INTERVAL_S, self._listen)
        finally:
            for ours, theirs in pairs:
                ours.close()
                theirs.close()

    def stop(self, close: Callable[[], None]) -> Deferred[None]:
        """End the process.

        :param close: closes the control channel, which asks the process to end.
        :returns: fires when it is gone; it is killed when it takes too long.
        """
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self.pid is None:
            self._stopping = succeed(None)
            return self._stopping
        self._stopping = stopping = Deferred[None]()
        close()
        killing = self._clock.callLater(STOP_WAIT_S, self.kill)
        stopping.addCallback(lambda _: killing.cancel() if killing.active() else None)
        return stopping

    def heard(self) -> None:
        """The process said something."""
        self._silent = 0

    def _listen(self) -> None:
        self._silent += 1
        self._listening = self._clock.callLater(LISTEN_INTERVAL_S, self._listen)
        if self._silent >= SILENT_MAX:
            self._log.error("search process {pid} has said nothing for {seconds} s; killing it", pid=self.pid, seconds=SILENT_MAX * LISTEN_INTERVAL_S)
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        try:
            self._process.signalProcess("KILL")  # type: ignore[attr-defined]
        except ProcessExitedAlready:
            pass

    def _settings(self) -> dict[str, object]:
        return {"backend": self._config.backend, "options": dict(self._config.options), "limits": dict(self._config.limits), "parent": os.getpid()}

    def _process_ended(self, reason: Failure) -> None:
        pid, self.pid = self.pid, None
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        self._ended()
        if self._stopping is not None:
            self._stopping.callback(None)
            return
        lived = self._clock.seconds() - self._started_at
        self._pause = RESTART_FIRST_S if lived > STABLE_S else min(self._pause * 2, RESTART_MAX_S)
        why = reason.getErrorMessage()
        self._log.warn("search process {pid} ended ({reason}); the next one starts in {pause} s", pid=pid, reason=why, pause=self._pause)
        self.restarts += 1
        self._again = self._clock.callLater(self._pause, self.start)


def _environment() -> dict[str, str]:
    """Ours without what sets the broker's keys, among them secrets; and the code that we run ourselves found first, wherever it is started."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(chronik.__file__)))
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths)}

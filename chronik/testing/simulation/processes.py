"""Processes that a simulated broker starts: on the same machine, connected by sockets, and gone when it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from random import Random
from struct import Struct
from typing import Any, Final

from twisted.internet.error import ConnectionDone, ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorSocket
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.testing.simulation.network import Host
from chronik.testing.simulation.reactor import SimulatedReactor
from chronik.testing.simulation.timeline import Exited, Timeline
from chronik.testing.simulation.transport import SimulatedTransport

FIRST_SOCKET: Final = 3
"""Descriptors below are a terminal's."""

START_SECONDS: Final = 0.3
"""How long an interpreter takes to start, at most."""

_TOKEN: Final = Struct(">Q")

Ends = Mapping[int, SimulatedTransport]
"""A process's sockets by descriptor."""

Program = Callable[[SimulatedReactor, bytes, Ends, Callable[[], None]], None]
"""Begins a program: its reactor, its standard input, its sockets, and what ends it."""


@implementer(IProcessTransport)
class SimulatedProcess:
    """A process that a broker started.

    :ivar pid: another for each of a machine.
    """

    def __init__(self, parent: ProcessReactor, protocol: Any, pid: int, ends: Ends) -> None:
        self._parent = parent
        self._protocol = protocol
        self._ends = ends
        self._input = b""
        self.pid = pid
        self.reactor = SimulatedReactor(parent.timeline, parent.host, parent.rate, parent.offset, parent.booted)

    def begin(self, program: Program) -> None:
        """It has started, and read all of its input."""
        if self.reactor.alive and self._parent.alive:
            program(self.reactor, self._input, self._ends, self._leave)

    def _leave(self) -> None:
        """It ends itself."""
        self.exit(0)
        raise Exited

    def exit(self, status: int) -> None:
        """It ends; whoever is connected to it hears of that."""
        if not self.reactor.alive or not self._parent.alive:
            return
        self.reactor.alive = False
        for transport in self._ends.values():
            transport.protocol = None
            transport.lose(ConnectionDone())
            self._parent.host.network.tell(transport, ConnectionDone())
        self._parent.timeline.after(0.001, self._ended, status)

    def _ended(self, status: int) -> None:
        if self._parent.alive:
            self._protocol.processEnded(Failure(ProcessDone(0) if not status else ProcessTerminated(signal=status)))

    def signalProcess(self, signal: str | int) -> None:
        """Whatever the signal, it is the end."""
        if not self.reactor.alive:
            raise ProcessExitedAlready()
        self.exit(9)

    def closeStdin(self) -> None:
        """That was all; it starts later than that."""

    def closeStdout(self) -> None:
        """It prints nothing."""

    def closeStderr(self) -> None:
        """It prints nothing."""

    def closeChildFD(self, descriptor: int) -> None:
        """Not needed by anybody here."""

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """Its standard input."""
        self._input += data

    def writeSequence(self, seq: Any) -> None:
        """It reads nothing."""

    def loseConnection(self) -> None:
        """It reads nothing."""

    def write(self, data: bytes) -> None:
        """It reads nothing."""

    def getHost(self) -> Any:
        """It has no address."""

    def getPeer(self) -> Any:
        """It has no address."""


@implementer(IReactorProcess, IReactorSocket)
class ProcessReactor(SimulatedReactor):
    """A reactor that starts processes. The two ends of a real pair of sockets find one another by a number that goes through it.

    :param program: what every process runs.
    :ivar processes: those that were started.
    """

    def __init__(self, timeline: Timeline, host: Host, rate: float, offset: float, booted: float, random: Random, program: Program) -> None:
        super().__init__(timeline, host, rate, offset, booted)
        self._random = random
        self._program = program
        self._offered: dict[int, SimulatedTransport] = {}
        self.processes: list[SimulatedProcess] = []

    def spawnProcess(
        self,
        processProtocol: Any,
        executable: str | bytes,
        args: Sequence[Any] = (),
        env: Any = None,
        path: Any = None,
        uid: Any = None,
        gid: Any = None,
        usePTY: Any = False,
        childFDs: Any = None,
    ) -> SimulatedProcess:
        """Start a process some time later."""
        ends = {}
        for descriptor, end in childFDs.items():
            if descriptor >= FIRST_SOCKET:
                ours, theirs = self.host.network.socket_pair(self.host)
                os.write(end, _TOKEN.pack(ours.number))
                self._offered[ours.number] = ours
                ends[descriptor] = theirs
        process = SimulatedProcess(self, processProtocol, 1_000 + len(self.processes), ends)
        self.processes.append(process)
        processProtocol.makeConnection(process)
        self.timeline.after(self._random.random() * START_SECONDS, process.begin, self._program)
        return process

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> None:
        """Take over this end of a pair of sockets."""
        transport = self._offered.pop(_TOKEN.unpack(os.read(fileDescriptor, _TOKEN.size))[0])
        transport.begin(factory.buildProtocol(transport.getPeer()))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Nobody does that here."""
        raise NotImplementedError

    def adoptDatagramPort(self, fileDescriptor: int, addressFamily: int, protocol: Any, maxPacketSize: int = 8192) -> Any:
        """Nobody does that here."""
        raise NotImplementedError

    def set_offset(self, seconds: float) -> None:
        """The machine's wall clock was set."""
        self.offset = seconds
        for process in self.processes:
            process.reactor.offset = seconds

    def end(self) -> None:
        """It ends, and with it what it started."""
        self.alive = False
        for process in self.processes:
            process.reactor.alive = False

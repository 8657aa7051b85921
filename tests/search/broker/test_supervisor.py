"""Starting processes, and starting them again."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.broker_interfaces import SearchConfig
from chronik.search.supervisor import (
    CONTROL_FD,
    INDEX_FD,
    LINE_BYTES_MAX,
    LISTEN_INTERVAL_S,
    READ_FD,
    RESTART_MAX_S,
    SILENT_MAX,
    STABLE_S,
    STOP_WAIT_S,
    OutputRelay,
    WorkerSupervisor,
)


class FakeProcess:
    """A process that ends when told."""

    def __init__(self, pid: int, protocol: Any, arguments: list[str], environment: dict[str, str], fds: dict[int, Any]) -> None:
        self.pid = pid
        self.environment = environment
        self.protocol = protocol
        self.arguments = arguments
        self.fds = {child: os.dup(fd) if isinstance(fd, int) else fd for child, fd in fds.items()}
        self.signals: list[str] = []
        self.written = b""
        self.is_input_closed = False

    def writeToChild(self, fd: int, data: bytes) -> None:
        """Keep what its standard input says."""
        assert fd == 0
        self.written += data

    def closeStdin(self) -> None:
        """That was all."""
        self.is_input_closed = True

    def signalProcess(self, name: str) -> None:
        """Note the signal."""
        self.signals.append(name)

    def end(self, reason: BaseException) -> None:
        """The process is gone."""
        for fd in self.fds.values():
            if isinstance(fd, int):
                os.close(fd)
        self.protocol.processEnded(Failure(reason))


class FakeSpawner:
    """Remembers what it was to start."""

    def __init__(self) -> None:
        self.processes: list[FakeProcess] = []
        self.error: OSError | None = None

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], env: Any, childFDs: dict[int, Any]) -> FakeProcess:
        """A fake process."""
        if self.error is not None:
            raise self.error
        self.processes.append(FakeProcess(1_000 + len(self.processes), protocol, args, env, childFDs))
        return self.processes[-1]


class SupervisorTests(SynchronousTestCase):
    """:class:`WorkerSupervisor`."""

    def setUp(self) -> None:
        """A supervisor that has started its first process."""
        self.clock = Clock()
        self.spawner = FakeSpawner()
        self.adopted: list[int] = []
        self.connected: list[int] = []
        self.ended = 0
        self.supervisor = WorkerSupervisor(
            self.spawner,  # type: ignore[arg-type]
            self.clock,
            SearchConfig(backend="sqlite", options={"a": "b"}),
            lambda fd: self.adopted.append(os.dup(fd)),
            lambda fd: self.connected.append(os.dup(fd)),
            self.note_end,
        )
        self.supervisor.start()
        self.addCleanup(self.close_all)

    def note_end(self) -> None:
        """A process is gone."""
        self.ended += 1

    def close_all(self) -> None:
        """Our copies of descriptors."""
        for fd in self.adopted + self.connected:
            os.close(fd)

    def end(self, reason: BaseException | None = None) -> None:
        """The running process ends."""
        self.spawner.processes[-1].end(reason or ProcessTerminated(1))

    def test_start(self) -> None:
        """The process gets its settings, its output is ours, and its sockets are connected to what the broker adopted."""
        (process,) = self.spawner.processes
        settings = json.loads(process.written)
        self.assertTrue(process.is_input_closed)
        self.assertEqual((settings["backend"], settings["options"], settings["parent"]), ("sqlite", {"a": "b"}, os.getpid()))
        self.assertEqual((process.fds[1], process.fds[2], self.supervisor.pid), ("r", "r", 1_000))
        for ours, child in ((self.connected[0], CONTROL_FD), (self.adopted[0], INDEX_FD), (self.adopted[1], READ_FD)):
            os.write(ours, b"%d" % child)
            self.assertEqual(os.read(process.fds[child], 9), b"%d" % child)
            self.assertFalse(os.get_blocking(process.fds[child]))
        self.end()

    def test_silence(self) -> None:
        """A process that hangs is killed after a while; one that says something now and then is not."""
        (process,) = self.spawner.processes
        for _ in range(3 * SILENT_MAX):
            self.clock.advance(LISTEN_INTERVAL_S)
            self.supervisor.heard()
        self.assertEqual([], process.signals)
        self.clock.advance(3_600.0)  # the broker was stopped itself
        self.assertEqual([], process.signals)
        for _ in range(SILENT_MAX):
            self.clock.advance(LISTEN_INTERVAL_S)
        self.assertEqual("KILL", process.signals[0])
        self.end()
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_secrets(self) -> None:
        """What anybody can read of a process, its arguments, holds no option of the backend; nor does its environment what sets the broker's keys."""
        self.end()
        os.environ["CHRONIK_PLUGIN_CANARY"] = "canary"
        self.addCleanup(os.environ.pop, "CHRONIK_PLUGIN_CANARY")
        self.clock.advance(RESTART_MAX_S)
        process = self.spawner.processes[-1]
        self.assertEqual(process.arguments[1:], ["-m", "chronik.search.worker"])
        self.assertNotIn("canary", process.environment.values())
        self.assertNotIn("'b'", repr(SearchConfig(backend="sqlite", options={"a": "b"})))
        self.end()

    def test_sockets_end_with_the_process(self) -> None:
        """No other copy of its ends is left open: we notice when it is gone."""
        self.end()
        with socket.socket(fileno=os.dup(self.connected[0])) as ours:
            ours.setblocking(True)
            self.assertEqual(ours.recv(9), b"")

    def test_restarts_with_pauses(self) -> None:
        """Each early death doubles the pause, up to a maximum; a long life ends that."""
        pauses = []
        for _ in range(10):
            self.end()
            self.assertIsNone(self.supervisor.pid)
            (again,) = self.clock.getDelayedCalls()
            pauses.append(again.getTime() - self.clock.seconds())
            self.clock.advance(pauses[-1])
        self.assertEqual([round(p, 1) for p in pauses[:3]], [0.2, 0.4, 0.8])
        self.assertEqual(pauses[-1], RESTART_MAX_S)
        self.clock.advance(STABLE_S + 1)
        self.end()
        (again,) = self.clock.getDelayedCalls()
        self.assertLess(again.getTime() - self.clock.seconds(), 0.2)
        self.assertEqual((self.ended, self.supervisor.restarts), (11, 11))
        self.supervisor.stop(lambda: None)

    def test_no_room_for_a_process(self) -> None:
        """What the system refuses is tried again, and leaves no descriptor open."""
        self.end()
        self.spawner.error = OSError(24, "Too many open files")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            (again,) = self.clock.getDelayedCalls()
            self.clock.advance(again.getTime() - self.clock.seconds())
        self.assertEqual(before, len(os.listdir("/proc/self/fd")))
        self.spawner.error = None
        self.clock.advance(RESTART_MAX_S)
        self.assertEqual(1_001, self.supervisor.pid)
        self.end()
        self.supervisor.stop(lambda: None)

    def test_a_process_that_cannot_be_reached(self) -> None:
        """Where there is no descriptor left to adopt its sockets with, it is ended, and that starts the next one."""
        self.end()

        def refuse(fd: int) -> None:
            raise OSError(24, "Too many open files")

        adopt, self.supervisor._adopt = self.supervisor._adopt, refuse
        self.clock.advance(RESTART_MAX_S)
        self.assertEqual((["KILL"], []), (self.spawner.processes[-1].signals, self.clock.getDelayedCalls()))
        self.supervisor._adopt = adopt
        self.end()
        self.clock.advance(RESTART_MAX_S)
        self.assertEqual(3, len(self.spawner.processes))
        self.end()
        self.supervisor.stop(lambda: None)

    def test_stop(self) -> None:
        """Closing the channel asks the process to end; it is not started again."""
        closed: list[bool] = []
        stopped = self.supervisor.stop(lambda: closed.append(True))
        self.assertNoResult(stopped)
        self.end(ProcessDone(0))
        self.successResultOf(stopped)
        self.assertEqual((closed, self.clock.getDelayedCalls(), len(self.spawner.processes)), ([True], [], 1))

    def test_stop_kills(self) -> None:
        """A process that does not end is killed."""
        stopped = self.supervisor.stop(lambda: None)
        self.clock.advance(STOP_WAIT_S)
        self.assertEqual(self.spawner.processes[0].signals, ["KILL"])
        self.end()
        self.successResultOf(stopped)

    def test_stop_while_waiting(self) -> None:
        """Between two processes there is nothing to wait for."""
        self.end()
        self.successResultOf(self.supervisor.stop(lambda: self.fail("there is no channel")))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_killing_a_dead_one(self) -> None:
        """A process that ended by itself meanwhile is fine."""
        process = self.spawner.processes[0]

        def gone(name: str) -> None:
            raise ProcessExitedAlready

        process.signalProcess = gone  # type: ignore[method-assign]
        self.supervisor.kill()
        self.end()
        self.supervisor.stop(lambda: None)


class OutputRelayTests(SynchronousTestCase):
    """:class:`OutputRelay`."""

    def test_lines(self) -> None:
        """Output is logged a line at a time, whatever it is and however long."""
        ended: list[Failure] = []
        relay = OutputRelay(ended.append)
        lines: list[str] = []
        relay._log = type("Log", (), {"info": lambda self, template, line: lines.append(line)})()
        relay.errReceived(b"one\ntw")
        relay.outReceived(b"o\n\xff\n" + b"x" * (3 * LINE_BYTES_MAX))
        relay.processEnded(Failure(ProcessDone(0)))
        self.assertEqual(lines, ["one", "two", "\ufffd", "x" * LINE_BYTES_MAX])
        self.assertEqual(len(ended), 1)

"""Starts ``twist chronik`` as a user would, on ports of the system's choosing, and stops it by its pid."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.access import ACCESS, Access

T = TypeVar("T")

EVERYWHERE = dict(pair.split("=", 1) for pair in os.environ.get("CHRONIK_TEST_SET", "").split())
"""Settings of every broker, where a test has no other: how all tests are run over a plugin."""

START_SECONDS = 30.0
STOP_SECONDS = 30.0

STALL_SECONDS_MAX = 0.05
"""How long a broker's reactor may be kept from its work in any test that uses :func:`running` or :class:`BrokerTestCase`."""

OWN_ACCESS = frozenset(("listeners", "sasl.enabled.mechanisms", "authorizer", "authorizer.class.name", "super.users"))
"""Settings that only the tests of a broker make whose access is not that of all tests."""

_REQUEST_COUNT = re.compile(r'^chronik_request_seconds_count{api="(\w+)"} (\S+)$', re.MULTILINE)


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, chosen by the system and all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def eventually(check: Callable[[], T], seconds: float = 30.0, what: str = "what was waited for") -> T:
    """Ask again until ``check`` answers something true; the answer.

    :raises AssertionError: it did not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s; the last answer was {value!r}")
        time.sleep(0.02)


class Broker:
    """One broker process and its data directory.

    :ivar port: of the Kafka listener.
    :ivar http_port: of the HTTP listener.
    :ivar sasl_port: of a listener on which clients authenticate by SASL, where ``sasl.enabled.mechanisms`` is set.
    :ivar prefix: a program, with its arguments, that is to run the broker.
    :param environ: its environment; None for that of the tests.
    :param access: how clients get in; ``ANYBODY`` where the settings decide that themselves.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        directory: str | None = None,
        environ: Mapping[str, str] | None = None,
        access: Access = ACCESS,
    ) -> None:
        self.directory = directory or tempfile.mkdtemp(prefix="chronik-test-")
        self.settings = dict(settings or {})
        self.port, self.http_port, self.sasl_port = free_ports(3)
        self.process: subprocess.Popen[bytes] | None = None
        self.output = Path(self.directory) / "broker.log"
        self._read_from = 0
        self.prefix: list[str] = []
        self._environ = environ
        self.access = access

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self.settings.get("log.dirs", os.path.join(self.directory, "data")))

    @property
    def bootstrap(self) -> str:
        """Where clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def confluent(self) -> Mapping[str, Any]:
        """How clients of confluent-kafka reach it."""
        return {"bootstrap.servers": self.bootstrap, **self.access.confluent}

    @property
    def python(self) -> Mapping[str, Any]:
        """How clients of kafka-python reach it."""
        return {"bootstrap_servers": self.bootstrap, **self.access.python}

    @property
    def aiokafka(self) -> Mapping[str, Any]:
        """How clients of aiokafka reach it."""
        return {"bootstrap_servers": self.bootstrap, **self.access.aiokafka}

    @property
    def kcat(self) -> Sequence[str]:
        """How kcat reaches it."""
        return ["-b", self.bootstrap, *(argument for key, value in self.access.confluent.items() for argument in ("-X", f"{key}={value}"))]

    @property
    def shell(self) -> Mapping[str, str]:
        """The environment in which the command ``chronik`` reaches it."""
        return {**os.environ, "CHRONIK_BOOTSTRAP": self.bootstrap, "CHRONIK_HTTP": f"http://127.0.0.1:{self.http_port}", **self.access.environ}

    def connect(self, seconds: float = 30.0) -> socket.socket:
        """A connection on which requests may be sent."""
        return self.access.enter(socket.create_connection(("127.0.0.1", self.port), seconds))

    @property
    def sasl_bootstrap(self) -> str:
        """Where clients connect to that authenticate."""
        return f"127.0.0.1:{self.sasl_port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    def command(self) -> list[str]:
        """The command line that starts it.

        :raises AssertionError: its settings are about access, and the test does not say that it brings its own.
        """
        own = OWN_ACCESS.intersection(self.settings)
        if own and self.access is ACCESS:
            raise AssertionError(f"a broker with {', '.join(sorted(own))} of its own is one with access=ANYBODY")
        access = self.access.settings(self.port)
        sasl = f",SASL_PLAINTEXT://127.0.0.1:{self.sasl_port}" if "sasl.enabled.mechanisms" in self.settings else ""
        settings = {
            **access,
            "listeners": access["listeners"] + sasl,
            "http.listeners": f"HTTP://127.0.0.1:{self.http_port}",
            "log.dirs": os.path.join(self.directory, "data"),
            **EVERYWHERE,
            **self.settings,
        }
        arguments = [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]
        return [*self.prefix, sys.executable, "-m", "twisted", "chronik", *arguments]

    def start(self) -> Broker:
        """Start it, and come back once it said that it is ready."""
        self.begin()
        eventually(self._ready, START_SECONDS, "the broker's start")
        return self

    def begin(self) -> None:
        """Start it, and come back at once."""
        self._read_from = self.output.stat().st_size if self.output.exists() else 0
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.directory, env=self._environ
            )

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the broker ended with status {self.process.returncode}:\n{self.log()[-3000:]}")
        with open(self.output, "rb") as output:
            output.seek(self._read_from)
            return b"Chronik is ready." in output.read()

    def runs(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        """What it wrote so far."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """End it, and wait; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status

    def kill(self) -> None:
        """End it as a crash would."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it if it runs, and remove its data."""
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def http(self, path: str, body: Any = None, method: str | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """One HTTP request: its status, and the answer's JSON, or its text where it is none."""
        data = None if body is None else json.dumps(body).encode()
        sent = {**self.access.headers, **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw.decode(errors="replace")

    def requests(self) -> dict[str, float]:
        """How many requests of each API it counted since its start."""
        return {api: float(count) for api, count in _REQUEST_COUNT.findall(str(self.http("/metrics")[1]))}

    def metric(self, name: str) -> float:
        """The value of a metric that has no labels, as ``/metrics`` tells it now."""
        found = re.search(rf"(?m)^{name} (.*)$", self.http("/metrics")[1])
        if found is None:
            raise AssertionError(f"there is no metric {name}")
        return float(found[1])

    def assert_prompt(self) -> None:
        """Check that the reactor never computed for long without looking at anything else. How late it was altogether says more of the machine.

        :raises AssertionError: it did.
        """
        busy = self.metric("chronik_reactor_stall_longest_busy_seconds")
        if busy > STALL_SECONDS_MAX:
            raise AssertionError(f"the broker's reactor computed for {busy * 1e3:.0f} ms at a stretch, of {STALL_SECONDS_MAX * 1e3:.0f} allowed")


class BrokerTestCase(SynchronousTestCase):
    """Tests that share one broker, started before the first of a class and stopped when another class begins, or all is over.

    Trial has no fixtures of classes, so the one broker that is shared now is remembered here.

    :ivar access: how clients get in; ``ANYBODY`` where the settings decide that themselves.
    """

    settings: Mapping[str, str] = {}
    access: Access = ACCESS
    broker: Broker

    _shared: ClassVar[tuple[type[BrokerTestCase], Broker] | None] = None

    def setUp(self) -> None:
        """Start the broker if it is not this class's that runs."""
        shared = BrokerTestCase._shared
        if shared is not None and shared[0] is type(self) and shared[1].runs():
            self.broker = shared[1]
            return
        close_shared()
        self.broker = Broker(self.settings, access=self.access)
        BrokerTestCase._shared = (type(self), self.broker)
        self.broker.start()

    def tearDown(self) -> None:
        """Look whether the broker was kept from its work."""
        if self.broker.runs():
            self.broker.assert_prompt()

    def sends(self, *apis: str) -> None:
        """Say which APIs the clients of this test send; the broker's own count, at the end of the test, has to agree.

        The table of APIs in the documentation is made of these calls.
        """
        self.addCleanup(self._check_sent, apis, self.broker.requests())

    def _check_sent(self, apis: tuple[str, ...], before: Mapping[str, float]) -> None:
        counted = self.broker.requests()
        self.assertEqual([], [api for api in apis if counted.get(api, 0) <= before.get(api, 0)], "APIs that no client sent")


@atexit.register
def close_shared() -> None:
    """Stop the broker that tests shared, and remove its data."""
    shared, BrokerTestCase._shared = BrokerTestCase._shared, None
    if shared is not None:
        shared[1].close()


@contextlib.contextmanager
def running(settings: Mapping[str, str] | None = None, access: Access = ACCESS) -> Iterator[Broker]:
    """A broker of a test's own."""
    broker = Broker(settings, access=access)
    try:
        yield broker.start()
        if broker.runs():
            broker.assert_prompt()
    finally:
        broker.close()

"""What the system calls say: an acknowledgement of acks=all is sent after the record was made safe, never before."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.testing.records import batch_of
from tests.integration import wire
from tests.integration.clients import create
from tests.integration.harness import Broker

CALLS: Final = "fdatasync,fsync,syncfs,sendto,sendmsg,write,writev,pwrite64,pwritev,pwritev2"

SYNCS: Final = ("fdatasync", "fsync", "syncfs")

WRITES: Final = ("write", "writev", "pwrite64", "pwritev", "pwritev2")

LINE: Final = re.compile(r"^(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\((?P<rest>.*))")


class Trace:
    """Follows one log file and one connection through the lines of strace.

    :ivar answers: sent on the connection.
    :ivar syncs: of the file that were completed.
    :ivar early: lines of answers that were sent while something written was not yet synced.
    """

    def __init__(self, log: str, client_port: int) -> None:
        self._log = log
        self._client = f"->127.0.0.1:{client_port}]"
        self._written = 0
        self._safe = 0
        self._running: dict[str, int] = {}
        self.answers = self.syncs = 0
        self.early: list[str] = []

    def line(self, text: str) -> None:
        """The next line."""
        match = LINE.match(text)
        if match is None:
            return
        thread, call, rest = match["thread"], match["call"], match["rest"] or ""
        if match["resumed"] in SYNCS and thread in self._running:
            self._synced(self._running.pop(thread), text)
        elif call in SYNCS and (self._log in rest or call == "syncfs"):
            self._sync_begins(thread, text)
        elif call in WRITES and self._log in rest:
            self._written += 1
        elif call is not None and self._client in rest.split(",", 1)[0] and ', "", 0,' not in rest:  # a last try may be empty
            self.answers += 1
            if self._safe < self._written:
                self.early.append(text)

    def _sync_begins(self, thread: str, text: str) -> None:
        if "<unfinished" in text:
            self._running[thread] = self._written
        else:
            self._synced(self._written, text)

    def _synced(self, covered: int, text: str) -> None:
        if text.rstrip().endswith("= 0"):
            self.syncs += 1
            self._safe = max(self._safe, covered)


class TracedTestCase(SynchronousTestCase):
    """Brokers under strace."""

    def traced(
        self, acks: int, records: int, settings: Mapping[str, str], file: str = f"synced-0/{0:020}.log", environ: Mapping[str, str] | None = None
    ) -> Trace:
        """Produce one record after the other to ``synced-0`` under strace; what it saw.

        :param file: ending of the path that the records are written to.
        """
        if shutil.which("strace") is None:
            raise SkipTest("strace is not installed")
        broker = Broker(settings, environ=environ)
        self.addCleanup(broker.close)
        trace = Path(broker.directory) / "trace"
        # -D leaves the broker our child, the tracer beside it.
        broker.prefix = ["strace", "-D", "-f", "-qq", "-yy", "-s", "0", "-e", f"trace={CALLS}", "-o", str(trace)]
        broker.start()
        topic = create(broker, "synced")
        with broker.connect(30) as connection:
            port = connection.getsockname()[1]
            for _ in range(records):
                connection.sendall(wire.produce_request(topic, batch_of(b"value"), acks))
                wire.response(connection)
            broker.stop()
        found = Trace(file, port)
        for text in trace.read_text().splitlines():
            found.line(text)
        self.assertGreaterEqual(found.answers, records)  # getting in may take some
        return found


class SyncTests(TracedTestCase):
    """When a broker syncs."""

    def test_acks_all(self) -> None:
        """Every answer follows a sync of its own record that was begun after the record was written."""
        found = self.traced(-1, 50, {})
        self.assertEqual([], found.early)
        self.assertGreaterEqual(found.syncs, 50)

    def test_write_caching(self) -> None:
        """Where it is asked for, answers do not wait, and the same look at the trace sees it."""
        found = self.traced(-1, 50, {"write.caching": "true"})
        self.assertNotEqual([], found.early)

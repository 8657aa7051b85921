"""What a user sees when a broker starts, cannot start, and stops."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.access import ANYBODY
from tests.integration.harness import Broker, BrokerTestCase, alive, children, eventually, running

REFUSE_SECONDS = 5.0
"""A refusal takes well under a second on an idle machine; tests share theirs with others."""


class ReadyTests(BrokerTestCase):
    """A broker that started."""

    def test_first_lines(self) -> None:
        """The terminal says what listens where, where data is, and what to try."""
        eventually(lambda: "Try:" in self.broker.log(), what="the first lines")
        line = next(line for line in self.broker.log().splitlines() if line.startswith("Chronik is ready."))
        self.assertIn(f"Kafka on {self.broker.bootstrap}", line)
        self.assertIn(f"HTTP on 127.0.0.1:{self.broker.http_port}", line)
        self.assertIn(f"data in {self.broker.data}", line)

    def test_prompt_from_the_beginning(self) -> None:
        """Nothing that takes long is left to do once clients may connect, such as a look of the garbage collector at everything that was made."""
        with running() as broker:
            eventually(lambda: broker.metric("chronik_reactor_stall_seconds_count") > 10, what="the first looks at the reactor")
            broker.assert_prompt()

    def test_only_loopback(self) -> None:
        """Without being asked to, a broker listens where only its own machine reaches it."""
        listening = {row.split()[1] for row in Path("/proc/net/tcp").read_text().splitlines()[1:] if row.split()[3] == "0A"}
        for port in (self.broker.port, self.broker.http_port):
            self.assertEqual({f"0100007F:{port:04X}"}, {address for address in listening if address.endswith(f":{port:04X}")})

    def test_second_broker_on_the_same_directory(self) -> None:
        """A data directory has one broker; the second says so, and the first goes on."""
        second = Broker(directory=self.broker.directory)
        said = refusal(self, second)
        self.assertIn(str(self.broker.data), said)
        self.assertRegex(said, r"(?i)lock|in use|another|other")
        eventually(lambda: self.broker.http("/health")[0] == 200, what="health of the first")

    def test_busy_ports(self) -> None:
        """A port somebody else has is named, whichever listener wanted it, and no child is left."""
        for busy in ("port", "http_port"):
            second = Broker()
            setattr(second, busy, self.broker.port)
            try:
                said = refusal(self, second)
            finally:
                second.close()
            self.assertIn(str(self.broker.port), said)
            self.assertRegex(said, r"(?i)in use|listen")


class RefusalTests(SynchronousTestCase):
    """Each thing that is wrong is one line on stderr, within a moment, and a status that says no."""

    def refused(self, settings: dict[str, str]) -> str:
        """What a broker with these settings says before it ends."""
        broker = Broker(settings, access=ANYBODY)
        self.addCleanup(broker.close)
        return refusal(self, broker)

    def test_unknown_key(self) -> None:
        """A key nobody knows is refused, and the nearest suggested."""
        said = self.refused({"auto.create.topic.enable": "true"})
        self.assertIn("auto.create.topic.enable", said)
        self.assertIn("auto.create.topics.enable", said)

    def test_bad_value(self) -> None:
        """A value that cannot be is refused with its key."""
        said = self.refused({"num.partitions": "many"})
        self.assertIn("num.partitions", said)
        self.assertIn("many", said)

    def test_unknown_backends(self) -> None:
        """A backend that is not there is refused with the names of those that are."""
        for key, name, known in (
            ("log.store", "segmnt", "segment"),
            ("search.backend", "lucene", "tantivy"),
            ("metadata.store", "zookeeper", "file"),
        ):
            said = self.refused({key: name})
            self.assertIn(name, said)
            self.assertIn(known, said)

    def test_bad_listener(self) -> None:
        """A listener that is none is refused with what was written."""
        self.assertIn("nonsense", self.refused({"listeners": "nonsense"}))

    def test_unwritable_directory(self) -> None:
        """A data directory that cannot be made is named."""
        with tempfile.NamedTemporaryFile() as file:
            self.assertIn(file.name, self.refused({"log.dirs": f"{file.name}/data"}))

    def test_directory_where_nobody_may_write(self) -> None:
        """A data directory that may not be made, not even by root, is named."""
        self.assertIn("/proc/chronik", self.refused({"log.dirs": "/proc/chronik"}))

    def test_directory_of_another_cluster(self) -> None:
        """Two directories of different clusters are never mixed."""
        with running() as broker:
            broker.stop()
            properties = broker.data / "meta.properties"
            text = properties.read_text()
            properties.write_text(re.sub(r"(?m)^cluster\.id=.*$", "cluster.id=AAAAAAAAAAAAAAAAAAAAAA", text))
            self.assertNotEqual(text, properties.read_text())
            said = refusal(self, broker)
            self.assertIn("AAAAAAAAAAAAAAAAAAAAAA", said)
            self.assertIn("cluster", said)

    def test_directory_twice(self) -> None:
        """One directory under two spellings is one: nobody else uses it."""
        with tempfile.TemporaryDirectory() as directory:
            self.assertIn(f"log.dirs names {directory} twice", self.refused({"log.dirs": f"{directory},{directory}/"}))

    def test_directories_in_another_order(self) -> None:
        """The metadata are in the first one; begun anew in another one they would be those of another cluster. Nothing is left behind."""
        with running() as broker:
            broker.stop()
            data, new = broker.data, broker.data.with_name("new")
            broker.settings["log.dirs"] = f"{new},{data}"
            self.assertIn(f"name {data} first in log.dirs", refusal(self, broker))
            self.assertFalse(new.exists())
            broker.settings["log.dirs"] = f"{data},{new}"
            broker.start()

    def test_directory_of_another_broker(self) -> None:
        """A broker does not take over what belongs to a broker of another id."""
        with running() as broker:
            broker.stop()
            broker.settings["node.id"] = "7"
            said = refusal(self, broker)
            self.assertIn("7", said)
            self.assertIn(str(broker.data), said)


class StopTests(SynchronousTestCase):
    """Every way to end."""

    def test_signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP stop a broker cleanly, with its children, and leave nothing locked."""
        with running() as broker:
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                processes = eventually(lambda: children(broker.pid), what="a search process")
                self.assertEqual(0, broker.stop(each))
                eventually(lambda: not any(alive(pid) for pid in processes), 5, "the end of the children")  # noqa: B023  awaited here
                broker.start()

    def test_nohup(self) -> None:
        """A broker that was started with SIGHUP ignored outlives its terminal."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_IGN))
        with running() as broker:
            os.kill(broker.pid, signal.SIGHUP)
            eventually(lambda: broker.http("/health")[0] == 200, what="health after the signal")
            self.assertEqual(0, broker.stop())

    def test_signal_while_starting(self) -> None:
        """A signal in any moment of the start ends the broker, and its data can be used afterwards."""
        with running() as broker:
            broker.stop()
            for delay in (0.1, 0.3, 0.5, 0.7):
                process = subprocess.Popen(broker.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=broker.directory)
                time.sleep(delay)
                process.send_signal(signal.SIGTERM)
                process.wait(10)
            broker.start()
            eventually(lambda: broker.http("/health")[0] == 200, what="health after the start")

    def test_children_do_not_outlive_a_killed_broker(self) -> None:
        """After kill -9 of the broker alone its search processes end by themselves, at once."""
        with running() as broker:
            processes = eventually(lambda: children(broker.pid), what="a search process")
            broker.kill()
            eventually(lambda: not any(alive(pid) for pid in processes), 5, "the end of the children")

    def test_data_directory_moves(self) -> None:
        """A stopped broker's directory may be renamed and used under its new name."""
        with running() as broker:
            cluster = broker.http("/")[1]["cluster_uuid"]
            broker.stop()
            moved = broker.data.with_name("moved")
            shutil.move(broker.data, moved)
            broker.settings["log.dirs"] = str(moved)
            broker.start()
            self.assertEqual(cluster, broker.http("/")[1]["cluster_uuid"])

    def test_stop_with_connections(self) -> None:
        """Clients that hold connections and never speak do not keep a broker from stopping."""
        with running() as broker:
            sockets = [socket.create_connection(("127.0.0.1", port)) for port in (broker.port, broker.http_port) for _ in range(5)]
            self.assertEqual(0, broker.stop())
            for each in sockets:
                each.close()


def refusal(case: SynchronousTestCase, broker: Broker) -> str:
    """Start a broker that must not start: the line it says why."""
    began = time.monotonic()
    done = subprocess.run(broker.command(), capture_output=True, text=True, check=False, timeout=30, cwd=broker.directory)
    seconds = time.monotonic() - began
    case.assertNotEqual(0, done.returncode, done.stdout)
    case.assertLess(seconds, REFUSE_SECONDS)
    case.assertNotIn("Traceback", done.stdout + done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("chronik: ")]
    case.assertEqual(1, len(lines), done.stderr)
    return lines[0]

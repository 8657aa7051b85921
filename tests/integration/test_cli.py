"""The command ``chronik`` against a broker process."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys

from tests.integration.harness import Broker, BrokerTestCase, eventually, free_ports, running

SECONDS = 60


def command(*arguments: str) -> list[str]:
    """The command line of a subcommand."""
    return [sys.executable, "-m", "chronik.cli", *arguments]


def piped(broker: Broker, *arguments: str) -> subprocess.Popen[bytes]:
    """A subcommand that runs on, with pipes at all its ends."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command(*arguments), stdin=pipe, stdout=pipe, stderr=pipe, env=broker.shell)


class CommandTests(BrokerTestCase):
    """What a user does in a shell."""

    def obey_interrupts(self) -> None:
        """Let children begin with SIGINT as a terminal's programs do: in the background of a script it is ignored, and that is inherited."""
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))

    def chronik(self, *arguments: str, input: bytes = b"", status: int = 0) -> tuple[bytes, str]:
        """Run the command; its output and messages."""
        environ = self.broker.shell
        done = subprocess.run(command(*arguments), input=input, capture_output=True, check=False, timeout=SECONDS, env=environ)
        self.assertEqual(status, done.returncode, done.stderr.decode())
        return done.stdout, done.stderr.decode()

    def test_first_minutes(self) -> None:
        """What is produced can be consumed and found; the topic comes into being by itself."""
        said = self.chronik("produce", "orders", input=b'{"level":"error"}\nplain')[1]
        self.assertEqual("2 records to orders (p0: 0..1)\n", said)
        found, total = self.chronik("search", "orders", "level:error")
        self.assertIn(b" orders-0@0 - ", found)
        self.assertEqual("1 of 1 hits\n", total)
        self.assertEqual(b'{"level":"error"}\nplain\n', self.chronik("consume", "orders")[0])
        self.assertEqual(b"2\n", self.chronik("search", "orders", "*", "--count", "--wait")[0])

    def test_closed_descriptors(self) -> None:
        """Without standard input there is nothing to produce, and one line says so; without standard output nothing is printed."""
        environ = self.broker.shell
        for closed, arguments, status, said in (("<&-", ("produce", "closed"), 1, "standard input is closed"), (">&-", ("topics", "list"), 0, "")):
            line = f"{shlex.join(command(*arguments))} {closed}"
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=SECONDS, env=environ)
            self.assertEqual(status, done.returncode, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertLessEqual(len(done.stderr.splitlines()), 1)

    def test_codecs_and_acks(self) -> None:
        """Every codec and every kind of acknowledgement arrives."""
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.chronik("produce", "codecs", "--compression", codec, input=codec.encode())
        for acks in ("0", "1", "all"):
            self.chronik("produce", "codecs", "--acks", acks, input=acks.encode())
        self.assertEqual(b"none\ngzip\nsnappy\nlz4\nzstd\n0\n1\nall\n", self.chronik("consume", "codecs")[0])

    def test_topics(self) -> None:
        """A topic is created, described, used by key, and deleted."""
        self.chronik("topics", "create", "keyed", "--partitions", "3", "--config", "retention.ms=60000")
        self.chronik("produce", "keyed", "--key-separator", ":", input=b"".join(b"k%d:v\n" % (n % 7) for n in range(70)))
        self.assertIn(b"keyed\t3\n", self.chronik("topics", "list")[0])
        self.assertIn(b"retention.ms=60000", self.chronik("topics", "describe", "keyed")[0])
        lines = set(self.chronik("consume", "keyed", "--format", "%k %p")[0].splitlines())
        self.assertEqual(7, len(lines), "every key is in one partition")
        self.chronik("topics", "delete", "keyed")
        self.assertIn("does not exist", self.chronik("consume", "keyed", status=1)[1])

    def test_group(self) -> None:
        """A group goes on where it stopped."""
        self.chronik("produce", "grouped", input=b"a\nb\nc\n")
        self.assertEqual(b"a\n", self.chronik("consume", "grouped", "--group", "g", "--max", "1")[0])
        self.assertEqual(b"b\nc\n", self.chronik("consume", "grouped", "--group", "g")[0])
        self.assertEqual(b"", self.chronik("consume", "grouped", "--group", "g")[0])

    def test_follow_and_interrupt(self) -> None:
        """Following prints what comes later; Ctrl-C ends it quietly, and the group's offset is kept."""
        self.obey_interrupts()
        self.chronik("produce", "followed", input=b"a\n")
        process = piped(self.broker, "consume", "followed", "--follow", "--group", "f")
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.assertEqual(b"a\n", process.stdout.readline())
        self.chronik("produce", "followed", input=b"b\n")
        self.assertEqual(b"b\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual((b"", b""), process.communicate(timeout=SECONDS))
        self.assertEqual(130, process.returncode)
        self.assertEqual(b"", self.chronik("consume", "followed", "--group", "f")[0])

    def test_terminal(self) -> None:
        """What begins with what comes next says so on a terminal: whoever has just produced something would see nothing."""
        self.obey_interrupts()
        self.chronik("produce", "watched", input=b"a\n")
        for options, said in (((), b"--from-beginning prints what is there"), (("--from-beginning",), b""), (("--group", "t"), b"")):
            terminal, end = pty.openpty()
            process = subprocess.Popen(command("consume", "watched", *options), stdout=end, stderr=subprocess.PIPE, env=self.broker.shell)
            self.addCleanup(process.kill)
            assert process.stderr is not None
            if said:
                self.assertIn(said, process.stderr.readline())
            else:
                self.assertEqual(b"a\r\n", os.read(terminal, 100))
            process.send_signal(signal.SIGINT)
            self.assertEqual((None, b""), process.communicate(timeout=SECONDS))
            os.close(terminal)
            os.close(end)

    def test_interrupted_input(self) -> None:
        """Ctrl-C while lines are read ends quietly too, but not as if all were produced."""
        self.obey_interrupts()
        process = piped(self.broker, "produce", "typed")
        self.addCleanup(process.kill)
        assert process.stdin is not None
        process.stdin.write(b"a\n")
        process.stdin.flush()
        eventually(lambda: self.chronik("topics", "list")[0].count(b"typed") and self.chronik("consume", "typed")[0] == b"a\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(130, process.wait(SECONDS), "standard input is still open")
        self.assertEqual((b"", b""), process.communicate())

    def test_broken_pipe(self) -> None:
        """A reader that has seen enough is no error."""
        self.chronik("produce", "many", input=b"line of some length\n" * 100_000)
        process = piped(self.broker, "consume", "many")
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(b"", process.stderr.read())
        process.stderr.close()
        self.assertEqual(0, process.wait(SECONDS))

    def test_nobody_there(self) -> None:
        """Without a broker one line says how to start one."""
        [port] = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        for arguments in (("produce", "t", "-b", f"127.0.0.1:{port}"), ("search", "t", "q", "--http", url), ("roles", "list", "--http", url)):
            said = self.chronik(*arguments, status=1)[1]
            self.assertIn("(connection refused); start one with: twist chronik", said)
            self.assertEqual(1, said.count("\n"))

    def test_restart_while_producing(self) -> None:
        """A broker that is killed and comes back costs time, not records, and none is there twice."""
        with running() as broker:
            process = piped(broker, "produce", "kept")
            self.addCleanup(process.kill)
            assert process.stdin is not None
            process.stdin.write(b"".join(b"%d\n" % n for n in range(1000)))
            process.stdin.flush()
            seen = command("consume", "kept", "--offset", "earliest")
            eventually(lambda: subprocess.run(seen, capture_output=True, check=False, env=broker.shell).stdout.count(b"\n") == 1000)
            broker.kill()
            process.stdin.write(b"".join(b"%d\n" % n for n in range(1000, 2000)))
            process.stdin.flush()
            broker.start()
            _, said = process.communicate(timeout=SECONDS)
            self.assertEqual(0, process.returncode, said)
            lines = subprocess.run(seen, capture_output=True, check=True, env=broker.shell).stdout.split()
            self.assertEqual([b"%d" % n for n in range(2000)], lines)

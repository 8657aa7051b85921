"""The command line of ``twist chronik``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

import chronik
from chronik.tap import Options

ROOT = Path(chronik.__file__).resolve().parents[1]


class OptionTests(SynchronousTestCase):
    """Parsing in this process."""

    def parse(self, *arguments: str, **environ: str) -> Options:
        """The options of a command line."""
        options = Options(environ)
        options.parseOptions(list(arguments))
        return options

    def test_nothing(self) -> None:
        """No option is needed."""
        self.assertEqual(("./chronik-data",), self.parse().configuration.get("log.dirs"))

    def test_sets(self) -> None:
        """Each --set counts, the last one for a key wins; a value may hold equals signs."""
        options = self.parse("--set", "num.partitions=2", "--set", "num.partitions=3", "--set", "plugin.auth.file.path=a=b")
        self.assertEqual(3, options.configuration.get("num.partitions"))
        self.assertEqual({"path": "a=b"}, options.configuration.plugin_options("auth", "file"))

    def test_file_and_environment(self) -> None:
        """A file and the environment count too."""
        path = self.mktemp() + ".properties"
        Path(path).write_text("num.partitions=7\n", encoding="utf-8")
        options = self.parse("--config", path, CHRONIK_LOG_DIRS="/x")
        self.assertEqual((7, ("/x",)), (options.configuration.get("num.partitions"), options.configuration.get("log.dirs")))

    def test_malformed_set(self) -> None:
        """A --set without a value is explained."""
        for text in ("num.partitions", "=3"):
            self.assertIn("KEY=VALUE", str(self.assertRaises(usage.UsageError, self.parse, "--set", text)))


class CommandTests(SynchronousTestCase):
    """The command as a user has it, where it ends at once."""

    def run_twist(self, *arguments: str) -> tuple[int, str, str]:
        """Status, output and errors."""
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        program = "import sys; from twisted.application.twist._twist import Twist; Twist.main(['twist', *sys.argv[1:]])"
        command = [sys.executable, "-c", program, "chronik", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def refused(self, *arguments: str) -> str:
        """The one line of a refusal."""
        status, output, errors = self.run_twist(*arguments)
        self.assertEqual((1, ""), (status, output))
        self.assertEqual(1, len(errors.splitlines()), errors)
        self.assertNotIn("Traceback", errors)
        return errors

    def test_unknown_key(self) -> None:
        """One line, status 1, the nearest suggested."""
        self.assertIn("did you mean log.dirs?", self.refused("--set", "logs.dirs=x"))

    def test_unknown_backend(self) -> None:
        """One line, status 1, the nearest suggested."""
        self.assertIn("did you mean segment?", self.refused("--set", "log.store=segmnt"))

    def test_missing_file(self) -> None:
        """One line, status 1, the file named."""
        self.assertIn("/nowhere.toml", self.refused("--config", "/nowhere.toml"))

    def test_unknown_help(self) -> None:
        """One line, status 1."""
        self.assertIn("SEAM:NAME", self.refused("--help-backend", "x"))

    def test_answers(self) -> None:
        """What only prints prints to the output and succeeds."""
        for arguments, part in (
            (("--backends",), "storage:segment"),
            (("--help-backend", "auth:file"), "path"),
            (("--version",), chronik.__version__),
        ):
            status, output, errors = self.run_twist(*arguments)
            self.assertEqual((0, ""), (status, errors))
            self.assertIn(part, output)

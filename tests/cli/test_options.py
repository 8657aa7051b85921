"""The command line."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from chronik.cli.options import parse


class ParseTests(SynchronousTestCase):
    """What can be typed."""

    def refused(self, *arguments: str) -> str:
        """The message of a command line that is not understood."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as caught:
            parse(arguments, {})
        self.assertEqual(2, caught.exception.code)
        return errors.getvalue()

    def test_defaults(self) -> None:
        """Without options the broker of this machine is meant."""
        options = parse(["produce", "orders"], {})
        self.assertEqual((("127.0.0.1", 9092), [], "all", "none"), (options.bootstrap, options.files, options.acks, options.compression))

    def test_environment(self) -> None:
        """The environment changes defaults, options go first."""
        environ = {"CHRONIK_BOOTSTRAP": "broker:1", "CHRONIK_HTTP": "http://broker:2"}
        self.assertEqual(("broker", 1), parse(["consume", "t"], environ).bootstrap)
        self.assertEqual(("other", 3), parse(["consume", "t", "-b", "other:3"], environ).bootstrap)
        self.assertEqual("http://broker:2", parse(["search", "t", "q"], environ).http)

    def test_addresses(self) -> None:
        """IPv6 is written in brackets, and Kafka's port may be left out."""
        for text, expected in (("[::1]:19", ("::1", 19)), ("[::1]", ("::1", 9092)), ("host", ("host", 9092))):
            self.assertEqual(expected, parse(["topics", "list", "-b", text], {}).bootstrap)

    def test_refused(self) -> None:
        """A mistake is named."""
        self.assertIn("is not HOST:PORT", self.refused("consume", "t", "-b", "host:port"))
        for text in ("a:1,b:2", "a:1:2", "a b:1", "user@a:1", "http://a:1"):
            self.assertIn("of one broker", self.refused("consume", "t", "-b", text))
        for count in ("99999999999", "9" * 5_000):
            self.assertIn("is not a number from 0 to", self.refused("topics", "create", "t", "--partitions", count))
        self.assertIn("is not NAME=VALUE", self.refused("produce", "t", "--header", "plain"))
        self.assertIn("not allowed with", self.refused("produce", "t", "--json-key", "id", "--key-separator", ":"))
        self.assertIn("at least 1", self.refused("produce", "t", "--batch-bytes", "0"))
        self.assertIn("COMMAND", self.refused())

    def test_offsets(self) -> None:
        """Offsets before the end are not taken for options."""
        self.assertEqual("-5", parse(["consume", "t", "--offset", "-5"], {}).offset)
        self.assertEqual("earliest", parse(["consume", "t", "--from-beginning"], {}).offset)
        self.assertIsNone(parse(["consume", "t"], {}).follow)
        self.assertFalse(parse(["consume", "t", "--no-follow"], {}).follow)

    def test_separator(self) -> None:
        """A tab can be typed."""
        self.assertEqual(b"\t", parse(["produce", "t", "--key-separator", "\\t"], {}).key_separator)

    def test_import_is_light(self) -> None:
        """The package itself loads neither Twisted nor a message: it must start at once."""
        code = "import sys, chronik.cli; print([m for m in sys.modules if m.startswith(('twisted', 'chronik.protocol'))])"
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual("[]", answer.stdout.strip())

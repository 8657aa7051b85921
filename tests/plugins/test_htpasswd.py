"""The auth plugin in ``contrib`` is installed as its users would, and found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "contrib" / "plugins" / "chronik-auth-htpasswd"

PROBE = """
import json
from chronik import plugin
maker = plugin.find_backend("auth", "htpasswd")
print(json.dumps([maker.summary, plugin.explain("auth:htpasswd"), [f.maker.name for f in plugin.find_backends() if f.maker.seam == "auth"]]))
"""


class InstallationTests(TestCase):
    """A distribution of its own, in a directory of its own."""

    def install(self) -> dict[str, str]:
        """Install it into a new directory and give an environment in which it is found."""
        source, target = Path(self.mktemp()), Path(self.mktemp()).resolve()
        # pip builds in the source folder: a copy keeps the checkout as it is.
        shutil.copytree(SOURCE, source)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}

    def run_python(self, environ: dict[str, str], *arguments: str) -> str:
        """The output of a Python program in that environment."""
        work = Path(self.mktemp())
        work.mkdir()
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=environ, cwd=work)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])
        return done.stdout + done.stderr

    def test_installed_plugin(self) -> None:
        """The finder finds it beside the built-in ones, it explains itself, and its own tests pass against what was installed."""
        environ = self.install()
        summary, text, names = json.loads(self.run_python(environ, "-c", PROBE).splitlines()[0])
        self.assertIn("htpasswd", summary)
        self.assertIn("plugin.auth.htpasswd.OPTION", text)
        self.assertEqual(["allow-all", "file", "htpasswd"], names)
        output = self.run_python(environ, "-m", "twisted.trial", str(SOURCE / "tests" / "test_htpasswd.py"))
        self.assertIn("PASSED", output)

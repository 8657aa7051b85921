"""Installing a plugin of ``contrib`` as its users would: a distribution of its own, in a directory of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import json, sys
from chronik import plugin
seam, name = sys.argv[1:]
maker = plugin.find_backend(seam, name)
print(json.dumps([maker.summary, plugin.explain(f"{seam}:{name}"), [f.maker.name for f in plugin.find_backends() if f.maker.seam == seam]]))
"""
"""Prints what the finder says of a backend: its summary, its help, and the names of its seam's backends."""


class Installed:
    """A plugin that was installed.

    :param name: of its folder in ``contrib/plugins``.
    :ivar source: that folder.
    :ivar environ: an environment in which it is found.
    """

    def __init__(self, name: str) -> None:
        self.source = ROOT / "contrib" / "plugins" / name
        self._directory = Path(tempfile.mkdtemp(prefix="chronik-plugin-")).resolve()
        target = self._directory / "site"
        # pip builds in the source folder: a copy keeps the checkout as it is.
        copy = shutil.copytree(self.source, self._directory / "source")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)
        self.environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}

    def remove(self) -> None:
        """Uninstall it."""
        shutil.rmtree(self._directory, ignore_errors=True)


@cache
def installed(name: str) -> Installed:
    """Install a plugin for as long as the tests run: it takes some seconds."""
    plugin = Installed(name)
    atexit.register(plugin.remove)
    return plugin


class InstallationTestCase(SynchronousTestCase):
    """Tests of one plugin."""

    distribution: ClassVar[str]

    def setUp(self) -> None:
        """Install it, unless an earlier test did."""
        self.installed = installed(self.distribution)

    def run_python(self, *arguments: str) -> str:
        """The output of a Python program that finds it."""
        work = Path(self.mktemp())
        work.mkdir()
        command = [sys.executable, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.installed.environ, cwd=work)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])
        return done.stdout + done.stderr

    def run_own_tests(self) -> None:
        """Run the tests that come with it against what was installed."""
        modules = sorted(str(path) for path in (self.installed.source / "tests").glob("test_*.py"))
        self.assertGreater(len(modules), 0)
        output = self.run_python("-B", "-m", "twisted.trial", *modules)
        self.assertIn("PASSED", output)
        self.assertNotIn("skips", output)

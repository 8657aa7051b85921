"""Kafka's own tools. They take Java 17 and the folder of Kafka's jars, which ``KAFKA_JARS`` names; ``contrib/bench/pom.xml`` fetches them.

Run by hand, for CI has no Java: ``KAFKA_JARS=/some/dir PYTHONPATH=. trial contrib/java/test_*.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

JARS: Final = os.environ.get("KAFKA_JARS", "")

SECONDS: Final = 120.0


def kafka_tool(name: str, *arguments: str, stdin: str = "", options: Sequence[str] = ()) -> tuple[int, str]:
    """Run a class of Kafka's: its exit status, and what it wrote.

    :param name: with its package.
    :param options: for Java itself.
    """
    if not (JARS and shutil.which("java")):
        raise AssertionError("there is no Java, or KAFKA_JARS does not say where Kafka's jars are")
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", *options, "-cp", str(Path(JARS) / "*"), name, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def properties(path: str, lines: Sequence[str]) -> str:
    """Write a file of a client's settings; its path."""
    Path(path).write_text("\n".join((*lines, "")))
    return os.path.abspath(path)

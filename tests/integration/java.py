"""Kafka's own tools, where there are Java and Kafka's jars: the folder of the jars is what ``CHRONIK_TEST_KAFKA_JARS`` says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

JARS: Final = os.environ.get("CHRONIK_TEST_KAFKA_JARS", "")

MISSING: Final = None if JARS and shutil.which("java") else "there is no Java, or CHRONIK_TEST_KAFKA_JARS does not say where Kafka's jars are"
"""Why tests with these tools are skipped; None to run them."""

SECONDS: Final = 120.0


def kafka_tool(name: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run a class of Kafka's: its exit status, and what it wrote.

    :param name: with its package.
    """
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", str(Path(JARS) / "*"), name, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def properties(path: str, lines: Sequence[str]) -> str:
    """Write a file of a client's settings; its path."""
    Path(path).write_text("\n".join((*lines, "")))
    return os.path.abspath(path)

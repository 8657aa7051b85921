"""How long tests are: what fits a quarter of an hour, or, with ``CHRONIK_TEST_LONG=1``, as long as it takes."""

from __future__ import annotations

import os
import sys
from typing import Final, TypeVar

T = TypeVar("T")

LONG: Final = os.environ.get("CHRONIK_TEST_LONG") == "1"


def length(short: T, long: T) -> T:
    """One of two sizes of a test."""
    return long if LONG else short


def seed(usual: int) -> int:
    """Where a test's randomness begins; ``CHRONIK_TEST_SEED`` gives another, to repeat a failure or to look for new ones."""
    return int(os.environ.get("CHRONIK_TEST_SEED", usual))


def report(what: str) -> None:
    """Print what a long test measured; nothing in a short one."""
    if LONG:
        print(f"\n      {what}", file=sys.__stdout__, flush=True)

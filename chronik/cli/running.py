"""Starts the reactor for one subcommand, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, Final, NoReturn, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from chronik.clocks import go_by_monotonic
from chronik.defer import deferred
from chronik.errors import ChronikError

T = TypeVar("T")

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells have it."""


def run(options: argparse.Namespace) -> NoReturn:
    """Run the subcommand to its end and exit. A signal that ends it before is told by the status: work was left undone."""
    running = _Running(options)
    try:
        react(running.start)
    except SystemExit as ended:
        sys.exit(ended.code or (INTERRUPTED if running.is_interrupted else 0))
    raise AssertionError("react exits")


class _Running:
    """One run of a subcommand.

    :ivar is_interrupted: the reactor began to stop before the subcommand was done.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._is_done = False
        self.is_interrupted = False

    def start(self, reactor: Any) -> Deferred[None]:
        """Begin, and watch for the reactor's end."""
        go_by_monotonic(reactor)
        reactor.addSystemEventTrigger("before", "shutdown", self._stopping)
        return perform(reactor, self._options).addBoth(self._done)

    def _done(self, result: T) -> T:
        self._is_done = True
        return result

    def _stopping(self) -> None:
        self.is_interrupted = not self._is_done


@deferred
async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Run the subcommand.

    :raises SystemExit: it failed; one line on standard error says why.
    """
    module = importlib.import_module(f"chronik.cli.{options.command}")
    try:
        await module.perform(reactor, options)
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain about it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ChronikError, OSError) as error:
        print(f"chronik: {error}", file=sys.stderr)
        raise SystemExit(1) from None

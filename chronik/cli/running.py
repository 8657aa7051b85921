"""Starts the reactor for one subcommand, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, Final, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from chronik.defer import deferred
from chronik.errors import ChronikError

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells have it."""


def run(options: argparse.Namespace) -> NoReturn:
    """Run the subcommand to its end and exit."""
    try:
        react(_answering, [options])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    raise AssertionError("react exits")


def _answering(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    return perform(reactor, options)


@deferred
async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Run the subcommand.

    :raises SystemExit: it failed; one line on standard error says why.
    """
    module = importlib.import_module(f"chronik.cli.{options.command}")
    try:
        await module.perform(reactor, options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain about it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ChronikError, OSError) as error:
        print(f"chronik: {error}", file=sys.stderr)
        raise SystemExit(1) from None

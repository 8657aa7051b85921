"""The command ``chronik``: produce, consume, search and manage topics from a shell.

Each subcommand's module is imported when it is used, so that the command starts quickly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status.

    :param arguments: those of the process by default.
    """
    from chronik.cli.options import parse
    from chronik.cli.running import run

    options = parse(sys.argv[1:] if arguments is None else arguments)
    run(options)

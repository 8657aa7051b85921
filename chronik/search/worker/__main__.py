"""Entry of a search process; started by the broker only (:mod:`chronik.search.supervisor`)."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1


def die_with(parent: int) -> None:
    """Be killed when the broker is, where the system can do that, even while this process is busy."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the broker is gone already")


def main() -> None:
    """Run until the control channel closes. Standard input holds the settings as JSON, and ends after them."""
    settings: dict[str, Any] = json.load(sys.stdin)
    die_with(settings["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # This process speaks no TLS: not loading OpenSSL's bindings halves its memory.
    for name in ("OpenSSL", "OpenSSL.SSL"):
        sys.modules[name] = None  # type: ignore[assignment]
    from twisted.internet import reactor

    from chronik.clocks import go_by_monotonic
    from chronik.search.worker.assembly import run

    go_by_monotonic(reactor)
    run(reactor, settings)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

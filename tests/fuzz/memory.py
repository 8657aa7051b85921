"""How much memory the process of the tests takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

MEMORY_BYTES_MAX: Final = 300 << 20
"""How much it may grow: what brokers in memory leave behind is collected late."""


def resident_bytes() -> int:
    """What is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

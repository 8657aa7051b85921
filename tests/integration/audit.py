"""What a broker recorded of who did what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.harness import Broker


def lines(broker: Broker, file: str = "") -> list[dict[str, Any]]:
    """The records of the file."""
    path = Path(file or broker.data / ".audit" / "audit.log")
    if not path.exists():
        return []
    # Who reads while it is written may see the beginning of a line.
    return [json.loads(line) for line in path.read_text().rpartition("\n")[0].splitlines()]

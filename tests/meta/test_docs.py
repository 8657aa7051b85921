"""Generated pages say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]


class GeneratedPagesTest(SynchronousTestCase):
    """Pages that a script writes."""

    def test_api_table(self) -> None:
        """The table of APIs, versions and tests is the one that the script would write now."""
        script = runpy.run_path(str(ROOT / "contrib" / "docs" / "api_table.py"))
        self.assertEqual((ROOT / script["PAGE"]).read_text(), script["page"](ROOT))

"""Generated pages say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.server.table import api_table

ROOT = Path(__file__).resolve().parents[2]


class ApiTableTest(SynchronousTestCase):
    """The table of APIs, versions and tests."""

    def setUp(self) -> None:
        """Run the script."""
        self.script: dict[str, Any] = runpy.run_path(str(ROOT / "contrib" / "docs" / "api_table.py"))

    def test_page(self) -> None:
        """It is the one that the script would write now."""
        self.assertEqual((ROOT / self.script["PAGE"]).read_text(), self.script["page"](ROOT))

    def test_permissions(self) -> None:
        """The table of what APIs need is the one that is proved."""
        script: dict[str, Any] = runpy.run_path(str(ROOT / "contrib" / "docs" / "permissions_table.py"))
        self.assertEqual((ROOT / script["PAGE"]).read_text(), script["page"]())

    def test_every_api_is_tested(self) -> None:
        """No API is served that no real client sends in a test, or whose errors and versions are not tested behind the dispatcher."""
        rows = self.script["rows"](ROOT)
        self.assertEqual({row.api.name for row in rows}, {api.name for api in api_table()})
        self.assertEqual([row.api.name for row in rows if row.api.advertised and not row.clients], [])
        self.assertEqual([row.api.name for row in rows if not row.dispatcher], [])

    def test_only_what_is_served_is_said_to_be_sent(self) -> None:
        """A misspelled name would be counted for no API."""
        served = {api.name for api in api_table()}
        for path, module in self.script["_modules"](ROOT, "integration"):
            names = {name for name, _ in self.script["_sends"](module, self.script["ast"].parse(path.read_text()))}
            self.assertEqual(names - served, set(), module)

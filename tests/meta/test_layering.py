"""Imports point down only."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.meta.source import Module, modules

LAYERS: Final = (
    {"errors", "model", "defer", "threads", "descriptors", "clocks", "plugin", "config", "logs", ""},
    {"record"},
    {"protocol"},
    {"network", "security", "storage", "search", "metadata"},
    {"replica"},
    {"coordinator"},
    {"cluster"},
    {"server", "audit"},
    {"http"},
    {"cli", "greeting"},
    {"broker", "machine", "tap"},
)
"""Packages from the lowest to the highest; those of one layer see only each other's interfaces."""

LEVEL: Final = {package: level for level, packages in enumerate(LAYERS) for package in packages}

FREE: Final = {"testing", "__main__"}
"""May see everything, and nothing may see them."""

SHARED: Final = {"interfaces", "broker_interfaces", "audit_interfaces", "image"}
"""Modules that a sibling may import: a package's interfaces, and the metadata image."""

ASSEMBLED: Final = {
    # The search process is a program of its own: it speaks the Kafka protocol to the broker, over a channel of the network package.
    ("chronik.search.worker", "chronik.network"),
}
"""Imports allowed against the rule, each with its reason."""


def package_of(name: str) -> str:
    """The layered part of a dotted name."""
    return name.split(".")[1] if "." in name else ""


def problem(module: Module, line: int, target: str) -> str | None:
    """Why an import is not allowed, None when it is."""
    here, there = package_of(module.name), package_of(target)
    if not target.startswith("chronik.") or here in FREE or here == there or there not in LEVEL | dict.fromkeys(FREE):
        return None
    where = f"{module.place}:{line} imports {target}"
    if any(module.name.startswith(source) and target.startswith(goal) for source, goal in ASSEMBLED):
        return None
    if there in FREE:
        return f"{where}: chronik.{there} is for tests and must not be needed to run"
    if here not in LEVEL:
        return f"{module.place}: chronik.{here} is in no layer; add it to LAYERS"
    if LEVEL[there] > LEVEL[here]:
        return f"{where}: chronik.{there} is above chronik.{here}; declare an interface below and provide it above"
    if LEVEL[there] == LEVEL[here] and LEVEL[here] not in (0, len(LAYERS) - 1) and not SHARED & set(target.split(".")):
        return f"{where}: siblings see only each other's interfaces.py"
    return None


class LayeringTests(SynchronousTestCase):
    """The order of packages."""

    def test_imports_point_down(self) -> None:
        """No module imports from a layer above its own, nor from a sibling's inside; what only types need is free."""
        problems = [found for module in modules() for line, target in module.imports(typing_only=False) if (found := problem(module, line, target))]
        self.assertEqual([], problems, "\n" + "\n".join(problems))

    def test_rule_finds_what_is_wrong(self) -> None:
        """The rule itself refuses an import upwards and into a sibling, and accepts interfaces."""
        by_name = {module.name: module for module in modules()}
        storage = by_name["chronik.storage.interfaces"]
        self.assertIn("above", problem(storage, 1, "chronik.server.api.Api") or "")
        self.assertIn("siblings", problem(storage, 1, "chronik.metadata.file.FileMetadataStore") or "")
        self.assertIn("for tests", problem(storage, 1, "chronik.testing.metadata") or "")
        self.assertIsNone(problem(storage, 1, "chronik.metadata.interfaces.Put"))
        self.assertIsNone(problem(storage, 1, "chronik.metadata.image.TopicImage"))
        self.assertIsNone(problem(storage, 1, "chronik.model.TopicId"))

    def test_every_package_has_a_layer(self) -> None:
        """A new package must be given its place."""
        unplaced = {package_of(module.name) for module in modules()} - set(LEVEL) - FREE
        self.assertEqual(set(), unplaced)

    def test_record_and_protocol_know_no_twisted(self) -> None:
        """Formats are pure functions on bytes."""
        found = [
            f"{module.place}:{line} imports {target}"
            for module in modules()
            if package_of(module.name) in ("record", "protocol")
            for line, target in module.imports()
            if target.split(".")[0] == "twisted"
        ]
        self.assertEqual([], found)

    def test_only_search_processes_import_tantivy(self) -> None:
        """The broker's process stays free of the native index library."""
        found = [
            f"{module.place}:{line}"
            for module in modules()
            if not module.name.startswith(("chronik.search.backends", "chronik.search.worker"))
            for line, target in module.imports()
            if target.split(".")[0] == "tantivy"
        ]
        self.assertEqual([], found)

"""Writes the table of APIs, versions and tests: what is served, from the API table; which tests send it, from the test suite's sources.

Run from the project's root: ``python contrib/docs/api_table.py > docs/apis.rst``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chronik.protocol.apis import ApiKey
from chronik.server.api import Api
from chronik.server.table import api_table

PAGE = Path("docs/apis.rst")

HEAD = """APIs
====

Every Kafka API that is served, in which versions, and by what it is tested. Written by ``contrib/docs/api_table.py``; a test compares it.

"advertised" is what ApiVersions tells where that is more than is served (KAFKA-18659).

"clients" are tests in ``tests.integration`` in which real clients send the API to a running broker. Each says so itself, by ``sends``, and fails when
the broker did not count such a request.

"brokers" are APIs that only brokers send each other, and that no client is told of.

"dispatcher" are test modules in ``tests.server`` that put requests of the API through the dispatcher: errors, permissions, and what differs between
versions. Beside those, ``tests.server.test_every_version`` sends every API in every version, and has another decoder read the answers;
``tests.protocol.test_oracles`` compares every message in every version, byte for byte, with the encoders of two other projects.

.. list-table::
   :header-rows: 1

   * - key
     - API
     - versions
     - clients
     - dispatcher
"""


@dataclass(frozen=True)
class Row:
    """One API; ``clients`` are tests and ``dispatcher`` modules, by their dotted names."""

    api: Api
    clients: tuple[str, ...]
    dispatcher: tuple[str, ...]


def rows(root: Path = Path()) -> list[Row]:
    """Every API with its tests.

    :param root: the project's.
    """
    sent = [entry for path, module in _modules(root, "integration") for entry in _sends(module, ast.parse(path.read_text()))]
    sources = [(module, path.read_text()) for path, module in _modules(root, "server")]
    return [_row(api, sent, sources) for api in sorted(api_table(), key=lambda api: api.key)]


def _modules(root: Path, package: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((root / "tests" / package).rglob("test_*.py")):
        yield path, ".".join(path.relative_to(root).with_suffix("").parts)


def _sends(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """``(API, test)`` of each ``self.sends("API", ...)`` in a test."""
    for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for function in (node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sends":
                    yield from ((ast.literal_eval(name), f"{module}.{cls.name}.{function.name}") for name in node.args)


def _row(api: Api, sent: Iterable[tuple[str, str]], sources: Iterable[tuple[str, str]]) -> Row:
    word = re.compile(rf"\b({api.name}Request|ApiKey\.{ApiKey(api.key).name})\b")
    clients = tuple(test for name, test in sent if name == api.name)
    return Row(api, clients, tuple(module for module, source in sources if word.search(source) and not module.endswith(".test_every_version")))


def page(root: Path = Path()) -> str:
    """The page's text.

    :param root: the project's.
    """
    return HEAD + "".join(map(_lines, rows(root)))


def _lines(row: Row) -> str:
    api = row.api
    versions = f"{api.versions[0]}-{api.versions[1]}"
    if api.advertised_from is not None:
        versions += f" (advertised {api.advertised_from}-{api.versions[1]})"
    clients = _names(row.clients, "tests.integration.") if api.advertised else "brokers"
    cells = [str(int(api.key)), api.name, versions, clients, _names(row.dispatcher, "tests.server.")]
    return "   * - " + "\n     - ".join(cells) + "\n"


def _names(tests: Iterable[str], prefix: str) -> str:
    return ", ".join(f"``{test.removeprefix(prefix)}``" for test in tests) or "none"


if __name__ == "__main__":
    print(page(), end="")

"""Writes the table of APIs, versions and tests: what is served, from the API table; which tests name it, from the test suite's sources.

Run from the project's root: ``python contrib/docs/api_table.py > docs/apis.rst``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from chronik.server.api import Api
from chronik.server.table import api_table

PAGE = Path("docs/apis.rst")

HEAD = """APIs
====

Every Kafka API that is served, in which versions, and the test modules that send it. Written by ``contrib/docs/api_table.py``; a test compares it.

"advertised" is what ApiVersions tells where that is more than is served (KAFKA-18659).

.. list-table::
   :header-rows: 1

   * - key
     - API
     - versions
     - tests
"""


def page(root: Path = Path()) -> str:
    """The page's text.

    :param root: the project's.
    """
    modules = {path.relative_to(root): path.read_text() for path in sorted((root / "tests").rglob("test_*.py"))}
    return HEAD + "".join(_row(api, modules.items()) for api in sorted(api_table(), key=lambda api: api.key))


def _row(api: Api, modules: Iterable[tuple[Path, str]]) -> str:
    word = re.compile(rf"\b{api.name}Request\b")
    tests = [".".join(path.with_suffix("").parts) for path, text in modules if word.search(text)]
    versions = f"{api.versions[0]}-{api.versions[1]}"
    if api.advertised_from is not None:
        versions += f" (advertised {api.advertised_from}-{api.versions[1]})"
    return f"   * - {int(api.key)}\n     - {api.name}\n     - {versions}\n     - {', '.join(f'``{test}``' for test in tests) or 'none'}\n"


if __name__ == "__main__":
    print(page(), end="")

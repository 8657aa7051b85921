"""Writes the table of what each API needs, from the one that ``tests.server.test_authorization`` proves.

Run from the project's root: ``PYTHONPATH=. python contrib/docs/permissions_table.py > docs/operating/permissions.rst``.
"""

from __future__ import annotations

from pathlib import Path

from chronik.security.interfaces import ResourceType
from chronik.server.table import api_table
from tests.server.permissions import PERMISSIONS, Need, Permission

PAGE = Path("docs/operating/permissions.rst")

HEAD = """What each API needs
===================

Operations on types of resources, as in Kafka, and the error without them. Written by ``contrib/docs/permissions_table.py`` from the table that
``tests.server.test_authorization`` goes through: every API in every version, with each permission and without it.

Lists of everything, as Metadata and ListGroups give, hold what may be described; the rest is left out. Where "or" stands, one is enough. Who may not
DESCRIBE a topic that is named by its id is told ``UNKNOWN_TOPIC_ID``, as for an id that no topic has.

.. list-table::
   :header-rows: 1

   * - key
     - API
     - operation, resource
     - when
     - without it
"""


def page() -> str:
    """The page's text."""
    lines = []
    for api in sorted(api_table(), key=lambda api: api.key):
        for need in PERMISSIONS[api.name] or (None,):
            lines.append(_row(int(api.key), api.name, need))
    return HEAD + "".join(lines)


def _row(key: int, name: str, need: Need | None) -> str:
    if need is None:
        cells = [str(key), name, "nothing", "", ""]
    else:
        without = f"``{need.code.name}``" if need.code is not None else "left out"
        cells = [str(key), name, " or ".join(map(_permission, need.any_of)), need.when, without]
    return "   * - " + "\n     - ".join(cells).replace(" \n", "\n").rstrip(" ") + "\n"


def _permission(permission: Permission) -> str:
    operation, kind = permission
    words = kind.name.lower().replace("_", " ")
    return f"{operation.name} on the cluster" if kind is ResourceType.CLUSTER else f"{operation.name} {words}"


if __name__ == "__main__":
    print(page(), end="")

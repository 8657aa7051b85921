"""The API table: every API that is served, once."""

from __future__ import annotations

from dataclasses import replace

from chronik.server.api import Api
from chronik.server.audited import AUDITED
from chronik.server.handlers import admin, broker_heartbeat, fetch, groups, list_offsets, offset_for_leader_epoch, produce, security
from chronik.server.handlers.api_versions import api_versions


def api_table() -> tuple[Api, ...]:
    """All rows; ApiVersions, which tells of the others, comes last."""
    families = (produce, fetch, list_offsets, offset_for_leader_epoch, admin, groups, security, broker_heartbeat)
    rows = tuple(replace(row, audited=AUDITED.get(row.key)) for family in families for row in family.APIS)
    return (*rows, api_versions(rows))

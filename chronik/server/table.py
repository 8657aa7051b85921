"""The API table: every API that is served, once."""

from __future__ import annotations

from chronik.server.api import Api
from chronik.server.handlers import admin, broker_heartbeat, fetch, groups, list_offsets, offset_for_leader_epoch, produce
from chronik.server.handlers.api_versions import api_versions


def api_table() -> tuple[Api, ...]:
    """All rows; ApiVersions, which tells of the others, comes last."""
    rows = (*produce.APIS, *fetch.APIS, *list_offsets.APIS, *offset_for_leader_epoch.APIS, *admin.APIS, *groups.APIS, *broker_heartbeat.APIS)
    return (*rows, api_versions(rows))

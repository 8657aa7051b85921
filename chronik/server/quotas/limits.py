"""Which quota applies to a user and a client: the most specific one in which the limit is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chronik.metadata.image import CLIENT_ID, CONNECTION_CREATION_RATE, IP, USER, QuotaEntity


class Limit(NamedTuple):
    """A limit, and whose use counts towards it; an empty user or client stands for all of them together."""

    value: float
    user: str
    client_id: str


def _levels(user: str, client_id: str) -> Iterator[tuple[QuotaEntity, str, str]]:
    """From the most specific on: the entity, and whose use is one."""
    yield ((USER, user), (CLIENT_ID, client_id)), user, client_id
    yield ((USER, user), (CLIENT_ID, None)), user, client_id
    yield ((USER, user),), user, ""
    yield ((USER, None), (CLIENT_ID, client_id)), user, client_id
    yield ((USER, None), (CLIENT_ID, None)), user, client_id
    yield ((USER, None),), user, ""
    yield ((CLIENT_ID, client_id),), "", client_id
    yield ((CLIENT_ID, None),), "", client_id


def limit_of(quotas: Mapping[QuotaEntity, Mapping[str, float]], key: str, user: str, client_id: str) -> Limit | None:
    """The limit ``key`` of a client, None when nobody set one."""
    for entity, whose_user, whose_client in _levels(user, client_id):
        limits = quotas.get(entity)
        if limits is not None and key in limits:
            return Limit(limits[key], whose_user, whose_client)
    return None


def address_rate(quotas: Mapping[QuotaEntity, Mapping[str, float]], host: str) -> float | None:
    """The most connections a second from an address, None when nobody set a limit."""
    for entity in (((IP, host),), ((IP, None),)):
        limits = quotas.get(entity)
        if limits is not None and CONNECTION_CREATION_RATE in limits:
            return limits[CONNECTION_CREATION_RATE]
    return None

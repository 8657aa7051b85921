"""Client quotas (KIP-546): whom they may be set on, what may be limited, and the plan that changes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from chronik.cluster.interfaces import QuotaChange
from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import (
    CLIENT_ID,
    CONNECTION_CREATION_RATE,
    CONSUMER_BYTE_RATE,
    CONTROLLER_MUTATION_RATE,
    IP,
    PRODUCER_BYTE_RATE,
    REQUEST_PERCENTAGE,
    USER,
    QuotaEntity,
)
from chronik.metadata.interfaces import Delete, Put

_LONG_MAX: Final = float(2**63 - 1)
_INT_MAX: Final = float(2**31 - 1)

_OF_CLIENTS: Final[Mapping[str, float | None]] = {
    PRODUCER_BYTE_RATE: _LONG_MAX,
    CONSUMER_BYTE_RATE: _LONG_MAX,
    REQUEST_PERCENTAGE: None,
    CONTROLLER_MUTATION_RATE: None,
}
_OF_ADDRESSES: Final[Mapping[str, float | None]] = {CONNECTION_CREATION_RATE: _INT_MAX}
"""What may be limited: the largest whole number allowed, None where any positive number is."""


def quota_entity(parts: tuple[tuple[str, str | None], ...]) -> QuotaEntity:
    """The entity of these parts, in the one order in which it is known.

    :raises KafkaError: ``INVALID_REQUEST``.
    """
    named = dict(parts)
    if not parts:
        raise _invalid("Invalid empty client quota entity")
    if len(named) != len(parts):
        raise _invalid("Invalid client quota entity, duplicate entity entry")
    for kind, name in parts:
        if kind not in (USER, CLIENT_ID, IP):
            raise _invalid(f"Unhandled client quota entity type: {kind}")
        if name == "":
            raise _invalid(f"Empty {kind} not supported")
    if IP in named:
        if len(named) > 1:
            raise _invalid("Invalid quota entity combination, IP entity should not be combined with User or ClientId")
        named[IP] = _address(named[IP])
    return tuple((kind, named[kind]) for kind in (USER, CLIENT_ID, IP) if kind in named)


def _address(name: str | None) -> str | None:
    """An address in the one form in which peers' are known; None for every one that has no limits of its own."""
    try:
        found = None if name is None else ipaddress.ip_address(name)
    except ValueError:
        raise _invalid(f"{name} is not a valid IP address") from None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return None if found is None else str(mapped or found)


def altered(entity: QuotaEntity, before: Mapping[str, float], changes: Mapping[str, float | None]) -> Mapping[str, float]:
    """An entity's limits after a change.

    :raises KafkaError: ``INVALID_REQUEST``.
    """
    known = _OF_ADDRESSES if entity[0][0] == IP else _OF_CLIENTS
    after = dict(before)
    for key, value in changes.items():
        if value is None:
            after.pop(key, None)
            continue
        _check_value(known, key, value)
        after[key] = value
    return after


def _check_value(known: Mapping[str, float | None], key: str, value: float) -> None:
    if key not in known:
        raise _invalid(f"Invalid configuration key {key}")
    if not value > 0:
        raise _invalid(f"Quota {key} must be greater than 0")
    largest = known[key]
    if largest is not None:
        if value > largest:
            raise _invalid(f"Proposed value for {key} is too large, {largest:.0f} is the most")
        if value % 1 > 1e-6:
            raise _invalid(f"{key} cannot be a fractional value.")


class QuotaPlans:
    """Carries changes of quotas out."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def alter(self, change: QuotaChange, validate_only: bool) -> None:
        """Change one entity's limits.

        :raises KafkaError: ``INVALID_REQUEST``, or the writer's.
        """
        entity = quota_entity(change.entity)
        key = keys.quota_key(entity)

        def plan(view: KeyView) -> Plan:
            value = view.value(key)
            before = keys.decode_quotas(value) if value is not None else {}
            after = altered(entity, before, change.limits)
            if after == before:
                return Plan()
            return Plan([view.unchanged(key)], [Put(key, keys.encode_quotas(after)) if after else Delete(key)])

        if validate_only:
            plan(self._writer.view)
        else:
            await self._writer.write(plan)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)

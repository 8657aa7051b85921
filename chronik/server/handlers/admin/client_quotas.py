"""DescribeClientQuotas (48) and AlterClientQuotas (49): what users, clients and addresses may use (KIP-546)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from chronik.cluster.interfaces import QuotaChange
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import CLIENT_ID, IP, USER, QuotaEntity
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

EXACT: Final = 0
DEFAULT: Final = 1
ANY_NAME: Final = 2
"""How a filter matches the name of one kind: this one, none, or whatever it is."""

_Change: TypeAlias = AlterClientQuotasRequest.EntryData
_Result: TypeAlias = AlterClientQuotasResponse.EntryData
_Described: TypeAlias = DescribeClientQuotasResponse.EntryData


@dataclass(frozen=True, slots=True)
class _Filter:
    """What an entity must have: ``names`` by kind, and any name of ``kinds``; nothing else where ``strict``."""

    names: dict[str, str | None]
    kinds: frozenset[str]
    strict: bool

    @classmethod
    def of(cls, request: DescribeClientQuotasRequest) -> _Filter:
        """Read a request.

        :raises KafkaError: ``INVALID_REQUEST`` or ``UNSUPPORTED_VERSION``.
        """
        names: dict[str, str | None] = {}
        kinds: set[str] = set()
        for component in request.components:
            kind = component.entity_type
            _check_kind(kind, {*names, *kinds})
            if component.match_type == ANY_NAME:
                kinds.add(kind)
            elif component.match_type in (EXACT, DEFAULT):
                names[kind] = component.match
            else:
                raise _invalid(f"Unknown match type {component.match_type}")
            if (component.match is None) == (component.match_type == EXACT):
                raise _invalid(f"Match type {component.match_type} does not go with the match {component.match!r}.")
        if IP in {*names, *kinds} and len(names) + len(kinds) > 1:
            raise _invalid("Invalid entity filter component combination. IP should not be used with user or clientId.")
        return cls(names, frozenset(kinds), request.strict)

    def matches(self, entity: QuotaEntity) -> bool:
        """Whether an entity is asked for."""
        parts = dict(entity)
        if self.strict and len(parts) != len(self.names) + len(self.kinds):
            return False
        return self.kinds <= parts.keys() and all(kind in parts and parts[kind] == name for kind, name in self.names.items())


def _check_kind(kind: str, known: set[str]) -> None:
    if not kind:
        raise _invalid("Invalid empty entity type.")
    if kind in known:
        raise _invalid(f"Entity type {kind} cannot appear more than once in the filter.")
    if kind not in (USER, CLIENT_ID, IP):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"Unsupported entity type {kind}")


async def _describe(context: RequestContext, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    if not context.allowed_cluster(Operation.DESCRIBE_CONFIGS):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe configurations of the cluster")
    wanted = _Filter.of(request)
    quotas = context.services.metadata.image.quotas
    entries = tuple(_described(entity, limits) for entity, limits in quotas.items() if wanted.matches(entity))
    return DescribeClientQuotasResponse(error_message=None, entries=entries)


def _described(entity: QuotaEntity, limits: Any) -> _Described:
    return _Described(
        entity=tuple(DescribeClientQuotasResponse.EntityData(entity_type=kind, entity_name=name) for kind, name in entity),
        values=tuple(DescribeClientQuotasResponse.ValueData(key=key, value=value) for key, value in limits.items()),
    )


def _describe_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeClientQuotasResponse(error_code=error.code, error_message=error.message or None, entries=None)


async def _alter(context: RequestContext, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    if not context.allowed_cluster(Operation.ALTER_CONFIGS):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter configurations of the cluster")
    times = Counter(_entity(entry) for entry in request.entries)
    outcomes: list[KafkaError | None] = []
    changes: dict[int, QuotaChange] = {}
    for index, entry in enumerate(request.entries):
        try:
            changes[index] = _change(entry, times[_entity(entry)])
            outcomes.append(None)
        except KafkaError as error:
            outcomes.append(error)
    done = await context.services.controller.alter_quotas(list(changes.values()), request.validate_only)
    for index, outcome in zip(changes, done, strict=True):
        outcomes[index] = outcome
    return AlterClientQuotasResponse(entries=_results(request, outcomes))


def _entity(entry: _Change) -> tuple[tuple[str, str | None], ...]:
    return tuple((part.entity_type, part.entity_name) for part in entry.entity)


def _change(entry: _Change, times: int) -> QuotaChange:
    if times > 1:
        raise _invalid("Duplicate entity: none of its changes is made.")
    limits = {operation.key: None if operation.remove else operation.value for operation in entry.ops}
    if len(limits) != len(entry.ops):
        raise _invalid("Duplicate quota key: not updating quotas for this entity.")
    return QuotaChange(_entity(entry), limits)


def _results(request: AlterClientQuotasRequest, outcomes: Sequence[KafkaError | None]) -> tuple[_Result, ...]:
    return tuple(
        _Result(
            error_code=outcome.code if outcome is not None else ErrorCode.NONE,
            error_message=(outcome.message or None) if outcome is not None else None,
            entity=tuple(AlterClientQuotasResponse.EntityData(entity_type=kind, entity_name=name) for kind, name in _entity(entry)),
        )
        for entry, outcome in zip(request.entries, outcomes, strict=True)
    )


def _alter_refusal(request: AlterClientQuotasRequest, version: int, error: KafkaError) -> Message:
    return AlterClientQuotasResponse(entries=_results(request, [error] * len(request.entries)))


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


APIS = (
    Api(ApiKey.DESCRIBE_CLIENT_QUOTAS, "DescribeClientQuotas", (0, 1), _describe, _describe_refusal, asks_cluster(Operation.DESCRIBE_CONFIGS)),
    Api(ApiKey.ALTER_CLIENT_QUOTAS, "AlterClientQuotas", (0, 1), _alter, _alter_refusal, asks_cluster(Operation.ALTER_CONFIGS)),
)

"""DescribeAcls (29), CreateAcls (30), DeleteAcls (31): the access control list (KIP-11, KIP-140, KIP-290)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from twisted.internet.task import deferLater

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    CreateAclsRequest,
    CreateAclsResponse,
    DeleteAclsRequest,
    DeleteAclsResponse,
    DescribeAclsRequest,
    DescribeAclsResponse,
)
from chronik.security.acl.filters import exact, filter_problem, in_order, matching
from chronik.security.interfaces import (
    AclBinding,
    AclFilter,
    IAclAuthorizer,
    Operation,
    PatternType,
    Permission,
    ResourceType,
)
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

FILTERS_OF_A_TURN: Final = 4
"""Filters that are compared with every entry in one turn of the reactor: with ten thousand entries each takes some milliseconds."""

ENTRIES_OF_A_TURN: Final = 2000
"""Entries that are made or described in one turn of the reactor."""

_Resource: TypeAlias = DescribeAclsResponse.DescribeAclsResource
_Description: TypeAlias = DescribeAclsResponse.AclDescription
_Created: TypeAlias = CreateAclsResponse.AclCreationResult
_Deleted: TypeAlias = DeleteAclsResponse.DeleteAclsFilterResult
_Gone: TypeAlias = DeleteAclsResponse.DeleteAclsMatchingAcl

_TYPES: Final = {each.value: each for each in ResourceType}
_PATTERNS: Final = {each.value: each for each in PatternType}
_OPERATIONS: Final = {each.value: each for each in Operation}
_PERMISSIONS: Final = {each.value: each for each in Permission}
"""Members by their codes; a code that is none means UNKNOWN."""


def _check_kept(context: RequestContext) -> None:
    """Refuse where the authorizer goes by other things."""
    if not IAclAuthorizer.providedBy(context.services.authorizer):
        raise KafkaError(ErrorCode.SECURITY_DISABLED, "No Authorizer is configured that goes by access control lists: set authorizer=acl.")


def _check_allowed(context: RequestContext, operation: Operation) -> None:
    if not context.allowed_cluster(operation):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not {operation.name.lower()} the cluster.")


def _filter(asked: Any, permission: int) -> AclFilter:
    return AclFilter(
        _TYPES.get(asked.resource_type_filter, ResourceType.UNKNOWN),
        _PATTERNS.get(asked.pattern_type_filter, PatternType.UNKNOWN),
        asked.resource_name_filter,
        asked.principal_filter,
        asked.host_filter,
        _OPERATIONS.get(asked.operation, Operation.UNKNOWN),
        _PERMISSIONS.get(permission, Permission.UNKNOWN),
    )


# -- DescribeAcls -----------------------------------------------------------------------------------------------------


async def _describe_acls(context: RequestContext, request: DescribeAclsRequest) -> DescribeAclsResponse:
    _check_allowed(context, Operation.DESCRIBE)
    _check_kept(context)
    wanted = _filter(request, request.permission_type)
    problem = filter_problem(wanted)
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
    resources: dict[tuple[ResourceType, str, PatternType], list[_Description]] = {}
    found = in_order(matching(wanted, context.services.metadata.image.security.acls))
    for number, acl in enumerate(found, 1):
        if not number % ENTRIES_OF_A_TURN:
            await deferLater(context.services.clock, 0)
        described = _Description(principal=acl.principal, host=acl.host, operation=acl.operation, permission_type=acl.permission)
        resources.setdefault((acl.resource_type, acl.name, acl.pattern), []).append(described)
    return DescribeAclsResponse(
        error_message=None,
        resources=tuple(
            _Resource(resource_type=kind, resource_name=name, pattern_type=pattern, acls=tuple(acls))
            for (kind, name, pattern), acls in resources.items()
        ),
    )


def _describe_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeAclsResponse(error_code=error.code, error_message=error.message or None)


# -- CreateAcls -------------------------------------------------------------------------------------------------------


async def _create_acls(context: RequestContext, request: CreateAclsRequest) -> CreateAclsResponse:
    _check_allowed(context, Operation.ALTER)
    _check_kept(context)
    outcomes: list[KafkaError | None] = []
    for start in range(0, len(request.creations), ENTRIES_OF_A_TURN):
        if start:
            await deferLater(context.services.clock, 0)
        some = [_binding(creation) for creation in request.creations[start : start + ENTRIES_OF_A_TURN]]
        outcomes += await context.services.controller.create_acls(some)
    return CreateAclsResponse(results=tuple(map(_created, outcomes)))


def _binding(creation: CreateAclsRequest.AclCreation) -> AclBinding:
    return AclBinding(
        _TYPES.get(creation.resource_type, ResourceType.UNKNOWN),
        _PATTERNS.get(creation.resource_pattern_type, PatternType.UNKNOWN),
        creation.resource_name,
        creation.principal,
        creation.host,
        _OPERATIONS.get(creation.operation, Operation.UNKNOWN),
        _PERMISSIONS.get(creation.permission_type, Permission.UNKNOWN),
    )


def _created(error: KafkaError | None) -> _Created:
    return _Created(error_message=None) if error is None else _Created(error_code=error.code, error_message=error.message or None)


def _create_refusal(request: CreateAclsRequest, version: int, error: KafkaError) -> Message:
    return CreateAclsResponse(results=(_created(error),) * len(request.creations))


# -- DeleteAcls -------------------------------------------------------------------------------------------------------


async def _delete_acls(context: RequestContext, request: DeleteAclsRequest) -> DeleteAclsResponse:
    _check_allowed(context, Operation.ALTER)
    _check_kept(context)
    results: list[_Deleted] = []
    for some in _turns([_filter(asked, asked.permission_type) for asked in request.filters]):
        if results:
            await deferLater(context.services.clock, 0)
        results += map(_deleted, await context.services.controller.delete_acls(some))
    return DeleteAclsResponse(filter_results=tuple(results))


def _turns(filters: Iterable[AclFilter]) -> Iterable[Sequence[AclFilter]]:
    """Filters that are worked on together; those that mean one entry cost next to nothing."""
    some: list[AclFilter] = []
    open_filters = 0
    for wanted in filters:
        open_filters += exact(wanted) is None
        if open_filters > FILTERS_OF_A_TURN:
            yield some
            some, open_filters = [], 1
        some.append(wanted)
    if some:
        yield some


def _deleted(outcome: Sequence[AclBinding] | KafkaError) -> _Deleted:
    if isinstance(outcome, KafkaError):
        return _Deleted(error_code=outcome.code, error_message=outcome.message or None)
    return _Deleted(
        error_message=None,
        matching_acls=tuple(
            _Gone(
                error_message=None,
                resource_type=acl.resource_type,
                resource_name=acl.name,
                pattern_type=acl.pattern,
                principal=acl.principal,
                host=acl.host,
                operation=acl.operation,
                permission_type=acl.permission,
            )
            for acl in outcome
        ),
    )


def _delete_refusal(request: DeleteAclsRequest, version: int, error: KafkaError) -> Message:
    return DeleteAclsResponse(filter_results=tuple(_deleted(error) for _ in request.filters))


APIS = (
    Api(ApiKey.DESCRIBE_ACLS, "DescribeAcls", (1, 3), _describe_acls, _describe_refusal, asks_cluster(Operation.DESCRIBE), frame_bytes_max=64 << 10),
    Api(ApiKey.CREATE_ACLS, "CreateAcls", (1, 3), _create_acls, _create_refusal, asks_cluster(Operation.ALTER), frame_bytes_max=1 << 20),
    Api(ApiKey.DELETE_ACLS, "DeleteAcls", (1, 3), _delete_acls, _delete_refusal, asks_cluster(Operation.ALTER), frame_bytes_max=1 << 20),
)

"""DescribeGroups (15), ListGroups (16), DeleteGroups (42)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from twisted.internet.defer import Deferred

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListGroupsRequest,
    ListGroupsResponse,
)
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group
from chronik.server.handlers.operations import NOT_ASKED, actions_on, allowed_operations

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_DESCRIBE_THAT_MISSES: Final = 6
"""Before it a group that does not exist is described as dead (KIP-1043)."""

DEAD: Final = "Dead"

_Described: TypeAlias = DescribeGroupsResponse.DescribedGroup


# -- DescribeGroups ---------------------------------------------------------------------------------------------------


async def _describe_groups(context: RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    # Each once: a small request that names one group again and again would have a huge answer.
    return DescribeGroupsResponse(groups=tuple(_described(context, request, group_id) for group_id in dict.fromkeys(request.groups)))


def _described(context: RequestContext, request: DescribeGroupsRequest, group_id: str) -> _Described:
    try:
        check_group(context, Operation.DESCRIBE, group_id)
        group = context.services.groups.describe(group_id)
    except KafkaError as error:
        return _not_described(group_id, error)
    operations = allowed_operations(context, ResourceType.GROUP, group_id) if request.include_authorized_operations else NOT_ASKED
    if group is None:
        if context.api_version >= FIRST_DESCRIBE_THAT_MISSES:
            return _not_described(group_id, KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found."))
        return _Described(group_id=group_id, group_state=DEAD, authorized_operations=operations)
    return _Described(
        group_id=group_id,
        group_state=group.state,
        protocol_type=group.protocol_type,
        protocol_data=group.protocol_name,
        members=tuple(
            DescribeGroupsResponse.DescribedGroupMember(
                member_id=m.member_id,
                group_instance_id=m.instance_id,
                client_id=m.client_id,
                client_host=m.client_host,
                member_metadata=m.metadata,
                member_assignment=m.assignment,
            )
            for m in group.members
        ),
        authorized_operations=operations,
    )


def _not_described(group_id: str, error: KafkaError) -> _Described:
    state = DEAD if error.code == ErrorCode.GROUP_ID_NOT_FOUND else ""
    return _Described(error_code=error.code, error_message=error.message, group_id=group_id, group_state=state, authorized_operations=NOT_ASKED)


def _describe_rule(services: Services, request: DescribeGroupsRequest) -> Iterable[Action]:
    for group_id in request.groups:
        if request.include_authorized_operations:
            yield from actions_on(ResourceType.GROUP, group_id)
        else:
            yield on_group(Operation.DESCRIBE, group_id)


def _describe_refusal(request: DescribeGroupsRequest, version: int, error: KafkaError) -> Message:
    return DescribeGroupsResponse(groups=tuple(_not_described(group_id, error) for group_id in request.groups))


# -- ListGroups -------------------------------------------------------------------------------------------------------


async def _list_groups(context: RequestContext, request: ListGroupsRequest) -> ListGroupsResponse:
    states = {state.lower() for state in request.states_filter}
    types = {kind.lower() for kind in request.types_filter}
    everything = context.allowed_cluster(Operation.DESCRIBE)
    listed = [
        ListGroupsResponse.ListedGroup(group_id=group.group_id, protocol_type=group.protocol_type, group_state=group.state, group_type=group.kind)
        for group in context.services.groups.list_groups()
        if (not states or group.state.lower() in states)
        and (not types or group.kind in types)
        and (everything or context.allowed(Operation.DESCRIBE, ResourceType.GROUP, group.group_id))
    ]
    return ListGroupsResponse(groups=tuple(listed))


def _list_rule(services: Services, request: ListGroupsRequest) -> Iterable[Action]:
    yield Action(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME)
    for group in services.groups.summaries():
        yield on_group(Operation.DESCRIBE, group.group_id)


def _list_refusal(request: ListGroupsRequest, version: int, error: KafkaError) -> Message:
    return ListGroupsResponse(error_code=error.code)


# -- DeleteGroups -----------------------------------------------------------------------------------------------------


async def _delete_groups(context: RequestContext, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    # All begin before any is waited for: their records share the flushes of the log.
    begun = [(group_id, Deferred.fromCoroutine(_delete(context, group_id))) for group_id in dict.fromkeys(request.groups_names)]
    return DeleteGroupsResponse(
        results=tuple([DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=await code) for group_id, code in begun])
    )


async def _delete(context: RequestContext, group_id: str) -> ErrorCode:
    try:
        check_group(context, Operation.DELETE, group_id)
        await context.services.groups.delete(group_id)
    except KafkaError as error:
        return error.code
    return ErrorCode.NONE


def _delete_rule(services: Services, request: DeleteGroupsRequest) -> Iterable[Action]:
    return (on_group(Operation.DELETE, group_id) for group_id in request.groups_names)


def _delete_refusal(request: DeleteGroupsRequest, version: int, error: KafkaError) -> Message:
    return DeleteGroupsResponse(
        results=tuple(DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=error.code) for group_id in request.groups_names)
    )


APIS = (
    Api(ApiKey.DESCRIBE_GROUPS, "DescribeGroups", (0, 6), _describe_groups, _describe_refusal, _describe_rule),
    Api(ApiKey.LIST_GROUPS, "ListGroups", (0, 5), _list_groups, _list_refusal, _list_rule),
    Api(ApiKey.DELETE_GROUPS, "DeleteGroups", (0, 2), _delete_groups, _delete_refusal, _delete_rule),
)

"""JoinGroup (11), Heartbeat (12), LeaveGroup (13), SyncGroup (14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from chronik.coordinator.group.group import JoinRefused, MemberIdRequired
from chronik.coordinator.group.interfaces import Joining, Leaving, Syncing
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)
from chronik.security.interfaces import Action, Operation
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_JOIN_WITH_KNOWN_ID: Final = 4
FIRST_JOIN_WITH_NULL_PROTOCOL: Final = 7
FIRST_JOIN_WITH_SKIPPED_ASSIGNMENT: Final = 9
FIRST_LEAVE_WITH_MEMBERS: Final = 3
FIRST_SYNC_WITH_PROTOCOL: Final = 5

NO_GENERATION: Final = -1


# -- JoinGroup --------------------------------------------------------------------------------------------------------


async def _join_group(context: RequestContext, request: JoinGroupRequest) -> JoinGroupResponse:
    check_group(context, Operation.READ, request.group_id)
    rebalance_timeout_ms = request.rebalance_timeout_ms if context.api_version >= 1 else request.session_timeout_ms
    joining = Joining(
        group_id=request.group_id,
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=context.client_id or "",
        client_host=f"/{context.session.peer_host}",
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=rebalance_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=tuple((protocol.name, bytes(protocol.metadata)) for protocol in request.protocols),
        known_id_required=context.api_version >= FIRST_JOIN_WITH_KNOWN_ID,
        skips_assignment=context.api_version >= FIRST_JOIN_WITH_SKIPPED_ASSIGNMENT,
    )
    joined = await context.services.groups.join(joining)
    return JoinGroupResponse(
        generation_id=joined.generation,
        protocol_type=joined.protocol_type,
        protocol_name=joined.protocol_name,
        leader=joined.leader_id,
        skip_assignment=joined.skip_assignment,
        member_id=joined.member_id,
        members=tuple(
            JoinGroupResponse.JoinGroupResponseMember(member_id=m.member_id, group_instance_id=m.instance_id, metadata=m.metadata)
            for m in joined.members
        ),
    )


def _join_refusal(request: JoinGroupRequest, version: int, error: KafkaError) -> Message:
    member_id = error.member_id if isinstance(error, MemberIdRequired) else request.member_id
    if error.code == ErrorCode.GROUP_MAX_SIZE_REACHED or isinstance(error, JoinRefused):
        member_id = ""
    protocol_name = None if version >= FIRST_JOIN_WITH_NULL_PROTOCOL else ""
    return JoinGroupResponse(error_code=error.code, generation_id=NO_GENERATION, protocol_name=protocol_name, leader="", member_id=member_id)


# -- SyncGroup --------------------------------------------------------------------------------------------------------


async def _sync_group(context: RequestContext, request: SyncGroupRequest) -> SyncGroupResponse:
    check_group(context, Operation.READ, request.group_id)
    if context.api_version >= FIRST_SYNC_WITH_PROTOCOL and (request.protocol_type is None or request.protocol_name is None):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "protocol type and name are missing")
    syncing = Syncing(
        group_id=request.group_id,
        generation=request.generation_id,
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        protocol_type=request.protocol_type,
        protocol_name=request.protocol_name,
        assignments={assignment.member_id: bytes(assignment.assignment) for assignment in request.assignments},
    )
    synced = await context.services.groups.sync(syncing)
    return SyncGroupResponse(protocol_type=synced.protocol_type, protocol_name=synced.protocol_name, assignment=synced.assignment)


def _sync_refusal(request: SyncGroupRequest, version: int, error: KafkaError) -> Message:
    return SyncGroupResponse(error_code=error.code)


# -- Heartbeat --------------------------------------------------------------------------------------------------------


async def _heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    check_group(context, Operation.READ, request.group_id)
    await context.services.groups.heartbeat(request.group_id, request.generation_id, request.member_id, request.group_instance_id)
    return HeartbeatResponse()


def _heartbeat_refusal(request: HeartbeatRequest, version: int, error: KafkaError) -> Message:
    return HeartbeatResponse(error_code=error.code)


# -- LeaveGroup -------------------------------------------------------------------------------------------------------


async def _leave_group(context: RequestContext, request: LeaveGroupRequest) -> LeaveGroupResponse:
    check_group(context, Operation.READ, request.group_id)
    if context.api_version < FIRST_LEAVE_WITH_MEMBERS:
        (outcome,) = await context.services.groups.leave(request.group_id, [Leaving(request.member_id)])
        if outcome is not None:
            raise outcome
        return LeaveGroupResponse()
    leaving = [Leaving(member.member_id, member.group_instance_id, member.reason) for member in request.members]
    outcomes = await context.services.groups.leave(request.group_id, leaving)
    return LeaveGroupResponse(
        members=tuple(
            LeaveGroupResponse.MemberResponse(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                error_code=ErrorCode.NONE if outcome is None else outcome.code,
            )
            for member, outcome in zip(request.members, outcomes, strict=True)
        )
    )


def _leave_refusal(request: LeaveGroupRequest, version: int, error: KafkaError) -> Message:
    return LeaveGroupResponse(error_code=error.code)


def _rule(services: Services, request: Any) -> Iterable[Action]:
    yield on_group(Operation.READ, request.group_id)


APIS = (
    Api(ApiKey.JOIN_GROUP, "JoinGroup", (0, 9), _join_group, _join_refusal, _rule),
    Api(ApiKey.HEARTBEAT, "Heartbeat", (0, 4), _heartbeat, _heartbeat_refusal, _rule),
    Api(ApiKey.LEAVE_GROUP, "LeaveGroup", (0, 5), _leave_group, _leave_refusal, _rule),
    Api(ApiKey.SYNC_GROUP, "SyncGroup", (0, 5), _sync_group, _sync_refusal, _rule, frame_bytes_max=32 << 20),
)

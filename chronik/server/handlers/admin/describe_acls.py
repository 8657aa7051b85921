"""DescribeAcls (29): there are no access control lists to describe yet, and tools are told so in the way they expect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DescribeAclsRequest, DescribeAclsResponse, Message
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _describe_acls(context: RequestContext, request: DescribeAclsRequest) -> DescribeAclsResponse:
    if not context.allowed_cluster(Operation.DESCRIBE):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe the cluster.")
    raise KafkaError(ErrorCode.SECURITY_DISABLED, "No authorizer with access control lists is configured on this broker.")


def _rule(services: Services, request: DescribeAclsRequest) -> Iterable[Action]:
    return (Action(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME),)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeAclsResponse(error_code=error.code, error_message=error.message or None)


APIS = (Api(ApiKey.DESCRIBE_ACLS, "DescribeAcls", (1, 3), _describe_acls, _refusal, _rule, frame_bytes_max=64 << 10),)

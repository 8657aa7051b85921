"""Entries and filters in the messages of Kafka's APIs, for whoever calls those: commands, and HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chronik.protocol.messages import CreateAclsRequest, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest, DescribeAclsResponse
from chronik.security.interfaces import AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType


def creations(acls: Iterable[AclBinding]) -> CreateAclsRequest:
    """The request that makes entries."""
    creation = CreateAclsRequest.AclCreation
    return CreateAclsRequest(
        creations=tuple(
            creation(
                resource_type=acl.resource_type,
                resource_name=acl.name,
                resource_pattern_type=acl.pattern,
                principal=acl.principal,
                host=acl.host,
                operation=acl.operation,
                permission_type=acl.permission,
            )
            for acl in acls
        )
    )


def description(wanted: AclFilter) -> DescribeAclsRequest:
    """The request for the entries that a filter means."""
    return DescribeAclsRequest(**_asked(wanted))


def deletion(filters: Iterable[AclFilter]) -> DeleteAclsRequest:
    """The request that removes the entries that filters mean."""
    return DeleteAclsRequest(filters=tuple(DeleteAclsRequest.DeleteAclsFilter(**_asked(wanted)) for wanted in filters))


def described(response: DescribeAclsResponse) -> Iterable[AclBinding]:
    """The entries of an answer.

    :raises ValueError: one has a code that is not known here.
    """
    for resource in response.resources:
        for acl in resource.acls:
            yield _binding(resource.resource_type, resource.pattern_type, resource.resource_name, acl)


def deleted(result: DeleteAclsResponse.DeleteAclsFilterResult) -> Iterable[AclBinding]:
    """The entries that one filter's result says are gone; see :func:`described`."""
    for acl in result.matching_acls:
        yield _binding(acl.resource_type, acl.pattern_type, acl.resource_name, acl)


def _asked(wanted: AclFilter) -> dict[str, Any]:
    return {
        "resource_type_filter": wanted.resource_type,
        "resource_name_filter": wanted.name,
        "pattern_type_filter": wanted.pattern,
        "principal_filter": wanted.principal,
        "host_filter": wanted.host,
        "operation": wanted.operation,
        "permission_type": wanted.permission,
    }


def _binding(kind: int, pattern: int, name: str, acl: Any) -> AclBinding:
    return AclBinding(
        ResourceType(kind), PatternType(pattern), name, acl.principal, acl.host, Operation(acl.operation), Permission(acl.permission_type)
    )

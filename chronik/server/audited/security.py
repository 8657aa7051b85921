"""Access control lists, credentials and tokens; never what proves them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chronik.security.interfaces import Operation, PatternType, Permission, ResourceType
from chronik.server.audited.change import Changed, told

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage

_MECHANISMS: Final = {1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}


def acls_created(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """CreateAcls: each entry."""
    for acl, outcome in zip(request.creations, response.results, strict=True):
        code, reason = told(outcome)
        entry = _acl(acl, acl.resource_pattern_type)
        yield Changed(_protected(acl), code, reason, after={} if code else entry, details=entry if code else {})


def acls_deleted(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """DeleteAcls: each entry that a filter matched, and each filter that was refused."""
    for result in response.filter_results:
        if result.error_code:
            yield Changed("CLUSTER:kafka-cluster", *told(result))
        for acl in result.matching_acls:
            yield Changed(_protected(acl), *told(acl), before=_acl(acl, acl.pattern_type))


def scram_altered(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """AlterUserScramCredentials: mechanisms and iterations of each user."""
    outcomes = {result.user: result for result in response.results}
    changes: dict[str, dict[str, Any]] = {}
    for deletion in request.deletions:
        changes.setdefault(deletion.name, {})[_mechanism(deletion.mechanism)] = None
    for upsertion in request.upsertions:
        changes.setdefault(upsertion.name, {})[_mechanism(upsertion.mechanism)] = {"iterations": upsertion.iterations}
    for user, mechanisms in changes.items():
        code, reason = told(outcomes.get(user))
        old = {name: _iterations(before, name, user) for name in mechanisms}
        yield Changed(f"USER:{user}", code, reason, old, {} if code else mechanisms, {"mechanisms": list(mechanisms)} if code else {})


def token_created(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """CreateDelegationToken."""
    code, reason = told(response)
    token = {
        "owner": f"{response.principal_type}:{response.principal_name}",
        "renewers": [f"{renewer.principal_type}:{renewer.principal_name}" for renewer in request.renewers],
        "expiry": response.expiry_timestamp_ms,
        "max": response.max_timestamp_ms,
    }
    yield Changed(f"DELEGATION_TOKEN:{response.token_id}", code, reason, after={} if code else token)


def token_renewed(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """RenewDelegationToken."""
    yield _token(before, after, response, {"period_ms": request.renew_period_ms}, gone=False)


def token_expired(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """ExpireDelegationToken."""
    yield _token(before, after, response, {"period_ms": request.expiry_time_period_ms}, gone=request.expiry_time_period_ms < 0)


def _token(before: MetadataImage, after: MetadataImage, response: Any, details: Mapping[str, Any], gone: bool) -> Changed:
    """The token that ends when the answer says: requests name tokens by their secrets, which only their makers can tell apart."""
    code, reason = told(response)
    ends = None if gone else response.expiry_timestamp_ms
    now = after.security.tokens
    changed = (token for token in before.security.tokens.values() if now.get(token.token_id) != token and not code)
    found = next((token for token in changed if getattr(now.get(token.token_id), "expiry_ms", None) == ends), None)
    old = {} if found is None else {"owner": found.owner, "expiry": found.expiry_ms}
    new = {} if code else {"expiry": response.expiry_timestamp_ms}
    return Changed(f"DELEGATION_TOKEN:{found.token_id if found is not None else ''}", code, reason, old, new, details)


def _iterations(image: MetadataImage, mechanism: str, user: str) -> Mapping[str, int] | None:
    credential = image.security.scram.get((mechanism, user))
    return None if credential is None else {"iterations": credential.iterations}


def _mechanism(code: int) -> str:
    return _MECHANISMS.get(code, str(code))


def _protected(acl: Any) -> str:
    return f"{_word(ResourceType, acl.resource_type)}:{acl.resource_name}"


def _acl(acl: Any, pattern: int) -> Mapping[str, str]:
    return {
        "pattern": _word(PatternType, pattern),
        "principal": acl.principal,
        "host": acl.host,
        "operation": _word(Operation, acl.operation),
        "permission": _word(Permission, acl.permission_type),
    }


def _word(kind: type[enum.IntEnum], code: int) -> str:
    return kind(code).name if code in set(kind) else str(code)

"""DescribeUserScramCredentials (50) and AlterUserScramCredentials (51): users whose passwords the cluster's metadata proves (KIP-554)."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from chronik.cluster.interfaces import ScramChange
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
)
from chronik.security.interfaces import Operation, ScramCredential
from chronik.security.scram_keys import SCRAM_HASHES, credential_of
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

_NAMES: Final = {kind.code: name for name, kind in SCRAM_HASHES.items()}
_UNKNOWN: Final = "UNKNOWN"
"""What a mechanism of another code is called; the controller refuses it."""

_Described = DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult
_Altered = AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult


async def _describe(context: RequestContext, request: DescribeUserScramCredentialsRequest) -> DescribeUserScramCredentialsResponse:
    if not context.allowed_cluster(Operation.DESCRIBE):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe the cluster.")
    by_user: dict[str, list[tuple[int, int]]] = {}
    for (mechanism, user), credential in context.services.metadata.image.security.scram.items():
        if mechanism in SCRAM_HASHES:
            by_user.setdefault(user, []).append((SCRAM_HASHES[mechanism].code, credential.iterations))
    asked = Counter(each.name for each in request.users or ()) or Counter(dict.fromkeys(sorted(by_user), 1))
    results = tuple(_described(user, times, by_user.get(user, [])) for user, times in asked.items())
    return DescribeUserScramCredentialsResponse(error_message=None, results=results)


def _described(user: str, times: int, found: list[tuple[int, int]]) -> _Described:
    error = None
    if times > 1:
        error = KafkaError(ErrorCode.DUPLICATE_RESOURCE, f"Cannot describe SCRAM credentials for the same user twice in a single request: {user}")
    elif not found:
        error = KafkaError(ErrorCode.RESOURCE_NOT_FOUND, f"Attempt to describe a user credential that does not exist: {user}")
    if error is not None:
        return _Described(user=user, error_code=error.code, error_message=error.message)
    infos = tuple(DescribeUserScramCredentialsResponse.CredentialInfo(mechanism=code, iterations=iterations) for code, iterations in sorted(found))
    return _Described(user=user, error_message=None, credential_infos=infos)


def _describe_refusal(request: DescribeUserScramCredentialsRequest, version: int, error: KafkaError) -> Message:
    message = error.message or None
    results = tuple(_Described(user=each.name, error_code=error.code, error_message=message) for each in request.users or ())
    return DescribeUserScramCredentialsResponse(error_code=error.code, error_message=message, results=results)


async def _alter(context: RequestContext, request: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster.")
    changes = [ScramChange(each.name, _NAMES.get(each.mechanism, _UNKNOWN), None) for each in request.deletions]
    changes += [ScramChange(each.name, _NAMES.get(each.mechanism, _UNKNOWN), _credential(each)) for each in request.upsertions]
    outcomes = await context.services.controller.alter_scram(changes)
    return AlterUserScramCredentialsResponse(results=tuple(_altered(user, outcome) for user, outcome in outcomes.items()))


def _credential(upsertion: Any) -> ScramCredential | None:
    """What to keep of a salted password; it is not the password, and must not be kept either."""
    kind = SCRAM_HASHES.get(_NAMES.get(upsertion.mechanism, _UNKNOWN))
    if kind is None:
        return None
    if len(upsertion.salted_password) != kind.size:
        return ScramCredential(upsertion.salt, upsertion.iterations, b"", b"")
    return credential_of(upsertion.salted_password, upsertion.salt, upsertion.iterations, kind)


def _altered(user: str, outcome: KafkaError | None) -> _Altered:
    if outcome is None:
        return _Altered(user=user, error_message=None)
    return _Altered(user=user, error_code=outcome.code, error_message=outcome.message or None)


def _alter_refusal(request: AlterUserScramCredentialsRequest, version: int, error: KafkaError) -> Message:
    users = dict.fromkeys([*(each.name for each in request.deletions), *(each.name for each in request.upsertions)])
    return AlterUserScramCredentialsResponse(results=tuple(_altered(user, error) for user in users))


_DESCRIBE, _ALTER = asks_cluster(Operation.DESCRIBE), asks_cluster(Operation.ALTER)

APIS = (
    Api(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, "DescribeUserScramCredentials", (0, 0), _describe, _describe_refusal, _DESCRIBE),
    Api(ApiKey.ALTER_USER_SCRAM_CREDENTIALS, "AlterUserScramCredentials", (0, 0), _alter, _alter_refusal, _ALTER),
)

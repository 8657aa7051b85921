"""Tells the audit trail of requests: what was refused for want of a permission, and what was changed. The one place where that happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger

from chronik.errors import ErrorCode
from chronik.protocol.message import Struct
from chronik.security.audit_interfaces import AuditEvent, AuditKind, IAuditTrail
from chronik.security.interfaces import Action

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage
    from chronik.network.interfaces import Session
    from chronik.server.api import Api
    from chronik.server.audited import Changed

REFUSALS: Final = frozenset(
    {
        ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        ErrorCode.GROUP_AUTHORIZATION_FAILED,
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
    }
)
"""What answers say of somebody who lacks a permission."""

LOOKED_AT_MAX: Final = 10_000
"""Parts of an answer that are looked at for a refusal: those without permission have short answers, and long ones are not searched to the end."""

NAMED_MAX: Final = 20
"""Missing permissions that one record names."""


class RequestAudit:
    """Makes events of requests.

    :param trail: takes them.
    :ivar enabled: whether there is anything to do at all.
    """

    _log = Logger()

    def __init__(self, trail: IAuditTrail) -> None:
        self._trail = trail
        self.enabled: bool = trail.enabled

    def answered(
        self,
        api: Api,
        session: Session,
        client_id: str | None,
        decisions: Mapping[Action, bool],
        before: MetadataImage,
        after: MetadataImage,
        request: Any,
        response: Any,
    ) -> None:
        """A request is over: tell what of it was refused, and what it changed.

        :param before: the image when it came.
        :param after: the image now.
        :param response: None where nothing was answered.
        """
        if not all(decisions.values()):
            self.refused(api, session, client_id, decisions, response)
        if response is not None:
            self.changed(api, session, client_id, before, after, request, response)

    def refused(self, api: Api, session: Session, client_id: str | None, decisions: Mapping[Action, bool], response: Any) -> None:
        """Some of what a request asked for was not allowed. Whether that kept it from anything, its answer tells: topics that somebody
        may not see are left out of lists, which is no refusal.

        :param response: None where nothing was answered.
        """
        if response is not None and not any(code in REFUSALS for code in _codes(response)):
            return
        missing = [f"{action.operation.name} {action.resource_type.name}:{action.name}" for action, allowed in decisions.items() if not allowed]
        first = next(action for action, allowed in decisions.items() if not allowed)
        details: dict[str, Any] = {"missing": missing[:NAMED_MAX], **_client(client_id)}
        if len(missing) > NAMED_MAX:
            details["missing_count"] = len(missing)
        self._record(AuditKind.AUTHORIZATION, api, session, False, f"{first.resource_type.name}:{first.name}", details=details)

    def changed(
        self, api: Api, session: Session, client_id: str | None, before: MetadataImage, after: MetadataImage, request: Any, response: Any
    ) -> None:
        """A request was answered that changes something, or should have."""
        if api.audited is None or getattr(request, "validate_only", False):
            return
        try:
            changes: Iterable[Changed] = tuple(api.audited(before, after, request, response))
        except Exception:  # noqa: BLE001  the answer is on its way, and must arrive
            self._log.failure("what a {api} request changed could not be found out for the audit trail", api=api.name)
            return
        for change in changes:
            if change.code not in REFUSALS:
                code = ErrorCode(change.code)
                reason = change.reason or (code.name if code else "")
                details = {**change.details, **_client(client_id)}
                self._record(AuditKind.CHANGE, api, session, not code, change.resource, reason, change.before, change.after, details)

    def _record(
        self,
        kind: AuditKind,
        api: Api,
        session: Session,
        succeeded: bool,
        resource: str,
        reason: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        event = AuditEvent(
            kind,
            api.name,
            str(session.principal),
            session.peer_host,
            session.listener,
            succeeded,
            resource,
            reason,
            before or {},
            after or {},
            details or {},
        )
        self._trail.record(event)


def _client(client_id: str | None) -> Mapping[str, str]:
    return {"client_id": client_id} if client_id else {}


def _codes(answer: Struct) -> Iterator[int]:
    """Every error code in an answer, as far as it is looked at."""
    waiting: list[Any] = [answer]
    looked_at = 0
    while waiting and looked_at < LOOKED_AT_MAX:
        looked_at += 1
        part = waiting.pop()
        for name in part.__slots__:
            value = getattr(part, name)
            if name.endswith("error_code"):
                yield value
            elif isinstance(value, Struct):
                waiting.append(value)
            elif isinstance(value, tuple | list) and value and isinstance(value[0], Struct):
                waiting.extend(value)

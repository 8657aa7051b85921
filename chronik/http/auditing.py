"""Tells the audit trail of HTTP requests: who could not prove who they are, who did so, what was refused, and what was changed."""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from chronik.http.calls import LISTENER
from chronik.security.audit_interfaces import AuditEvent, AuditKind, IAuditTrail
from chronik.security.interfaces import ANONYMOUS

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest

LOGIN_S: Final = 600.0
"""HTTP proves who sends it with every request; one record in so long is kept of each principal and address."""

LOGINS_MAX: Final = 10_000
"""Principals and addresses that are remembered for that."""

ADMINISTERED: Final = frozenset({"_security", "_chronik"})
"""First segments of paths whose changes are recorded here."""

CALLED: Final = frozenset({("_chronik", "acls"), ("_chronik", "configs"), ("_chronik", "quotas")})
"""Beginnings of those that are Kafka's APIs: what is changed or refused there is recorded where they are called."""

_READING: Final = frozenset({"GET", "HEAD"})


class HttpAudit:
    """Makes events of requests.

    :param trail: takes them.
    """

    def __init__(self, trail: IAuditTrail, clock: IReactorTime) -> None:
        self._trail = trail
        self._clock = clock
        self._logins: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.enabled: bool = trail.enabled

    def refused_login(self, headers: Mapping[str, str], method: str, path: str, host: str, error: HttpError) -> None:
        """Somebody's credentials were no good."""
        if error.status in (401, 429) and "authorization" in headers:
            scheme = headers["authorization"].partition(" ")[0][:32].lower()
            user = _claimed(headers["authorization"])
            principal = f"User:{user}" if user else ""
            self._record(AuditKind.AUTHENTICATION, f"{method} {path}", principal, host, False, reason=error.reason, details={"mechanism": scheme})

    def served(self, request: HttpRequest, answer: HttpAnswer) -> None:
        """A request was answered."""
        self._login(request)
        path = "/" + "/".join(request.path)
        action = f"{request.method} {path}"
        if _is_refusal(request, answer):
            if request.path[:2] in CALLED:
                return
            self._record(AuditKind.AUTHORIZATION, action, str(request.principal), request.peer_host, False, resource=path, reason=_reason(answer))
        elif _administers(request):
            done = answer.status < 400
            details = {"status": answer.status}
            before, after = answer.change
            reason = "" if done else _reason(answer)
            changed = {"before": before, "after": after, "details": details}
            self._record(AuditKind.CHANGE, action, str(request.principal), request.peer_host, done, resource=path, reason=reason, **changed)

    def _login(self, request: HttpRequest) -> None:
        if request.principal == ANONYMOUS:
            return
        who, now = (str(request.principal), request.peer_host), self._clock.seconds()
        before = self._logins.get(who)
        if before is not None and now - before < LOGIN_S:
            return
        self._logins[who] = now
        self._logins.move_to_end(who)
        if len(self._logins) > LOGINS_MAX:
            self._logins.popitem(last=False)
        scheme = request.headers.get("authorization", "certificate").partition(" ")[0][:32].lower()
        self._record(AuditKind.AUTHENTICATION, "HTTP", who[0], who[1], True, details={"mechanism": scheme})

    def _record(self, kind: AuditKind, action: str, principal: str, host: str, succeeded: bool, **more: Any) -> None:
        self._trail.record(AuditEvent(kind, action, principal, host, LISTENER, succeeded, **more))


def _is_refusal(request: HttpRequest, answer: HttpAnswer) -> bool:
    """Whether it was answered that the sender may not; whoever sent no credentials is asked for some instead."""
    return answer.status == 403 or (answer.status == 401 and request.principal == ANONYMOUS and "authorization" not in request.headers)


def _administers(request: HttpRequest) -> bool:
    return request.method not in _READING and request.path[:1] != () and request.path[0] in ADMINISTERED and request.path[:2] not in CALLED


def _claimed(authorization: str) -> str:
    """The user that basic credentials name; empty where there is none."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, colon, _ = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return user if colon else ""


def _reason(answer: HttpAnswer) -> str:
    try:
        return str(json.loads(answer.body)["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return ""

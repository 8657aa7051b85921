"""Tells the audit trail of authentications by SASL and by certificates, the ones that failed and the ones that did not."""

from __future__ import annotations

from typing import Final

from chronik.network.interfaces import Handshake
from chronik.security.audit_interfaces import AuditEvent, AuditKind, IAuditTrail
from chronik.security.sasl.gate import Outcome

MECHANISM_CHARACTERS_MAX: Final = 64
"""Of a mechanism's name, which whoever is not authenticated chose."""


class LoginAudit:
    """Makes events of outcomes.

    :param trail: takes them.
    """

    def __init__(self, trail: IAuditTrail) -> None:
        self._trail = trail

    def shaken(self, handshake: Handshake) -> None:
        """A client showed a certificate, or came to nothing because of what it showed or did not show."""
        principal = handshake.principal
        self._trail.record(
            AuditEvent(
                AuditKind.AUTHENTICATION,
                "TlsHandshake",
                "" if principal is None else str(principal),
                handshake.host,
                handshake.listener,
                principal is not None,
                reason=handshake.reason,
            )
        )

    def ended(self, outcome: Outcome) -> None:
        """An exchange is over."""
        session, login = outcome.session, outcome.login
        details: dict[str, object] = {"mechanism": outcome.mechanism[:MECHANISM_CHARACTERS_MAX]}
        if outcome.again:
            details["again"] = True
        if login is not None and login.token_id is not None:
            details["token"] = login.token_id
        principal = str(login.principal) if login is not None else f"User:{outcome.user}" if outcome.user else ""
        self._trail.record(
            AuditEvent(
                AuditKind.AUTHENTICATION,
                "SaslAuthenticate",
                principal,
                session.peer_host,
                session.listener,
                login is not None,
                reason=outcome.reason,
                details=details,
            )
        )

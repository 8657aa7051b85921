"""What is told of who did what, and who is told."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zope.interface import Attribute, Interface, implementer


class AuditKind(enum.Enum):
    """What an audit record is about."""

    AUTHENTICATION = "authentication"
    AUTHORIZATION = "authorization"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that somebody did, or tried to do. None of it may hold a secret.

    :ivar action: what it was: the name of a Kafka API, a SASL mechanism's exchange, or an HTTP method and path.
    :ivar principal: who, as ``Type:name``; of a failed authentication who was claimed, empty where that is not known.
    :ivar host: the peer's address as text.
    :ivar listener: the name of the listener that they came through.
    :ivar succeeded: whether it was done.
    :ivar resource: what it was done to, as ``TOPIC:orders``; empty where there is no one thing.
    :ivar reason: why it failed.
    :ivar before: what was set before a change, by name.
    :ivar after: what is set since, by name; None of a name that is not set any more.
    :ivar details: whatever else explains it, by name: mechanism, client id, permissions that were missing.
    """

    kind: AuditKind
    action: str
    principal: str
    host: str
    listener: str
    succeeded: bool = True
    resource: str = ""
    reason: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """Totals of an audit trail.

    :ivar kept: events that were recorded, by kind.
    :ivar left_out: events that were not, because there were too many of one peer, by kind.
    :ivar written: records that are written, by destination.
    :ivar dropped: records that there was no room for, by destination.
    :ivar failures: writes that failed and were tried again, by destination.
    """

    kept: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    written: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)


class IAuditTrail(Interface):
    """Keeps a record of who did what."""

    enabled = Attribute("""Whether anything is kept; what costs much to find out need not be found out else.""")

    def record(event: AuditEvent) -> None:
        """Keep this, as far as rates allow. Returns at once and never fails: what cannot be kept is counted, and told later."""

    def counted() -> AuditCounts:
        """What became of events and records since the start."""


@implementer(IAuditTrail)
class NoAudit:
    """Keeps nothing."""

    enabled = False

    def record(self, event: AuditEvent) -> None:
        """Forget it."""

    def counted(self) -> AuditCounts:
        """Nothing."""
        return AuditCounts()


NO_AUDIT: Final = NoAudit()
"""Where nothing is audited."""

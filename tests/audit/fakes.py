"""Events, and a writer that does as it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.security.audit_interfaces import AuditEvent, AuditKind


def event(
    kind: AuditKind = AuditKind.CHANGE, principal: str = "User:alice", host: str = "10.0.0.9", succeeded: bool = True, **more: Any
) -> AuditEvent:
    """Something that alice did."""
    return AuditEvent(kind, more.pop("action", "CreateTopics"), principal, host, "PLAINTEXT", succeeded, **more)


def record(text: str = "x", size: int = 0) -> AuditRecord:
    """A line that says this, perhaps padded."""
    return AuditRecord(1_000, "User:alice", json.dumps({"text": text, "pad": "." * size}).encode())


@implementer(IAuditWriter)
class FakeWriter:
    """Remembers what it wrote.

    :ivar error: what every write fails with.
    :ivar held: Deferreds of writes, where a test wants to finish them itself.
    """

    name = "file"

    def __init__(self) -> None:
        self.batches: list[list[AuditRecord]] = []
        self.error: Exception | None = None
        self.held: list[Deferred[None]] | None = None
        self.is_closed = False

    def write(self, records: Sequence[AuditRecord]) -> Deferred[None]:
        """As told."""
        if self.error is not None:
            return fail(self.error)
        self.batches.append(list(records))
        if self.held is None:
            return succeed(None)
        self.held.append(Deferred())
        return self.held[-1]

    def close(self) -> Deferred[None]:
        """Note it."""
        self.is_closed = True
        return succeed(None)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What was written, understood."""
        return [json.loads(each.line) for batch in self.batches for each in batch]

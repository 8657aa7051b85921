"""Where audit records go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line.

    :ivar time_ms: when it happened, in milliseconds since 1970.
    :ivar key: whose doing it is, as ``Type:name``; may be empty.
    :ivar line: a JSON object, without a newline.
    """

    time_ms: int
    key: str
    line: bytes


class IAuditWriter(Interface):
    """Writes records somewhere."""

    name = Attribute("""What to call it in messages and metrics: ``file`` or ``topic``.""")

    def write(records: Sequence[AuditRecord]) -> Deferred[None]:
        """Write these, in their order, after all that was written before. It is not called again before this is done.

        :raises Exception: none of them counts as written; they may be given again.
        """

    def close() -> Deferred[None]:
        """Make what was written durable, and release what it holds."""

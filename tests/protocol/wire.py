"""Literal wire bytes, written field by field."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.message import Message


def wire(*fields: str | bytes) -> bytes:
    """Join fields given as hexadecimal, or as bytes where they are text."""
    return b"".join(field if isinstance(field, bytes) else bytes.fromhex(field) for field in fields)


class WireTestCase(SynchronousTestCase):
    """Compares messages with literal bytes, both ways."""

    def check(self, message: Message, version: int, encoded: bytes) -> None:
        """``message`` is ``encoded`` in ``version``, and the other way round."""
        self.assertEqual(message.encode(version).hex(" "), encoded.hex(" "))
        self.assertEqual(message.decode(encoded, version), (message, len(encoded)))

"""From an event to a line."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.audit.record import ENTRIES_MAX, LINE_BYTES_MAX, TEXT_CHARACTERS_MAX, audit_record, left_out_record
from chronik.security.audit_interfaces import AuditEvent, AuditKind
from tests.audit.fakes import event

TIME = 1_700_000_000.25


def told(happened: AuditEvent) -> dict[str, Any]:
    """Its record, understood."""
    made = audit_record(happened, TIME, "cluster", 1)
    assert b"\n" not in made.line
    found: dict[str, Any] = json.loads(made.line)
    return found


class RecordTests(SynchronousTestCase):
    """:func:`audit_record`."""

    def test_fields(self) -> None:
        """Every field of an event, literally."""
        happened = event(
            AuditKind.CHANGE,
            action="IncrementalAlterConfigs",
            resource="TOPIC:orders",
            before={"retention.ms": None},
            after={"retention.ms": "5"},
            details={"client_id": "c"},
        )
        made = audit_record(happened, TIME, "cluster", 1)
        self.assertEqual((1_700_000_000_250, "User:alice"), (made.time_ms, made.key))
        self.assertEqual(
            {
                "time": "2023-11-14T22:13:20.250Z",
                "cluster": "cluster",
                "broker": 1,
                "kind": "change",
                "action": "IncrementalAlterConfigs",
                "outcome": "success",
                "principal": "User:alice",
                "host": "10.0.0.9",
                "listener": "PLAINTEXT",
                "resource": "TOPIC:orders",
                "before": {"retention.ms": None},
                "after": {"retention.ms": "5"},
                "details": {"client_id": "c"},
            },
            json.loads(made.line),
        )

    def test_what_is_empty_is_left_out(self) -> None:
        """A failure without anything else to say is short."""
        self.assertEqual("failure", told(event(succeeded=False))["outcome"])
        self.assertFalse({"resource", "reason", "before", "after", "details"} & told(event()).keys())

    def test_bounded(self) -> None:
        """Texts and numbers of entries that somebody else chose have an end, which shows."""
        long = told(event(principal="User:" + "x" * 10_000, details={"names": ["y" * 10_000] * 1_000}))
        self.assertEqual((TEXT_CHARACTERS_MAX, "…"), (len(long["principal"]), long["principal"][-1]))
        self.assertEqual(ENTRIES_MAX + 1, len(long["details"]["names"]))
        many = told(event(after={f"k{number}": "v" for number in range(ENTRIES_MAX + 5)}))
        self.assertEqual((ENTRIES_MAX + 1, 5), (len(many["after"]), many["after"]["…"]))

    def test_huge(self) -> None:
        """Whatever is in it, a record is not larger than a batch has room for."""
        values = {f"k{number}": "ü" * TEXT_CHARACTERS_MAX for number in range(ENTRIES_MAX)}
        made = audit_record(event(before=values, after=values, details=values), TIME, "cluster", 1)
        self.assertLess(len(made.line), LINE_BYTES_MAX)
        self.assertTrue(json.loads(made.line)["cut"])

    def test_hostile_texts(self) -> None:
        """Newlines cannot make two records of one; surrogates and controls do not keep one from being made."""
        for text in ('x"}\n{"kind":"change"', "\ud800", "\x00\x1b[2J", "\u2028"):
            self.assertEqual("change", told(event(resource=text))["kind"])

    def test_values(self) -> None:
        """Numbers and truth values stay what they are; anything else becomes a text."""
        details = told(event(details={"a": 1, "b": True, "c": (1, 2), "d": b"x", "e": {"f": frozenset({1})}}))["details"]
        self.assertEqual({"a": 1, "b": True, "c": [1, 2], "d": "b'x'", "e": {"f": [1]}}, details)

    def test_left_out(self) -> None:
        """The record that counts others."""
        made = left_out_record({"kind": "authentication", "principal": "", "host": "10.0.0.9"}, TIME, "cluster", 1, 7, "too many")
        found = json.loads(made.line)
        self.assertEqual(("authentication", 7, "too many", "10.0.0.9"), tuple(found[name] for name in ("kind", "left_out", "reason", "host")))

"""Looks into brokers now and then: whatever any of them takes for committed, everyone who may lead has, safe from a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chronik.model import TopicId
from chronik.testing.simulation.audit import MetadataAudit
from chronik.testing.simulation.brokers import SimulatedBroker

LOOK_SECONDS: Final = 0.008


class CommitAudit:
    """Compares logs with what the metadata says of who is in sync.

    :param finding: told of everything that must not be.
    """

    def __init__(self, audit: MetadataAudit, brokers: Sequence[SimulatedBroker], finding: Callable[[str], None]) -> None:
        self._audit = audit
        self._brokers = brokers
        self._finding = finding
        self._committed: dict[tuple[TopicId, int], tuple[int, int]] = {}
        self._starts: dict[tuple[tuple[TopicId, int], int], int] = {}
        self._told: set[tuple[tuple[TopicId, int], int]] = set()

    def look(self) -> None:
        """Look once."""
        lives = [(broker.number, broker.life) for broker in self._brokers if broker.life is not None]
        for number, life in lives:
            # Who stops goes on leading until another one does.
            for key, log in life.logs.items() if life.phase in ("serving", "stopping") else ():
                if log.high_watermark > self._committed.get(key, (0, 0))[0]:
                    self._committed[key] = log.high_watermark, number
        for number, life in lives:
            for key, log in life.logs.items() if life.phase == "serving" else ():
                committed, teller = self._committed.get(key, (0, 0))
                if log.start_offset > max(committed, self._starts.get((key, number), 0)):
                    self._starts[key, number] = log.start_offset
                    self._finding(f"broker {number} removed {key[0].hex()}-{key[1]} up to {log.start_offset}, {committed} is committed")
                if log.flushed_offset < committed and not log.failed and (key, number) not in self._told:
                    self._check(key, number, log.flushed_offset, committed, teller)

    def _check(self, key: tuple[TopicId, int], number: int, has: int, committed: int, teller: int) -> None:
        state = self._audit.state(*key)
        if state is not None and number in (*state.isr, *state.elr):
            self._told.add((key, number))
            self._finding(f"broker {number} has {has}, broker {teller} takes {committed} for committed: {key[0].hex()}-{key[1]}, {state}")

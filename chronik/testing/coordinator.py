"""A state log in memory, for tests of coordinators: appends succeed, wait or fail as the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from chronik.coordinator.interfaces import IStateLog, StateRecord
from chronik.errors import KafkaError


@implementer(IStateLog)
class FakeStateLog:
    """One partition of an internal topic.

    :ivar records: what is durable, in order.
    :ivar held: when it is a list, appends wait in it until :meth:`release`.
    :ivar refusing: when it is set, appends fail with it.
    """

    def __init__(self, partition: int = 0) -> None:
        self.partition = partition
        self.leader_epoch = 0
        self.records: list[StateRecord] = []
        self.held: list[tuple[Deferred[int], Sequence[StateRecord]]] | None = None
        self.refusing: KafkaError | None = None

    def append(self, records: Sequence[StateRecord]) -> Deferred[int]:
        """See :meth:`IStateLog.append`."""
        if self.refusing is not None:
            return fail(self.refusing)
        if self.held is None:
            self.records.extend(records)
            return succeed(len(self.records))
        waiting: Deferred[int] = Deferred()
        self.held.append((waiting, records))
        return waiting

    def release(self) -> None:
        """Make everything that waits durable, and hold nothing any more."""
        held, self.held = self.held or [], None
        for waiting, records in held:
            self.records.extend(records)
            waiting.callback(len(self.records))

    def replay(self, apply: Callable[[StateRecord], None]) -> Deferred[int]:
        """See :meth:`IStateLog.replay`."""
        for record in tuple(self.records):
            apply(record)
        return succeed(len(self.records))

"""A log store under test, and short ways to use it: what the contracts of logs and stores share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.record.batch import BatchHeader, whole_batches
from chronik.record.records import Record, decode_records
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import ILogSlice
from chronik.testing.logs import ID, TP, make_clock
from chronik.testing.records import batch_of

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Base
else:
    _Base = object

ALL = 1 << 30
"""More bytes, and a higher offset, than any log here has."""


class LogFixture(_Base):
    """A store, and short ways to use it."""

    def make_store(self, clock: Clock) -> Any:
        """A store, not started, over the data that earlier stores of this test left."""
        raise NotImplementedError

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred; override it where one needs real time to fire."""
        return self.successResultOf(deferred)

    def wait_error(self, deferred: Deferred[Any]) -> ErrorCode:
        """The code that a Deferred fails with."""
        return self.failureResultOf(deferred, KafkaError).value.code  # type: ignore[no-any-return]

    def setUp(self) -> None:
        """Start a store."""
        super().setUp()
        self.clock = make_clock()
        self.store = self.started()

    def started(self) -> Any:
        """A store that was started."""
        store = self.make_store(self.clock)
        self.wait(store.start())
        self.addCleanup(store.close)
        return store

    def opened(self, config: LogConfig | None = None, topic_partition: TopicPartition = TP) -> Any:
        """A log of the store."""
        return self.wait(self.store.open(topic_partition, ID, config or LogConfig()))

    def append(self, log: Any, *values: bytes, leader_epoch: int = 0, **fields: Any) -> Any:
        """Append one batch."""
        return self.wait(log.append(batch_of(*values, **fields), leader_epoch))

    def slice_bytes(self, found: ILogSlice) -> bytes:
        """All bytes of a slice, which is closed."""
        data = found.read(0, len(found))
        self.assertEqual(len(found), len(data))
        found.close()
        return data

    def read(self, log: Any, offset: int = 0, max_bytes: int = ALL, limit_offset: int = ALL, at_least_one: bool = True) -> bytes:
        """What a read gives."""
        return self.slice_bytes(self.wait(log.read(offset, max_bytes, limit_offset, at_least_one)))

    def headers(self, log: Any, offset: int = 0) -> list[BatchHeader]:
        """All batch headers from an offset on, over all extents."""
        found: list[BatchHeader] = []
        while offset < log.end_offset:
            batches = [header for header, _ in whole_batches(self.read(log, offset))]
            if not batches:
                break
            found += batches
            offset = batches[-1].last_offset + 1
        return found

    def records(self, log: Any, offset: int | None = None) -> list[tuple[int, bytes | None]]:
        """``(offset, value)`` of all records from an offset on."""
        found: list[Record] = []
        position = log.start_offset if offset is None else offset
        while position < log.end_offset:
            batches = list(whole_batches(self.read(log, position)))
            if not batches:
                break
            for _, data in batches:
                found += decode_records(data)
            position = batches[-1][0].last_offset + 1
        first = log.start_offset if offset is None else offset
        return [(record.offset, record.value) for record in found if record.offset >= first]

"""ListOffsets: ends, times, and what each version may ask."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.protocol.messages import ListOffsetsRequest
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.storage.interfaces import OffsetAndTimestamp
from tests.server.core import Core

VERSIONS = range(1, 12)


class ListOffsetsTest(SynchronousTestCase):
    """A broker of one partition with five records."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core()

    def parts(self, *asked: tuple[int, int], version: int = 11, name: str = "t", **more: Any) -> list[Any]:
        """The answers to ``(partition, timestamp)``."""
        wanted = tuple(ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=timestamp, **more) for index, timestamp in asked)
        request = ListOffsetsRequest(replica_id=-1, topics=(ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=wanted),))
        response = self.core.decode(request, version, self.successResultOf(self.core.dispatch(request, version).pieces))
        return list(response.topics[0].partitions)

    def test_every_version(self) -> None:
        """Latest and earliest, with the leader epoch from version 4 on."""
        for version in VERSIONS:
            (latest,) = self.parts((0, -1), version=version)
            self.assertEqual((latest.error_code, latest.offset, latest.timestamp), (ErrorCode.NONE, 5, -1))
            self.assertEqual(latest.leader_epoch, 3 if version >= 4 else -1)

    def test_by_time(self) -> None:
        """The record found, or nothing."""
        self.core.log.found = OffsetAndTimestamp(2, 1234, 1)
        (found,) = self.parts((0, 1000))
        self.assertEqual((found.offset, found.timestamp, found.leader_epoch), (2, 1234, 1))
        self.core.log.found = None
        (nothing,) = self.parts((0, 1000))
        self.assertEqual((nothing.error_code, nothing.offset, nothing.timestamp), (ErrorCode.NONE, -1, -1))

    def test_special_timestamps_of_later_versions(self) -> None:
        """Each is refused, not misread as a time, before the version that brought it."""
        for timestamp, first in ((-3, 7), (-4, 8), (-5, 9), (-6, 11)):
            (before,) = self.parts((0, timestamp), version=first - 1)
            self.assertEqual(before.error_code, ErrorCode.UNSUPPORTED_VERSION)
            (since,) = self.parts((0, timestamp), version=first)
            self.assertEqual(since.error_code, ErrorCode.NONE)
        (unknown,) = self.parts((0, -7))
        self.assertEqual(unknown.error_code, ErrorCode.UNSUPPORTED_VERSION)

    def test_errors(self) -> None:
        """Unknown partitions, old epochs, the same partition twice, no permission."""
        self.assertEqual([part.error_code for part in self.parts((7, -1))], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
        self.assertEqual([part.error_code for part in self.parts((0, -1), current_leader_epoch=2)], [ErrorCode.FENCED_LEADER_EPOCH])
        self.assertEqual([part.error_code for part in self.parts((0, -1), (0, -2))], [ErrorCode.INVALID_REQUEST] * 2)
        self.core.authorizer.refused = {Action(Operation.DESCRIBE, ResourceType.TOPIC, "t")}
        self.assertEqual([part.error_code for part in self.parts((0, -1))], [ErrorCode.TOPIC_AUTHORIZATION_FAILED])

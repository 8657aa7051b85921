"""Heads survive the wire."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicId
from chronik.search.feed_messages import (
    AskedPartition,
    AskedTopic,
    Committed,
    ExtentEvent,
    PartitionFeed,
    Progress,
    SearchCall,
    committed_head,
    extent_head,
    partition_head,
    progress_head,
    read_committed,
    read_extent,
    read_partition,
    read_progress,
    read_search,
    search_head,
)
from chronik.search.wire import Head


def sent(head: Head) -> Any:
    """The head as the peer reads it."""
    return json.loads(json.dumps(head))


class RoundTripTests(SynchronousTestCase):
    """Every message that is read back into a value."""

    def test_partition(self) -> None:
        """A partition with an open and a sealed extent."""
        committed = Committed(3, 5, 90, 100)
        value = PartitionFeed(3, "logs", TopicId(bytes(range(16))), 2, "json", True, "/d/.search/x/2", ((0, 50, 1), (50, None, 0)), committed)
        self.assertEqual(read_partition(sent(partition_head(value))), value)

    def test_committed(self) -> None:
        """Several partitions at once."""
        values = [Committed(1, 0, 5, 6), Committed(2, 1, 1, 1)]
        self.assertEqual(read_committed(sent(committed_head(values))), values)

    def test_extent(self) -> None:
        """Open and sealed extents."""
        for value in (ExtentEvent(1, "opened", 7, None, 0), ExtentEvent(1, "rewritten", 7, 9, 2)):
            self.assertEqual(read_extent(sent(extent_head(value))), value)

    def test_search(self) -> None:
        """A call over two topics, its body apart."""
        topics = (AskedTopic("a", (AskedPartition(0, Committed(1, 0, 5, 6)),)), AskedTopic("b", (), ((7, "its disk failed"),)))
        value = SearchCall(9, "search", topics, {"q": "x"}, b"{}", 1.5)
        self.assertEqual(read_search(sent(search_head(value)), b"{}"), value)

    def test_progress(self) -> None:
        """Progress of partitions."""
        values = [Progress(1, 10, 9, 12, ""), Progress(2, 0, 0, -1, "disk full")]
        self.assertEqual(read_progress(sent(progress_head(values, 5))), values)

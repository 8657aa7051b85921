"""Where records come from: Fetch to the process's own broker, committed data only.

:class:`FetchSource` speaks Kafka's Fetch with topic ids (KIP-516) and read_committed (KIP-98). It never waits at the broker: the control channel
says when there is more, so that one request names only partitions that have some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode
from chronik.model import IsolationLevel, TopicId
from chronik.protocol import messages

if TYPE_CHECKING:

    class Channel(Protocol):
        """What is needed of :class:`chronik.network.channel.KafkaChannel`."""

        def request(self, message: messages.Message) -> Deferred[Any]:
            """Send a request; fires with its response."""


@dataclass(frozen=True, slots=True)
class Want:
    """Ask for a partition's batches, from the one that holds ``offset`` on."""

    topic_id: TopicId
    partition: int
    offset: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one :class:`Want`.

    :ivar records: whole batches, the last one perhaps cut off; the first may begin before the asked offset.
    :ivar aborted: ``(producer id, first offset)`` of aborted transactions among them.
    :ivar damaged_to: what the log does not serve from the asked offset on, because it is damaged, ends here; 0 for nothing.
    """

    want: Want
    error: ErrorCode
    start: int
    stable: int
    committed: int
    records: bytes | memoryview
    aborted: Sequence[tuple[int, int]] = ()
    damaged_to: int = 0


class IRecordSource(Interface):
    """Reads committed records."""

    def fetch(wants: Sequence[Want], bytes_max: int) -> Deferred[Sequence[Fetched]]:
        """What there is now, without waiting for more.

        :param bytes_max: of all together; the first batch there is comes whole even when it is larger.
        :returns: one :class:`Fetched` for each partition that the broker answered for, in no certain order.
        """


@implementer(IRecordSource)
class FetchSource:
    """Records by Fetch over a channel.

    :param channel: to the broker; answers come in the order of requests.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @deferred
    async def fetch(self, wants: Sequence[Want], bytes_max: int) -> Sequence[Fetched]:
        """See :meth:`IRecordSource.fetch`."""
        response: messages.FetchResponse = await self._channel.request(_request(wants, bytes_max))
        if response.error_code:
            code = ErrorCode(response.error_code)
            return [Fetched(w, code, -1, -1, -1, b"") for w in wants]
        by_partition: dict[tuple[bytes, int], Want] = {(w.topic_id, w.partition): w for w in wants}
        return [
            _fetched(by_partition[topic.topic_id, data.partition_index], data)
            for topic in response.responses
            for data in topic.partitions
            if (topic.topic_id, data.partition_index) in by_partition
        ]


def _request(wants: Sequence[Want], bytes_max: int) -> messages.FetchRequest:
    request = messages.FetchRequest
    topics: dict[TopicId, list[messages.FetchRequest.FetchPartition]] = {}
    for want in wants:
        topics.setdefault(want.topic_id, []).append(
            request.FetchPartition(
                partition=want.partition,
                current_leader_epoch=-1,
                fetch_offset=want.offset,
                last_fetched_epoch=-1,
                log_start_offset=-1,
                partition_max_bytes=want.bytes_max,
            )
        )
    return request(
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=bytes_max,
        isolation_level=IsolationLevel.READ_COMMITTED,
        topics=tuple(request.FetchTopic(topic_id=topic_id, partitions=tuple(rows)) for topic_id, rows in topics.items()),
    )


def _fetched(want: Want, data: messages.FetchResponse.PartitionData) -> Fetched:
    return Fetched(
        want,
        ErrorCode(data.error_code),
        data.log_start_offset,
        data.last_stable_offset,
        data.high_watermark,
        data.records or b"",
        tuple((a.producer_id, a.first_offset) for a in data.aborted_transactions or ()),
    )

"""One look at the partitions of a Fetch: finding them, and reading what fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import IsolationLevel
from chronik.protocol.messages import FetchRequest
from chronik.record.batch import HEADER_BYTES, parse_header
from chronik.record.compression import Codec
from chronik.replica.interfaces import IPartition, ReadResult
from chronik.security.interfaces import Operation, ResourceType
from chronik.server.context import RequestContext
from chronik.server.fetch_sessions import FetchPartition

FIRST_VERSION_WITH_ZSTD: Final = 10


@dataclass(frozen=True, slots=True)
class Diverged:
    """The client's last fetched epoch ended before its offset (KIP-595): it read what was truncated since."""

    epoch: int
    end_offset: int
    high_watermark: int
    start_offset: int


Outcome: TypeAlias = "ReadResult | KafkaError | Diverged"


@dataclass(slots=True)
class Look:
    """What was seen of one partition; ``name`` is its topic's, ``partition`` itself where it was found."""

    part: FetchPartition
    name: str
    partition: IPartition | None
    outcome: Outcome

    @property
    def result(self) -> ReadResult | None:
        """What was read, None for an error or a divergence."""
        return self.outcome if isinstance(self.outcome, ReadResult) else None


@dataclass(slots=True)
class Collected:
    """One look at all partitions, in order.

    :ivar bytes: what their records take.
    :ivar changes: how often, before it, a partition was added to what is to be looked at.
    """

    looks: list[Look] = field(default_factory=list)
    bytes: int = 0
    changes: int = 0
    answer_now: bool = False

    def close(self) -> None:
        """Let go of all records."""
        for look in self.looks:
            if isinstance(look.outcome, ReadResult):
                look.outcome.records.close()

    def partitions(self) -> Sequence[IPartition]:
        """Those that were found."""
        return [look.partition for look in self.looks if look.partition is not None]

    def moved(self) -> bool:
        """Whether something was committed since it was read: cold reads take their time."""
        return any(
            isinstance(look.outcome, ReadResult) and look.partition is not None and look.partition.high_watermark > look.outcome.high_watermark
            for look in self.looks
        )


async def collect(context: RequestContext, request: FetchRequest, parts: Sequence[FetchPartition]) -> Collected:
    """Read every partition, the first with records even when its first batch is larger than asked for (KIP-74)."""
    collected = Collected()
    names = context.services.metadata.image.names
    isolation = IsolationLevel.READ_COMMITTED if request.isolation_level == 1 else IsolationLevel.READ_UNCOMMITTED
    services = context.services
    room = min(request.max_bytes, services.fetch_bytes_max, services.quotas.fetch_bytes_max(context.session, context.client_id))
    for part in parts:
        name = part.topic[0] or names.get(part.topic[1]) or ""
        partition: IPartition | None = None
        try:
            partition = _find(context, name, part)
            outcome: Outcome = await _read(context, partition, part, min(room, part.max_bytes), isolation, collected.bytes == 0)
        except KafkaError as error:
            outcome = error
        collected.looks.append(Look(part, name, partition, outcome))
        if isinstance(outcome, ReadResult):
            collected.bytes += outcome.records.size
            room = max(0, room - outcome.records.size)
        else:
            collected.answer_now = True
    return collected


def _find(context: RequestContext, name: str, part: FetchPartition) -> IPartition:
    if not name:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "no topic has this id")
    if not context.allowed(Operation.READ, ResourceType.TOPIC, name):
        code = ErrorCode.TOPIC_AUTHORIZATION_FAILED if part.topic[0] else ErrorCode.UNKNOWN_TOPIC_ID
        raise KafkaError(code, f"{context.session.principal} may not read topic {name}")
    partition: IPartition = context.services.partitions.get(name, part.number)
    partition.check_epoch(part.leader_epoch)
    return partition


async def _read(
    context: RequestContext, partition: IPartition, part: FetchPartition, bytes_max: int, isolation: IsolationLevel, at_least_one_batch: bool
) -> Outcome:
    if part.last_fetched_epoch >= 0:
        diverged = _divergence(partition, part)
        if diverged is not None:
            return diverged
    result = await partition.read(part.offset, max(0, bytes_max), isolation, at_least_one_batch)
    if context.api_version < FIRST_VERSION_WITH_ZSTD and _holds_zstd(result):
        result.records.close()
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "the records are compressed by zstd, which Fetch knows from version 10 on")
    return result


def _divergence(partition: IPartition, part: FetchPartition) -> Diverged | None:
    epoch, end_offset = partition.log.end_offset_for_epoch(part.last_fetched_epoch)
    if epoch < 0:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"epoch {part.last_fetched_epoch} is unknown to {partition.topic_partition}")
    if epoch < part.last_fetched_epoch or end_offset < part.offset:
        return Diverged(epoch, end_offset, partition.high_watermark, partition.start_offset)
    return None


def _holds_zstd(result: ReadResult) -> bool:
    head = result.records.read(0, HEADER_BYTES)
    return len(head) == HEADER_BYTES and parse_header(head).codec == Codec.ZSTD

"""One look at the partitions of a Fetch: finding them, and reading what fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, IsolationLevel
from chronik.protocol.messages import FetchRequest
from chronik.record.batch import HEADER_BYTES, parse_header
from chronik.record.compression import Codec
from chronik.replica.interfaces import Diverged, FollowerFetch, IPartition, ReadResult
from chronik.security.interfaces import Operation
from chronik.server.context import RequestContext
from chronik.server.fetch_sessions import FetchPartition
from chronik.server.handlers.topic_access import topic_refusal, unknown_id

FIRST_VERSION_WITH_ZSTD: Final = 10


class Replica(NamedTuple):
    """The follower that fetches: its broker id, and the epoch it is registered under, -1 where it does not say."""

    broker_id: int
    broker_epoch: int


def replica_of(request: FetchRequest) -> Replica | None:
    """The broker that fetches, None for a consumer."""
    state = request.replica_state
    if state.replica_id >= 0:
        return Replica(state.replica_id, state.replica_epoch)
    return Replica(request.replica_id, NO_EPOCH) if request.replica_id >= 0 else None


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

    def moved(self, follows: bool) -> bool:
        """Whether there is more to read by now; see :meth:`Collected.moved`."""
        if self.partition is None or not isinstance(self.outcome, ReadResult):
            return False
        if self.partition.high_watermark > self.outcome.high_watermark:
            return True
        return follows and self.partition.written_offset > self.outcome.written_offset


@dataclass(slots=True)
class Collected:
    """One look at all partitions, in order.

    :ivar bytes: what their records take.
    :ivar changes: how often, before it, a partition was added to what is to be looked at.
    :ivar follows: whether it is for a follower, who sees what is not committed too.
    """

    looks: list[Look] = field(default_factory=list)
    bytes: int = 0
    changes: int = 0
    answer_now: bool = False
    follows: bool = False

    def close(self) -> None:
        """Let go of all records."""
        for look in self.looks:
            if isinstance(look.outcome, ReadResult):
                look.outcome.records.close()

    def partitions(self) -> Sequence[IPartition]:
        """Those that were found."""
        return [look.partition for look in self.looks if look.partition is not None]

    def moved(self) -> bool:
        """Whether there is more by now than was seen: cold reads take their time."""
        return any(look.moved(self.follows) for look in self.looks)


async def collect(context: RequestContext, request: FetchRequest, parts: Sequence[FetchPartition]) -> Collected:
    """Read every partition, the first with records even when its first batch is larger than asked for (KIP-74)."""
    names = context.services.metadata.image.names
    isolation = IsolationLevel.READ_COMMITTED if request.isolation_level == 1 else IsolationLevel.READ_UNCOMMITTED
    services, replica = context.services, replica_of(request)
    collected = Collected(follows=replica is not None)
    room = min(request.max_bytes, services.fetch_bytes_max)
    if replica is None:
        room = min(room, services.quotas.fetch_bytes_max(context.session, context.client_id))
    for part in parts:
        name = part.topic[0] or names.get(part.topic[1]) or ""
        partition: IPartition | None = None
        try:
            partition = _find(context, name, part, replica)
            bytes_max = max(0, min(room, part.max_bytes))
            if replica is None:
                outcome: Outcome = await _read(context, partition, part, bytes_max, isolation, collected.bytes == 0)
            else:
                fetch = FollowerFetch(*replica, part.offset, part.last_fetched_epoch, part.log_start_offset, bytes_max, collected.bytes == 0)
                outcome = await partition.read_as_follower(fetch)
        except KafkaError as error:
            outcome = error
        collected.looks.append(Look(part, name, partition, outcome))
        if isinstance(outcome, ReadResult):
            collected.bytes += outcome.records.size
            room = max(0, room - outcome.records.size)
        else:
            collected.answer_now = True
    return collected


def _find(context: RequestContext, name: str, part: FetchPartition, replica: Replica | None) -> IPartition:
    if replica is not None and not context.allowed_cluster(Operation.CLUSTER_ACTION):
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} is no broker of this cluster")
    if not name:
        raise unknown_id()
    refusal = topic_refusal(context, Operation.READ, name, by_id=not part.topic[0]) if replica is None else None
    if refusal is not None:
        raise refusal
    partitions = context.services.partitions
    # By the id where that is what was asked for: while partitions before this one were read, another topic may have taken its name.
    partition: IPartition = partitions.get(name, part.number) if part.topic[0] else partitions.get_by_id(part.topic[1], part.number)
    partition.check_epoch(part.leader_epoch)
    return partition


async def _read(
    context: RequestContext, partition: IPartition, part: FetchPartition, bytes_max: int, isolation: IsolationLevel, at_least_one_batch: bool
) -> Outcome:
    diverged = partition.divergence(part.last_fetched_epoch, part.offset)
    if diverged is not None:
        return diverged
    result = await partition.read(part.offset, bytes_max, isolation, at_least_one_batch)
    if context.api_version < FIRST_VERSION_WITH_ZSTD and _holds_zstd(result):
        result.records.close()
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "the records are compressed by zstd, which Fetch knows from version 10 on")
    return result


def _holds_zstd(result: ReadResult) -> bool:
    head = result.records.read(0, HEADER_BYTES)
    return len(head) == HEADER_BYTES and parse_header(head).codec == Codec.ZSTD

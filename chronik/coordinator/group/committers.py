"""Who may commit and fetch the offsets of a group: members in their generation or epoch, and others while there are no members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.member import ConsumerMember
from chronik.coordinator.group.group import Group, GroupState, Member
from chronik.coordinator.group.interfaces import Committing
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage


def check_classic_committer(group: Group, committing: Committing, lives: Callable[[Member], None]) -> None:
    """Whether a classic group takes a commit.

    :param lives: told of the member that commits.
    :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``FENCED_INSTANCE_ID``, ``ILLEGAL_GENERATION``, ``REBALANCE_IN_PROGRESS``.
    """
    outsider = committing.generation < 0 and not committing.member_id and committing.instance_id is None
    if outsider:
        if group.state is not GroupState.EMPTY:
            raise group.unknown_member(committing.member_id)
        return
    if committing.generation < 0 and group.state is GroupState.EMPTY:
        return
    member = group.member(committing.member_id, committing.instance_id)
    group.check_generation(committing.generation)
    if group.state is GroupState.COMPLETING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group rebalances: commit after the assignment came")
    lives(member)


def check_consumer_committer(group: ConsumerGroup, committing: Committing, image: MetadataImage) -> None:
    """Whether a consumer group takes a commit.

    A member may be an epoch or more behind, as long as it has had the partitions since then (KIP-1251): an answer is on its way to it.

    :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``UNSUPPORTED_VERSION``, ``STALE_MEMBER_EPOCH``, or ``ILLEGAL_GENERATION`` for a classic client.
    """
    if committing.generation < 0 and group.is_empty:
        return
    member = group.member(committing.member_id)
    if member.classic is None and not committing.knows_epochs:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "OffsetCommit version 9 or above must be used by members using the consumer group protocol")
    if committing.generation == member.epoch:
        return
    if committing.generation > member.epoch:
        raise _stale(member, f"epoch {committing.generation} is newer than the member's epoch {member.epoch}")
    _check_partitions(member, committing.generation, committing.offsets, image)


def _check_partitions(member: ConsumerMember, epoch: int, places: Iterable[TopicPartition], image: MetadataImage) -> None:
    for place in places:
        topic = image.topics.get(place.topic)
        since = None if topic is None else member.epoch_of(topic.topic_id, place.partition)
        if since is None:
            raise _stale(member, f"partition {place} is not the member's")
        if epoch < since:
            raise _stale(member, f"epoch {epoch} is older than the epoch {since} in which the member got {place}")


def check_consumer_reader(group: ConsumerGroup, member_id: str | None, epoch: int) -> None:
    """Whether a consumer group tells its offsets.

    :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``STALE_MEMBER_EPOCH``, or ``ILLEGAL_GENERATION`` for a classic client.
    """
    if member_id is None and epoch < 0:
        return
    member = group.member(member_id or "")
    if epoch != member.epoch:
        raise _stale(member, f"epoch {epoch} is not the member's epoch {member.epoch}")


def _stale(member: ConsumerMember, why: str) -> KafkaError:
    code = ErrorCode.STALE_MEMBER_EPOCH if member.classic is None else ErrorCode.ILLEGAL_GENERATION
    return KafkaError(code, why)

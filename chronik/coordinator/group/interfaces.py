"""What the group coordinator does for the handlers: membership of both protocols, offsets, administration.

KIP-62, KIP-345, KIP-394 and their relatives; KIP-848 for the newer protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, DescribedConsumerGroup, HeartbeatAnswer
    from chronik.errors import KafkaError
    from chronik.model import TopicPartition


@dataclass(frozen=True, slots=True)
class Joining:
    """A member that wants in, or in again; timeouts in ms.

    :ivar member_id: empty for a new member.
    :ivar instance_id: of a static member.
    :ivar protocols: ``(name, metadata)``, the preferred one first.
    :ivar known_id_required: a new member is first told its id, and comes again with it (KIP-394).
    :ivar skips_assignment: it understands ``skip_assignment`` (KIP-814).
    """

    group_id: str
    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    known_id_required: bool = False
    skips_assignment: bool = True


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """One member, as the leader is told of it."""

    member_id: str
    instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """The outcome of joining.

    :ivar members: all of them for the leader, nobody for others.
    :ivar skip_assignment: the leader need not assign: it came back and nothing changed (KIP-814).
    """

    member_id: str
    generation: int
    protocol_type: str | None
    protocol_name: str | None
    leader_id: str
    members: tuple[JoinedMember, ...] = ()
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True)
class Syncing:
    """A member that asks for its assignment; the leader brings everybody's."""

    group_id: str
    generation: int
    member_id: str
    instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Synced:
    """A member's assignment."""

    protocol_type: str | None
    protocol_name: str | None
    assignment: bytes


@dataclass(frozen=True, slots=True)
class Leaving:
    """A member that leaves, or is removed by an administrator."""

    member_id: str
    instance_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetCommit:
    """An offset to be committed; ``expire_timestamp`` is ms, -1 for the broker's retention."""

    offset: int
    leader_epoch: int
    metadata: str
    expire_timestamp: int = -1


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """An offset as it is kept; timestamps are ms, -1 for none."""

    offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp: int
    expire_timestamp: int = -1


@dataclass(frozen=True, slots=True)
class Committing:
    """Who commits what.

    :ivar generation: or the member's epoch in a group of the newer protocol; -1 of none.
    :ivar knows_epochs: it came in a version whose clients know what member epochs are.
    """

    group_id: str
    generation: int
    member_id: str
    instance_id: str | None
    offsets: Mapping[TopicPartition, OffsetCommit]
    knows_epochs: bool = True


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """One member; ``metadata`` is empty while the group is not stable, ``assignment`` is then its last one."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    metadata: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class DescribedGroup:
    """A group as it is now."""

    group_id: str
    state: str
    protocol_type: str
    protocol_name: str
    members: tuple[DescribedMember, ...]


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group in one line; ``kind`` is ``classic`` or ``consumer``."""

    group_id: str
    state: str
    protocol_type: str
    members: int
    kind: str


@dataclass(frozen=True, slots=True)
class GroupOffset:
    """One committed offset, for metrics."""

    group_id: str
    topic: str
    partition: int
    offset: int


class IGroupCoordinator(Interface):
    """Coordinates the groups whose state this broker leads.

    Every method that names a group fails with ``NOT_COORDINATOR`` when its state is led elsewhere or there is none yet,
    ``COORDINATOR_LOAD_IN_PROGRESS`` while it is being read, and ``COORDINATOR_NOT_AVAILABLE`` when it could not be written.
    """

    def partition_of(group_id: str, partitions: int) -> int:
        """Which of so many partitions holds a group."""

    def join(joining: Joining) -> Deferred[Joined]:
        """Become or stay a member; fires when the next generation begins.

        :raises KafkaError: ``INVALID_GROUP_ID``, ``INVALID_SESSION_TIMEOUT``, ``UNKNOWN_MEMBER_ID``, ``MEMBER_ID_REQUIRED`` (a
            :class:`~chronik.coordinator.group.group.MemberIdRequired`), ``INCONSISTENT_GROUP_PROTOCOL``, ``GROUP_MAX_SIZE_REACHED``,
            ``FENCED_INSTANCE_ID``.
        """

    def sync(syncing: Syncing) -> Deferred[Synced]:
        """A member's assignment; fires once the leader has brought it and it is durable.

        :raises KafkaError: ``INVALID_GROUP_ID``, ``UNKNOWN_MEMBER_ID``, ``ILLEGAL_GENERATION``, ``REBALANCE_IN_PROGRESS``,
            ``INCONSISTENT_GROUP_PROTOCOL``, ``FENCED_INSTANCE_ID``.
        """

    def heartbeat(group_id: str, generation: int, member_id: str, instance_id: str | None) -> Deferred[None]:
        """A member lives; believed without question while the group is being read.

        :raises KafkaError: ``INVALID_GROUP_ID``, ``UNKNOWN_MEMBER_ID``, ``ILLEGAL_GENERATION``, ``REBALANCE_IN_PROGRESS``, ``FENCED_INSTANCE_ID``.
        """

    def leave(group_id: str, members: Sequence[Leaving]) -> Deferred[Sequence[KafkaError | None]]:
        """Remove members; one outcome for each: ``UNKNOWN_MEMBER_ID`` or ``FENCED_INSTANCE_ID``.

        :raises KafkaError: ``INVALID_GROUP_ID``.
        """

    def consumer_heartbeat(heartbeat: ConsumerHeartbeat) -> Deferred[HeartbeatAnswer]:
        """A member of the newer protocol lives, joins, leaves or has something new to say; fires once that is durable (KIP-848).

        :raises KafkaError: ``UNSUPPORTED_VERSION`` (the protocol is switched off), ``INVALID_REQUEST``, ``UNSUPPORTED_ASSIGNOR``,
            ``GROUP_ID_NOT_FOUND``, ``UNKNOWN_MEMBER_ID``, ``FENCED_MEMBER_EPOCH``, ``FENCED_INSTANCE_ID``, ``UNRELEASED_INSTANCE_ID``,
            ``GROUP_MAX_SIZE_REACHED``, ``INVALID_REGULAR_EXPRESSION``.
        """

    def topics_to_describe(group_id: str, pattern: str | None) -> Sequence[str]:
        """Topics of which a heartbeat has to say whether its member may describe them: those that expressions due for a look match.

        :param pattern: one that the member subscribes to with this heartbeat.
        """

    def commit(committing: Committing) -> Deferred[Mapping[TopicPartition, KafkaError | None]]:
        """Keep offsets; fires once they are durable.

        :returns: for each None or ``OFFSET_METADATA_TOO_LARGE``.
        :raises KafkaError: ``GROUP_ID_NOT_FOUND`` (a generation of a group that there is not), ``UNKNOWN_MEMBER_ID``, ``ILLEGAL_GENERATION``,
            ``REBALANCE_IN_PROGRESS``, ``FENCED_INSTANCE_ID``; of members of the newer protocol ``STALE_MEMBER_EPOCH``, ``UNSUPPORTED_VERSION``.
        """

    def settled(group_id: str) -> Deferred[None]:
        """Fires once the commits that are being written now are done: :meth:`offsets` then has them (KIP-447)."""

    def offsets(group_id: str, member_id: str | None = None, epoch: int = -1) -> Mapping[TopicPartition, CommittedOffset]:
        """What a group has committed; nothing for a group that is unknown.

        :param member_id: who asks, in which epoch; None and -1 for nobody in particular. Only groups of the newer protocol look at it.
        :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``STALE_MEMBER_EPOCH``, ``ILLEGAL_GENERATION``.
        """

    def delete_offsets(group_id: str, partitions: Sequence[TopicPartition]) -> Deferred[Mapping[TopicPartition, KafkaError | None]]:
        """Forget committed offsets.

        :returns: for each None or ``GROUP_SUBSCRIBED_TO_TOPIC``.
        :raises KafkaError: ``INVALID_GROUP_ID``, ``GROUP_ID_NOT_FOUND``, ``NON_EMPTY_GROUP``.
        """

    def describe(group_id: str) -> DescribedGroup | None:
        """A classic group as it is now, None when there is none."""

    def describe_consumers(group_id: str) -> DescribedConsumerGroup:
        """A consumer group as it is now.

        :raises KafkaError: ``GROUP_ID_NOT_FOUND``, ``UNSUPPORTED_VERSION`` (the protocol is switched off).
        """

    def list_groups() -> Sequence[GroupSummary]:
        """All groups coordinated here.

        :raises KafkaError: ``COORDINATOR_LOAD_IN_PROGRESS`` while some are being read.
        """

    def delete(group_id: str) -> Deferred[None]:
        """Forget a group and its offsets.

        :raises KafkaError: ``GROUP_ID_NOT_FOUND``, ``NON_EMPTY_GROUP``.
        """

    def summaries() -> Sequence[GroupSummary]:
        """The groups that are known now, for metrics."""

    def committed() -> Sequence[GroupOffset]:
        """The offsets that are known now, for metrics."""

"""A classic consumer group and its members: what they are and which of them fit together. No time, no I/O."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from chronik.coordinator.group.interfaces import CommittedOffset, DescribedGroup, DescribedMember, GroupSummary, Joined, JoinedMember, Joining, Synced
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import ConsumerProtocolSubscription
from chronik.protocol.primitives import DecodeError
from chronik.protocol.versioned import peek_version

if TYPE_CHECKING:
    from chronik.coordinator.group.timers import Deadline
    from chronik.model import TopicPartition

CONSUMER: Final = "consumer"
"""The protocol type of ordinary consumers, whose subscriptions the broker can read; and the kind of groups of the newer protocol."""

CLASSIC: Final = "classic"
"""The kind of these groups, as clients are told of it."""


class GroupState(enum.Enum):
    """Where a group stands; the values are what clients are told."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


class MemberIdRequired(KafkaError):
    """A new member is told its id and comes again with it (KIP-394)."""

    def __init__(self, member_id: str) -> None:
        super().__init__(ErrorCode.MEMBER_ID_REQUIRED, "join again with the member id of this answer")
        self.member_id = member_id


class JoinRefused(KafkaError):
    """A classic client may not come into a consumer group; it is told so without its id, as by Kafka."""


class Member:
    """One member.

    :ivar is_new: it never was in a generation, and so cannot send heartbeats yet.
    :ivar joining: fires with its next generation; None while it waits for none.
    :ivar syncing: fires with its assignment; None while it waits for none.
    :ivar session: the deadline of its next sign of life.
    """

    __slots__ = (
        "assignment",
        "client_host",
        "client_id",
        "instance_id",
        "is_new",
        "joining",
        "member_id",
        "protocols",
        "rebalance_timeout_ms",
        "session",
        "session_timeout_ms",
        "syncing",
    )

    def __init__(self, member_id: str, joining: Joining) -> None:
        self.member_id = member_id
        self.instance_id = joining.instance_id
        self.assignment = b""
        self.is_new = False
        self.joining: Deferred[Joined] | None = None
        self.syncing: Deferred[Synced] | None = None
        self.session: Deadline | None = None
        self.update(joining)

    def update(self, joining: Joining) -> None:
        """Take over what it says of itself now."""
        self.client_id = joining.client_id
        self.client_host = joining.client_host
        self.session_timeout_ms = joining.session_timeout_ms
        self.rebalance_timeout_ms = joining.rebalance_timeout_ms
        self.protocols = joining.protocols

    def metadata(self, protocol: str | None) -> bytes:
        """What it says for a protocol."""
        return next((metadata for name, metadata in self.protocols if name == protocol), b"")

    def end_joining(self, outcome: Joined | KafkaError) -> None:
        """Answer its join, if it waits for one."""
        waiting, self.joining = self.joining, None
        _fire(waiting, outcome)

    def end_syncing(self, outcome: Synced | KafkaError) -> None:
        """Answer its sync, if it waits for one."""
        waiting, self.syncing = self.syncing, None
        _fire(waiting, outcome)


def _fire(waiting: Deferred[object] | Deferred[Joined] | Deferred[Synced] | None, outcome: object) -> None:
    if waiting is None:
        return
    if isinstance(outcome, KafkaError):
        waiting.errback(outcome)
    else:
        waiting.callback(outcome)  # type: ignore[arg-type]


class Group:
    """One group.

    :ivar pending: ids given to new members that did not come again yet, and the deadline of each.
    :ivar rebalance: the deadline of the rebalance under way.
    :ivar initial: a new group still waits for more members before its first generation.
    :ivar newcomers: some came since the wait was last prolonged.
    :ivar unsynced: ids of members that did not ask for their assignment yet in this generation.
    :ivar sync: the deadline of those.
    :ivar state_timestamp: ms since when the group is in its state; decides when offsets of an empty group expire.
    """

    kind = CLASSIC

    def __init__(self, group_id: str, state_timestamp: int = -1) -> None:
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.state_timestamp = state_timestamp
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader_id: str | None = None
        self.members: dict[str, Member] = {}
        self.static: dict[str, str] = {}
        self.pending: dict[str, Deadline] = {}
        self.rebalance: Deadline | None = None
        self.initial = False
        self.newcomers = False
        self.unsynced: set[str] = set()
        self.sync: Deadline | None = None
        self.offsets: dict[TopicPartition, CommittedOffset] = {}

    def move_to(self, state: GroupState, now: int) -> None:
        """Enter a state."""
        self.state = state
        self.state_timestamp = now

    @property
    def is_empty(self) -> bool:
        """Whether it has no members."""
        return self.state is GroupState.EMPTY

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left of it but its offsets, and nobody is about to come."""
        return self.is_empty and not self.pending

    # -- members ------------------------------------------------------------------------------------------------------

    def accepts(self, member_id: str, size_max: int) -> bool:
        """Whether there is room for one that joins under this id, which is empty for a new one.

        While the group rebalances those count who joined already: so a group that grew too large loses whoever comes last.
        """
        member = self.members.get(member_id)
        if self.state is GroupState.EMPTY:
            return True
        if self.state is GroupState.PREPARING_REBALANCE:
            if member is not None and member.joining is not None:
                return True
            return sum(m.joining is not None for m in self.members.values()) < size_max
        return member is not None or len(self.members) < size_max

    def add(self, member: Member, protocol_type: str) -> None:
        """Take a member in; the first one decides the protocol type."""
        if not self.members:
            self.protocol_type = protocol_type
        self.members[member.member_id] = member
        if member.instance_id is not None:
            self.static[member.instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id

    def remove(self, member_id: str) -> Member:
        """Let a member go; the first that waits to join becomes leader in its place."""
        member = self.members.pop(member_id)
        self.unsynced.discard(member_id)
        if member.instance_id is not None and self.static.get(member.instance_id) == member_id:
            del self.static[member.instance_id]
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)
        return member

    def rename(self, member: Member, member_id: str) -> None:
        """Give a static member's place to its successor."""
        del self.members[member.member_id]
        if self.leader_id == member.member_id:
            self.leader_id = member_id
        if member.member_id in self.unsynced:
            self.unsynced.remove(member.member_id)
            self.unsynced.add(member_id)
        member.member_id = member_id
        self.members[member_id] = member
        if member.instance_id is not None:
            self.static[member.instance_id] = member_id

    def member(self, member_id: str, instance_id: str | None) -> Member:
        """The member of this id.

        :raises KafkaError: ``UNKNOWN_MEMBER_ID``; ``FENCED_INSTANCE_ID`` when its static place was taken by another.
        """
        if instance_id is not None:
            holder = self.static.get(instance_id)
            if holder is None:
                raise self.unknown_member(member_id)
            if holder != member_id:
                raise KafkaError(ErrorCode.FENCED_INSTANCE_ID, f"static member {instance_id} of group {self.group_id} is another member now")
        member = self.members.get(member_id)
        if member is None:
            raise self.unknown_member(member_id)
        return member

    def unknown_member(self, member_id: str) -> KafkaError:
        """There is no such member."""
        return KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group {self.group_id} has no member {member_id!r}: join again")

    def check_generation(self, generation: int) -> None:
        """Compare the generation a member believes in.

        :raises KafkaError: ``ILLEGAL_GENERATION``.
        """
        if generation != self.generation:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION, f"group {self.group_id} is in generation {self.generation}, not {generation}")

    def all_joined(self) -> bool:
        """Whether everybody waits for the next generation."""
        return not self.pending and all(member.joining is not None for member in self.members.values())

    def elect(self) -> bool:
        """See to it that the leader is among those who joined; whether there is one."""
        leader = self.members.get(self.leader_id or "")
        if leader is None or leader.joining is None:
            self.leader_id = next((m.member_id for m in self.members.values() if m.joining is not None), None)
        return self.leader_id is not None

    @property
    def rebalance_timeout_ms(self) -> int:
        """How long everybody has to join."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    # -- protocols ----------------------------------------------------------------------------------------------------

    def fits(self, protocol_type: str, names: Iterable[str]) -> bool:
        """Whether a member of these protocols can be in one group with the others."""
        offered = set(names)
        if not protocol_type or not offered:
            return False
        if self.state is GroupState.EMPTY:
            return True
        return self.protocol_type == protocol_type and (not self.members or bool(self._common() & offered))

    def _common(self) -> set[str]:
        """Protocols that every member knows."""
        known = Counter(name for member in self.members.values() for name in {name for name, _ in member.protocols})
        return {name for name, count in known.items() if count == len(self.members)}

    def select_protocol(self) -> str:
        """The protocol that most members prefer among those that all know."""
        common = self._common()
        votes = Counter(next(name for name, _ in member.protocols if name in common) for member in self.members.values())
        return votes.most_common(1)[0][0]

    def subscribed_topics(self) -> set[str] | None:
        """Topics that members of the consumer protocol read; None when that cannot be told."""
        if self.protocol_type != CONSUMER:
            return None
        topics: set[str] = set()
        for member in self.members.values():
            for name, metadata in member.protocols:
                if self.protocol_name in (None, name):
                    try:
                        topics.update(_subscription(metadata))
                    except DecodeError:
                        return None
        return topics

    # -- answers ------------------------------------------------------------------------------------------------------

    def joined(self, member: Member, skip_assignment: bool = False) -> Joined:
        """What a member is told of the generation it is in."""
        leads = member.member_id == self.leader_id
        everyone = tuple(JoinedMember(m.member_id, m.instance_id, m.metadata(self.protocol_name)) for m in self.members.values()) if leads else ()
        return Joined(member.member_id, self.generation, self.protocol_type, self.protocol_name, self.leader_id or "", everyone, skip_assignment)

    def synced(self, member: Member) -> Synced:
        """A member's assignment."""
        return Synced(self.protocol_type, self.protocol_name, member.assignment)

    def describe(self) -> DescribedGroup:
        """As it is now."""
        stable = self.state is GroupState.STABLE
        members = tuple(
            DescribedMember(
                m.member_id,
                m.instance_id,
                m.client_id,
                m.client_host,
                m.metadata(self.protocol_name) if stable else b"",
                m.assignment,
            )
            for m in self.members.values()
        )
        return DescribedGroup(self.group_id, self.state.value, self.protocol_type or "", (self.protocol_name or "") if stable else "", members)

    def summary(self) -> GroupSummary:
        """In one line."""
        return GroupSummary(self.group_id, self.state.value, self.protocol_type or "", len(self.members), CLASSIC)


def subscribes_alike(before: bytes, after: bytes) -> bool:
    """Whether a consumer that says ``after`` wants the topics that it wanted when it said ``before``.

    What else its metadata holds, such as the partitions it had, changes from one start to the next and is no reason to assign anew.
    Metadata that is no consumer's has to be the same.
    """
    if before == after:
        return True
    try:
        return set(_subscription(before)) == set(_subscription(after))
    except DecodeError:
        return False


def _subscription(metadata: bytes) -> Iterable[str]:
    """The topics of a consumer's metadata; what newer versions add comes after them."""
    version = min(peek_version(metadata), ConsumerProtocolSubscription.versions[-1])
    return ConsumerProtocolSubscription.decode(metadata, max(version, 0), 2)[0].topics

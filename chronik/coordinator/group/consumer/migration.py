"""Groups with members that change from one protocol to the other (KIP-848: online upgrade and downgrade)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.coordinator.group.consumer.classic_protocol import (
    Subscription,
    read_assignment,
    read_subscription,
    subscription_version,
    write_assignment,
)
from chronik.coordinator.group.consumer.group import ConsumerGroup, metadata_hash
from chronik.coordinator.group.consumer.member import ClassicClient, ConsumerMember, with_epoch
from chronik.coordinator.group.consumer.records import removed_group, whole_group
from chronik.coordinator.group.group import CONSUMER, Group, GroupState, Member
from chronik.coordinator.group.interfaces import Joining
from chronik.coordinator.group.records import forgotten_group, group_record
from chronik.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from chronik.coordinator.group.config import GroupConfig
    from chronik.coordinator.group.membership import Membership
    from chronik.coordinator.group.store import Change, GroupStore
    from chronik.metadata.image import MetadataImage


class Migration:
    """Changes groups of one partition of state from one protocol to the other.

    :param membership: that of classic groups.
    """

    _log = Logger()

    def __init__(self, config: GroupConfig, store: GroupStore, membership: Membership) -> None:
        self._config = config
        self._store = store
        self._membership = membership

    # -- classic to consumer ------------------------------------------------------------------------------------------

    def upgraded(self, group: Group, image: MetadataImage) -> ConsumerGroup:
        """What a classic group becomes when a member of the newer protocol joins. Nothing changes yet.

        :raises KafkaError: ``GROUP_ID_NOT_FOUND``: it cannot; ``GROUP_MAX_SIZE_REACHED``: it can have no further member.
        """
        if not self._config.consumer.migration.upgrades:
            raise _no_upgrade(group, "online upgrade is disabled")
        if group.protocol_type != CONSUMER:
            raise _no_upgrade(group, "the group does not use the consumer embedded protocol")
        if len(group.members) > self._config.consumer.size_max:
            raise _no_upgrade(group, "the group size exceeds the consumer group maximum size")
        consumers = ConsumerGroup(group.group_id)
        consumers.epoch = consumers.assignment_epoch = group.generation
        for member in group.members.values():
            self._upgrade_member(group, member, consumers, image)
        consumers.metadata_hash = metadata_hash(consumers.subscribed_topics(), image)
        return consumers

    def _upgrade_member(self, group: Group, member: Member, consumers: ConsumerGroup, image: MetadataImage) -> None:
        subscription = self._subscription(group, member)
        try:
            assignment, custom = read_assignment(member.assignment, image)
        except KafkaError:
            raise _no_upgrade(group, "the embedded consumer protocol is malformed") from None
        if custom:
            advice = "Please refer to the documentation or switch to a default assignor before re-attempting the upgrade."
            raise _no_upgrade(group, "an unsupported custom assignor is in use", advice)
        consumers.target[member.member_id] = assignment
        consumers.put_member(
            ConsumerMember(
                member_id=member.member_id,
                instance_id=member.instance_id,
                rack_id=subscription.rack_id,
                client_id=member.client_id,
                client_host=member.client_host,
                topics=subscription.topics,
                rebalance_timeout_ms=member.rebalance_timeout_ms,
                classic=ClassicClient(member.session_timeout_ms, member.protocols),
                epoch=group.generation,
                previous_epoch=group.generation,
                assigned=with_epoch(assignment, group.generation),
            )
        )

    def _subscription(self, group: Group, member: Member) -> Subscription:
        metadata = member.metadata(group.protocol_name) if group.protocol_name is not None else member.protocols[0][1]
        try:
            return read_subscription(metadata)
        except KafkaError:
            raise _no_upgrade(group, "the embedded consumer protocol is malformed") from None

    def upgrade(self, change: Change, group: Group, consumers: ConsumerGroup) -> None:
        """Let a classic group be what it becomes. Members that wait in it are told to join again."""
        self._membership.abandon(group, KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group goes over to the consumer protocol: join again"))
        change.note(forgotten_group(group.group_id, change.now))
        self._store.replace(consumers)
        change.note(*whole_group(consumers, change.now))
        self._log.info("group {group} goes over from the classic to the consumer protocol", group=group.group_id)

    def discard(self, change: Change, group: Group) -> None:
        """Make room for a consumer group where an empty classic one is."""
        self._membership.abandon(group, KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, "the group goes over to the consumer protocol: join again"))
        change.note(forgotten_group(group.group_id, change.now))

    def discard_consumers(self, group: ConsumerGroup, change: Change) -> None:
        """Make room for a classic group where an empty consumer group is."""
        change.note(*removed_group(group, change.now))
        self._store.replace(Group(group.group_id, change.now))

    # -- consumer to classic ------------------------------------------------------------------------------------------

    def may_downgrade(self, group: ConsumerGroup, leaving: Collection[str], joining: int = 0) -> bool:
        """Whether a consumer group becomes a classic one when members leave: nobody else speaks the newer protocol.

        :param joining: how many classic members come in their place.
        """
        rest = [member for member in group.members.values() if member.member_id not in leaving]
        if any(member.classic is None for member in rest) or len(rest) + joining == 0:
            return False
        return self._config.consumer.migration.downgrades and len(rest) + joining <= self._config.size_max

    def downgrade(self, change: Change, group: ConsumerGroup, leaving: Collection[str], image: MetadataImage, why: str | None) -> None:
        """Let a consumer group be a classic one.

        :param why: the reason why everybody has to join again; None when everybody has what they should.
        """
        classic = Group(group.group_id)
        classic.generation = group.epoch
        for member in group.members.values():
            if member.member_id not in leaving and member.classic is not None:
                classic.add(_classic_member(group.group_id, member, member.classic), CONSUMER)
        classic.protocol_name = classic.select_protocol()
        classic.move_to(GroupState.STABLE, change.now)
        assignments: Mapping[str, bytes] = {
            member_id: write_assignment(group.target_of(member_id), image, subscription_version(member.metadata(classic.protocol_name)))
            for member_id, member in classic.members.items()
        }
        for member_id, assignment in assignments.items():
            classic.members[member_id].assignment = assignment
        change.note(*removed_group(group, change.now))
        self._store.replace(classic)
        change.note(group_record(classic, assignments, change.now))
        self._membership.adopt(classic, why)
        self._log.info("group {group} goes back from the consumer to the classic protocol", group=group.group_id)


def _classic_member(group_id: str, member: ConsumerMember, client: ClassicClient) -> Member:
    joining = Joining(
        group_id=group_id,
        member_id=member.member_id,
        instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        session_timeout_ms=client.session_timeout_ms,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        protocol_type=CONSUMER,
        protocols=client.protocols,
    )
    return Member(member.member_id, joining)


def _no_upgrade(group: Group, why: str, *advice: str) -> KafkaError:
    """The words are Kafka's, which people look for."""
    sentences = (f"Cannot upgrade classic group {group.group_id} to consumer group because {why}.", *advice)
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, " ".join(sentences))

"""What the controller does for others: the one place where topics, partitions, configurations and id blocks are changed.

Every broker has one, and one of them is the controller at a time: the one whose id the controller's key holds. The others refuse changes, and do
what concerns their own broker alone: its registration, its heartbeats, its blocks of ids.

Every method answers once the change is durable and this broker's own image shows it. A method that takes several items answers one
outcome for each, in their order, and one item's failure does not touch the others.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.cluster.election import ElectionType
    from chronik.cluster.features import FeatureUpdate
    from chronik.errors import KafkaError
    from chronik.metadata.image import TopicImage
    from chronik.model import TopicId
    from chronik.security.interfaces import AclBinding, AclFilter, DelegationToken, Role, ScramCredential

DEFAULT = -1
"""As a number of partitions or a replication factor: what the broker's configuration says."""


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to be.

    :ivar assignments: ``(partition, replicas)`` chosen by the client; then both numbers must be :data:`DEFAULT`.
    """

    name: str
    partitions: int = DEFAULT
    replication_factor: int = DEFAULT
    assignments: tuple[tuple[int, tuple[int, ...]], ...] = ()
    configs: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class NewPartitions:
    """A topic's new total of partitions; ``assignments`` holds the replicas of each added one, or None to let the controller choose."""

    topic: str
    count: int
    assignments: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class Reassignment:
    """Who is to keep a partition; ``replicas`` is None to break off what is under way."""

    topic: str
    partition: int
    replicas: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a broker says of itself now and then.

    :ivar revision: of the metadata, up to which it follows.
    :ivar want_fence: it does not serve yet.
    :ivar want_shut_down: it would like to stop, once others lead what it leads.
    """

    broker_id: int
    broker_epoch: int
    revision: int
    want_fence: bool
    want_shut_down: bool


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """What the controller makes of it.

    :ivar caught_up: it follows closely enough.
    :ivar fenced: it does not count as alive.
    :ivar should_shut_down: nobody needs it any more.
    """

    caught_up: bool
    fenced: bool
    should_shut_down: bool


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """Limits to set on an entity, given by kinds and names; None takes one away."""

    entity: tuple[tuple[str, str | None], ...]
    limits: Mapping[str, float | None]


Charge = Callable[[int], None]
"""Told how many partitions an item is about to create or delete; raises a ``KafkaError`` to refuse it."""


def free(partitions: int) -> None:
    """The charge of whoever may change as much as they like."""


class ConfigResourceType(enum.IntEnum):
    """Kinds of resources that have a configuration; codes of the Kafka protocol."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


@dataclass(frozen=True, slots=True)
class ConfigResource:
    """Whose configuration it is; a broker's name is its id, or empty for every broker."""

    kind: ConfigResourceType
    name: str


class ConfigOperation(enum.IntEnum):
    """What is done to one key; codes of the Kafka protocol (KIP-339)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigEdit:
    """One operation on one key; DELETE has no value. The value may be a secret."""

    key: str
    operation: ConfigOperation
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What is to change for one resource.

    :ivar replace: forget what is set and not named here (AlterConfigs); else leave it (IncrementalAlterConfigs).
    """

    resource: ConfigResource
    edits: tuple[ConfigEdit, ...]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class ScramChange:
    """What to change of a user's credential for one mechanism; without a credential it is deleted."""

    user: str
    mechanism: str
    credential: ScramCredential | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A delegation token to be.

    :ivar owner: whom it is to stand for, as ``Type:name``; so are the others.
    :ivar max_lifetime_ms: when it is to end in any case, in ms from now; not positive for what the configuration says.
    """

    owner: str
    requester: str
    renewers: tuple[str, ...] = ()
    max_lifetime_ms: int = -1


@dataclass(frozen=True, slots=True)
class TokenChange:
    """Another end for a token.

    :ivar principal: who wants it, as ``Type:name``.
    :ivar period_ms: when it is to end, in ms from now.
    """

    token_id: str
    principal: str
    period_ms: int


class IController(Interface):
    """Changes the cluster's metadata, as the holder of the controller key.

    Whole calls fail with a ``KafkaError``: ``NOT_CONTROLLER`` when another broker holds the key now, ``KAFKA_STORAGE_ERROR`` when the
    metadata store takes no writes.
    """

    broker_epoch = Attribute("""The epoch this broker is registered under, -1 before :meth:`start`.""")
    active = Attribute("""Whether this broker is the controller, as far as it knows.""")

    def start() -> Deferred[None]:
        """Register this broker; one that is alone becomes the controller, and finishes or undoes what an earlier one left half done.

        :raises ChronikError: another cluster's metadata, or a store that cannot be written.
        """

    def serve() -> Deferred[None]:
        """This broker can be reached and its logs are open: let it count as alive, and be the controller if there is none."""

    def heartbeat(heartbeat: Heartbeat) -> Deferred[HeartbeatAnswer]:
        """A broker is alive.

        :raises KafkaError: ``NOT_CONTROLLER`` from one that hears the controller, ``BROKER_NOT_AVAILABLE`` from one that does not;
            ``BROKER_ID_NOT_REGISTERED``, ``STALE_BROKER_EPOCH``, ``STALE_CONTROLLER_EPOCH`` from the controller.
        """

    def retire() -> Deferred[None]:
        """This broker is about to stop: let others lead what it leads, and be the controller if it is. Never fails, and is bounded in time."""

    def create_topics(
        topics: Sequence[NewTopic], validate_only: bool = False, charge: Charge = free
    ) -> Deferred[Sequence[TopicImage | KafkaError]]:
        """Create topics; each appears whole or not at all. A broker that is not the controller asks the one that is: any may need a topic.

        :param validate_only: check everything and change nothing; the images answered then have the zero id.
        :returns: for each the new topic, or ``INVALID_TOPIC_EXCEPTION``, ``TOPIC_ALREADY_EXISTS``, ``INVALID_PARTITIONS``,
            ``INVALID_REPLICATION_FACTOR``, ``INVALID_REPLICA_ASSIGNMENT``, ``INVALID_REQUEST``, ``INVALID_CONFIG``, ``POLICY_VIOLATION``.
        """

    def delete_topics(names: Sequence[str], charge: Charge = free) -> Deferred[Sequence[KafkaError | None]]:
        """Delete topics; once begun, a deletion is finished even after a crash.

        :returns: for each None or ``UNKNOWN_TOPIC_OR_PARTITION``.
        """

    def create_partitions(
        requests: Sequence[NewPartitions], validate_only: bool = False, charge: Charge = free
    ) -> Deferred[Sequence[KafkaError | None]]:
        """Give topics more partitions; all new ones of a topic appear at once.

        :returns: for each None or ``UNKNOWN_TOPIC_OR_PARTITION``, ``INVALID_PARTITIONS``, ``INVALID_REPLICA_ASSIGNMENT``,
            ``INVALID_REPLICATION_FACTOR``, ``POLICY_VIOLATION``.
        """

    def alter_configs(changes: Sequence[ConfigChange], validate_only: bool = False) -> Deferred[Sequence[KafkaError | None]]:
        """Change dynamic configuration.

        :returns: for each None or ``UNKNOWN_TOPIC_OR_PARTITION``, ``INVALID_CONFIG``, ``INVALID_REQUEST``.
        """

    def alter_quotas(changes: Sequence[QuotaChange], validate_only: bool = False) -> Deferred[Sequence[KafkaError | None]]:
        """Change client quotas.

        :returns: for each None or ``INVALID_REQUEST``.
        """

    def create_token(wanted: NewToken, now_ms: int) -> Deferred[DelegationToken]:
        """Make a delegation token.

        :param now_ms: milliseconds since 1970.
        :raises KafkaError: ``POLICY_VIOLATION`` when there are too many.
        """

    def renew_token(change: TokenChange, now_ms: int) -> Deferred[int]:
        """Let a delegation token end later.

        :returns: when it ends now, in milliseconds since 1970.
        :raises KafkaError: ``DELEGATION_TOKEN_NOT_FOUND``, ``DELEGATION_TOKEN_EXPIRED``, ``DELEGATION_TOKEN_OWNER_MISMATCH``.
        """

    def expire_token(change: TokenChange, now_ms: int) -> Deferred[int]:
        """Let a delegation token end earlier; at once, and be gone, where the change's period is negative.

        :returns: when it ends now, in milliseconds since 1970.
        :raises KafkaError: as :meth:`renew_token`.
        """

    def remove_expired_tokens(now_ms: int) -> Deferred[int]:
        """Remove delegation tokens that have ended.

        :returns: how many there were.
        """

    def alter_scram(changes: Sequence[ScramChange]) -> Deferred[Mapping[str, KafkaError | None]]:
        """Change SCRAM credentials; all of one user or none.

        :returns: for each user None or ``UNACCEPTABLE_CREDENTIAL``, ``UNSUPPORTED_SASL_MECHANISM``, ``DUPLICATE_RESOURCE``, ``RESOURCE_NOT_FOUND``.
        """

    def bootstrap_users(users: Mapping[tuple[str, str], ScramCredential]) -> Deferred[bool]:
        """Make the first users of the cluster, unless there are some.

        :param users: credentials by mechanism and user.
        :returns: whether they were made.
        """

    def create_acls(acls: Sequence[AclBinding]) -> Deferred[Sequence[KafkaError | None]]:
        """Add entries to the access control list; one that is there already stays. Every broker may, as for all that concerns access control.

        :returns: for each None or ``INVALID_REQUEST``, or what kept it from being stored.
        """

    def delete_acls(filters: Sequence[AclFilter]) -> Deferred[Sequence[Sequence[AclBinding] | KafkaError]]:
        """Remove the entries that filters mean.

        :returns: for each the entries that are gone, or ``INVALID_REQUEST``, or what kept one from being removed.
        """

    def put_role(role: Role, replaces: str | None = None) -> Deferred[None]:
        """Make a role, or replace the one of its name.

        :param replaces: the version of the role that it is to replace (:func:`~chronik.metadata.security_keys.role_version`), of none as well;
            None for whatever there is.
        :raises KafkaError: ``INVALID_REQUEST``; ``INVALID_UPDATE_VERSION``: there is another one than that.
        """

    def delete_role(name: str, replaces: str | None = None) -> Deferred[None]:
        """Remove a role.

        :param replaces: the version of the role that is to go; None for whatever there is.
        :raises KafkaError: ``RESOURCE_NOT_FOUND``; ``INVALID_UPDATE_VERSION``: there is another one than that.
        """

    def allocate_producer_ids() -> Deferred[range]:
        """A block of producer ids that nobody else was or will be given."""

    def next_producer_id() -> Deferred[int]:
        """A producer id that nobody else was or will be given; a block is taken for every thousand of them."""

    def raise_leader_epochs(
        partitions: Collection[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]] = ()
    ) -> Deferred[None]:
        """Raise the leader epoch of each of these partitions by one, durably; those that are no more, or are led elsewhere, are passed over.

        :param untrusted: those of them of which this broker may lack what is committed: another one that is alive and in sync leads instead.
        """

    def elect_leaders(partitions: Sequence[tuple[str, int]], kind: ElectionType) -> Deferred[Sequence[KafkaError | None]]:
        """Elect a leader for each.

        :returns: for each None or ``UNKNOWN_TOPIC_OR_PARTITION``, ``ELECTION_NOT_NEEDED``, ``PREFERRED_LEADER_NOT_AVAILABLE``,
            ``ELIGIBLE_LEADERS_NOT_AVAILABLE``.
        """

    def reassign(reassignments: Sequence[Reassignment], same_factor: bool = False) -> Deferred[Sequence[KafkaError | None]]:
        """Let other brokers keep each.

        :returns: for each None or ``UNKNOWN_TOPIC_OR_PARTITION``, ``NO_REASSIGNMENT_IN_PROGRESS``, ``INVALID_REPLICA_ASSIGNMENT``,
            ``INVALID_REPLICATION_FACTOR``.
        """

    def update_features(updates: Sequence[FeatureUpdate], validate_only: bool = False) -> Deferred[None]:
        """Agree on other levels of features, all or none.

        :raises KafkaError: ``INVALID_UPDATE_VERSION``.
        """

    def unregister_broker(broker_id: int) -> Deferred[None]:
        """Forget a broker that will not come back.

        :raises KafkaError: ``BROKER_ID_NOT_REGISTERED``, or ``INVALID_REQUEST`` for one that is alive or still in sync for some partition.
        """

    def stop() -> Deferred[None]:
        """Finish what was begun; no call is allowed after it."""

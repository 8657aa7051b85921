"""The controller: what administrators and brokers ask for, checked, planned and carried out.

What it does for its own broker, and when it is the controller, is in :mod:`~chronik.cluster.seat`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from chronik.cluster.acls import AclPlans
from chronik.cluster.configs import check_resource, edited, new_secrets, stored, storing
from chronik.cluster.creation import Allowance, Designer, NameCheck, collision_name, given_configs
from chronik.cluster.election import ElectionType, changed, elected
from chronik.cluster.features import FeatureUpdate
from chronik.cluster.interfaces import (
    Charge,
    ConfigChange,
    Heartbeat,
    HeartbeatAnswer,
    IController,
    NewPartitions,
    NewToken,
    NewTopic,
    QuotaChange,
    Reassignment,
    ScramChange,
    TokenChange,
    free,
)
from chronik.cluster.quotas import QuotaPlans
from chronik.cluster.reassignment import PartitionPlans, completed, reassigned
from chronik.cluster.registration import Registration
from chronik.cluster.remote import RemoteController
from chronik.cluster.roles import RolePlans
from chronik.cluster.scram import ScramPlans
from chronik.cluster.seat import ClusterSeat, Peers
from chronik.cluster.tokens import TokenPlans
from chronik.cluster.topics import topic_exists, unknown_topic
from chronik.cluster.writer import KeyView, Plan
from chronik.config import Configuration, Scope, check_configs
from chronik.config.interfaces import IPasswordEncoder
from chronik.config.secrets import Secret
from chronik.defer import KeyedLocks, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IMetadataFeed, IMetadataStore
from chronik.model import TopicId, new_topic_id
from chronik.security.interfaces import AclBinding, AclFilter, DelegationToken, Role, ScramCredential

T = TypeVar("T")

ITEMS_AT_ONCE: Final = 32
"""Items of one call that are worked on together; each costs the reactor some 0.2 ms."""


@implementer(IController)
class Controller:
    """Does what :class:`IController` says.

    :param store: started before.
    :param feed: the own image, started before.
    :param registration: what this broker tells of itself.
    :param config: this broker's, for defaults.
    :param passwords: encrypts secrets before they are stored.
    :param expected_cluster_id: the cluster that the broker's data belongs to, None when it has none yet.
    :param random: gives that many random bytes, for ids.
    :param peers: what it takes to live with other brokers; None for a broker that has the store for itself.
    :ivar in_sync: where leaders on this broker change who is in sync.
    """

    _log = Logger()

    def __init__(
        self,
        store: IMetadataStore,
        feed: IMetadataFeed,
        registration: Registration,
        config: Configuration,
        passwords: IPasswordEncoder,
        expected_cluster_id: str | None = None,
        random: Callable[[int], bytes] = os.urandom,
        peers: Peers | None = None,
    ) -> None:
        self._clock = None if peers is None else peers.clock
        self._names = NameCheck()
        self._feed = feed
        self._config = config
        self._passwords = passwords
        self._random = random
        self._seat = ClusterSeat(store, feed, registration, random, expected_cluster_id, peers)
        self.in_sync = self._seat.in_sync
        self._writer = self._seat.writer
        self._plans = self._seat.plans
        self._partitions = PartitionPlans(self._writer)
        self._quotas = QuotaPlans(self._writer)
        self._tokens = TokenPlans(self._writer, feed, config, random)
        self._scram = ScramPlans(self._writer, random)
        self._acls = AclPlans(self._seat.own_writer)
        self._roles = RolePlans(self._seat.own_writer)
        self._remote = RemoteController(feed, peers.channels, peers.clock) if peers is not None else None
        self._locks: KeyedLocks[str] = KeyedLocks()

    # -- the broker's own life in the cluster --

    @property
    def broker_epoch(self) -> int:
        """The epoch this broker is registered under."""
        return self._seat.broker_epoch

    @property
    def active(self) -> bool:
        """Whether this broker is the controller."""
        return self._seat.active

    def start(self) -> Deferred[None]:
        """Enter the cluster; see :meth:`IController.start`."""
        return Deferred.fromCoroutine(self._seat.start())

    def serve(self) -> Deferred[None]:
        """Count as alive; see :meth:`IController.serve`."""
        return Deferred.fromCoroutine(self._seat.serve())

    def heartbeat(self, heartbeat: Heartbeat) -> Deferred[HeartbeatAnswer]:
        """A broker is alive; see :meth:`IController.heartbeat`."""
        return Deferred.fromCoroutine(self._seat.heartbeat(heartbeat))

    def retire(self) -> Deferred[None]:
        """Let others take over; see :meth:`IController.retire`."""
        return Deferred.fromCoroutine(self._seat.retire())

    @deferred
    async def stop(self) -> None:
        """Follow the store no more."""
        self._seat.stop()

    def allocate_producer_ids(self) -> Deferred[range]:
        """Take the next block; see :meth:`IController.allocate_producer_ids`."""
        return Deferred.fromCoroutine(self._seat.allocate_producer_ids())

    def next_producer_id(self) -> Deferred[int]:
        """The next one of a block; see :meth:`IController.next_producer_id`."""
        return Deferred.fromCoroutine(self._seat.next_producer_id())

    def raise_leader_epochs(
        self, partitions: Collection[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]] = ()
    ) -> Deferred[None]:
        """Begin new epochs; see :meth:`IController.raise_leader_epochs`."""
        return Deferred.fromCoroutine(self._seat.raise_leader_epochs(partitions, untrusted))

    # -- what administrators ask for --

    @deferred
    async def create_topics(
        self, topics: Sequence[NewTopic], validate_only: bool = False, charge: Charge = free
    ) -> Sequence[TopicImage | KafkaError]:
        """Create each; see :meth:`IController.create_topics`."""
        if self._remote is not None and not self.active and not validate_only:
            return await self._remote.create_topics(topics)
        allowance = Allowance()
        return await self._outcomes(self._alone(topic.name, partial(self._create, topic, validate_only, charge, allowance)) for topic in topics)

    @deferred
    async def delete_topics(self, names: Sequence[str], charge: Charge = free) -> Sequence[KafkaError | None]:
        """Delete each; see :meth:`IController.delete_topics`."""
        return await self._outcomes(self._alone(name, partial(self._delete, name, charge)) for name in names)

    @deferred
    async def create_partitions(
        self, requests: Sequence[NewPartitions], validate_only: bool = False, charge: Charge = free
    ) -> Sequence[KafkaError | None]:
        """Add to each; see :meth:`IController.create_partitions`."""
        allowance = Allowance()
        return await self._outcomes(
            self._alone(request.topic, partial(self._add_partitions, request, validate_only, charge, allowance)) for request in requests
        )

    @deferred
    async def alter_configs(self, changes: Sequence[ConfigChange], validate_only: bool = False) -> Sequence[KafkaError | None]:
        """Change each; see :meth:`IController.alter_configs`."""
        return await self._outcomes(self._alone(change.resource.name, partial(self._alter, change, validate_only)) for change in changes)

    @deferred
    async def elect_leaders(self, partitions: Sequence[tuple[str, int]], kind: ElectionType) -> Sequence[KafkaError | None]:
        """Elect for each; see :meth:`IController.elect_leaders`."""
        return await self._outcomes(self._elect(topic, number, kind) for topic, number in partitions)

    @deferred
    async def reassign(self, reassignments: Sequence[Reassignment], same_factor: bool = False) -> Sequence[KafkaError | None]:
        """Change each; see :meth:`IController.reassign`."""
        return await self._outcomes(self._reassign(wanted, same_factor) for wanted in reassignments)

    def update_features(self, updates: Sequence[FeatureUpdate], validate_only: bool = False) -> Deferred[None]:
        """Agree on levels; see :meth:`IController.update_features`."""
        return Deferred.fromCoroutine(self._seat.membership.update_features(updates, validate_only))

    def unregister_broker(self, broker_id: int) -> Deferred[None]:
        """Forget a broker; see :meth:`IController.unregister_broker`."""
        return Deferred.fromCoroutine(self._seat.membership.unregister(broker_id, self._feed.image.topics))

    @deferred
    async def alter_quotas(self, changes: Sequence[QuotaChange], validate_only: bool = False) -> Sequence[KafkaError | None]:
        """Change each; see :meth:`IController.alter_quotas`."""
        return await self._outcomes(self._quotas.alter(change, validate_only) for change in changes)

    def create_token(self, wanted: NewToken, now_ms: int) -> Deferred[DelegationToken]:
        """Make one; see :meth:`IController.create_token`."""
        return Deferred.fromCoroutine(self._tokens.create(wanted, now_ms))

    def renew_token(self, change: TokenChange, now_ms: int) -> Deferred[int]:
        """Let one end later; see :meth:`IController.renew_token`."""
        return Deferred.fromCoroutine(self._tokens.renew(change, now_ms))

    def expire_token(self, change: TokenChange, now_ms: int) -> Deferred[int]:
        """Let one end earlier; see :meth:`IController.expire_token`."""
        return Deferred.fromCoroutine(self._tokens.expire(change, now_ms))

    def remove_expired_tokens(self, now_ms: int) -> Deferred[int]:
        """Remove them; see :meth:`IController.remove_expired_tokens`."""
        return Deferred.fromCoroutine(self._tokens.remove_expired(now_ms))

    @deferred
    async def alter_scram(self, changes: Sequence[ScramChange]) -> Mapping[str, KafkaError | None]:
        """Change each user's; see :meth:`IController.alter_scram`."""
        users: dict[str, list[ScramChange]] = {}
        for change in changes:
            users.setdefault(change.user, []).append(change)
        return dict(zip(users, await self._outcomes(self._scram.alter(user, own) for user, own in users.items()), strict=True))

    def bootstrap_users(self, users: Mapping[tuple[str, str], ScramCredential]) -> Deferred[bool]:
        """Make the first ones; see :meth:`IController.bootstrap_users`."""
        return Deferred.fromCoroutine(self._scram.bootstrap(users))

    def create_acls(self, acls: Sequence[AclBinding]) -> Deferred[Sequence[KafkaError | None]]:
        """Add entries; see :meth:`IController.create_acls`."""
        return Deferred.fromCoroutine(self._acls.create(acls))

    def delete_acls(self, filters: Sequence[AclFilter]) -> Deferred[Sequence[Sequence[AclBinding] | KafkaError]]:
        """Remove entries; see :meth:`IController.delete_acls`."""
        return Deferred.fromCoroutine(self._acls.delete(filters))

    def put_role(self, role: Role, replaces: str | None = None) -> Deferred[None]:
        """Make or replace a role; see :meth:`IController.put_role`."""
        return Deferred.fromCoroutine(self._roles.put(role, replaces))

    def delete_role(self, name: str, replaces: str | None = None) -> Deferred[None]:
        """Remove a role; see :meth:`IController.delete_role`."""
        return Deferred.fromCoroutine(self._roles.delete(name, replaces))

    # -- one item each, alone under its name --

    async def _alone(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        return await self._locks.holding(collision_name(name), work)

    async def _create(self, wanted: NewTopic, validate_only: bool, charge: Charge, allowance: Allowance) -> TopicImage:
        image = self._feed.image
        if wanted.name in image.topics:
            raise topic_exists(wanted.name)
        self._names.check(wanted.name, image.topics)
        configs = given_configs(wanted)
        warnings = check_configs(Scope.TOPIC, wanted.name, {}, configs, self._config) if configs else ()
        topic = self._designer(allowance).topic(wanted, MappingProxyType(dict(configs)))
        charge(len(topic.partitions))
        if validate_only:
            return topic
        topic = replace(topic, topic_id=new_topic_id(self._random))
        await self._plans.clear_remains(topic.name)
        try:
            await self._plans.create(topic)
        except KafkaError:
            if not await self._stands(topic):
                raise
        self._warn(warnings)
        self._log.info("Created topic {topic} with {partitions} partition(s)", topic=topic.name, partitions=len(topic.partitions))
        return topic

    async def _stands(self, topic: TopicImage) -> bool:
        """Whether a topic is there though its creation failed: then only that could not be seen, and others may have written to it.

        One that failed half-way is taken back; what stays is removed by the next creation or start.
        """
        try:
            return await self._plans.take_back(topic.name, topic.topic_id)
        except KafkaError as error:
            self._log.warn("Whether {topic} was created is not known, or it is not undone yet: {problem}", topic=topic.name, problem=error.message)
            return False

    async def _delete(self, name: str, charge: Charge) -> None:
        topic = self._topic(name)
        charge(len(topic.partitions))
        await self._plans.delete(name, topic.topic_id)
        self._log.info("Deleted topic {topic}", topic=name)

    async def _add_partitions(self, request: NewPartitions, validate_only: bool, charge: Charge, allowance: Allowance) -> None:
        topic = self._topic(request.topic)
        added = self._designer(allowance).more(topic, request)
        charge(len(added))
        if not validate_only:
            await self._plans.add_partitions(topic.name, topic.topic_id, len(topic.partitions), added)

    async def _elect(self, topic: str, number: int, kind: ElectionType) -> None:
        topic_id = self._partition_of(topic, number)
        await self._partitions.change(topic_id, number, lambda state: elected(state, self._feed.image.brokers, kind))
        self._log.info("Elected a leader for {topic}-{partition}", topic=topic, partition=number)

    async def _reassign(self, wanted: Reassignment, same_factor: bool) -> None:
        topic_id = self._partition_of(wanted.topic, wanted.partition)
        brokers = tuple(self._feed.image.brokers.values())

        def after(state: PartitionState) -> PartitionState:
            return changed(state, completed(reassigned(state, brokers, wanted.replicas, same_factor)))

        await self._partitions.change(topic_id, wanted.partition, after)

    def _partition_of(self, name: str, number: int) -> TopicId:
        topic = self._topic(name)
        if not 0 <= number < len(topic.partitions):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find partition {name}-{number}.")
        return topic.topic_id

    async def _alter(self, change: ConfigChange, validate_only: bool) -> None:
        resource = change.resource
        check_resource(resource)
        if new_secrets(change):
            await self._passwords.prepare(validate_only)
        if validate_only:
            edited(stored(self._writer.view, resource), change, self._config)
            return
        warnings: list[str] = []
        sealed: dict[str, str] = {}

        def plan(view: KeyView) -> Plan:
            before = stored(view, resource)
            after, warnings[:] = edited(before, change, self._config)
            # Once: a plan that is made again is to recognise what it stored.
            fresh = {name: text for name, text in after.items() if isinstance(text, Secret) and name not in sealed}
            sealed.update(self._passwords.sealed(resource.name, fresh))
            after = {**after, **sealed}
            return Plan() if after == before else storing(view, resource, after)

        await self._writer.write(plan)
        self._warn(warnings)

    def _topic(self, name: str) -> TopicImage:
        image: MetadataImage = self._feed.image
        topic = image.topics.get(name)
        if topic is None:
            raise unknown_topic(name)
        return topic

    def _designer(self, allowance: Allowance) -> Designer:
        brokers = tuple(self._feed.image.brokers.values())
        return Designer(brokers, self._config.get("num.partitions"), self._config.get("default.replication.factor"), allowance)

    async def _outcomes(self, works: Iterable[Awaitable[T]]) -> list[T | KafkaError]:
        """Do some of it at a time, so that the store can make it durable together and the reactor gets its turns; one outcome each."""
        outcomes: list[T | KafkaError] = []
        left = iter(works)
        while some := list(islice(left, ITEMS_AT_ONCE)):
            gathered = gatherResults([Deferred.fromCoroutine(_outcome(work)) for work in some], consumeErrors=True)
            is_at_once = gathered.called
            try:
                outcomes += await gathered
            except FirstError as error:
                error.subFailure.raiseException()
            if is_at_once and self._clock is not None and len(some) == ITEMS_AT_ONCE:
                await deferLater(self._clock, 0)
        return outcomes

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            self._log.warn("{problem}", problem=warning)


async def _outcome(work: Awaitable[T]) -> T | KafkaError:
    try:
        return await work
    except KafkaError as error:
        return error

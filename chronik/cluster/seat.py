"""A broker's seat in the cluster: it enters, tells that it is alive, is the controller when its turn comes, and leaves.

A broker that is alone becomes the controller when it enters. Where there are others it becomes the controller once it serves, if nobody is, and later
when the one who is falls silent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.cluster.election import Rules
from chronik.cluster.heartbeats import HeartbeatConfig, Heartbeats, refuse_unknown
from chronik.cluster.insync import InSyncChanges
from chronik.cluster.interfaces import Heartbeat, HeartbeatAnswer
from chronik.cluster.keeper import ClusterKeeper
from chronik.cluster.producer_ids import ProducerIds
from chronik.cluster.registration import NOBODY, Membership, Registration
from chronik.cluster.topics import TopicPlans
from chronik.cluster.writer import FencedWriter, KeyView, Writer
from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed, IMetadataStore
from chronik.metadata.keys import ControllerValue
from chronik.model import NO_EPOCH, TopicId, new_topic_id, topic_id_text

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.network.interfaces import IBrokerChannels

RETIRE_SECONDS: Final = 5.0
"""How long a stopping broker waits for others to lead what it led."""

LOOK_SECONDS: Final = 0.05
"""How often it looks whether they do."""

LEASE_SECONDS: Final = 10
"""Of the lease by which a controller sees that it reaches the metadata store; nothing hangs on it."""


@dataclass(frozen=True, slots=True)
class Peers:
    """What it takes to live with other brokers.

    :ivar rules: what a topic asks of its leaders.
    :ivar displaced: called when another process turns out to use this broker's id.
    """

    channels: IBrokerChannels
    clock: IReactorTime
    heartbeats: HeartbeatConfig
    rules: Callable[[TopicImage], Rules]
    displaced: Callable[[], None]


@implementer(IImageObserver)
class ClusterSeat:
    """One broker's.

    :param store: started before.
    :param feed: the own image, started before.
    :param registration: what this broker tells of itself.
    :param random: gives that many random bytes, for ids.
    :param expected_cluster_id: the cluster that the broker's data belongs to, None when it has none yet.
    :param peers: None for a broker that has the store for itself.
    :ivar writer: for what only the controller may write.
    :ivar own_writer: for what every broker may.
    :ivar plans: of topics, by that writer.
    :ivar membership: what the controller writes about brokers.
    :ivar in_sync: where leaders on this broker change who is in sync.
    """

    _log = Logger()

    def __init__(
        self,
        store: IMetadataStore,
        feed: IMetadataFeed,
        registration: Registration,
        random: Callable[[int], bytes],
        expected_cluster_id: str | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._feed = feed
        self._registration = registration
        self._broker_id = registration.broker_id
        self._random = random
        self._expected_cluster_id = expected_cluster_id
        self._peers = peers
        view = KeyView(store)
        self._view = view
        own = self.own_writer = Writer(store, feed, view)
        self._own = Membership(own)
        self.in_sync = InSyncChanges(own, self._broker_id)
        self.writer = FencedWriter(store, feed, view)
        self.plans = TopicPlans(self.writer)
        self.membership = Membership(self.writer)
        self._producer_ids = ProducerIds(self._own.allocate_producer_ids)
        self._keeper: ClusterKeeper | None = None
        self._heartbeats: Heartbeats | None = None
        if peers is not None:
            beats = peers.heartbeats
            self._keeper = ClusterKeeper(self._broker_id, self.membership, feed, peers.clock, peers.rules, beats.session, beats.interval)
            self._heartbeats = Heartbeats(self._broker_id, feed, peers.channels, peers.clock, peers.heartbeats, self)
        self._store = store
        self._claimed_epoch = NO_EPOCH
        self._lease = 0
        self._probing = False
        self._reached_at = 0.0
        self.broker_epoch = NO_EPOCH
        self.cluster_id = ""

    @property
    def active(self) -> bool:
        """Whether this broker is the controller, as far as it knows."""
        return self.writer.held

    # -- entering -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Enter the cluster; see :meth:`~chronik.cluster.interfaces.IController.start`."""
        await self._view.refresh()
        self._feed.observe(self)
        self.cluster_id = await self._own.found_cluster(topic_id_text(new_topic_id(self._random)), self._expected_cluster_id)
        alone = (self._peers is None or self._is_alone()) and await self._claim()
        broker = await self._own.register(self._registration, fenced=not alone)
        self.broker_epoch = broker.epoch
        if alone:
            await self.plans.tidy()

    def _is_alone(self) -> bool:
        """Whether nobody else is here, nor has begun to be: whoever is the first claims its place before it registers."""
        return not self._own.brokers().keys() - {self._broker_id} and self._own.controller().broker_id in (NOBODY, self._broker_id)

    async def serve(self) -> None:
        """Count as alive; see :meth:`~chronik.cluster.interfaces.IController.serve`."""
        if self._heartbeats is None:
            return
        self._heartbeats.serving = True
        if not self.active and self._own.controller().broker_id in (NOBODY, self._broker_id):
            await self._claim()
        if self.active:
            await self._preside()
        self._heartbeats.start()

    @deferred
    async def register_again(self) -> None:
        """The cluster has forgotten this broker."""
        if self._broker_id not in self._feed.image.brokers:
            broker = await self._own.register(self._registration, fenced=True)
            self.broker_epoch = broker.epoch

    def displaced(self) -> None:
        """Another process uses this broker's id."""
        if self._peers is not None:
            self._log.error("another broker uses node.id {broker_id}: this one stops", broker_id=self._broker_id)
            self._peers.displaced()

    # -- being the controller -----------------------------------------------------------------------------------------

    async def _claim(self, silent: bool = False) -> bool:
        before = self._own.controller()
        revision = await self._own.claim(self._broker_id, before, silent)
        if revision is not None:
            self._claimed_epoch = before.epoch + 1
            self._reached_at = self._peers.clock.seconds() if self._peers is not None else 0.0
            self.writer.hold(revision)
            self._log.info("Broker {broker_id} is the controller of cluster {cluster_id}", broker_id=self._broker_id, cluster_id=self.cluster_id)
        return revision is not None

    @deferred
    async def take_over(self, silent: ControllerValue) -> None:
        """Become the controller instead of one who is silent, if it still is the one.

        Everybody else gets a session to be heard of; this one had it, and does not count as alive when leaders are chosen. Else it might be kept as
        the last one in sync, instead of one that is back and does not count as alive yet.
        """
        await self._view.refresh()
        now = self._own.controller()
        # Who took its own place again meanwhile is not silent.
        if now.broker_id == silent.broker_id and now.epoch <= max(silent.epoch, 0) and await self._claim(silent=True):
            await self._preside()

    async def _preside(self) -> None:
        """Finish what an earlier controller left, count as alive oneself, and look after the others; tried again until it is done."""
        await self.plans.tidy()
        await self.membership.set_fenced(self._broker_id, self.broker_epoch, False)
        if self._keeper is not None:
            self._keeper.begin()

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Somebody else may be the controller now."""
        if image.controller_epoch > self._claimed_epoch and (self.active or self._presides):
            self.resign()

    @property
    def _presides(self) -> bool:
        return self._keeper is not None and self._keeper.keeping

    def resign(self) -> None:
        """Be the controller no more."""
        self.writer.release()
        if self._keeper is not None:
            self._keeper.end()

    @deferred
    async def look(self) -> None:
        """As the controller, look after the others; called now and then.

        One that cannot write the metadata lets somebody else be it, who may: it could not do anything for the cluster.
        """
        if self._peers is None or self._keeper is None:
            return
        now = self._peers.clock.seconds()
        if len(self._feed.image.brokers) > 1 and not self._probing:
            self._probing = True
            Deferred.fromCoroutine(self._probe()).addBoth(self._probed)
        session = self._peers.heartbeats.session
        if (self._probing and now - self._reached_at > session) or self._keeper.failing_seconds > session:
            self._log.warn("broker {broker_id} cannot write the cluster's metadata: it is the controller no more", broker_id=self._broker_id)
            self.resign()
        elif self._keeper.keeping:
            self._keeper.look()
        else:
            await self._preside()

    async def _probe(self) -> None:
        """Ask the store for something small."""
        self._lease = self._lease or await self._store.grant_lease(LEASE_SECONDS)
        if not await self._store.keep_lease(self._lease):
            self._lease = 0

    def _probed(self, result: object) -> None:
        self._probing = False
        if not isinstance(result, Failure) and self._peers is not None:
            self._reached_at = self._peers.clock.seconds()

    async def heartbeat(self, heartbeat: Heartbeat) -> HeartbeatAnswer:
        """A broker is alive; see :meth:`~chronik.cluster.interfaces.IController.heartbeat`."""
        if not self.active:
            if self._heartbeats is not None and not self._heartbeats.hears_controller:
                raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "The controller is not heard here either.")
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "Another broker is the controller: ask it.")
        broker_id = heartbeat.broker_id
        broker = self._feed.image.brokers.get(broker_id)
        refuse_unknown(broker.epoch if broker is not None else None, heartbeat.broker_epoch, broker_id)
        if self._keeper is not None:
            self._keeper.heard(broker_id)
        fenced = bool(broker is not None and broker.fenced)
        fence = heartbeat.want_fence or heartbeat.want_shut_down
        if fence != fenced:
            await self.membership.set_fenced(broker_id, heartbeat.broker_epoch, fence)
            if self._keeper is not None:
                await self._keeper.settle()
        return HeartbeatAnswer(True, fence, heartbeat.want_shut_down and not self._leads(broker_id))

    def _leads(self, broker_id: int) -> bool:
        return any(state.leader == broker_id for topic in self._feed.image.topics.values() for state in topic.partitions)

    # -- ids and epochs -----------------------------------------------------------------------------------------------

    async def allocate_producer_ids(self) -> range:
        """Take the next block; see :meth:`~chronik.cluster.interfaces.IController.allocate_producer_ids`."""
        return await self._own.allocate_producer_ids()

    async def next_producer_id(self) -> int:
        """The next one of a block; see :meth:`~chronik.cluster.interfaces.IController.next_producer_id`."""
        return await self._producer_ids.next()

    async def raise_leader_epochs(self, partitions: Collection[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]]) -> None:
        """Begin new epochs; see :meth:`~chronik.cluster.interfaces.IController.raise_leader_epochs`."""
        await self._own.raise_leader_epochs(self._broker_id, tuple(partitions), untrusted, self._rules_of)

    def _rules_of(self, topic_id: TopicId) -> Rules:
        topic: TopicImage | None = self._feed.image.topic_by_id(topic_id)
        return Rules() if topic is None or self._peers is None else self._peers.rules(topic)

    # -- leaving ------------------------------------------------------------------------------------------------------

    async def retire(self) -> None:
        """Let others take over; see :meth:`~chronik.cluster.interfaces.IController.retire`."""
        others = [i for i, broker in self._feed.image.brokers.items() if i != self._broker_id and not broker.fenced]
        if self._peers is None or self._heartbeats is None or not others:
            return
        leaving = Deferred.fromCoroutine(self._leave(self._heartbeats))
        leaving.addTimeout(RETIRE_SECONDS, self._peers.clock)
        try:
            await leaving
        except Exception as error:  # noqa: BLE001  it stops in any case
            self._log.warn("broker {broker_id} stops before others have taken over: {why}", broker_id=self._broker_id, why=str(error) or repr(error))

    async def _leave(self, heartbeats: Heartbeats) -> None:
        heartbeats.leaving = True
        if self.active and self._keeper is not None:
            await self.membership.set_fenced(self._broker_id, self.broker_epoch, True)
            await self._keeper.settle()
            self.resign()
            await self._own.abdicate(self._broker_id)
            return
        assert self._peers is not None
        while not heartbeats.left:
            await deferLater(self._peers.clock, LOOK_SECONDS)

    def stop(self) -> None:
        """Follow the store no more."""
        self.resign()
        if self._heartbeats is not None:
            self._heartbeats.stop()
        self._feed.unobserve(self)
        self._view.stop()

"""What every simulated client does: connect, learn who leads what, ask, and look for another broker when that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.network.channel import AuthenticationError, ChannelError, KafkaChannel
from chronik.protocol.apis import api_name
from chronik.protocol.message import Message
from chronik.protocol.messages import FindCoordinatorRequest, MetadataRequest
from chronik.testing.simulation.identities import Identity, Standing
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.reactor import SimulatedReactor

CONNECT_SECONDS: Final = 2.0

REQUEST_SECONDS: Final = 4.0
"""How long an answer may take before the connection is given up. Shorter than real clients': there is no more to learn from waiting."""

BACKOFF_SECONDS: Final = 0.1

NONSENSE: Final = ("cannot be read", "is no Kafka broker", "nobody asked for")
"""Of what a channel says that gives up because of what came."""

UNEXPECTED: Final = frozenset({ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.INVALID_REQUEST, ErrorCode.CORRUPT_MESSAGE, ErrorCode.UNSUPPORTED_VERSION})
"""What a broker never says to clients that do nothing wrong, whatever happens to it."""


class Unavailable(Exception):
    """Nobody could be asked now; try again later."""


class Broker(NamedTuple):
    """Where a broker is."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Topic:
    """What metadata say of a topic: its id, and leader and epoch of each partition."""

    topic_id: TopicId
    leaders: dict[int, tuple[int, int]]


class _Dialing(ClientFactory):
    """Connects one channel."""

    noisy = False

    def __init__(self, channel: KafkaChannel) -> None:
        self._channel = channel

    def buildProtocol(self, addr: IAddress | None) -> KafkaChannel:
        """The channel."""
        return self._channel

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """Nobody is there."""
        self._channel.made.errback(Unavailable(reason.getErrorMessage()))


class ClusterClient:
    """One client's connections and what it knows of the cluster.

    :param name: also its client id.
    :param bootstrap: brokers to ask first.
    :param identity: who it is; None where nobody asks.
    :ivar topics: as metadata told last.
    :ivar may_be_old: whether who answered last was cut off from the other brokers and from news of them: what it remembers is no promise then.
    :ivar may_lag: whether who answered last hears late of what the metadata become, or not at all: what it tells of them, or remembers of what
        another one may lead by now, is no promise then.
    """

    def __init__(
        self,
        reactor: SimulatedReactor,
        random: Random,
        name: str,
        bootstrap: Sequence[Broker],
        ledger: Ledger,
        identity: Identity | None = None,
    ) -> None:
        self.reactor = reactor
        self.random = random
        self.name = name
        self.ledger = ledger
        self._identity = identity
        self._bootstrap = list(bootstrap)
        self._brokers: dict[int, Broker] = {}
        self._channels: dict[Broker, KafkaChannel] = {}
        self._dialing: dict[Broker, list[Deferred[KafkaChannel]]] = {}
        self._coordinators: dict[str, int] = {}
        self.controller_id = -1
        self.may_be_old = self.may_lag = False
        self.topics: dict[str, Topic] = {}

    def sleep(self, seconds: float) -> Deferred[None]:
        """Fires so much later."""
        done: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, done.callback, None)
        return done

    def backoff(self) -> Deferred[None]:
        """A pause before the next attempt."""
        return self.sleep(BACKOFF_SECONDS * (0.5 + self.random.random()))

    def knows(self, broker_id: int) -> bool:
        """Whether a broker's address is known."""
        return broker_id in self._brokers

    # -- asking -------------------------------------------------------------------------------------------------------

    async def ask(self, broker_id: int, message: Message, version: int | None = None, answered: bool = True) -> Any:
        """Ask one broker.

        :raises Unavailable: it does not answer; what became of the request is not known.
        """
        broker = self._brokers.get(broker_id)
        if broker is None:
            raise Unavailable(f"broker {broker_id} is not known")
        return await self._ask(broker, message, version, answered)

    async def _ask(self, broker: Broker, message: Message, version: int | None = None, answered: bool = True) -> Any:
        channel = await self._channel(broker)
        assert message.api_key is not None
        kind, under_way = api_name(message.api_key), self.ledger.under_way
        deposed, uninformed = self.ledger.deposed, self.ledger.uninformed
        self.may_be_old, self.may_lag = deposed[broker.host] > 0, uninformed[broker.host] > 0
        under_way[kind] += 1
        standing = None if self._identity is None else self._identity.standing(broker.host)
        try:
            response = await channel.request(message, version, REQUEST_SECONDS, answered)
        except ChannelError as error:
            if self._channels.get(broker) is channel:
                del self._channels[broker]
            if any(sign in str(error) for sign in NONSENSE):
                self.ledger.finding(f"{self.name}: {error}")
            raise Unavailable(str(error)) from None
        finally:
            under_way[kind] -= 1
        self.ledger.operations[kind] += 1
        self.may_be_old |= deposed[broker.host] > 0
        self.may_lag |= uninformed[broker.host] > 0
        if self._is_refusal(standing, broker, message, response):
            self.ledger.errors[kind, "refused"] += 1
            raise Unavailable(f"{kind} is not allowed")
        return response

    def _is_refusal(self, standing: Standing | None, broker: Broker, message: Message, response: Any) -> bool:
        """Whether an answer says that this is not allowed; it is judged whether it should.

        :param standing: what was certain of this client when it asked.
        """
        if self._identity is None or standing is None or response is None:
            return False
        return self._identity.judge(standing, broker.host, message, response, self._topic_id)

    def _topic_id(self, name: str) -> TopicId | None:
        topic = self.topics.get(name)
        return None if topic is None else topic.topic_id

    async def _channel(self, broker: Broker) -> KafkaChannel:
        channel = self._channels.get(broker)
        if broker not in self._dialing and channel is not None and channel.transport is not None and channel.transport.connected:  # type: ignore[attr-defined]
            return channel
        waiting = self._dialing.get(broker)
        if waiting is not None:
            # What is sent over one connection stays in order.
            mine: Deferred[KafkaChannel] = Deferred()
            waiting.append(mine)
            return await mine
        self._dialing[broker] = []
        try:
            channel = self._channels[broker] = await self._dial(broker)
        except Unavailable as error:
            for each in self._dialing.pop(broker):
                each.errback(error)
            raise
        # Whoever asked first sends first, before those that waited.
        self.reactor.callLater(0, self._dialed, broker, channel)
        return channel

    def _dialed(self, broker: Broker, channel: KafkaChannel) -> None:
        for each in self._dialing.pop(broker):
            each.callback(channel)

    async def _dial(self, broker: Broker) -> KafkaChannel:
        channel = await self.connect(broker)
        if self._identity is not None:
            await self._log_in(broker, channel, self._identity)
        return channel

    async def connect(self, broker: Broker, kind: type[KafkaChannel] = KafkaChannel) -> KafkaChannel:
        """A connection of its own, on which nobody has said who this is.

        :raises Unavailable: nobody answers.
        """
        channel = kind(self.reactor, self.name)
        self.reactor.connectTCP(broker.host, broker.port, _Dialing(channel), CONNECT_SECONDS)
        await channel.made
        try:
            await channel.negotiate()
        except ChannelError as error:
            raise Unavailable(str(error)) from None
        return channel

    async def _log_in(self, broker: Broker, channel: KafkaChannel, identity: Identity) -> None:
        before = identity.standing(broker.host)
        try:
            await channel.authenticate(identity.client, REQUEST_SECONDS)
        except AuthenticationError as error:
            identity.judge_login(before, broker.host, str(error))
            self.ledger.errors["SaslAuthenticate", "refused"] += 1
            raise Unavailable(str(error)) from None
        except ChannelError as error:
            raise Unavailable(str(error)) from None
        identity.judge_login(before, broker.host, "")

    def close(self) -> None:
        """End every connection."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    def error(self, kind: str, code: int) -> ErrorCode:
        """Note an error code of an answer."""
        error = ErrorCode(code)
        if error is not ErrorCode.NONE:
            self.ledger.errors[kind, error.name] += 1
            if error in UNEXPECTED and not (error is ErrorCode.CORRUPT_MESSAGE and self.ledger.flips):
                self.ledger.finding(f"{self.name} was told {error.name} by {kind}")
        return error

    # -- who is who ---------------------------------------------------------------------------------------------------

    async def refresh(self, names: Sequence[str]) -> None:
        """Ask anybody for topics; one that there is not is no longer among :attr:`topics`.

        :raises Unavailable: nobody answers.
        """
        known = list(dict.fromkeys((*self._brokers.values(), *self._bootstrap)))
        broker = known[self.random.randrange(len(known))]
        asked = tuple(MetadataRequest.MetadataRequestTopic(name=name) for name in names)
        response = await self._ask(broker, MetadataRequest(topics=asked, allow_auto_topic_creation=False))
        self._brokers = {node.node_id: Broker(node.host, node.port) for node in response.brokers}
        self.controller_id = response.controller_id
        for topic in response.topics:
            if self.error("Metadata", topic.error_code) is not ErrorCode.NONE:
                self.topics.pop(topic.name, None)
                continue
            topic_id = TopicId(topic.topic_id)
            leaders = {part.partition_index: (part.leader_id, part.leader_epoch) for part in topic.partitions}
            for number, (leader, epoch) in leaders.items():
                self.ledger.led(topic_id, number, epoch, leader)
            self._learn(topic.name, Topic(topic_id, leaders))

    async def look(self, name: str) -> None:
        """Ask once who leads a topic's partitions now; what is known stays where nobody answers."""
        try:
            await self.refresh([name])
        except Unavailable:
            pass

    async def refreshed(self, name: str) -> None:
        """Ask for a topic that there is, however long that takes."""
        while True:
            try:
                await self.refresh([name])
                if name in self.topics:
                    return
            except Unavailable:
                pass
            await self.backoff()

    def _learn(self, name: str, topic: Topic) -> None:
        """Keep what is newer of two views: brokers may lag (KIP-320)."""
        before = self.topics.get(name)
        if before is not None and before.topic_id == topic.topic_id:
            for number, (leader, epoch) in before.leaders.items():
                if topic.leaders.get(number, (-1, -1))[1] < epoch:
                    topic.leaders[number] = (leader, epoch)
        self.topics[name] = topic

    async def leader(self, name: str, partition: int) -> tuple[int, int, TopicId]:
        """Who leads a partition, under which epoch, and the topic's id.

        :raises Unavailable: it is not known, nor can be found out now.
        """
        if name not in self.topics or partition not in self.topics[name].leaders:
            await self.refresh([name])
        topic = self.topics.get(name)
        if topic is None or partition not in topic.leaders:
            raise Unavailable(f"there is no {name}-{partition}")
        leader, epoch = topic.leaders[partition]
        if leader < 0:
            await self.refresh([name])
            raise Unavailable(f"nobody leads {name}-{partition}")
        return leader, epoch, topic.topic_id

    async def epoch_told(self, broker_id: int, name: str, partition: int) -> tuple[KafkaChannel | None, int]:
        """The epoch under which a broker itself leads a partition, and the connection over which it says so.

        :raises Unavailable: it does not answer.
        """
        asked = (MetadataRequest.MetadataRequestTopic(name=name),)
        response = await self.ask(broker_id, MetadataRequest(topics=asked, allow_auto_topic_creation=False))
        epochs = {part.partition_index: part.leader_epoch for topic in response.topics for part in topic.partitions}
        broker = self._brokers.get(broker_id)
        return None if broker is None else self._channels.get(broker), epochs.get(partition, -1)

    async def coordinator(self, group: str) -> int:
        """The broker that coordinates a group.

        :raises Unavailable: it cannot be found out now.
        """
        known = self._coordinators.get(group)
        if known is not None:
            return known
        if not self._brokers:
            await self.refresh([])
        if not self._brokers:
            raise Unavailable("nobody is known")
        broker_id = self.random.choice(list(self._brokers))
        response = await self.ask(broker_id, FindCoordinatorRequest(key_type=0, coordinator_keys=(group,)))
        (found,) = response.coordinators
        if self.error("FindCoordinator", found.error_code) is not ErrorCode.NONE:
            raise Unavailable(f"no coordinator of {group}: {ErrorCode(found.error_code).name}")
        self._brokers.setdefault(found.node_id, Broker(found.host, found.port))
        self._coordinators[group] = found.node_id
        return int(found.node_id)

    def forget_coordinator(self, group: str) -> None:
        """It is not the one, or does not answer."""
        self._coordinators.pop(group, None)

    async def ask_coordinator(self, group: str, message: Message, version: int | None = None) -> Any:
        """Ask a group's coordinator.

        :raises Unavailable: it does not answer, or may be none any more without knowing.
        """
        try:
            response = await self.ask(await self.coordinator(group), message, version)
            if self.may_be_old:
                raise Unavailable("the coordinator may be another one")
            return response
        except Unavailable:
            self.forget_coordinator(group)
            raise

    async def ask_anybody(self, message: Message, version: int | None = None) -> Any:
        """Ask one of the brokers.

        :raises Unavailable: it does not answer.
        """
        if not self._brokers:
            await self.refresh([])
        if not self._brokers:
            raise Unavailable("the broker that was asked knows of none")
        return await self.ask(self.random.choice(list(self._brokers)), message, version)

    async def ask_controller(self, message: Message) -> Any:
        """Ask the controller.

        :raises Unavailable: it is not known or does not answer.
        """
        if self.controller_id < 0:
            await self.refresh([])
        try:
            return await self.ask(self.controller_id, message)
        except Unavailable:
            self.controller_id = -1
            raise

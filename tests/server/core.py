"""A dispatcher over fakes: requests go in as frames, answers come out decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from chronik.config import Configuration
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.configuration import DynamicConfiguration
from chronik.metadata.image import BrokerImage, Endpoint, MetadataImage
from chronik.model import TopicId
from chronik.network.interfaces import Answer, Session
from chronik.protocol.apis import response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.message import Message
from chronik.replica.interfaces import IPartition, IPartitions, IReplicaMoves
from chronik.replica.partition import Partition
from chronik.replica.purgatory import Purgatory
from chronik.security.interfaces import ANONYMOUS, Action, IAclAuthorizer, Principal
from chronik.server.api import Api
from chronik.server.dispatch import RequestDispatcher
from chronik.server.fetch_sessions import FetchSessionCache
from chronik.server.handlers import fetch, list_offsets, produce
from chronik.server.handlers.api_versions import api_versions
from chronik.server.metrics import RequestMetrics
from chronik.server.quotas.service import ClientQuotas, QuotaWindows
from chronik.server.services import Services
from tests.metadata.passwords import make_encoder
from tests.replica.fakes import TOPIC_ID, FakeFeed, FakeLog, FakeStore, make_inspector, topic_of


@implementer(IAclAuthorizer)
class FakeAuthorizer:
    """Allows what is not refused, at once or when told."""

    def __init__(self) -> None:
        self.refused: set[Action] = set()
        self.asked: list[Action] = []
        self.held: list[Deferred[None]] | None = None

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide."""
        self.asked.extend(actions)
        decisions = [action not in self.refused for action in actions]
        if self.held is None:
            return succeed(decisions)
        waiting: Deferred[None] = Deferred()
        self.held.append(waiting)
        return waiting.addCallback(lambda _: decisions)

    def close(self) -> Deferred[None]:
        """Nothing to do."""
        return succeed(None)


@implementer(IPartitions)
class FakePartitions:
    """One partition, ``t-0``, and those that a test adds."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.others: dict[tuple[str, int], Partition] = {}
        self.error: KafkaError | None = None

    def get(self, topic: str, partition: int) -> IPartition:
        """It, or an error."""
        if self.error is not None:
            raise self.error
        if (topic, partition) == ("t", 0):
            return self.partition
        if (topic, partition) not in self.others:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "unknown")
        return self.others[topic, partition]

    def get_by_id(self, topic_id: TopicId, partition: int) -> IPartition:
        """It."""
        return self.get("t", partition)

    def hosted(self) -> Iterable[IPartition]:
        """It."""
        return [self.partition, *self.others.values()]

    def ready(self, topic_id: TopicId) -> Deferred[None]:
        """At once."""
        return succeed(None)


@implementer(IReplicaMoves)
class FakeMoves:
    """Begins every move, but those that a test has refused."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self.refusing: dict[tuple[str, int], ErrorCode] = {}

    def move(self, topic: str, partition: int, directory: str) -> Deferred[None]:
        """Note it, or refuse."""
        self.asked.append((topic, partition, directory))
        code = self.refusing.get((topic, partition))
        return succeed(None) if code is None else fail(KafkaError(code, "refused"))


class Core:
    """A broker of one topic ``t`` of one partition, led under epoch 3, whose log the test drives."""

    def __init__(self, apis: Iterable[Api] = ()) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        topic = topic_of(epoch=3)
        brokers = {1: BrokerImage(1, 1, {"PLAINTEXT": Endpoint("", 9092)}), 2: BrokerImage(2, 1, {"PLAINTEXT": Endpoint("two", 9093)}, "r2")}
        self.feed = FakeFeed(MetadataImage(1, "cluster", 1, brokers=brokers, topics={"t": topic}, names={TOPIC_ID: "t"}))
        self.log = FakeLog(end=5)
        self.log.latest_epoch = 3
        self.partition = Partition(self.log, topic.partitions[0], make_inspector())
        self.partitions = FakePartitions(self.partition)
        self.store = FakeStore()
        self.moves = FakeMoves()
        ids = iter(range(101, 10_000))
        self.sessions = FetchSessionCache(1000, lambda high: next(ids))
        self.authorizer = FakeAuthorizer()
        self.metrics = RequestMetrics()
        rows = tuple(apis) or (*produce.APIS, *fetch.APIS, *list_offsets.APIS)
        self.rows = (*rows, api_versions(rows))
        nothing: Any = None
        services = Services(
            broker_id=1,
            config=Configuration(),
            configuration=DynamicConfiguration(Configuration(), self.feed, 1, make_encoder()),
            metadata=self.feed,
            controller=nothing,
            partitions=self.partitions,
            logs=self.store,
            moves=self.moves,
            groups=nothing,
            authorizer=self.authorizer,
            fetch_bytes_max=1_000_000,
            fetch_sessions=self.sessions,
            quotas=ClientQuotas(self.feed, self.clock.seconds, QuotaWindows()),
            clock=self.clock,
            wall_clock=self.clock.seconds,
            purgatory=Purgatory(self.clock),
            metrics=self.metrics,
        )
        self.dispatcher = RequestDispatcher(services, self.rows)
        self.session = Session("PLAINTEXT", "10.0.0.9", 5555, "10.0.0.1", 9092, ANONYMOUS)

    def dispatch(self, request: Message, version: int, correlation_id: int = 77) -> Answer:
        """Send a request."""
        assert request.api_key is not None
        frame = request_header(request.api_key, version, correlation_id, "test") + request.encode(version)
        return self.dispatcher.dispatch(self.session, frame)

    def ask(self, request: Message, version: int) -> Any:
        """The response to a request that is answered at once."""
        answers: list[Any] = []
        self.dispatch(request, version).pieces.addCallback(answers.append)
        assert answers, "it is not answered yet"
        return self.decode(request, version, answers[0])

    def decode(self, request: Message, version: int, pieces: Any, correlation_id: int = 77) -> Any:
        """The response that pieces are."""
        assert request.api_key is not None
        data = b"".join(piece if isinstance(piece, bytes) else piece.read(0, piece.size) for piece in pieces)
        found, start = parse_response_header(data, request.api_key, version)
        assert found == correlation_id, f"correlation id {found}"
        response, end = response_class(request.api_key).decode(data, version, start)
        assert end == len(data), "bytes follow the response"
        return response

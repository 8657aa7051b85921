"""Topics that a broker needs which is not the controller: it asks the one that is, as any client would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger
from zope.interface import implementer

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import TopicId
from chronik.network.channel import ChannelError
from chronik.protocol.messages import CreateTopicsRequest, CreateTopicsResponse

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.network.interfaces import IBrokerChannels

VERSION: Final = 7
"""Of CreateTopics; the first whose answer says the topic's id."""

ANSWER_SECONDS: Final = 10.0
"""How long the controller may take."""

SEEN_SECONDS: Final = 5.0
"""How long the own image may take to show what the controller made."""


@implementer(IImageObserver)
class _Appearing:
    """Waits until the image has a topic."""

    def __init__(self, topic_id: TopicId) -> None:
        self._topic_id = topic_id
        self.seen: Deferred[TopicImage] = Deferred()

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """It may be there now."""
        topic = image.topic_by_id(self._topic_id)
        if topic is not None and not self.seen.called:
            self.seen.callback(topic)


class RemoteController:
    """The controller, on another broker.

    :param channels: to the other brokers.
    """

    _log = Logger()

    def __init__(self, feed: IMetadataFeed, channels: IBrokerChannels, clock: IReactorTime) -> None:
        self._feed = feed
        self._channels = channels
        self._clock = clock

    async def create_topics(self, topics: Sequence[NewTopic]) -> Sequence[TopicImage | KafkaError]:
        """Have topics created; see :meth:`~chronik.cluster.interfaces.IController.create_topics`."""
        try:
            response = await self._ask(_request(topics))
        except ChannelError as error:
            return [KafkaError(ErrorCode.NOT_CONTROLLER, f"The controller cannot be asked now: {error}")] * len(topics)
        results = {result.name: result for result in response.topics}
        return [await self._outcome(topic, results.get(topic.name)) for topic in topics]

    async def _ask(self, request: CreateTopicsRequest) -> CreateTopicsResponse:
        channel = await self._channels.connect(self._feed.image.controller_id)
        try:
            response: CreateTopicsResponse = await channel.request(request, VERSION, ANSWER_SECONDS)
        finally:
            channel.close()
        return response

    async def _outcome(self, topic: NewTopic, result: CreateTopicsResponse.CreatableTopicResult | None) -> TopicImage | KafkaError:
        if result is None:
            return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, f"The controller says nothing of topic '{topic.name}'.")
        if result.error_code != ErrorCode.NONE:
            return KafkaError(ErrorCode(result.error_code), result.error_message or "")
        topic_id = TopicId(result.topic_id)
        appearing = _Appearing(topic_id)
        self._feed.observe(appearing)
        try:
            appearing.image_changed(self._feed.image, ImageDelta())
            appearing.seen.addTimeout(SEEN_SECONDS, self._clock)
            return await appearing.seen
        except TimeoutError:
            return KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"Topic '{topic.name}' was created, and is not known here yet.")
        finally:
            self._feed.unobserve(appearing)


def _request(topics: Sequence[NewTopic]) -> CreateTopicsRequest:
    return CreateTopicsRequest(
        timeout_ms=int(ANSWER_SECONDS * 1000),
        topics=tuple(
            CreateTopicsRequest.CreatableTopic(
                name=topic.name,
                num_partitions=topic.partitions,
                replication_factor=topic.replication_factor,
                assignments=tuple(
                    CreateTopicsRequest.CreatableReplicaAssignment(partition_index=number, broker_ids=replicas)
                    for number, replicas in topic.assignments
                ),
                configs=tuple(CreateTopicsRequest.CreatableTopicConfig(name=name, value=value) for name, value in topic.configs.items()),
            )
            for topic in topics
        ),
    )

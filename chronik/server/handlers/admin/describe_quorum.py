"""DescribeQuorum (55): who keeps the cluster's metadata, in the words of Kafka's own quorum (KIP-595, KIP-836, KIP-853).

The metadata store has a revision where Kafka has an offset of its metadata log. The controller is the one voter: it alone writes.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import DescribeQuorumRequest, DescribeQuorumResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext
from chronik.server.handlers.leaders import endpoint_for

METADATA_TOPIC: Final = "__cluster_metadata"
"""What Kafka calls its metadata log; it has the one partition 0."""

_Topic: TypeAlias = DescribeQuorumResponse.TopicData
_Partition: TypeAlias = DescribeQuorumResponse.PartitionData
_Replica: TypeAlias = DescribeQuorumResponse.ReplicaState


async def _describe_quorum(context: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    if not context.allowed_cluster(Operation.DESCRIBE):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe the cluster")
    if [(topic.topic_name, [part.partition_index for part in topic.partitions]) for topic in request.topics] != [(METADATA_TOPIC, [0])]:
        return DescribeQuorumResponse(error_message=None, topics=_unknown(request))
    image = context.services.metadata.image
    now = int(context.services.wall_clock() * 1000)
    return DescribeQuorumResponse(
        error_message=None,
        topics=(_Topic(topic_name=METADATA_TOPIC, partitions=(_quorum(image, now),)),),
        nodes=_nodes(context, image),
    )


def _quorum(image: MetadataImage, now: int) -> _Partition:
    """Brokers other than the controller read along: they are observers as far on as this one."""
    voters = (image.controller_id,)
    observers = sorted(set(image.brokers) - set(voters))
    return _Partition(
        error_message=None,
        leader_id=image.controller_id,
        leader_epoch=image.controller_epoch,
        high_watermark=image.revision,
        current_voters=tuple(_replica(broker_id, image.revision, now) for broker_id in voters),
        observers=tuple(_replica(broker_id, image.revision, now) for broker_id in observers),
    )


def _replica(broker_id: int, offset: int, now: int) -> _Replica:
    return _Replica(replica_id=broker_id, log_end_offset=offset, last_fetch_timestamp=now, last_caught_up_timestamp=now)


def _nodes(context: RequestContext, image: MetadataImage) -> tuple[DescribeQuorumResponse.Node, ...]:
    endpoint = endpoint_for(image, image.controller_id, context.session)
    if endpoint is None:
        return ()
    listener = DescribeQuorumResponse.Listener(name=context.session.listener, host=endpoint.host, port=endpoint.port)
    return (DescribeQuorumResponse.Node(node_id=image.controller_id, listeners=(listener,)),)


def _unknown(request: DescribeQuorumRequest) -> tuple[_Topic, ...]:
    return tuple(
        _Topic(
            topic_name=topic.topic_name,
            partitions=tuple(
                _Partition(partition_index=part.partition_index, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, error_message=None)
                for part in topic.partitions
            ),
        )
        for topic in request.topics
    )


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeQuorumResponse(error_code=error.code, error_message=error.message or None)


APIS = (Api(ApiKey.DESCRIBE_QUORUM, "DescribeQuorum", (0, 2), _describe_quorum, _refusal, asks_cluster(Operation.DESCRIBE)),)

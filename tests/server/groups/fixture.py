"""Asks the group APIs of a broker in memory, decoded or as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType, NewTopic
from chronik.coordinator.state import ReplicatedStateLog
from chronik.errors import ErrorCode
from chronik.metadata import keys
from chronik.metadata.interfaces import Put
from chronik.model import OFFSETS_TOPIC, TopicId
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    ConsumerProtocolSubscription,
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
)
from chronik.protocol.versioned import encode_versioned
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.table import api_table
from chronik.testing.pools import SynchronousThreadPools
from tests.server.memory_broker import MemoryBroker

LATEST = {api.key: api.versions[1] for api in api_table()}


def versions(api_key: int) -> range:
    """Every version of an API that is advertised."""
    (api,) = [api for api in api_table() if api.key == api_key]
    return range(_advertised(api), api.versions[1] + 1)


def _advertised(api: Api) -> int:
    return api.versions[0] if api.advertised_from is None else api.advertised_from


def subscription(*topics: str) -> bytes:
    """What a consumer of these topics says of itself."""
    return encode_versioned(ConsumerProtocolSubscription(topics=topics), 1)


class GroupApiCase(SynchronousTestCase):
    """A broker with a topic ``t`` of two partitions, and the topic of groups, which has one.

    :cvar settings: of the broker.
    """

    settings: ClassVar[Mapping[str, str]] = {}

    def setUp(self) -> None:
        """Start it."""
        self.pools = self.make_pools()
        self.broker = MemoryBroker(self.settings, self.pools)
        self.broker.start(self)
        self.successResultOf(self.broker.controller.create_topics([NewTopic("t", 2)]))
        self.find_coordinator()

    def make_pools(self) -> Any:
        """Where the broker's blocking work is done."""
        return SynchronousThreadPools()

    def find_coordinator(self) -> None:
        """Have the topic of groups created, as the first client does."""
        self.assertEqual(self.ask(FindCoordinatorRequest(key="g"), 3).error_code, ErrorCode.NONE)

    # -- asking -------------------------------------------------------------------------------------------------------

    def begin(self, request: Message, version: int | None = None) -> Deferred[Any]:
        """Send a request, of the latest version if none is named; a Deferred of the decoded response."""
        assert request.api_key is not None
        return self.broker.send(request, LATEST[request.api_key] if version is None else version)

    def ask(self, request: Message, version: int | None = None) -> Any:
        """Send a request; the decoded response."""
        return self.successResultOf(self.begin(request, version))

    def exchange(self, api_key: int, version: int, body: bytes) -> bytes:
        """Send a request's bytes; the response's, both without header."""
        return self.successResultOf(self.broker.exchange(api_key, version, body))

    def check(self, answered: bytes, *expected: bytes) -> None:
        """A response has these fields, one after the other, and no byte more."""
        self.assertEqual(answered.hex(" "), b"".join(expected).hex(" "))

    # -- what is in the way -------------------------------------------------------------------------------------------

    def deny(self, operation: Operation, resource_type: ResourceType = ResourceType.GROUP, name: str = "g") -> None:
        """Refuse an operation."""
        self.broker.authorizer.refused.add(Action(operation, resource_type, name))

    def resign(self) -> None:
        """Another broker coordinates the groups now."""
        self.broker.groups.unload(0)

    def load(self) -> Clock:
        """The groups' state is being read, until the returned clock goes on."""
        if not self.state_log.end_offset:
            self.ask(commit("other"), 9)
        clock = Clock()
        self.broker.groups.load(ReplicatedStateLog(self.state_log, clock))
        return clock

    def read_only(self) -> None:
        """What is written of groups is refused for now: of two replicas one is in sync, and two are asked for."""
        topic = self.broker.feed.image.topics[OFFSETS_TOPIC]
        for number, state in enumerate(topic.partitions):
            value = keys.encode_partition(replace(state, replicas=(*state.replicas, 2), partition_epoch=state.partition_epoch + 1))
            self.successResultOf(self.broker.metadata.commit([], [Put(keys.partition_key(topic.topic_id, number), value)]))
        edit = ConfigEdit("min.insync.replicas", ConfigOperation.SET, "2")
        resource = ConfigResource(ConfigResourceType.TOPIC, OFFSETS_TOPIC)
        self.successResultOf(self.broker.controller.alter_configs([ConfigChange(resource, (edit,), False)]))

    @property
    def state_log(self) -> Any:
        """The partition that holds the groups."""
        return self.broker.partitions.get(OFFSETS_TOPIC, 0)

    @property
    def topic_id(self) -> TopicId:
        """The id of ``t``."""
        found: TopicId = self.broker.feed.image.topics["t"].topic_id
        return found

    # -- members ------------------------------------------------------------------------------------------------------

    def join(self, member_id: str = "", version: int = 3, **changes: Any) -> Deferred[Any]:
        """Ask to join; in version 3 a member is let in at once."""
        return self.begin(join_request(member_id, **changes), version)

    def member(self, instance_id: str | None = None, **changes: Any) -> str:
        """The id of the one member of a stable group, whose assignment is ``b"mine"``."""
        member_id: str = self.successResultOf(self.join(version=5 if instance_id else 3, group_instance_id=instance_id, **changes)).member_id
        generation = self.broker.groups._shards[0].groups["g"].generation
        self.assertEqual(self.code(sync_request(member_id, generation, {member_id: b"mine"}, group_instance_id=instance_id), 3), ErrorCode.NONE)
        return member_id

    def rebalancing(self) -> str:
        """The id of a member whose group waits for it to join again, because another one came."""
        member_id = self.member()
        self.join()
        return member_id

    def code(self, request: Message, version: int | None = None) -> ErrorCode:
        """The error at the top of an answer."""
        return ErrorCode(self.ask(request, version).error_code)

    def heartbeat(self, member_id: str, generation: int = 1, version: int | None = None, **fields: Any) -> ErrorCode:
        """How a sign of life is answered."""
        return self.code(HeartbeatRequest(group_id="g", generation_id=generation, member_id=member_id, **fields), version)


def join_request(member_id: str = "", **changes: Any) -> JoinGroupRequest:
    """A consumer that wants in."""
    fields: dict[str, Any] = {
        "group_id": "g",
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 60_000,
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocols": (JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription("t")),),
    }
    return JoinGroupRequest(**{**fields, **changes})


def sync_request(member_id: str, generation: int = 1, assignments: Mapping[str, bytes] | None = None, **changes: Any) -> SyncGroupRequest:
    """A member that wants its assignment, or brings those of all."""
    brought = tuple(SyncGroupRequest.SyncGroupRequestAssignment(member_id=who, assignment=what) for who, what in (assignments or {}).items())
    fields: dict[str, Any] = {"group_id": "g", "generation_id": generation, "member_id": member_id, "assignments": brought}
    return SyncGroupRequest(**{**fields, **changes})


def commit(group_id: str = "g", offset: int = 5, partition: int = 0, **changes: Any) -> OffsetCommitRequest:
    """An offset in ``t``, by name, so not for version 10."""
    part = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=partition, committed_offset=offset, committed_metadata="note")
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=(part,))
    return OffsetCommitRequest(**{"group_id": group_id, "topics": (topic,), **changes})

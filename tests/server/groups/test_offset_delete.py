"""OffsetDelete: its one version's shape, and each error."""

from __future__ import annotations

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.model import TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import JoinGroupRequest, OffsetDeleteRequest
from chronik.security.interfaces import Operation, ResourceType
from tests.server.groups.fixture import GroupApiCase, commit, subscription, versions
from tests.server.groups.layout import Layout, int16, int32

Topic = OffsetDeleteRequest.OffsetDeleteRequestTopic
Part = OffsetDeleteRequest.OffsetDeleteRequestPartition


class OffsetDeleteTests(GroupApiCase):
    """With an offset in ``t-0``."""

    def setUp(self) -> None:
        """Commit."""
        super().setUp()
        self.ask(commit(), 9)

    def delete(self, *topics: tuple[str, int], group_id: str = "g") -> tuple[int, list[list[int]]]:
        """The error at the top, and that of each partition; without topics, ``t-0`` and ``t-1``."""
        named = topics or (("t", 0), ("t", 1))
        wanted = tuple(Topic(name=name, partitions=tuple(Part(partition_index=p) for n, p in named if n == name)) for name in dict(named))
        answer = self.ask(OffsetDeleteRequest(group_id=group_id, topics=wanted), 0)
        return answer.error_code, [[part.error_code for part in topic.partitions] for topic in answer.topics]

    def kept(self) -> list[TopicPartition]:
        """Where offsets are left."""
        return list(self.broker.groups.offsets("g"))

    def test_every_version(self) -> None:
        """The throttle time follows the error; a partition without an offset is no error."""
        self.assertEqual(versions(ApiKey.OFFSET_DELETE), range(1))
        w = Layout(0, flexible_from=99)
        self.check(
            self.exchange(ApiKey.OFFSET_DELETE, 0, w.string("g") + w.array(w.string("t") + w.array(int32(0), int32(1)))),
            int16(0),
            int32(0),
            w.array(w.string("t") + w.array(int32(0) + int16(0), int32(1) + int16(0))),
        )
        self.assertEqual(self.kept(), [])

    def test_partitions_of_their_own(self) -> None:
        """Topics that do not exist or may not be read are refused for themselves."""
        self.successResultOf(self.broker.controller.create_topics([NewTopic("secret")]))
        self.deny(Operation.READ, ResourceType.TOPIC, "secret")
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        code, codes = self.delete(("t", 0), ("t", 9), ("t", -1), ("none", 0), ("secret", 0))
        self.assertEqual((code, codes), (0, [[0, unknown, unknown], [unknown], [ErrorCode.TOPIC_AUTHORIZATION_FAILED]]))
        self.assertEqual(self.kept(), [])

    def test_subscribed(self) -> None:
        """What the group's consumers read stays; of other topics, and of an empty group, everything may go."""
        self.member()
        self.assertEqual(self.delete(), (0, [[ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC] * 2]))
        self.assertEqual(len(self.kept()), 1)
        self.broker.clock.advance(10.1)
        self.assertEqual(self.delete(), (0, [[0, 0]]))
        self.assertEqual(self.kept(), [])

    def test_not_subscribed(self) -> None:
        """Members that read another topic do not keep this one's offsets."""
        self.member(protocols=(JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription("other")),))
        self.assertEqual(self.delete(), (0, [[0, 0]]))
        self.assertEqual(self.kept(), [])

    def test_members_of_another_kind(self) -> None:
        """What they read cannot be told."""
        self.successResultOf(self.join(protocol_type="connect"))
        self.assertEqual(self.delete(), (ErrorCode.NON_EMPTY_GROUP, []))

    def test_errors_of_the_whole(self) -> None:
        """Told at the top, without topics."""
        self.assertEqual(self.delete(group_id=""), (ErrorCode.INVALID_GROUP_ID, []))
        self.assertEqual(self.delete(group_id="none"), (ErrorCode.GROUP_ID_NOT_FOUND, []))
        self.assertEqual(self.delete(("none", 0), group_id="none"), (ErrorCode.GROUP_ID_NOT_FOUND, []))
        clock = self.load()
        self.assertEqual(self.delete(), (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, []))
        clock.advance(0)
        self.read_only()
        self.assertEqual(self.delete(), (ErrorCode.COORDINATOR_NOT_AVAILABLE, []))
        self.resign()
        self.assertEqual(self.delete(), (ErrorCode.NOT_COORDINATOR, []))
        self.deny(Operation.DELETE)
        self.assertEqual(self.delete(), (ErrorCode.GROUP_AUTHORIZATION_FAILED, []))

"""OffsetCommit: each version's shape, what is kept, and each error."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.model import TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import OffsetCommitRequest
from chronik.security.interfaces import Operation, ResourceType
from tests.server.groups.fixture import GroupApiCase, join_request, versions
from tests.server.groups.layout import Layout, int16, int32, int64

VERSIONS = versions(ApiKey.OFFSET_COMMIT)
FIRST_WITH_IDS = 10
PLACE = TopicPartition("t", 0)

Topic = OffsetCommitRequest.OffsetCommitRequestTopic
Part = OffsetCommitRequest.OffsetCommitRequestPartition


class OffsetCommitCase(GroupApiCase):
    """Commits in ``t``."""

    def topic(self, version: int, *parts: Part, name: str = "t") -> Topic:
        """A topic of a request, by name or by id; one that does not exist has an id of its own."""
        if version < FIRST_WITH_IDS:
            return Topic(name=name, partitions=parts)
        found = self.broker.feed.image.topics.get(name)
        return Topic(topic_id=b"X" * 16 if found is None else found.topic_id, partitions=parts)

    def commit(self, version: int, *topics: Topic, **fields: Any) -> list[list[ErrorCode]]:
        """Commit; the error of each partition of each topic. Without topics, offset 5 of ``t-0``."""
        topics = topics or (self.topic(version, Part(partition_index=0, committed_offset=5)),)
        request = OffsetCommitRequest(**{"group_id": "g", "topics": topics, **fields})
        answer = self.ask(request, version)
        self.assertEqual([(t.name, t.topic_id) for t in answer.topics], [(t.name, t.topic_id) for t in topics])
        indexes = [[part.partition_index for part in topic.partitions] for topic in answer.topics]
        self.assertEqual(indexes, [[part.partition_index for part in topic.partitions] for topic in topics])
        return [[ErrorCode(part.error_code) for part in topic.partitions] for topic in answer.topics]

    def commit_code(self, version: int, **fields: Any) -> ErrorCode:
        """How one offset is answered."""
        ((code,),) = self.commit(version, **fields)
        return code


class VersionTests(OffsetCommitCase):
    """The bytes of every version."""

    def test_every_version(self) -> None:
        """Retention up to version 4, the leader epoch from 6, the instance from 7, topics by id from 10 on."""
        self.assertEqual(VERSIONS, range(2, 11))
        for version in VERSIONS:
            w = Layout(version, flexible_from=8)
            topic = w.until(9, w.string("t")) + w.since(10, self.topic_id)
            part = int32(0) + int64(version) + w.since(6, int32(3)) + w.string("note") + w.tags
            asked = b"".join(
                (
                    w.string("g"),
                    int32(-1),  # no generation
                    w.string(""),  # no member
                    w.since(7, w.string(None)),
                    w.until(4, int64(-1)),  # retention as the broker likes
                    w.array(topic + w.array(part) + w.tags),
                    w.tags,
                )
            )
            self.check(
                self.exchange(ApiKey.OFFSET_COMMIT, version, asked),
                w.since(3, int32(0)),
                w.array(topic + w.array(int32(0) + int16(0) + w.tags) + w.tags),
                w.tags,
            )
            kept = self.broker.groups.offsets("g")[PLACE]
            self.assertEqual([kept.offset, kept.leader_epoch, kept.metadata], [version, 3 if version >= 6 else -1, "note"])

    def test_members(self) -> None:
        """A member commits in its generation, static ones by their instance too, and the commit is a sign of life."""
        member_id = self.member("i")
        for version in VERSIONS:
            self.broker.clock.advance(9)
            fields = {"group_instance_id": "i"} if version >= 7 else {}
            code = self.commit_code(version, member_id=member_id, generation_id_or_member_epoch=1, **fields)
            self.assertEqual(code, ErrorCode.NONE)

    def test_retention_of_old_versions(self) -> None:
        """An offset may be kept for as long as the client says, from now on; later versions leave that to the broker."""
        now = int(self.broker.clock.seconds() * 1000)
        for version in VERSIONS[:3]:
            self.commit_code(version, retention_time_ms=60_000)
            self.assertEqual(self.broker.groups.offsets("g")[PLACE].expire_timestamp, now + 60_000)
            self.assertEqual(self.commit_code(version, retention_time_ms=2**63 - 1), ErrorCode.NONE)
            self.assertEqual(self.broker.groups.offsets("g")[PLACE].expire_timestamp, 2**63 - 1, "never")
        self.commit_code(5)
        self.assertEqual(self.broker.groups.offsets("g")[PLACE].expire_timestamp, -1)

    def test_null_metadata(self) -> None:
        """It is kept as an empty text."""
        for version in VERSIONS:
            part = Part(partition_index=0, committed_offset=5, committed_metadata=None)
            self.assertEqual(self.commit(version, self.topic(version, part)), [[ErrorCode.NONE]])
            self.assertEqual(self.broker.groups.offsets("g")[PLACE].metadata, "")

    def test_nothing(self) -> None:
        """No topics, or a topic without partitions, are no error."""
        for version in VERSIONS:
            self.assertEqual(self.commit(version, self.topic(version)), [[]])


class PartitionErrorTests(OffsetCommitCase):
    """Errors of one partition, which leave the others alone."""

    def setUp(self) -> None:
        """With another topic."""
        super().setUp()
        self.successResultOf(self.broker.controller.create_topics([NewTopic("u")]))

    def several(self, version: int, **fields: Any) -> list[list[ErrorCode]]:
        """Commit to what exists, what does not, and with too long a text."""
        return self.commit(
            version,
            self.topic(
                version,
                Part(partition_index=0, committed_offset=1),
                Part(partition_index=1, committed_offset=1, committed_metadata="x" * 4_097),
                Part(partition_index=2, committed_offset=1),
                Part(partition_index=-1, committed_offset=1),
            ),
            self.topic(version, Part(partition_index=0, committed_offset=1), name="none"),
            self.topic(version, Part(partition_index=0, committed_offset=1), name="u"),
            **fields,
        )

    def test_each_for_itself(self) -> None:
        """The offset that can be kept is."""
        self.deny(Operation.READ, ResourceType.TOPIC, "u")
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        for version in VERSIONS:
            self.assertEqual(
                self.several(version),
                [
                    [ErrorCode.NONE, ErrorCode.OFFSET_METADATA_TOO_LARGE, unknown, unknown],
                    [ErrorCode.UNKNOWN_TOPIC_ID if version >= FIRST_WITH_IDS else unknown],
                    [ErrorCode.TOPIC_AUTHORIZATION_FAILED],
                ],
            )
            self.assertEqual(list(self.broker.groups.offsets("g")), [PLACE])

    def test_beside_a_refusal_of_the_rest(self) -> None:
        """What is wrong with a partition is told even where the others are refused for another reason."""
        self.deny(Operation.READ, ResourceType.TOPIC, "u")
        for version in VERSIONS:
            first, second, third = self.several(version, member_id="stranger", generation_id_or_member_epoch=1)
            missing = ErrorCode.GROUP_ID_NOT_FOUND if version >= 9 else ErrorCode.ILLEGAL_GENERATION
            self.assertEqual(first[:2], [missing, missing])
            self.assertEqual(first[2:], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION] * 2)
            self.assertEqual(third, [ErrorCode.TOPIC_AUTHORIZATION_FAILED])
            self.assertNotIn(missing, second)

    def test_longest_text(self) -> None:
        """So many characters as configured are kept, counted as Java does."""
        smile = "\U0001f600"
        for text, code in (
            ("x" * 4_096, ErrorCode.NONE),
            (smile * 2_048, ErrorCode.NONE),
            (smile * 2_049, ErrorCode.OFFSET_METADATA_TOO_LARGE),
        ):
            self.assertEqual(self.commit(9, self.topic(9, Part(partition_index=0, committed_metadata=text))), [[code]])

    def test_the_same_partition_twice(self) -> None:
        """Each mention has its answer, good or bad, whether in one entry or in two; the last offset counts."""
        for version in VERSIONS:
            twice = [self.topic(version, Part(partition_index=0, committed_offset=offset)) for offset in (1, 2)]
            self.assertEqual(self.commit(version, *twice), [[ErrorCode.NONE], [ErrorCode.NONE]])
            self.assertEqual(self.broker.groups.offsets("g")[PLACE].offset, 2)
            refused = self.commit(version, *twice, member_id="stranger", generation_id_or_member_epoch=1)
            self.assertEqual(refused, [[ErrorCode.UNKNOWN_MEMBER_ID], [ErrorCode.UNKNOWN_MEMBER_ID]])


class ErrorTests(OffsetCommitCase):
    """Errors of the whole, told at each partition."""

    def test_group_authorization(self) -> None:
        """READ on the group is needed, whatever the topics."""
        self.deny(Operation.READ)
        self.deny(Operation.READ, ResourceType.TOPIC, "t")
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_no_group(self) -> None:
        """A generation of a group that does not exist: clients before version 9 know another word for it."""
        for version in VERSIONS:
            code = self.commit_code(version, member_id="m", generation_id_or_member_epoch=1)
            self.assertEqual(code, ErrorCode.GROUP_ID_NOT_FOUND if version >= 9 else ErrorCode.ILLEGAL_GENERATION)

    def test_members(self) -> None:
        """Strangers, nobody, another generation."""
        member_id = self.member()
        for version in VERSIONS:
            for who, generation, code in (
                ("stranger", 1, ErrorCode.UNKNOWN_MEMBER_ID),
                ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
                (member_id, 2, ErrorCode.ILLEGAL_GENERATION),
                (member_id, -1, ErrorCode.ILLEGAL_GENERATION),
            ):
                self.assertEqual(self.commit_code(version, member_id=who, generation_id_or_member_epoch=generation), code)

    def test_instances(self) -> None:
        """An instance that is another member now, and one that the group does not know."""
        member_id = self.member("i")
        for version in VERSIONS[5:]:
            fields = {"member_id": "former", "group_instance_id": "i", "generation_id_or_member_epoch": 1}
            self.assertEqual(self.commit_code(version, **fields), ErrorCode.FENCED_INSTANCE_ID)
            fields = {"member_id": member_id, "group_instance_id": "j", "generation_id_or_member_epoch": 1}
            self.assertEqual(self.commit_code(version, **fields), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_rebalances(self) -> None:
        """While the others join a member may still commit; once the generation is there, only after its assignment."""
        first = self.rebalancing()
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version, member_id=first, generation_id_or_member_epoch=1), ErrorCode.NONE)
        self.ask(join_request(first), 3)
        for version in VERSIONS:
            code = self.commit_code(version, member_id=first, generation_id_or_member_epoch=2)
            self.assertEqual(code, ErrorCode.REBALANCE_IN_PROGRESS)

    def test_empty_group(self) -> None:
        """Who is no member commits; who believes to be one is told otherwise."""
        member_id = self.member()
        self.broker.clock.advance(10.1)
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version), ErrorCode.NONE)
            code = self.commit_code(version, member_id=member_id, generation_id_or_member_epoch=1)
            self.assertEqual(code, ErrorCode.UNKNOWN_MEMBER_ID)

    def test_elsewhere(self) -> None:
        """While the state is read, and when another broker has it."""
        clock = self.load()
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        clock.advance(0)
        self.resign()
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version), ErrorCode.NOT_COORDINATOR)

    def test_cannot_be_written(self) -> None:
        """Too few replicas: the client tries again. A failed disk: it looks for another coordinator. Nothing is kept."""
        self.read_only()
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version), ErrorCode.COORDINATOR_NOT_AVAILABLE)
        self.assertEqual(self.broker.groups.offsets("g"), {})

    def test_failed_disk(self) -> None:
        """Another broker may have the state by now."""
        self.broker.disk.fail("sync", "*/__consumer_offsets-0/*", times=1_000)
        self.assertEqual(self.commit_code(9), ErrorCode.NOT_COORDINATOR)

    def test_group_without_a_name(self) -> None:
        """Kafka has always kept offsets for it."""
        for version in VERSIONS:
            self.assertEqual(self.commit_code(version, group_id=""), ErrorCode.NONE)

"""OffsetFetch: each version's shape, what is told, and each error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import OffsetFetchRequest
from chronik.security.interfaces import Operation, ResourceType
from chronik.testing.pools import HeldThreadPools
from tests.server.groups.fixture import GroupApiCase, commit, versions
from tests.server.groups.layout import Layout, int8, int16, int32, int64

VERSIONS = versions(ApiKey.OFFSET_FETCH)
FIRST_WITH_GROUPS, FIRST_WITH_IDS = 8, 10

Group = OffsetFetchRequest.OffsetFetchRequestGroup


class OffsetFetchCase(GroupApiCase):
    """Offset 5 is committed in ``t-0``."""

    def setUp(self) -> None:
        """Commit."""
        super().setUp()
        self.assertEqual(self.ask(commit(), 9).topics[0].partitions[0].error_code, ErrorCode.NONE)

    def request(self, version: int, topics: Sequence[tuple[str, Sequence[int]]] | None, **fields: Any) -> OffsetFetchRequest:
        """For one group, in the shape of the version; None asks for everything."""
        if version < FIRST_WITH_GROUPS:
            old = OffsetFetchRequest.OffsetFetchRequestTopic
            wanted = None if topics is None else tuple(old(name=name, partition_indexes=tuple(parts)) for name, parts in topics)
            return OffsetFetchRequest(**{"group_id": "g", "topics": wanted, **fields})
        group_id = fields.pop("group_id", "g")
        return OffsetFetchRequest(groups=(self.group(version, group_id, topics),), **fields)

    def group(self, version: int, group_id: str, topics: Sequence[tuple[str, Sequence[int]]] | None) -> Group:
        """One group of a request."""
        if topics is None:
            return Group(group_id=group_id, topics=None)
        new, known, by_id = OffsetFetchRequest.OffsetFetchRequestTopics, self.broker.feed.image.topics, version >= FIRST_WITH_IDS
        identity = [{"topic_id": known[name].topic_id if name in known else b"X" * 16} if by_id else {"name": name} for name, _ in topics]
        return Group(group_id=group_id, topics=tuple(new(**one, partition_indexes=tuple(p)) for one, (_, p) in zip(identity, topics, strict=True)))

    def fetch(self, version: int, topics: Sequence[tuple[str, Sequence[int]]] | None, **fields: Any) -> Any:
        """One group's answer, wherever the version has it: it has ``error_code`` and ``topics``."""
        answer = self.ask(self.request(version, topics, **fields), version)
        if version < FIRST_WITH_GROUPS:
            return answer
        (group,) = answer.groups
        self.assertEqual(group.group_id, fields.get("group_id", "g"))
        return group

    def offsets(self, group: Any) -> list[list[tuple[int, int, int]]]:
        """``(partition, offset, error)`` of each topic."""
        return [[(p.partition_index, p.committed_offset, p.error_code) for p in topic.partitions] for topic in group.topics]

    def group_code(self, version: int, **fields: Any) -> ErrorCode:
        """The error of the whole; version 1 has no place for it but the partitions."""
        group = self.fetch(version, [("t", [0])], **fields)
        if version == 1:
            ((part,),) = [topic.partitions for topic in group.topics]
            self.assertEqual([part.committed_offset, part.metadata], [-1, ""])
            return ErrorCode(part.error_code)
        self.assertEqual(group.topics, ())
        return ErrorCode(group.error_code)


class VersionTests(OffsetFetchCase):
    """The bytes of every version."""

    def test_every_version(self) -> None:
        """An error at the top from 2, the leader epoch from 5, groups from 8, members from 9, topic ids from 10 on."""
        self.assertEqual(VERSIONS, range(1, 11))
        for version in VERSIONS:
            w = Layout(version, flexible_from=6)
            name = w.until(9, w.string("t")) + w.since(10, self.topic_id)
            asked = w.array(name + w.array(int32(0), int32(1)) + w.tags)
            member = w.since(9, w.string(None) + int32(-1))
            request = w.until(7, w.string("g") + asked) + w.since(8, w.array(w.string("g") + member + asked + w.tags))
            parts = [(0, 5, "note"), (1, -1, "")]
            told = w.array(
                name + w.array(*(int32(n) + int64(o) + w.since(5, int32(-1)) + w.string(m) + int16(0) + w.tags for n, o, m in parts)) + w.tags
            )
            self.check(
                self.exchange(ApiKey.OFFSET_FETCH, version, request + w.since(7, int8(0)) + w.tags),
                w.since(3, int32(0)),
                w.until(7, told + w.since(2, int16(0))),
                w.since(8, w.array(w.string("g") + told + int16(0) + w.tags)),
                w.tags,
            )

    def test_everything(self) -> None:
        """From version 2 on null asks for all that was committed, by id where the version has those."""
        self.ask(commit(partition=1, offset=7), 9)
        for version in VERSIONS[1:]:
            group = self.fetch(version, None)
            self.assertEqual(self.offsets(group), [[(0, 5, 0), (1, 7, 0)]])
            by_id = version >= FIRST_WITH_IDS
            self.assertEqual(group.topics[0].name, "" if by_id else "t")
            if by_id:
                self.assertEqual(group.topics[0].topic_id, self.topic_id)

    def test_several_groups(self) -> None:
        """Each with its own topics and its own error (PITFALL 13)."""
        self.deny(Operation.DESCRIBE, name="secret")
        for version in VERSIONS[7:]:
            groups = (
                self.group(version, "g", [("t", [0])]),
                self.group(version, "secret", None),
                self.group(version, "new", [("t", [1])]),
                self.group(version, "other", []),
            )
            answer = self.ask(OffsetFetchRequest(groups=groups), version)
            self.assertEqual([group.group_id for group in answer.groups], ["g", "secret", "new", "other"])
            self.assertEqual([group.error_code for group in answer.groups], [0, ErrorCode.GROUP_AUTHORIZATION_FAILED, 0, 0])
            self.assertEqual([self.offsets(group) for group in answer.groups], [[[(0, 5, 0)]], [], [[(1, -1, 0)]], []])

    def test_the_same_again_and_again(self) -> None:
        """A group, and a partition, is told of once, however often it is named: a small request must not ask for a huge answer."""
        for version in VERSIONS:
            found = self.fetch(version, [("t", [0, 1, 0]), ("t", [1, 0])])
            self.assertEqual(self.offsets(found), [[(0, 5, 0), (1, -1, 0)]])
        for version in range(FIRST_WITH_GROUPS, VERSIONS.stop):
            some, everything = self.group(version, "g", [("t", [1])]), self.group(version, "g", None)
            answers = self.ask(OffsetFetchRequest(groups=(some, some, everything)), version).groups
            self.assertEqual([self.offsets(answer) for answer in answers], [[[(0, 5, 0)]]])

    def test_members_are_not_looked_at(self) -> None:
        """Member and epoch belong to the consumer protocol; a classic group, and one that does not exist, answers whoever asks (KIP-848)."""
        for version in VERSIONS[8:]:
            for group_id in ("g", "none"):
                group = Group(group_id=group_id, member_id="stranger", member_epoch=3, topics=None)
                answer = self.ask(OffsetFetchRequest(groups=(group,)), version)
                self.assertEqual(answer.groups[0].error_code, ErrorCode.NONE)

    def test_leader_epoch(self) -> None:
        """The one that was committed."""
        part = commit().topics[0].partitions[0]
        topic = type(commit().topics[0])(name="t", partitions=(type(part)(partition_index=0, committed_offset=9, committed_leader_epoch=4),))
        self.ask(commit(topics=(topic,)), 9)
        for version in VERSIONS:
            (found,) = self.fetch(version, [("t", [0])]).topics[0].partitions
            self.assertEqual([found.committed_offset, found.committed_leader_epoch], [9, 4 if version >= 5 else -1])


class ErrorTests(OffsetFetchCase):
    """Each error, in each version."""

    def test_group_authorization(self) -> None:
        """DESCRIBE on the group is needed."""
        self.deny(Operation.DESCRIBE)
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_topic_authorization(self) -> None:
        """DESCRIBE on a topic is needed to hear of it; in the list of everything it is left out."""
        self.successResultOf(self.broker.controller.create_topics([NewTopic("u")]))
        self.deny(Operation.DESCRIBE, ResourceType.TOPIC, "t")
        for version in VERSIONS:
            failed = ErrorCode.TOPIC_AUTHORIZATION_FAILED if version < 10 else ErrorCode.UNKNOWN_TOPIC_ID
            self.assertEqual(self.offsets(self.fetch(version, [("t", [0, 1]), ("u", [0])])), [[(0, -1, failed), (1, -1, failed)], [(0, -1, 0)]])
            if version > 1:
                self.assertEqual(self.fetch(version, None).topics, ())

    def test_unknown_topic(self) -> None:
        """By name it has no offset, which is no error; by id it is unknown."""
        for version in VERSIONS:
            code = ErrorCode.UNKNOWN_TOPIC_ID if version >= FIRST_WITH_IDS else ErrorCode.NONE
            self.assertEqual(self.offsets(self.fetch(version, [("none", [0]), ("t", [0])])), [[(0, -1, code)], [(0, 5, 0)]])

    def test_unknown_group(self) -> None:
        """It has no offsets."""
        for version in VERSIONS:
            group = self.fetch(version, [("t", [0])], group_id="none")
            self.assertEqual([group.error_code, self.offsets(group)], [0, [[(0, -1, 0)]]])

    def test_elsewhere(self) -> None:
        """While the state is read, and when another broker has it; with everything asked for too."""
        clock = self.load()
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
            if version > 1:
                self.assertEqual(self.fetch(version, None).error_code, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        clock.advance(0)
        self.resign()
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.NOT_COORDINATOR)
            if version >= 7:
                self.assertEqual(self.group_code(version, require_stable=True), ErrorCode.NOT_COORDINATOR)

    def test_failure_of_ours(self) -> None:
        """What nobody foresaw is told where the version has room."""
        self.broker.authorizer.held = []
        for version in VERSIONS:
            answer = self.begin(self.request(version, [("t", [0])]), version)
            self.broker.authorizer.held.pop().errback(OSError("policy service"))
            response = self.successResultOf(answer)
            places = response.topics[0].partitions if version == 1 else response.groups if version >= 8 else [response]
            self.assertEqual([place.error_code for place in places], [ErrorCode.UNKNOWN_SERVER_ERROR])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), len(VERSIONS))


class StableTests(GroupApiCase):
    """KIP-447: who requires stable offsets waits for those that are being committed, so UNSTABLE_OFFSET_COMMIT is never needed."""

    def make_pools(self) -> HeldThreadPools:
        """Flushes wait."""
        return HeldThreadPools("flush")

    def test_waits(self) -> None:
        """From version 7 on; without the wish it is told what is committed now."""
        for number, version in enumerate(VERSIONS[6:], 1):
            committing = self.begin(commit(offset=number), 9)
            groups: dict[str, Any] = {"groups": (Group(group_id="g", topics=None),)} if version >= 8 else {"group_id": "g", "topics": None}
            stable = self.begin(OffsetFetchRequest(require_stable=True, **groups), version)
            self.assertNoResult(stable)
            now = self.ask(OffsetFetchRequest(**groups), version)
            self.pools.go_on()
            self.assertEqual(self.successResultOf(committing).topics[0].partitions[0].error_code, ErrorCode.NONE)
            found = [self._offsets(answer, version) for answer in (now, self.successResultOf(stable))]
            self.assertEqual(found, [[number - 1] if number > 1 else [], [number]])

    def _offsets(self, answer: Any, version: int) -> list[int]:
        topics = answer.groups[0].topics if version >= 8 else answer.topics
        return [part.committed_offset for topic in topics for part in topic.partitions]

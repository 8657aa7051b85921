"""JoinGroup: each version's shape, who gets in, and each error."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import JoinGroupRequest
from chronik.security.interfaces import Operation
from tests.server.groups.fixture import GroupApiCase, join_request, subscription, versions
from tests.server.groups.layout import Layout, int8, int16, int32

VERSIONS = versions(ApiKey.JOIN_GROUP)
PROTOCOL = JoinGroupRequest.JoinGroupRequestProtocol


def request_bytes(w: Layout, member_id: str = "", instance_id: str | None = None, group_id: str = "g") -> bytes:
    """A consumer that knows one protocol."""
    return b"".join(
        (
            w.string(group_id),
            int32(10_000),  # session timeout
            w.since(1, int32(60_000)),  # rebalance timeout
            w.string(member_id),
            w.since(5, w.string(instance_id)),
            w.string("consumer"),
            w.array(w.string("range") + w.data(b"meta") + w.tags),
            w.since(8, w.string("a reason")),
            w.tags,
        )
    )


def response_bytes(w: Layout, code: int, member_id: str, generation: int = -1, members: Iterable[bytes] = ()) -> bytes:
    """An answer; an error has no generation, no protocol and no leader."""
    good = code == ErrorCode.NONE
    return b"".join(
        (
            w.since(2, int32(0)),  # throttle
            int16(code),
            int32(generation),
            w.since(7, w.string("consumer" if good else None)),
            w.string("range" if good else "" if w.version < 7 else None),
            w.string(member_id if good else ""),  # leader
            w.since(9, int8(0)),  # assign
            w.string(member_id),
            w.array(*members),
            w.tags,
        )
    )


class VersionTests(GroupApiCase):
    """The bytes of every version."""

    def test_every_version(self) -> None:
        """A first member leads and is told of everybody; from version 4 on it is told its id first, and comes again with it."""
        self.assertEqual(VERSIONS, range(10))
        for version in VERSIONS:
            w = Layout(version, flexible_from=6)
            group, member_id = f"g{version}", f"me-00000000-0000-4000-8000-{version + 1:012x}"
            given = ""
            if version >= 4:
                answer = self.exchange(ApiKey.JOIN_GROUP, version, request_bytes(w, group_id=group))
                self.check(answer, response_bytes(w, ErrorCode.MEMBER_ID_REQUIRED, member_id))
                given = member_id
            member = w.string(member_id) + w.since(5, w.string(None)) + w.data(b"meta") + w.tags
            answer = self.exchange(ApiKey.JOIN_GROUP, version, request_bytes(w, given, group_id=group))
            self.check(answer, response_bytes(w, ErrorCode.NONE, member_id, 1, [member]))

    def test_instance_id(self) -> None:
        """From version 5 on a static member is let in at once, and its id says whose it is."""
        for number, version in enumerate(VERSIONS[5:], 1):
            w = Layout(version, flexible_from=6)
            member_id = f"i-00000000-0000-4000-8000-{number:012x}"
            member = w.string(member_id) + w.string("i") + w.data(b"meta") + w.tags
            answer = self.exchange(ApiKey.JOIN_GROUP, version, request_bytes(w, instance_id="i", group_id=f"g{version}"))
            self.check(answer, response_bytes(w, ErrorCode.NONE, member_id, 1, [member]))

    def test_errors_in_every_version(self) -> None:
        """An error's generation, protocol and leader are Kafka's: null where the version has room for it, and the id is the one that was sent."""
        for version in VERSIONS:
            w = Layout(version, flexible_from=6)
            answer = self.exchange(ApiKey.JOIN_GROUP, version, request_bytes(w, "stranger"))
            self.check(answer, response_bytes(w, ErrorCode.UNKNOWN_MEMBER_ID, "stranger"))

    def test_skipped_assignment(self) -> None:
        """A static leader that comes back is told not to assign from version 9 on; before, that somebody else leads."""
        before = self.member("i")
        answer = self.ask(join_request(group_instance_id="i"), 9)
        self.assertEqual([answer.error_code, answer.skip_assignment, answer.leader], [0, True, answer.member_id])
        self.assertEqual([member.member_id for member in answer.members], [answer.member_id])
        self.assertNotEqual(answer.member_id, before)
        for version in range(5, 9):
            former, answer = answer, self.ask(join_request(group_instance_id="i"), version)
            self.assertEqual([answer.error_code, answer.generation_id, answer.leader, answer.members], [0, 1, former.member_id, ()])

    def test_rebalance_timeout_of_version_0(self) -> None:
        """It had none: the session timeout counts twice."""
        first = self.successResultOf(self.join(version=0)).member_id
        self.ask(join_request(first), 0)
        second = self.join(version=0)
        for _ in range(2):
            self.assertNoResult(second)
            self.broker.clock.advance(4)
            self.heartbeat(first)
        self.broker.clock.advance(2.1)
        self.assertEqual(self.successResultOf(second).generation_id, 2)


class MembershipTests(GroupApiCase):
    """Several members."""

    def test_second_member(self) -> None:
        """Both are answered when both have joined; the leader alone is told of everybody."""
        first = self.member()
        second = self.join()
        self.assertNoResult(second)
        leader = self.ask(join_request(first), 3)
        follower = self.successResultOf(second)
        self.assertEqual([leader.generation_id, follower.generation_id, follower.leader, follower.members], [2, 2, first, ()])
        self.assertEqual([m.member_id for m in leader.members], [first, follower.member_id])
        self.assertEqual({m.metadata for m in leader.members}, {subscription("t")})

    def test_client(self) -> None:
        """The client's id begins the member's; without one there is just the dash."""
        answer = self.successResultOf(self.broker.send(join_request(), 3, None))
        self.assertTrue(answer.member_id.startswith("-0000"))


class ErrorTests(GroupApiCase):
    """Each error, in each version."""

    def test_group_authorization(self) -> None:
        """READ on the group is needed."""
        self.deny(Operation.READ)
        for version in VERSIONS:
            self.assertEqual(self.code(join_request(), version), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_requests_that_cannot_be_right(self) -> None:
        """A group without a name, a session too short or too long, no protocol at all."""
        for version in VERSIONS:
            for changes, code in (
                ({"group_id": ""}, ErrorCode.INVALID_GROUP_ID),
                ({"session_timeout_ms": 5_999}, ErrorCode.INVALID_SESSION_TIMEOUT),
                ({"session_timeout_ms": 1_800_001}, ErrorCode.INVALID_SESSION_TIMEOUT),
                ({"protocols": ()}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
                ({"protocol_type": ""}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
                ({"member_id": "stranger"}, ErrorCode.UNKNOWN_MEMBER_ID),
            ):
                self.assertEqual(self.code(join_request(**changes), version), code)

    def test_protocols_of_others(self) -> None:
        """Another type, or no protocol in common with the members."""
        self.member()
        for version in VERSIONS:
            self.assertEqual(self.code(join_request(protocol_type="connect"), version), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
            sticky = join_request(protocols=(PROTOCOL(name="sticky", metadata=b""),))
            self.assertEqual(self.code(sticky, version), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    def test_strangers(self) -> None:
        """An id that the group does not know, an instance that it does not know, one that is another member now."""
        self.member("i")
        for version in VERSIONS:
            self.assertEqual(self.code(join_request("stranger"), version), ErrorCode.UNKNOWN_MEMBER_ID)
        for version in VERSIONS[5:]:
            self.assertEqual(self.code(join_request("stranger", group_instance_id="j"), version), ErrorCode.UNKNOWN_MEMBER_ID)
            self.assertEqual(self.code(join_request("stranger", group_instance_id="i"), version), ErrorCode.FENCED_INSTANCE_ID)

    def test_fenced_while_waiting(self) -> None:
        """A static member that waits for a generation is fenced by its successor."""
        self.member("i")
        self.assertEqual(self.code(join_request(), 9), ErrorCode.MEMBER_ID_REQUIRED)
        self.join()
        waiting = self.join(version=9, group_instance_id="i")
        self.join(version=9, group_instance_id="i")
        self.assertEqual(self.successResultOf(waiting).error_code, ErrorCode.FENCED_INSTANCE_ID)

    def test_elsewhere(self) -> None:
        """While the state is read the client tries again, and when another broker has it, it looks for that one; those who wait are told too."""
        self.member()
        waiting = self.join()
        clock = self.load()
        self.assertEqual(self.successResultOf(waiting).error_code, ErrorCode.NOT_COORDINATOR)
        for version in VERSIONS:
            self.assertEqual(self.code(join_request(), version), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        clock.advance(0)
        self.resign()
        for version in VERSIONS:
            self.assertEqual(self.code(join_request(), version), ErrorCode.NOT_COORDINATOR)

    def test_static_member_that_cannot_be_written(self) -> None:
        """The client asks for the coordinator again, and comes back."""
        self.member("i")
        self.read_only()
        self.assertEqual(self.code(join_request(group_instance_id="i"), 9), ErrorCode.COORDINATOR_NOT_AVAILABLE)

    def test_before_there_is_a_topic_of_groups(self) -> None:
        """Nobody asked for the coordinator yet, so there is none."""
        self.resign()
        self.successResultOf(self.broker.controller.delete_topics(["__consumer_offsets"]))
        self.assertEqual(self.code(join_request()), ErrorCode.NOT_COORDINATOR)


class FullTests(GroupApiCase):
    """``group.max.size``."""

    settings = MappingProxyType({"group.max.size": "1"})

    def test_full(self) -> None:
        """One more is refused, and has no id to come again with."""
        member_id = self.member()
        for version in VERSIONS:
            answer = self.ask(join_request(), version)
            self.assertEqual([answer.error_code, answer.member_id], [ErrorCode.GROUP_MAX_SIZE_REACHED, ""])
        self.assertEqual(self.heartbeat(member_id), ErrorCode.NONE)

"""Heartbeat and LeaveGroup: each version's shape, and each error."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import HeartbeatRequest, LeaveGroupRequest
from chronik.security.interfaces import Operation
from tests.server.groups.fixture import GroupApiCase, join_request, versions
from tests.server.groups.layout import Layout, int16, int32

HEARTBEAT = versions(ApiKey.HEARTBEAT)
LEAVE = versions(ApiKey.LEAVE_GROUP)
Identity = LeaveGroupRequest.MemberIdentity


class HeartbeatTests(GroupApiCase):
    """Heartbeat."""

    def test_every_version(self) -> None:
        """A member lives; from version 3 on it may say which instance it is."""
        self.assertEqual(HEARTBEAT, range(5))
        member_id = self.member("i")
        for version in HEARTBEAT:
            for generation, code in ((1, ErrorCode.NONE), (2, ErrorCode.ILLEGAL_GENERATION)):
                w = Layout(version, flexible_from=4)
                asked = w.string("g") + int32(generation) + w.string(member_id) + w.since(3, w.string("i")) + w.tags
                self.check(self.exchange(ApiKey.HEARTBEAT, version, asked), w.since(1, int32(0)), int16(code), w.tags)

    def test_keeps_alive(self) -> None:
        """For another session timeout each."""
        member_id = self.member()
        for version in HEARTBEAT:
            self.broker.clock.advance(9)
            self.assertEqual(self.heartbeat(member_id, version=version), ErrorCode.NONE)
        self.broker.clock.advance(10.1)
        self.assertEqual(self.heartbeat(member_id), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_group_authorization(self) -> None:
        """READ on the group is needed."""
        self.deny(Operation.READ)
        for version in HEARTBEAT:
            self.assertEqual(self.heartbeat("m", version=version), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_errors(self) -> None:
        """No name, strangers, another generation, a rebalance."""
        for version in HEARTBEAT:
            self.assertEqual(self.code(HeartbeatRequest(group_id="", member_id="m"), version), ErrorCode.INVALID_GROUP_ID)
            self.assertEqual(self.heartbeat("m", version=version), ErrorCode.UNKNOWN_MEMBER_ID)
        member_id = self.member()
        for version in HEARTBEAT:
            self.assertEqual(self.heartbeat("stranger", version=version), ErrorCode.UNKNOWN_MEMBER_ID)
            self.assertEqual(self.heartbeat(member_id, 7, version), ErrorCode.ILLEGAL_GENERATION)
        self.join()
        for version in HEARTBEAT:
            self.assertEqual(self.heartbeat(member_id, version=version), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_instances(self) -> None:
        """An instance that is another member now, and one that the group does not know."""
        member_id = self.member("i")
        for version in HEARTBEAT[3:]:
            self.assertEqual(self.heartbeat("former", version=version, group_instance_id="i"), ErrorCode.FENCED_INSTANCE_ID)
            self.assertEqual(self.heartbeat(member_id, version=version, group_instance_id="j"), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_elsewhere(self) -> None:
        """While the state is read every member is believed; when another broker has it, it is looked for there."""
        clock = self.load()
        for version in HEARTBEAT:
            self.assertEqual(self.heartbeat("anybody", version=version), ErrorCode.NONE)
        clock.advance(0)
        self.resign()
        for version in HEARTBEAT:
            self.assertEqual(self.heartbeat("anybody", version=version), ErrorCode.NOT_COORDINATOR)


class LeaveGroupTests(GroupApiCase):
    """LeaveGroup."""

    def leave(self, version: int, *members: Identity, **fields: Any) -> tuple[int, list[int]]:
        """The error at the top, and each member's."""
        identity = {"members": members} if version >= 3 else {"member_id": members[0].member_id}
        answer = self.ask(LeaveGroupRequest(**{"group_id": "g", **identity, **fields}), version)
        return answer.error_code, [member.error_code for member in answer.members]

    def test_every_version(self) -> None:
        """One member up to version 2; from 3 on several, each by id or instance and each with an answer; a reason from 5 on."""
        self.assertEqual(LEAVE, range(6))
        for version in LEAVE:
            w = Layout(version, flexible_from=4)
            member_id = self.member()
            reason = w.since(5, w.string("closed"))
            members = [(member_id, None, ErrorCode.NONE), ("", "i", ErrorCode.UNKNOWN_MEMBER_ID)]
            asked = w.array(*(w.string(who) + w.string(instance) + reason + w.tags for who, instance, _ in members))
            told = w.array(*(w.string(who) + w.string(instance) + int16(code) + w.tags for who, instance, code in members))
            self.check(
                self.exchange(ApiKey.LEAVE_GROUP, version, w.string("g") + w.until(2, w.string(member_id)) + w.since(3, asked) + w.tags),
                w.since(1, int32(0)),
                int16(0),
                w.since(3, told),
                w.tags,
            )
            self.assertEqual(self.broker.groups.describe("g").state, "Empty")

    def test_static_member(self) -> None:
        """An administrator knows the instance alone; an id beside it has to be its own."""
        self.member("i")
        for version in LEAVE[3:]:
            self.assertEqual(self.leave(version, Identity(member_id="former", group_instance_id="i")), (0, [ErrorCode.FENCED_INSTANCE_ID]))
        self.assertEqual(self.leave(3, Identity(member_id="", group_instance_id="i")), (0, [0]))

    def test_pending_member(self) -> None:
        """One that was given an id and never joined."""
        for version in LEAVE:
            member_id = self.ask(join_request(), 9).member_id
            self.assertEqual(self.leave(version, Identity(member_id=member_id))[0], 0)
            self.assertEqual(self.code(join_request(member_id), 9), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_others_rebalance(self) -> None:
        """Who stays is told by its next sign of life."""
        first = self.member()
        second = self.join()
        self.ask(join_request(first), 3)
        self.leave(5, Identity(member_id=self.successResultOf(second).member_id))
        self.assertEqual(self.heartbeat(first, 2), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_nobody(self) -> None:
        """A group that does not exist has no members; without members named nothing happens."""
        for version in LEAVE[:3]:
            self.assertEqual(self.leave(version, Identity(member_id="m"))[0], ErrorCode.UNKNOWN_MEMBER_ID)
        for version in LEAVE[3:]:
            self.assertEqual(self.leave(version, Identity(member_id="m")), (0, [ErrorCode.UNKNOWN_MEMBER_ID]))
            self.assertEqual(self.leave(version), (0, []))

    def test_errors_of_the_whole(self) -> None:
        """No permission, no name, state that is being read or is elsewhere: told at the top, of no member."""
        clock = self.load()
        for version in LEAVE:
            self.assertEqual(self.leave(version, Identity(member_id="m")), (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, []))
        clock.advance(0)
        self.resign()
        for version in LEAVE:
            self.assertEqual(self.leave(version, Identity(member_id="m")), (ErrorCode.NOT_COORDINATOR, []))
            self.assertEqual(self.leave(version, Identity(member_id="m"), group_id=""), (ErrorCode.INVALID_GROUP_ID, []))
        self.deny(Operation.READ)
        for version in LEAVE:
            self.assertEqual(self.leave(version, Identity(member_id="m")), (ErrorCode.GROUP_AUTHORIZATION_FAILED, []))

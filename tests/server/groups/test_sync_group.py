"""SyncGroup: each version's shape, who gets which assignment, and each error."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.security.interfaces import Operation
from chronik.testing.pools import HeldThreadPools
from tests.server.groups.fixture import GroupApiCase, join_request, sync_request, versions
from tests.server.groups.layout import Layout, int16, int32

VERSIONS = versions(ApiKey.SYNC_GROUP)
CONSUMERS = {"protocol_type": "consumer", "protocol_name": "range"}
"""What a member has to say from version 5 on."""


def named(version: int) -> dict[str, str]:
    """The protocol, where the version has room for it."""
    return CONSUMERS if version >= 5 else {}


class VersionTests(GroupApiCase):
    """The bytes of every version."""

    def sync(self, w: Layout, generation: int, member_id: str, *assignments: bytes, instance_id: str | None = None) -> bytes:
        """The request."""
        return b"".join(
            (
                w.string("g"),
                int32(generation),
                w.string(member_id),
                w.since(3, w.string(instance_id)),
                w.since(5, w.string("consumer") + w.string("range")),
                w.array(*assignments),
                w.tags,
            )
        )

    def response(self, w: Layout, code: int, assignment: bytes) -> bytes:
        """The answer; an error has neither protocol nor assignment."""
        names = [w.string(text if code == ErrorCode.NONE else None) for text in ("consumer", "range")]
        return w.since(1, int32(0)) + int16(code) + w.since(5, names[0] + names[1]) + w.data(assignment) + w.tags

    def test_every_version(self) -> None:
        """The leader brings an assignment and gets its own."""
        self.assertEqual(VERSIONS, range(6))
        member_id = self.successResultOf(self.join()).member_id
        for version in VERSIONS:
            w = Layout(version, flexible_from=4)
            assignment = w.string(member_id) + w.data(b"%d" % version) + w.tags
            answer = self.exchange(ApiKey.SYNC_GROUP, version, self.sync(w, version + 1, member_id, assignment))
            self.check(answer, self.response(w, ErrorCode.NONE, b"%d" % version))
            again = self.exchange(ApiKey.SYNC_GROUP, version, self.sync(w, version + 1, member_id))
            self.check(again, self.response(w, ErrorCode.NONE, b"%d" % version))
            self.ask(join_request(member_id), 3)

    def test_instance_id(self) -> None:
        """A static member says which it is from version 3 on."""
        member_id = self.member("i")
        for version in VERSIONS[3:]:
            w = Layout(version, flexible_from=4)
            answer = self.exchange(ApiKey.SYNC_GROUP, version, self.sync(w, 1, member_id, instance_id="i"))
            self.check(answer, self.response(w, ErrorCode.NONE, b"mine"))

    def test_errors_in_every_version(self) -> None:
        """Nothing is assigned."""
        for version in VERSIONS:
            w = Layout(version, flexible_from=4)
            answer = self.exchange(ApiKey.SYNC_GROUP, version, self.sync(w, 1, "stranger"))
            self.check(answer, self.response(w, ErrorCode.UNKNOWN_MEMBER_ID, b""))


class ErrorTests(GroupApiCase):
    """Each error, in each version."""

    def sync_code(self, version: int, member_id: str, generation: int = 1, **fields: Any) -> ErrorCode:
        """How a member that asks is answered."""
        return self.code(sync_request(member_id, generation, **{**named(version), **fields}), version)

    def test_group_authorization(self) -> None:
        """READ on the group is needed."""
        self.deny(Operation.READ)
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, "m"), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_stable_group(self) -> None:
        """No name, a stranger, another generation."""
        member_id = self.member()
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, member_id, group_id=""), ErrorCode.INVALID_GROUP_ID)
            self.assertEqual(self.sync_code(version, "stranger"), ErrorCode.UNKNOWN_MEMBER_ID)
            self.assertEqual(self.sync_code(version, member_id, group_id="none"), ErrorCode.UNKNOWN_MEMBER_ID)
            self.assertEqual(self.sync_code(version, member_id, 2), ErrorCode.ILLEGAL_GENERATION)

    def test_instances(self) -> None:
        """An instance that is another member now, and one that the group does not know."""
        member_id = self.member("i")
        for version in VERSIONS[3:]:
            self.assertEqual(self.sync_code(version, "other", group_instance_id="i"), ErrorCode.FENCED_INSTANCE_ID)
            self.assertEqual(self.sync_code(version, member_id, group_instance_id="j"), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_protocols(self) -> None:
        """From version 5 on the member names type and protocol, and those of the generation."""
        member_id = self.member()
        for fields in ({}, {"protocol_type": "consumer"}, {**CONSUMERS, "protocol_type": "connect"}, {**CONSUMERS, "protocol_name": "sticky"}):
            self.assertEqual(self.code(sync_request(member_id, **fields), 5), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    def test_rebalance(self) -> None:
        """The group waits for everybody to join again."""
        member_id = self.rebalancing()
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, member_id), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_rebalance_while_waiting(self) -> None:
        """A follower that waits for the leader's assignment is told when another rebalance begins."""
        first = self.member()
        second = self.join()
        self.ask(join_request(first), 3)
        waiting = self.begin(sync_request(self.successResultOf(second).member_id, 2), 3)
        self.assertNoResult(waiting)
        self.join()
        self.assertEqual(self.successResultOf(waiting).error_code, ErrorCode.REBALANCE_IN_PROGRESS)

    def test_empty_group(self) -> None:
        """A group that everybody left has no members to assign to."""
        member_id = self.member()
        self.broker.clock.advance(10.1)
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, member_id, 2), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_elsewhere(self) -> None:
        """While the state is read, and when another broker has it."""
        member_id = self.member()
        clock = self.load()
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, member_id), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        clock.advance(0)
        self.assertEqual(self.sync_code(5, member_id), ErrorCode.NONE)
        self.resign()
        for version in VERSIONS:
            self.assertEqual(self.sync_code(version, member_id), ErrorCode.NOT_COORDINATOR)

    def test_assignment_that_cannot_be_written(self) -> None:
        """Nobody gets it; all look for the coordinator again."""
        first = self.member()
        second = self.join()
        self.ask(join_request(first), 3)
        follower = self.begin(sync_request(self.successResultOf(second).member_id, 2), 3)
        self.read_only()
        code = self.code(sync_request(first, 2, {first: b"mine"}), 3)
        self.assertEqual(code, ErrorCode.NOT_COORDINATOR)
        self.assertEqual(self.successResultOf(follower).error_code, ErrorCode.NOT_COORDINATOR)


class DurabilityTests(GroupApiCase):
    """When assignments are given out."""

    def make_pools(self) -> HeldThreadPools:
        """Flushes wait."""
        return HeldThreadPools("flush")

    def find_coordinator(self) -> None:
        """The topic of groups is not waited for by flushes."""
        super().find_coordinator()
        self.pools.go_on()

    def test_assignment_waits_for_the_disk(self) -> None:
        """Neither the leader nor a follower has it before it is durable."""
        first = self.successResultOf(self.join()).member_id
        second = self.join()
        self.ask(join_request(first), 3)
        follower_id = self.successResultOf(second).member_id
        follower = self.begin(sync_request(follower_id, 2), 3)
        leader = self.begin(sync_request(first, 2, {first: b"mine", follower_id: b"yours"}), 3)
        self.assertNoResult(leader)
        self.assertNoResult(follower)
        self.pools.go_on()
        self.assertEqual([self.successResultOf(each).assignment for each in (leader, follower)], [b"mine", b"yours"])

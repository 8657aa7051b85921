"""DescribeGroups: each version's shape, what is told of a group in each state, and each error."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DescribeGroupsRequest
from chronik.security.interfaces import Operation
from chronik.server.handlers.operations import NOT_ASKED
from tests.server.groups.fixture import GroupApiCase, commit, join_request, subscription, sync_request, versions
from tests.server.groups.layout import Layout, int8, int16, int32

VERSIONS = versions(ApiKey.DESCRIBE_GROUPS)
FIRST_THAT_MISSES = 6


class DescribeGroupsCase(GroupApiCase):
    """DescribeGroups."""

    def describe(self, version: int, group_id: str = "g", **fields: Any) -> Any:
        """One group."""
        (group,) = self.ask(DescribeGroupsRequest(groups=(group_id,), **fields), version).groups
        self.assertEqual(group.group_id, group_id)
        return group

    def group_code(self, version: int, **fields: Any) -> ErrorCode:
        """The error of one group, of which nothing else is told."""
        group = self.describe(version, **fields)
        self.assertEqual([group.members, group.protocol_type, group.protocol_data, group.authorized_operations], [(), "", "", NOT_ASKED])
        return ErrorCode(group.error_code)


class VersionTests(DescribeGroupsCase):
    """The bytes of every version."""

    def request(self, w: Layout, *group_ids: str, operations: bool) -> bytes:
        """The request."""
        return w.array(*(w.string(group_id) for group_id in group_ids)) + w.since(3, int8(operations)) + w.tags

    def test_stable_group(self) -> None:
        """Operations from version 3, the instance from 4, a message from 6 on."""
        self.assertEqual(VERSIONS, range(7))
        member_id = self.member("i")
        allowed = sum(1 << operation for operation in (3, 6, 8, 10, 11))  # READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS
        for version in VERSIONS:
            w = Layout(version, flexible_from=5)
            member = w.string(member_id) + w.since(4, w.string("i")) + w.string("me") + w.string("/10.0.0.9")
            member += w.data(subscription("t")) + w.data(b"mine") + w.tags
            for asked, told in ((True, allowed), (False, NOT_ASKED)):
                self.check(
                    self.exchange(ApiKey.DESCRIBE_GROUPS, version, self.request(w, "g", operations=asked)),
                    w.since(1, int32(0)),
                    w.array(
                        int16(0)
                        + w.since(6, w.string(None))
                        + w.string("g")
                        + w.string("Stable")
                        + w.string("consumer")
                        + w.string("range")
                        + w.array(member)
                        + w.since(3, int32(told))
                        + w.tags
                    ),
                    w.tags,
                )

    def test_no_group(self) -> None:
        """It is dead, which from version 6 on is an error with a message (KIP-1043)."""
        for version in VERSIONS:
            w = Layout(version, flexible_from=5)
            missing = ErrorCode.GROUP_ID_NOT_FOUND if version >= FIRST_THAT_MISSES else ErrorCode.NONE
            names = w.string("none") + w.string("Dead") + w.string("") + w.string("")
            self.check(
                self.exchange(ApiKey.DESCRIBE_GROUPS, version, self.request(w, "none", operations=False)),
                w.since(1, int32(0)),
                w.array(int16(missing) + w.since(6, w.string("Group none not found.")) + names + w.array() + w.since(3, int32(NOT_ASKED)) + w.tags),
                w.tags,
            )

    def test_several(self) -> None:
        """Each for itself, in the order asked."""
        self.ask(commit("h"), 9)
        self.deny(Operation.DESCRIBE, name="secret")
        for version in VERSIONS:
            groups = self.ask(DescribeGroupsRequest(groups=("secret", "h", "none")), version).groups
            missing = ErrorCode.GROUP_ID_NOT_FOUND if version >= FIRST_THAT_MISSES else ErrorCode.NONE
            found = [(group.group_id, group.error_code, group.group_state) for group in groups]
            self.assertEqual(found, [("secret", ErrorCode.GROUP_AUTHORIZATION_FAILED, ""), ("h", 0, "Empty"), ("none", missing, "Dead")])

    def test_the_same_again_and_again(self) -> None:
        """A group is described once, however often it is named: a small request must not ask for a huge answer."""
        for version in VERSIONS:
            groups = self.ask(DescribeGroupsRequest(groups=("g", "h", "g", "g")), version).groups
            self.assertEqual([group.group_id for group in groups], ["g", "h"])

    def test_operations_of_a_group_that_is_not_there(self) -> None:
        """They are told where its absence is no error."""
        for version in (3, 4, 5):
            group = self.describe(version, "none", include_authorized_operations=True)
            self.assertEqual(group.authorized_operations >> Operation.READ & 1, 1)


class StateTests(DescribeGroupsCase):
    """A group from its first member to its last."""

    def told(self) -> list[Any]:
        """State, protocol, and each member's metadata and assignment."""
        group = self.describe(5)
        members = [(bytes(member.member_metadata), bytes(member.member_assignment)) for member in group.members]
        return [group.group_state, group.protocol_type, group.protocol_data, *members]

    def test_states(self) -> None:
        """Protocol and metadata are told of a stable group alone."""
        first = self.successResultOf(self.join()).member_id
        self.assertEqual(self.told(), ["CompletingRebalance", "consumer", "", (b"", b"")])
        self.ask(sync_request(first, 1, {first: b"mine"}), 3)
        self.assertEqual(self.told(), ["Stable", "consumer", "range", (subscription("t"), b"mine")])
        self.join()
        self.assertEqual(self.told(), ["PreparingRebalance", "consumer", "", (b"", b"mine"), (b"", b"")])
        self.ask(join_request(first), 3)
        self.broker.clock.advance(60.1)
        self.broker.clock.advance(60.1)
        self.assertEqual(self.told(), ["Empty", "consumer", ""])

    def test_offsets_alone(self) -> None:
        """A group that never had members has no type."""
        self.ask(commit(), 9)
        self.assertEqual(self.told(), ["Empty", "", ""])


class ErrorTests(DescribeGroupsCase):
    """Each error, in each version."""

    def test_group_authorization(self) -> None:
        """DESCRIBE on the group is needed, also to hear what may be done to it."""
        self.deny(Operation.DESCRIBE)
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.GROUP_AUTHORIZATION_FAILED)
        for version in VERSIONS[3:]:
            self.assertEqual(self.group_code(version, include_authorized_operations=True), ErrorCode.GROUP_AUTHORIZATION_FAILED)

    def test_operations(self) -> None:
        """What is denied is missing among them."""
        self.ask(commit(), 9)
        self.deny(Operation.DELETE)
        for version in VERSIONS[3:]:
            operations = self.describe(version, include_authorized_operations=True).authorized_operations
            self.assertEqual([operations >> operation & 1 for operation in (Operation.READ, Operation.DELETE)], [1, 0])

    def test_elsewhere(self) -> None:
        """While the state is read, and when another broker has it."""
        clock = self.load()
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        clock.advance(0)
        self.resign()
        for version in VERSIONS:
            self.assertEqual(self.group_code(version), ErrorCode.NOT_COORDINATOR)

    def test_failure_of_ours(self) -> None:
        """What nobody foresaw is told at each group."""
        self.broker.authorizer.held = []
        for version in VERSIONS:
            answer = self.begin(DescribeGroupsRequest(groups=("g", "h")), version)
            self.broker.authorizer.held.pop().errback(OSError("policy service"))
            self.assertEqual([group.error_code for group in self.successResultOf(answer).groups], [ErrorCode.UNKNOWN_SERVER_ERROR] * 2)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), len(VERSIONS))

"""ListGroups and DeleteGroups: each version's shape, filters, and each error."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DeleteGroupsRequest, ListGroupsRequest
from chronik.security.interfaces import CLUSTER_NAME, Operation, ResourceType
from tests.server.groups.fixture import GroupApiCase, commit, join_request, versions
from tests.server.groups.layout import Layout, int16, int32

LIST = versions(ApiKey.LIST_GROUPS)
DELETE = versions(ApiKey.DELETE_GROUPS)


class ListGroupsTests(GroupApiCase):
    """With a stable group ``g`` and one, ``h``, that has offsets alone."""

    def setUp(self) -> None:
        """Make them."""
        super().setUp()
        self.member()
        self.ask(commit("h"), 9)

    def listed(self, version: int, **filters: Any) -> list[str]:
        """Ids of the groups told."""
        answer = self.ask(ListGroupsRequest(**filters), version)
        self.assertEqual(answer.error_code, ErrorCode.NONE)
        return [group.group_id for group in answer.groups]

    def test_every_version(self) -> None:
        """States and their filter from version 4, types from 5 on."""
        self.assertEqual(LIST, range(6))
        for version in LIST:
            w = Layout(version, flexible_from=3)
            groups = (("g", "consumer", "Stable"), ("h", "", "Empty"))
            self.check(
                self.exchange(ApiKey.LIST_GROUPS, version, w.since(4, w.array()) + w.since(5, w.array()) + w.tags),
                w.since(1, int32(0)),
                int16(0),
                w.array(
                    *(
                        w.string(group_id) + w.string(kind) + w.since(4, w.string(state)) + w.since(5, w.string("classic")) + w.tags
                        for group_id, kind, state in groups
                    )
                ),
                w.tags,
            )

    def test_states(self) -> None:
        """Any of those named, however they are spelled; an unknown one is no group's."""
        for version in LIST[4:]:
            for states, found in (
                (("Stable",), ["g"]),
                (("empty",), ["h"]),
                (("STABLE", "Empty"), ["g", "h"]),
                (("Dead",), []),
                (("nothing",), []),
            ):
                self.assertEqual(self.listed(version, states_filter=states), found)

    def test_types(self) -> None:
        """All groups are classic; a filter of another type finds none."""
        for types, found in ((("classic",), ["g", "h"]), (("Classic", "share"), ["g", "h"]), (("consumer",), []), (("nothing",), [])):
            self.assertEqual(self.listed(5, types_filter=types), found)
        self.assertEqual(self.listed(5, types_filter=("classic",), states_filter=("Empty",)), ["h"])

    def test_permissions(self) -> None:
        """DESCRIBE on the cluster shows all groups, without it those that one may describe."""
        self.deny(Operation.DESCRIBE)
        for version in LIST:
            self.assertEqual(self.listed(version), ["g", "h"])
        self.deny(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME)
        for version in LIST:
            self.assertEqual(self.listed(version), ["h"])

    def test_loading(self) -> None:
        """Rather no list than one that lacks groups."""
        clock = self.load()
        for version in LIST:
            answer = self.ask(ListGroupsRequest(), version)
            self.assertEqual((answer.error_code, answer.groups), (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ()))
        clock.advance(0)
        self.assertEqual(sorted(self.listed(0)), ["g", "h"])

    def test_elsewhere(self) -> None:
        """Each broker lists its own: of those that another coordinates nothing is told, which is no error."""
        self.resign()
        for version in LIST:
            self.assertEqual(self.listed(version), [])


class DeleteGroupsTests(GroupApiCase):
    """DeleteGroups."""

    def delete(self, version: int, *group_ids: str) -> list[tuple[str, ErrorCode]]:
        """Delete; the outcome of each."""
        answer = self.ask(DeleteGroupsRequest(groups_names=group_ids), version)
        return [(result.group_id, ErrorCode(result.error_code)) for result in answer.results]

    def test_every_version(self) -> None:
        """The group and its offsets are gone when the answer comes; one that is not there is told."""
        self.assertEqual(DELETE, range(3))
        for version in DELETE:
            w = Layout(version, flexible_from=2)
            self.ask(commit(), 9)
            asked = w.array(w.string("g"), w.string("none")) + w.tags
            outcomes = (("g", 0), ("none", ErrorCode.GROUP_ID_NOT_FOUND))
            self.check(
                self.exchange(ApiKey.DELETE_GROUPS, version, asked),
                int32(0),
                w.array(*(w.string(group_id) + int16(code) + w.tags for group_id, code in outcomes)),
                w.tags,
            )
            self.assertEqual([self.broker.groups.describe("g"), self.broker.groups.offsets("g")], [None, {}])

    def test_members(self) -> None:
        """A group with members stays, in any state; once they are gone it goes."""
        member_id = self.member()
        for version in DELETE:
            self.assertEqual(self.delete(version, "g"), [("g", ErrorCode.NON_EMPTY_GROUP)])
        self.join()
        self.assertEqual(self.delete(2, "g"), [("g", ErrorCode.NON_EMPTY_GROUP)])
        self.ask(join_request(member_id), 3)
        self.assertEqual(self.delete(2, "g"), [("g", ErrorCode.NON_EMPTY_GROUP)])
        self.broker.clock.advance(60.1)
        self.broker.clock.advance(60.1)
        self.assertEqual(self.delete(2, "g"), [("g", ErrorCode.NONE)])

    def test_twice(self) -> None:
        """A group named twice is deleted once, and answered once."""
        self.ask(commit(), 9)
        self.assertEqual(self.delete(2, "g", "g"), [("g", ErrorCode.NONE)])

    def test_without_a_name(self) -> None:
        """Kafka has always kept offsets for it; so they can go."""
        self.assertEqual(self.delete(2, ""), [("", ErrorCode.GROUP_ID_NOT_FOUND)])
        self.ask(commit(""), 9)
        self.assertEqual(self.delete(2, ""), [("", ErrorCode.NONE)])

    def test_authorization(self) -> None:
        """DELETE on the group is needed; others go through."""
        self.ask(commit(), 9)
        self.deny(Operation.DELETE, name="secret")
        for version in DELETE:
            self.assertEqual(self.delete(version, "secret"), [("secret", ErrorCode.GROUP_AUTHORIZATION_FAILED)])
        self.assertEqual(self.delete(2, "secret", "g")[1], ("g", ErrorCode.NONE))

    def test_elsewhere(self) -> None:
        """While the state is read, and when another broker has it."""
        self.load()
        for version in DELETE:
            self.assertEqual(self.delete(version, "g"), [("g", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)])
        self.resign()
        for version in DELETE:
            self.assertEqual(self.delete(version, "g"), [("g", ErrorCode.NOT_COORDINATOR)])

    def test_cannot_be_written(self) -> None:
        """The group and its offsets stay, and the client tries again."""
        self.ask(commit(), 9)
        self.read_only()
        for version in DELETE:
            self.assertEqual(self.delete(version, "g"), [("g", ErrorCode.COORDINATOR_NOT_AVAILABLE)])
        self.assertEqual(len(self.broker.groups.offsets("g")), 1)

    def test_failure_of_ours(self) -> None:
        """What nobody foresaw is told at each group."""
        self.broker.authorizer.held = []
        for version in DELETE:
            answer = self.begin(DeleteGroupsRequest(groups_names=("g", "h")), version)
            self.broker.authorizer.held.pop().errback(OSError("policy service"))
            self.assertEqual([r.error_code for r in self.successResultOf(answer).results], [ErrorCode.UNKNOWN_SERVER_ERROR] * 2)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), len(DELETE))

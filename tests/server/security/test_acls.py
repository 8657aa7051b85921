"""DescribeAcls, CreateAcls and DeleteAcls, over the authorizer that goes by what they change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chronik.errors import ErrorCode
from chronik.metadata.interfaces import Compacted, Delete, Put
from chronik.metadata.security_keys import EMPTY, acl_key
from chronik.protocol.messages import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from chronik.security.acl.authorizer import AclAuthorizer
from chronik.security.interfaces import AclBinding, Action, Operation, PatternType, Permission, Principal, ResourceType
from chronik.server.handlers.security.acls import APIS
from chronik.testing.auth import auth_context
from tests.server.admin.fixture import AdminCase, deny

DESCRIBE, CREATE, DELETE = APIS

OPEN = {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 1, "principal_filter": None, "host_filter": None}
ANY = {**OPEN, "operation": 1, "permission_type": 1}
"""A filter that means everything."""

READ_LOGS = {
    "resource_type": 2,
    "resource_name": "logs",
    "resource_pattern_type": 4,
    "principal": "User:alice",
    "host": "*",
    "operation": 3,
    "permission_type": 3,
}
ALICE = Principal("User", "alice")
READ = Action(Operation.READ, ResourceType.TOPIC, "logs-1")


class AclCase(AdminCase):
    """The real authorizer behind the dispatcher."""

    def setUp(self) -> None:
        """Whoever asks is a super user."""
        super().setUp()
        config = auth_context().config().with_values({"super.users": "User:ANONYMOUS"})
        self.authorizer = AclAuthorizer(auth_context(clock=self.clock, config=config, feed=self.feed))
        self.addCleanup(self.authorizer.close)

    def create(self, *changes: dict[str, Any], version: int = 3) -> list[tuple[int, str | None]]:
        """Make entries that differ so from :data:`READ_LOGS`; codes and messages."""
        creations = tuple(CreateAclsRequest.AclCreation(**{**READ_LOGS, **change}) for change in changes)
        return [(result.error_code, result.error_message) for result in self.ask(CREATE, version, CreateAclsRequest(creations=creations)).results]

    def described(self, version: int = 3, **wanted: Any) -> set[tuple[Any, ...]]:
        """What entries there are: type, pattern, name, principal, host, operation, permission, as numbers and texts."""
        answer = self.ask(DESCRIBE, version, DescribeAclsRequest(**{**ANY, **wanted}))
        self.assertEqual((0, None), (answer.error_code, answer.error_message))
        return {
            (resource.resource_type, resource.pattern_type, resource.resource_name, acl.principal, acl.host, acl.operation, acl.permission_type)
            for resource in answer.resources
            for acl in resource.acls
        }

    def delete(self, *filters: dict[str, Any], version: int = 3) -> list[Any]:
        """Remove what filters that differ so from :data:`ANY` mean; the results."""
        asked = tuple(DeleteAclsRequest.DeleteAclsFilter(**{**ANY, **each}) for each in filters)
        answer = self.begin(DELETE, version, DeleteAclsRequest(filters=asked))
        self.clock.advance(0)
        return list(self.successResultOf(answer).filter_results)

    def allowed(self, principal: Principal = ALICE, action: Action = READ) -> bool:
        """What the authorizer says."""
        (answer,) = self.successResultOf(self.authorizer.authorize(principal, "10.0.0.1", [action]))
        return bool(answer)


class LifeTests(AclCase):
    """From creation to deletion."""

    def test_every_version(self) -> None:
        """An entry is made, counts at once, is described, is deleted, and counts no more."""
        for version in self.every_version(CREATE):
            self.assertFalse(self.allowed())
            self.assertEqual([(0, None)], self.create({}, version=version))
            self.assertTrue(self.allowed())
            self.assertEqual({(2, 4, "logs", "User:alice", "*", 3, 3)}, self.described(version))
            (result,) = self.delete({}, version=version)
            self.assertEqual((0, None), (result.error_code, result.error_message))
            (gone,) = result.matching_acls
            self.assertEqual((0, 2, "logs", 4), (gone.error_code, gone.resource_type, gone.resource_name, gone.pattern_type))
            self.assertEqual(("User:alice", "*", 3, 3), (gone.principal, gone.host, gone.operation, gone.permission_type))
            self.assertEqual(set(), self.described(version))

    def test_twice_is_once(self) -> None:
        """Making what is there, in one request or in two, changes nothing and is well."""
        self.assertEqual([(0, None)] * 2, self.create({}, {}))
        revision = self.feed.image.revision
        self.assertEqual([(0, None)], self.create({}))
        self.assertEqual(revision, self.feed.image.revision)

    def test_survives_a_restart(self) -> None:
        """Another broker over the same store has them."""
        self.create({})
        again = AclAuthorizer(auth_context(clock=self.clock, feed=self.feed))
        self.assertEqual([True], list(self.successResultOf(again.authorize(ALICE, "::1", [READ]))))

    def test_more_than_one_commit_takes(self) -> None:
        """Hundreds are made and deleted by one request each."""
        names = [f"t{number}" for number in range(500)]
        self.assertEqual({(0, None)}, set(self.create(*({"resource_name": name} for name in names))))
        self.assertEqual(500, len(self.described()))
        (result,) = self.delete({"principal_filter": "User:alice"})
        self.assertEqual(500, len(result.matching_acls))
        self.assertEqual((set(), []), (self.described(), self.stored("acls/")))


class RefusalTests(AclCase):
    """What cannot be."""

    def test_wrong_entries(self) -> None:
        """Each is refused by itself, with Kafka's words where Kafka's tools show them; those beside it are made."""
        for change, word in (
            ({"resource_type": 0}, "Invalid resourceType UNKNOWN"),
            ({"resource_type": 1}, "Invalid resourceType ANY"),
            ({"resource_type": 99}, "Invalid resourceType UNKNOWN"),
            ({"resource_pattern_type": 1}, "Invalid patternType ANY"),
            ({"resource_pattern_type": 2}, "Invalid patternType MATCH"),
            ({"resource_pattern_type": 77}, "Invalid patternType UNKNOWN"),
            ({"operation": 1}, "Invalid operation ANY"),
            ({"operation": -5}, "Invalid operation UNKNOWN"),
            ({"permission_type": 1}, "Invalid permissionType ANY"),
            ({"permission_type": 9}, "Invalid permissionType UNKNOWN"),
            ({"resource_name": ""}, "Resource name should not be empty"),
            ({"resource_name": "x" * 2000}, "longer than"),
            ({"resource_name": "*"}, "prefixed *"),
            ({"resource_type": 4, "resource_pattern_type": 3}, "kafka-cluster"),
            ({"principal": "alice"}, "no colon is present"),
            ({"principal": "User:"}, "is empty"),
            ({"principal": ":alice"}, "is empty"),
            ({"principal": ""}, "no colon is present"),
            ({"host": ""}, "host is empty"),
            ({"host": "10.0.0.256"}, "no IP address"),
            ({"host": "10.0.0.1/8"}, "write 10.0.0.0/8"),
            ({"host": "10.0.0.0/33"}, "no network"),
            ({"host": "fe80:::1"}, "no IP address"),
            ({"host": "a b"}, "neither"),
        ):
            (code, message), beside = self.create(change, {})
            self.assertEqual((ErrorCode.INVALID_REQUEST, (0, None)), (code, beside), change)
            self.assertIn(word, message or "")
        self.assertEqual(1, len(self.described()))

    def test_hosts_that_can_be(self) -> None:
        """Addresses and networks of both versions, and names, which Kafka takes too."""
        hosts = ["*", "10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "host-1.example.org"]
        self.assertEqual([(0, None)] * len(hosts), self.create(*({"host": host} for host in hosts)))
        self.assertEqual(set(hosts), {entry[4] for entry in self.described()})

    def test_unknown_filters(self) -> None:
        """A filter with a code that nobody knows is refused, and deletes nothing; another one beside it does what it says."""
        self.create({}, {"resource_type": 3})
        wrong = [{"resource_type_filter": 0}, {"pattern_type_filter": 66}, {"operation": 0}, {"permission_type": 8}]
        results = self.delete(*wrong, {"resource_type_filter": 3})
        self.assertEqual([ErrorCode.INVALID_REQUEST] * 4 + [0], [result.error_code for result in results])
        self.assertEqual({"Unknown patternFilter.", "Unknown entryFilter."}, {result.error_message for result in results[:4]})
        self.assertEqual(1, len(self.described()))
        for each in wrong:
            self.assertEqual(ErrorCode.INVALID_REQUEST, self.ask(DESCRIBE, 3, DescribeAclsRequest(**{**ANY, **each})).error_code)

    def test_permissions(self) -> None:
        """DESCRIBE on the cluster to see, ALTER to change; without it the answer is the same whether there are entries or not."""
        self.create({})
        mallory = self.session.principal = Principal("User", "mallory")
        for version in self.every_version(DESCRIBE):
            answer = self.ask(DESCRIBE, version, DescribeAclsRequest(**ANY))
            self.assertEqual((ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ()), (answer.error_code, answer.resources))
            self.assertEqual([ErrorCode.CLUSTER_AUTHORIZATION_FAILED] * 2, [code for code, _ in self.create({}, {}, version=version)])
            (result,) = self.delete({}, version=version)
            self.assertEqual((ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ()), (result.error_code, result.matching_acls))
        self.assertFalse(self.allowed(mallory))
        self.assertTrue(self.allowed())

    def test_no_list_is_kept(self) -> None:
        """An authorizer that goes by other things has none: SECURITY_DISABLED everywhere, to who would be allowed."""
        self.authorizer = None
        for version in self.every_version(DESCRIBE):
            answer = self.ask(DESCRIBE, version, DescribeAclsRequest(**ANY))
            self.assertEqual((ErrorCode.SECURITY_DISABLED, ()), (answer.error_code, answer.resources))
            self.assertIn("No Authorizer", answer.error_message)
            self.assertEqual([ErrorCode.SECURITY_DISABLED], [code for code, _ in self.create({}, version=version)])
            self.assertEqual([ErrorCode.SECURITY_DISABLED], [result.error_code for result in self.delete({}, version=version)])
        self.denied = deny("DESCRIBE CLUSTER")
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.ask(DESCRIBE, 3, DescribeAclsRequest(**ANY)).error_code)
        self.assertEqual([], self.stored("acls/"))


class FilterTests(AclCase):
    """Which entries a filter means."""

    NAMES = (("orders", 3), ("ord", 4), ("o", 3), ("*", 3), ("other", 4))

    def setUp(self) -> None:
        """Names of all sorts."""
        super().setUp()
        self.create(*({"resource_name": name, "resource_pattern_type": pattern} for name, pattern in self.NAMES))

    def names(self, **wanted: Any) -> list[str]:
        """The names of what is described."""
        return sorted(entry[2] for entry in self.described(**wanted))

    def test_names(self) -> None:
        """LITERAL, PREFIXED and ANY compare what is written; MATCH finds what would count for such a resource."""
        everything = sorted(name for name, _ in self.NAMES)
        for pattern, name, expected in (
            (PatternType.ANY, None, everything),
            (PatternType.MATCH, None, everything),
            (PatternType.LITERAL, None, ["*", "o", "orders"]),
            (PatternType.PREFIXED, None, ["ord", "other"]),
            (PatternType.ANY, "ord", ["ord"]),
            (PatternType.LITERAL, "ord", []),
            (PatternType.PREFIXED, "ord", ["ord"]),
            (PatternType.MATCH, "orders", ["*", "ord", "orders"]),
            (PatternType.MATCH, "ord", ["*", "ord"]),
            (PatternType.MATCH, "or", ["*"]),
            (PatternType.ANY, "*", ["*"]),
            (PatternType.MATCH, "*", ["*"]),
            (PatternType.ANY, "", []),
        ):
            self.assertEqual(expected, self.names(pattern_type_filter=pattern, resource_name_filter=name), (pattern, name))

    def test_other_fields(self) -> None:
        """Principal and host are compared as texts, a star with a star; operations and permissions exactly."""
        self.create({"principal": "User:*", "host": "10.0.0.1", "operation": 4, "permission_type": 2, "resource_name": "x"})
        self.assertEqual(["x"], self.names(principal_filter="User:*"))
        self.assertEqual(5, len(self.names(principal_filter="User:alice")))
        self.assertEqual(["x"], self.names(host_filter="10.0.0.1"))
        self.assertEqual(5, len(self.names(host_filter="*")))
        self.assertEqual(["x"], self.names(operation=4))
        self.assertEqual([], self.names(operation=2))
        self.assertEqual(["x"], self.names(permission_type=2))
        self.assertEqual([], self.names(resource_type_filter=3))

    def test_exact_filters(self) -> None:
        """A filter that leaves nothing open means that one entry."""
        exact = {
            "resource_type_filter": 2,
            "resource_name_filter": "orders",
            "pattern_type_filter": 3,
            "principal_filter": "User:alice",
            "host_filter": "*",
            "operation": 3,
            "permission_type": 3,
        }
        self.assertEqual(["orders"], self.names(**exact))
        self.assertEqual([1, 0], [len(result.matching_acls) for result in self.delete(exact, {**exact, "operation": 4})])
        self.assertEqual([], self.names(**exact))

    def test_overlapping_filters(self) -> None:
        """Each filter of a request tells all that it means, whatever others mean too."""
        results = self.delete({"resource_name_filter": "ord"}, {"pattern_type_filter": 4})
        self.assertEqual([["ord"], ["ord", "other"]], [[acl.resource_name for acl in result.matching_acls] for result in results])

    def test_many_filters_let_others_have_a_turn(self) -> None:
        """A request of many open filters is worked on in several turns of the reactor."""
        asked = tuple(DeleteAclsRequest.DeleteAclsFilter(**{**ANY, "resource_name_filter": f"n{number}"}) for number in range(10))
        answer = self.begin(DELETE, 3, DeleteAclsRequest(filters=asked))
        self.assertNoResult(answer)
        self.clock.advance(0)
        self.assertEqual(10, len(self.successResultOf(answer).filter_results))


def entry(number: int) -> AclBinding:
    """One of many."""
    return AclBinding(ResourceType.TOPIC, PatternType.LITERAL, f"t{number}", "User:alice", "*", Operation.READ, Permission.ALLOW)


class FollowingTests(AclCase):
    """The authorizer follows the metadata."""

    def names(self, numbers: Iterable[int]) -> list[bool]:
        """Whether alice may read these topics."""
        return [self.allowed(action=Action(Operation.READ, ResourceType.TOPIC, f"t{number}")) for number in numbers]

    def test_counts_at_once(self) -> None:
        """What was just asked for and refused is allowed with the very next request, and refused again when it is gone."""
        for _ in range(2):
            self.assertEqual([False, False], self.names((1, 2)))
            self.successResultOf(self.controller.create_acls([entry(1)]))
            self.assertEqual([True, False], self.names((1, 2)))
            self.delete({})

    def test_lost_watch(self) -> None:
        """A store that was out of reach, and is read anew, leaves nothing out of step."""
        self.successResultOf(self.controller.create_acls([entry(1), entry(2)]))
        self.assertEqual([True, True, False], self.names((1, 2, 3)))
        self.store.unwatch(self.feed)
        self.successResultOf(self.store.commit([], [Put(acl_key(entry(3)), EMPTY), Delete(acl_key(entry(1)))]))
        self.assertEqual([True, True, False], self.names((1, 2, 3)))
        self.feed.lost(Compacted("out of reach for too long"))
        self.assertEqual([False, True, True], self.names((1, 2, 3)))

    def test_closed(self) -> None:
        """Once closed it follows no more."""
        self.successResultOf(self.authorizer.close())
        self.successResultOf(self.controller.create_acls([entry(1)]))
        self.assertEqual([False], self.names((1,)))

    def test_a_snapshot_that_tells_the_same_again(self) -> None:
        """Changes nothing of what is known, also of entries that went and came back."""
        self.successResultOf(self.controller.create_acls([entry(1), entry(2)]))
        self.delete({"resource_name_filter": "t1"})
        self.feed.lost(Compacted("once"))
        self.assertEqual([False, True], self.names((1, 2)))
        self.successResultOf(self.controller.create_acls([entry(1)]))
        self.feed.lost(Compacted("twice"))
        self.assertEqual([True, True], self.names((1, 2)))

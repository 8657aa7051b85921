"""Who may see and change what over HTTP: the same permissions as on Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.http.access import Access
from chronik.http.acls import AclEndpoints
from chronik.http.api import ApiEndpoints
from chronik.http.calls import HttpCalls
from chronik.http.health import HealthEndpoints
from chronik.http.interfaces import HttpAnswer, HttpRequest
from chronik.http.roles import RoleEndpoints
from chronik.http.root import RootEndpoints
from chronik.http.routing import Route, Routes
from chronik.http.search import SearchEndpoints
from chronik.metadata.image import MetadataImage, TopicImage
from chronik.metadata.interfaces import Put
from chronik.metadata.memory import Fault
from chronik.metadata.security_keys import encode_role, role_key, role_version
from chronik.model import TopicPartition
from chronik.security.acl.authorizer import AclAuthorizer
from chronik.security.allow_all import AllowAll
from chronik.security.audit_interfaces import AuditKind
from chronik.security.interfaces import ANONYMOUS, SOME, Action, Operation, ResourceType
from chronik.server.calls import ApiCalls
from chronik.server.handlers.security import acls
from chronik.testing.auth import auth_context
from tests.http.harness import ALICE, Client, FakeCredentials, Response
from tests.http.test_search import FakeRelay
from tests.replica.fakes import FakeFeed
from tests.security.acl.build import acl
from tests.server.admin.fixture import AdminCase as AdminApiCase
from tests.server.core import FakeAuthorizer
from tests.server.test_audited import FakeTrail

LOGIN = {"authorization": "Basic YWxpY2U6c2VjcmV0"}
"""Of alice, whose password is ``secret``."""

DESCRIBE_CLUSTER = Action(Operation.DESCRIBE, ResourceType.CLUSTER, "kafka-cluster")
ALTER_CLUSTER = Action(Operation.ALTER, ResourceType.CLUSTER, "kafka-cluster")


class Metrics:
    """Something that tells of the whole broker."""

    def register(self, routes: Routes) -> None:
        """Add it."""
        routes.paths["metrics"] = Route({"GET": self._tell})

    async def _tell(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, b"secret 1\n", "text/plain")


class PathTests(SynchronousTestCase):
    """What is open, and to whom."""

    OPEN = ("/health/livez", "/health/readyz")
    WHOLE = ("/metrics", "/health", "/health/broker")
    KNOWN = ("/", "/api/brokers")

    def client(self, refused: Iterable[Action] = (), opened: Iterable[str] = ()) -> Client:
        """Everything that does not belong to a topic or a group."""
        authorizer, feed, routes = FakeAuthorizer(), FakeFeed(MetadataImage()), Routes()
        authorizer.refused = set(refused)
        access = Access(authorizer, opened)
        nothing: Any = None
        RootEndpoints("broker-1", feed, access).register(routes)
        ApiEndpoints(feed, nothing, nothing, access).register(routes)
        HealthEndpoints({"broker": lambda: {"status": self.status, "why": "secret"}}).register(routes)
        Metrics().register(routes)
        access.guard(routes)
        return Client(routes, FakeCredentials())

    def setUp(self) -> None:
        """A broker that works."""
        self.status = "green"

    def statuses(self, client: Client, paths: Iterable[str], **headers: str) -> set[int]:
        """What paths answer."""
        return {client.fetch("GET", path, **headers).status for path in paths}

    def test_everything_is_open_where_everybody_may_everything(self) -> None:
        """Without an authorizer nothing asks for credentials."""
        self.assertEqual({200}, self.statuses(self.client(), (*self.OPEN, *self.WHOLE, *self.KNOWN)))

    def test_life_and_readiness_are_always_open(self) -> None:
        """Whoever restarts a broker needs no password, and is told no more than whether to."""
        client = self.client([DESCRIBE_CLUSTER])
        for path in self.OPEN:
            answer = client.fetch("GET", path)
            self.assertEqual((200, {"status": "green"}), (answer.status, answer.json))
        self.status = "red"
        self.assertEqual([200, 503], [client.fetch("GET", path).status for path in self.OPEN])
        self.assertNotIn(b"secret", client.fetch("GET", "/health/readyz").body)

    def test_the_rest_needs_a_permission(self) -> None:
        """Nobody is asked to log in; who is somebody needs DESCRIBE on the cluster for what tells of the whole broker."""
        client = self.client([DESCRIBE_CLUSTER])
        self.assertEqual({401}, self.statuses(client, (*self.WHOLE, *self.KNOWN)))
        self.assertEqual({403}, self.statuses(client, self.WHOLE, **LOGIN))
        self.assertEqual({200}, self.statuses(client, self.KNOWN, **LOGIN))
        self.assertNotIn(b"secret", client.fetch("GET", "/metrics").body)

    def test_console_opens_to_log_in(self) -> None:
        """The console's page is no secret; what it shows asks for itself."""
        self.assertEqual(200, self.client([DESCRIBE_CLUSTER]).fetch("GET", "/", accept="text/html").status)

    def test_opened_by_configuration(self) -> None:
        """What is named, and what is below it, is open; the rest is not."""
        client = self.client([DESCRIBE_CLUSTER], ["/metrics", "/health"])
        self.assertEqual({200}, self.statuses(client, self.WHOLE))
        self.assertEqual({401}, self.statuses(client, self.KNOWN))
        client = self.client([DESCRIBE_CLUSTER], ["/", "/health/broker"])
        self.assertEqual([200, 200, 401, 401], [client.fetch("GET", path).status for path in ("/", "/health/broker", "/health", "/metrics")])

    def test_only_what_can_be_opened(self) -> None:
        """A path that opening means nothing for is refused at the start."""
        for path in ("/api/topics", "/_search", "metrics"):
            self.assertRaises(ConfigurationError, Configuration().with_values, {"http.anonymous.paths": path})
        self.assertEqual(("/metrics",), Configuration().with_values({"http.anonymous.paths": "/metrics"}).get("http.anonymous.paths"))


class SearchAccessTests(SynchronousTestCase):
    """What of topics that may not be read can be found out."""

    def client(self, *names: str, off: Iterable[str] = (), read: Iterable[str] = (), describe: Iterable[str] | None = None) -> Client:
        """A broker with these topics, of which some may be read and, if that is different, some described."""
        self.relay, authorizer, routes = FakeRelay(), FakeAuthorizer(), Routes()
        self.authorizer = authorizer
        self.relay.off = set(off)
        for operation, granted in ((Operation.READ, read), (Operation.DESCRIBE, read if describe is None else describe)):
            authorizer.refused |= {Action(operation, ResourceType.TOPIC, name) for name in (*names, "missing") if name not in granted}
        topics = {name: TopicImage(name, uuid4().bytes, ()) for name in names}
        SearchEndpoints(self.relay, FakeFeed(MetadataImage(topics=topics)), authorizer).register(routes)
        return Client(routes, FakeCredentials())

    TARGETS = (
        "/_search",
        "/_all/_search?q=x",
        "/*/_count",
        "/hid*/_search",
        "/hid*,open/_search",
        "/hid*/_search?allow_no_indices=false",
        "/*,-open/_search",
        "/*/_coverage",
        "/o*,h*/_search?ignore_unavailable=true",
    )

    def test_patterns_do_not_see_what_is_hidden(self) -> None:
        """Whatever is asked, by pattern the answer is the same with and without topics that may not be read, searched or not."""
        for target in self.TARGETS:
            for off in ((), ("open",), ("hidden",)):
                seen = []
                for names in (("open",), ("open", "hidden"), ("open", "hidden", "hidden-too")):
                    answer = self.client(*names, off=off, read=["open"]).fetch("GET", target)
                    seen.append((answer.status, answer.body, self.relay.asked))
                self.assertEqual([seen[0]] * 3, seen, (target, off))

    def test_names_do_not_tell_what_exists(self) -> None:
        """A topic that may not be read and one that does not exist are answered alike, but for the name."""
        for target in ("/{}/_search", "/{}/_count", "/{}/_coverage", "/open,{}/_search", "/{}/_search?ignore_unavailable=true", "/{}/_doc/{}:0:0"):
            answers = []
            for name in ("hidden", "missing"):
                answer = self.client("open", "hidden", read=["open"]).fetch("GET", target.replace("{}", name), **LOGIN)
                answers.append((answer.status, answer.body.replace(name.encode(), b"?"), self.relay.asked))
            self.assertEqual(answers[0], answers[1])
            self.assertEqual((403, []), (answers[0][0], answers[0][2]))

    def test_nobody_is_asked_to_log_in(self) -> None:
        """Who comes without a name and may read nothing at all is not told that there is nothing, whatever there is."""
        for names in ((), ("hidden",)):
            client = self.client(*names)
            self.authorizer.refused.add(Action(Operation.READ, ResourceType.TOPIC, SOME))
            for target in ("/_search", "/hid*/_count", "/_all/_coverage"):
                answer = client.fetch("GET", target)
                self.assertEqual((401, []), (answer.status, self.relay.asked))
            self.assertEqual(200, client.fetch("GET", "/_search", **LOGIN).status)

    def test_patterns_need_describe_too(self) -> None:
        """Where describing a topic is denied no pattern means it, although it may be read by name."""
        client = self.client("open", "shy", read=["open", "shy"], describe=["open"])
        client.fetch("GET", "/_all/_search")
        client.fetch("GET", "/shy/_search")
        self.assertEqual([["open"], ["shy"]], [topics for _, topics, _, _ in self.relay.asked])


class GroupAccessTests(SynchronousTestCase):
    """What the console is told of groups."""

    def groups(self, *refused: Action) -> list[dict[str, Any]]:
        """As told to whom this is refused."""
        authorizer, routes = FakeAuthorizer(), Routes()
        authorizer.refused = set(refused)
        summaries = [SimpleNamespace(group_id=name, state="Stable", members=1) for name in ("g", "h")]
        committed = [SimpleNamespace(group_id="g", topic=topic, partition=0, offset=1) for topic in ("open", "hidden")]
        partitions = [SimpleNamespace(topic_partition=TopicPartition(topic, 0), high_watermark=11) for topic in ("open", "hidden")]
        known: Any = SimpleNamespace(summaries=lambda: summaries, committed=lambda: committed)
        hosted: Any = SimpleNamespace(hosted=lambda: partitions)
        ApiEndpoints(FakeFeed(MetadataImage()), hosted, known, Access(authorizer)).register(routes)
        told: list[dict[str, Any]] = Client(routes).fetch("GET", "/api/groups").json["groups"]
        return told

    def test_lag_counts_topics_that_may_be_described(self) -> None:
        """How far behind a group is in a hidden topic tells of that topic."""
        hidden = Action(Operation.DESCRIBE, ResourceType.TOPIC, "hidden")
        self.assertEqual([20, 10], [self.groups(*refused)[0]["lag"] for refused in ((), (hidden,))])

    def test_nobody_is_asked_to_log_in(self) -> None:
        """An empty list would not have anybody do so: the console begins with these."""
        authorizer, routes = FakeAuthorizer(), Routes()
        authorizer.refused = {Action(Operation.DESCRIBE, kind, SOME) for kind in (ResourceType.TOPIC, ResourceType.GROUP)}
        nothing: Any = SimpleNamespace(hosted=lambda: (), summaries=lambda: (), committed=lambda: ())
        ApiEndpoints(FakeFeed(MetadataImage()), nothing, nothing, Access(authorizer)).register(routes)
        client = Client(routes, FakeCredentials())
        for path in ("/api/topics", "/api/groups"):
            self.assertEqual([401, 200], [client.fetch("GET", path).status, client.fetch("GET", path, **LOGIN).status])

    def test_groups_that_may_be_described(self) -> None:
        """Each by itself, or all by the cluster, as ListGroups does."""
        group = Action(Operation.DESCRIBE, ResourceType.GROUP, "h")
        self.assertEqual(["g", "h"], [told["id"] for told in self.groups(group)])
        self.assertEqual(["g"], [told["id"] for told in self.groups(group, DESCRIBE_CLUSTER)])


class AdminCase(AdminApiCase):
    """Roles and entries over HTTP, with the authorizer that goes by them."""

    def setUp(self) -> None:
        """Alice is a super user."""
        super().setUp()
        config = Configuration().with_values({"super.users": str(ALICE)})
        self.authorizer: Any = AclAuthorizer(auth_context(clock=self.clock, config=config, feed=self.feed))
        self.connect()

    def connect(self) -> None:
        """Serve by the authorizer as it is now."""
        routes, access = Routes(), Access(self.authorizer)
        RoleEndpoints(self.feed, self.controller, self.authorizer, access).register(routes)
        AclEndpoints(HttpCalls(ApiCalls(self.services(), acls.APIS))).register(routes)
        self.trail = FakeTrail()
        self.client = Client(routes, FakeCredentials(), audit=self.trail)

    def http(self, method: str, target: str, body: Any = None, **headers: str) -> Response:
        """As alice."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.fetch(method, target, data, content_type="application/json", **(headers or LOGIN))

    def allowed(self, action: Action, principal: Any = ANONYMOUS) -> bool:
        """What the authorizer says."""
        (answer,) = self.successResultOf(self.authorizer.authorize(principal, "10.0.0.1", [action]))
        return bool(answer)


class RoleTests(AdminCase):
    """``/_security/role``."""

    GRANT: ClassVar[dict[str, str]] = {"resource": "topic", "name": "logs-", "pattern": "prefixed", "operation": "read"}
    BODY: ClassVar[dict[str, Any]] = {"grants": [GRANT], "principals": ["User:ANONYMOUS"]}
    READ = Action(Operation.READ, ResourceType.TOPIC, "logs-1")

    def test_life(self) -> None:
        """A role is made, counts at once, is shown, replaced, and deleted."""
        self.assertFalse(self.allowed(self.READ))
        answer = self.http("PUT", "/_security/role/log-readers", self.BODY)
        self.assertEqual((200, {"role": {"created": True}}), (answer.status, answer.json))
        self.assertTrue(self.allowed(self.READ))
        grant = {"host": "*", "operation": "read", "resource": "topic", "name": "logs-", "pattern": "prefixed", "permission": "allow"}
        shown = {"log-readers": {"grants": [grant], "principals": ["User:ANONYMOUS"], "groups": []}}
        self.assertEqual(shown, self.http("GET", "/_security/role/log-readers").json)
        self.assertEqual(shown, self.http("GET", "/_security/role").json)
        self.assertEqual({"role": {"created": False}}, self.http("POST", "/_security/role/log-readers", {**self.BODY, "principals": []}).json)
        self.assertFalse(self.allowed(self.READ))
        self.assertEqual({"found": True}, self.http("DELETE", "/_security/role/log-readers").json)
        gone = self.http("DELETE", "/_security/role/log-readers")
        self.assertEqual((404, {"found": False}), (gone.status, gone.json))
        self.assertEqual(404, self.http("GET", "/_security/role/log-readers").status)
        self.assertEqual([], self.stored("roles/"))

    def test_audited(self) -> None:
        """The audit trail has what a role was, and what it is."""
        grant = {"host": "*", "operation": "read", "resource": "topic", "name": "logs-", "pattern": "prefixed", "permission": "allow"}
        first, second = ({"grants": [grant], "principals": principals, "groups": []} for principals in (["User:ANONYMOUS"], []))
        self.http("PUT", "/_security/role/r", self.BODY)
        self.http("PUT", "/_security/role/r", second)
        self.http("DELETE", "/_security/role/r")
        told = [(event.before, event.after) for event in self.trail.events if event.kind is AuditKind.CHANGE]
        self.assertEqual([({}, first), (first, second), (second, {})], told)

    def test_conditions(self) -> None:
        """Who read a role replaces or deletes what was read, and nothing else: of two who read the same, the second is refused and told so."""
        target = "/_security/role/r"
        bodies = [{**self.BODY, "principals": [f"User:{number}"]} for number in range(4)]
        absent = {**LOGIN, "if_none_match": "*"}
        self.assertEqual(200, self.http("PUT", target, bodies[0], **absent).status)
        self.assertEqual(412, self.http("PUT", target, bodies[1], **absent).status)
        first = self.http("GET", target).headers["etag"]
        read = {**LOGIN, "if_match": first}
        self.assertEqual(200, self.http("PUT", target, bodies[2], **read).status)
        late = self.http("PUT", target, bodies[3], **read)
        self.assertEqual((412, "version_conflict_engine_exception"), (late.status, late.json["error"]["type"]))
        self.assertEqual(412, self.http("DELETE", target, **read).status)
        self.assertEqual(["User:2"], self.http("GET", target).json["r"]["principals"])
        second = self.http("GET", target).headers["etag"]
        self.assertNotEqual(first, second)
        self.assertEqual(200, self.http("PUT", target, bodies[0]).status)
        self.assertEqual(first, self.http("GET", target).headers["etag"])
        self.assertEqual(200, self.http("DELETE", target, **read).status)
        self.assertEqual(412, self.http("PUT", target, bodies[1], **read).status)
        self.assertNotIn("etag", self.http("GET", target).headers)
        for wrong in ({"if_match": "*"}, {"if_match": "W/" + first}, {"if_match": first, "if_none_match": "*"}, {"if_none_match": first}):
            self.assertEqual(400, self.http("PUT", target, bodies[0], **LOGIN, **wrong).status, wrong)
        self.assertEqual([], self.stored("roles/"))

    def test_changed_in_between(self) -> None:
        """What another broker writes between the look at the store and the commit is not written over either."""
        self.http("PUT", "/_security/role/r", self.BODY)
        role = self.feed.image.security.roles["r"]
        commit = self.store.commit

        def overtaken(compares: Any, operations: Any) -> Any:
            self.store.commit = commit
            other = encode_role(replace(role, principals=frozenset({"User:other"})))
            return commit([], [Put(role_key("r"), other)]).addCallback(lambda _: commit(compares, operations))

        self.store.commit = overtaken
        mine = replace(role, principals=frozenset({"User:mine"}))
        error = self.failureResultOf(self.controller.put_role(mine, role_version(role)), KafkaError).value
        self.assertEqual(ErrorCode.INVALID_UPDATE_VERSION, error.code)
        self.assertEqual({"User:other"}, self.feed.image.security.roles["r"].principals)

    def test_names_of_any_characters(self) -> None:
        """A slash in a name is quoted; two names at once are separated by a comma."""
        self.http("PUT", "/_security/role/a%2Fb", self.BODY)
        self.http("PUT", "/_security/role/c", self.BODY)
        self.assertEqual({"a/b", "c"}, set(self.http("GET", "/_security/role/a%2Fb,c,d").json))

    def test_refused(self) -> None:
        """What cannot be a role is a 400 that says where; nothing is stored."""
        grant = self.BODY["grants"][0]
        for body, word in (
            (b"{", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            ([], "object"),
            ({"indices": []}, "no field indices"),
            ({"grants": {}}, "grants must be a list"),
            ({"grants": ["x"]}, "grant 1"),
            ({"grants": [grant, {**grant, "operation": "reed"}]}, "grant 2: operation is 'reed'"),
            ({"grants": [{**grant, "principal": "User:x"}]}, "no field principal"),
            ({"grants": [{**grant, "host": "10.0.0.1/8"}]}, "10.0.0.0/8"),
            ({"grants": [{**grant, "name": 5}]}, "name must be a text"),
            ({"principals": ["alice"]}, "no colon"),
            ({"principals": [5]}, "list of texts"),
            ({"groups": [""]}, "group"),
            ({"grants": [{**grant, "name": f"n{number}"} for number in range(1001)]}, "1000 are allowed"),
        ):
            answer = self.http("PUT", "/_security/role/r", body)
            self.assertEqual(400, answer.status, word)
            self.assertIn(word, answer.json["error"]["reason"])
        self.assertEqual([], self.stored("roles/"))

    def test_permissions(self) -> None:
        """Reading needs DESCRIBE on the cluster, changing ALTER; without it nobody is told whether there is such a role."""
        self.http("PUT", "/_security/role/r", self.BODY)
        for target in ("/_security/role", "/_security/role/r", "/_security/role/none"):
            for method, body in (("GET", None), ("PUT", self.BODY), ("DELETE", None)):
                if (method, target) not in (("PUT", "/_security/role"), ("DELETE", "/_security/role")):
                    self.assertEqual(401, self.client.fetch(method, target, b"" if body is None else b"{}", content_type="application/json").status)
        self.assertEqual(["r"], list(self.http("GET", "/_security/role").json))


class AclTests(AdminCase):
    """``/_chronik/acls``."""

    READ: ClassVar[dict[str, str]] = {"principal": "User:bob", "resource": "topic", "name": "orders", "operation": "read"}

    def test_life(self) -> None:
        """Entries are made, listed by what they are about, and deleted."""
        other = {**self.READ, "name": "logs-", "pattern": "prefixed", "host": "10.0.0.0/8", "permission": "deny"}
        full = {"host": "*", "pattern": "literal", "permission": "allow", **self.READ}
        self.assertEqual({"acls": [full, other]}, self.http("POST", "/_chronik/acls", {"acls": [self.READ, other]}).json)
        self.assertEqual({"acls": [full]}, self.http("POST", "/_chronik/acls", {"acls": [self.READ]}).json)
        self.assertEqual({"acls": [full]}, self.http("GET", "/_chronik/acls?name=orders").json)
        self.assertEqual({"acls": [other]}, self.http("GET", "/_chronik/acls?pattern=match&name=logs-7&resource=topic").json)
        self.assertEqual(2, len(self.http("GET", "/_chronik/acls").json["acls"]))
        self.assertEqual({"deleted": [full]}, self.http("DELETE", "/_chronik/acls?principal=User:bob&permission=allow").json)
        self.assertEqual({"deleted": [other]}, self.http("DELETE", "/_chronik/acls?pattern=any").json)
        self.assertEqual([], self.stored("acls/"))

    def test_refused(self) -> None:
        """One wrong entry keeps all from being made; a deletion says what it means."""
        for body in (b"", {}, {"acls": []}, {"acls": {}}, {"acls": [self.READ], "x": 1}, {"acls": [self.READ, {**self.READ, "principal": "bob"}]}):
            self.assertEqual(400, self.http("POST", "/_chronik/acls", body).status, body)
        self.assertEqual(400, self.http("DELETE", "/_chronik/acls").status)
        self.assertEqual(400, self.http("DELETE", "/_chronik/acls?nam=x").status)
        self.assertEqual(400, self.http("GET", "/_chronik/acls?operation=reed").status)
        self.assertEqual([], self.stored("acls/"))

    def each(self) -> list[tuple[Any, ...]]:
        """A request of each method."""
        return [("GET", "/_chronik/acls?name=x"), ("POST", "/_chronik/acls", {"acls": [self.READ]}), ("DELETE", "/_chronik/acls?name=x")]

    def test_permissions(self) -> None:
        """The same as CreateAcls, DeleteAcls and DescribeAcls need."""
        one = json.dumps({"acls": [self.READ]}).encode()
        for method, body in (("GET", b""), ("POST", one), ("DELETE", b"")):
            self.assertEqual(401, self.client.fetch(method, "/_chronik/acls?pattern=any", body, content_type="application/json").status)
        self.successResultOf(self.controller.create_acls([acl(Operation.DESCRIBE, "kafka-cluster", resource_type=ResourceType.CLUSTER)]))
        self.authorizer = AclAuthorizer(auth_context(clock=self.clock, feed=self.feed))
        self.connect()
        self.assertEqual([200, 403, 403], [self.http(*each).status for each in self.each()])

    def test_an_authorizer_that_goes_by_other_things(self) -> None:
        """Nothing is stored that would mean nothing."""
        self.authorizer = AllowAll()
        self.connect()
        for method, target, *body in (*self.each(), ("PUT", "/_security/role/r", {}), ("GET", "/_security/role")):
            answer = self.http(method, target, *body)
            self.assertEqual(400, answer.status)
            self.assertIn("authorizer=acl", answer.json["error"]["reason"])
        self.assertEqual([], self.stored("acls/"))

    def test_a_store_that_takes_no_writes(self) -> None:
        """Is told as what may pass."""
        self.store.faults.append(Fault.READ_ONLY)
        answer = self.http("POST", "/_chronik/acls", {"acls": [self.READ]})
        self.assertEqual((503, "unavailable_exception"), (answer.status, answer.json["error"]["type"]))
        self.store.faults.append(Fault.READ_ONLY)
        self.assertEqual(503, self.http("PUT", "/_security/role/r", {}).status)

"""Every API, in every version: what a principal may do with each permission, and what it hears without.

The table is :mod:`tests.server.permissions`. Without a permission the answer is the right error, and the same for a resource that exists and for
one that does not, but for the names and ids that the request brought along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.config import Configuration
from chronik.errors import ErrorCode
from chronik.model import AUDIT_TOPIC
from chronik.protocol import messages as m
from chronik.protocol.error_versions import error_for_version
from chronik.protocol.message import Message, Struct
from chronik.security.acl.decisions import Decisions
from chronik.security.acl.index import AclIndex
from chronik.security.interfaces import (
    CLUSTER_NAME,
    AclBinding,
    Action,
    IAclAuthorizer,
    Operation,
    PatternType,
    Permission,
    Principal,
    ResourceType,
)
from chronik.server.api import Api
from chronik.server.table import api_table
from tests.server.memory_broker import MemoryBroker
from tests.server.permissions import PERMISSIONS, Need
from tests.server.requests import GrantedRequests, errors
from tests.server.test_every_version import REFUSED

ADMIN: Final = Principal("User", "admin")
ALICE: Final = Principal("User", "alice")

GONE_ID: Final = b"0123456789abcdef"
GONE: Final = "gone-"
"""What makes an existing name one that nobody has."""

OF_OWNERS: Final = ("RenewDelegationToken", "ExpireDelegationToken")
"""What only owners and renewers of a token may, whatever they are allowed besides; the requests here are about the administrator's."""

SILENT: Final = {"DescribeLogDirs": 3}
"""Before these versions an API's answer has no place for its error: it is empty."""


@implementer(IAclAuthorizer)
class ListAuthorizer:
    """The administrator may everything, others what the list says.

    :ivar asked: about others.
    """

    def __init__(self) -> None:
        self.acls: list[AclBinding] = []
        self.asked: set[tuple[Operation, ResourceType]] = set()

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide."""
        if principal == ADMIN:
            return succeed([True] * len(actions))
        self.asked.update((action.operation, action.resource_type) for action in actions)
        return succeed(Decisions(AclIndex(self.acls), Configuration()).decide(principal, host, actions))

    def close(self) -> Deferred[None]:
        """Nothing to do."""
        return succeed(None)


def allow(operation: Operation, kind: ResourceType, name: str = "*") -> AclBinding:
    """Let alice do this."""
    name = CLUSTER_NAME if kind is ResourceType.CLUSTER else name
    return AclBinding(kind, PatternType.LITERAL, name, "User:alice", "*", operation, Permission.ALLOW)


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same message with every text and every run of bytes changed."""
    if isinstance(value, Struct):
        return type(value)(**{name: changed(getattr(value, name), change) for name in value.__slots__})
    if isinstance(value, tuple):
        return tuple(changed(each, change) for each in value)
    return change(value) if isinstance(value, (str, bytes)) else value


def values(value: Any) -> Iterator[Any]:
    """Everything in a message."""
    if isinstance(value, Struct):
        for name in value.__slots__:
            yield from values(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from values(each)
    else:
        yield value


@dataclass
class Bench:
    """A broker, and requests to it.

    :ivar existing: names of topics and groups that there are.
    """

    case: SynchronousTestCase
    authorizer: ListAuthorizer = field(default_factory=ListAuthorizer)

    def __post_init__(self) -> None:
        self.broker = MemoryBroker(authorizer=self.authorizer)  # type: ignore[arg-type]
        self.broker.session.principal = ADMIN
        self.broker.start(self.case)
        self.made = GrantedRequests(self.broker, self.case.successResultOf)
        self.requests = self.made.requests()

    def names(self, kinds: Iterable[ResourceType]) -> set[str]:
        """Of the topics and groups that there are."""
        topics = set(self.broker.feed.image.topics) if ResourceType.TOPIC in kinds else set()
        groups = {group.group_id for group in self.broker.groups.summaries()} if ResourceType.GROUP in kinds else set()
        return topics | groups

    def ask(self, request: Message, version: int, *acls: AclBinding) -> tuple[Any, bytes]:
        """As alice, with these permissions."""
        self.authorizer.acls = list(acls)
        self.broker.session.principal = ALICE
        try:
            return self.made.ask(request, version)
        finally:
            self.broker.session.principal = ADMIN

    def request(self, api: Api, version: int) -> Message:
        """One about what exists."""
        made = self.requests[api.name](version)
        if api.name == "CreateTopics":
            made = changed(made, lambda value: "t" if value == f"c{version}" else value)
        return made

    def gone(self, request: Message, kinds: Iterable[ResourceType]) -> Message:
        """The same about what does not exist."""
        names, topics = self.names(kinds), ResourceType.TOPIC in kinds

        def change(value: Any) -> Any:
            if isinstance(value, str):
                return GONE + value if value in names else value
            return GONE_ID if topics and value == self.made.topic_id else value

        changed_request: Message = changed(request, change)
        return changed_request

    def back(self, response: Any) -> Any:
        """An answer with the names and ids of what exists in place of those of what does not."""

        def change(value: Any) -> Any:
            return value.replace(GONE, "") if isinstance(value, str) else self.made.topic_id if value == GONE_ID else value

        return changed(response, change)


class TableTests(SynchronousTestCase):
    """The table's rows against the broker."""

    def setUp(self) -> None:
        """A broker with a topic and groups."""
        self.bench = Bench(self)

    def each(self) -> Iterator[tuple[Api, int, Message, tuple[Need, ...]]]:
        """Every API in every version, a request, and what that needs."""
        for api in api_table():
            needs = tuple(need for need in PERMISSIONS[api.name] if not need.when)
            for version in range(api.versions[0], api.versions[1] + 1):
                yield api, version, self.bench.request(api, version), needs

    def test_complete(self) -> None:
        """Every API that is served is in the table, and nothing else."""
        self.assertEqual({api.name for api in api_table()}, set(PERMISSIONS))

    def test_asks_for_what_the_table_says(self) -> None:
        """An API asks the authorizer for the table's permissions, and for no others."""
        for api in api_table():
            self.bench.authorizer.asked.clear()
            for version in range(api.versions[0], api.versions[1] + 1):
                self.bench.ask(self.bench.request(api, version), version)
            every = {permission for need in PERMISSIONS[api.name] for permission in need.any_of}
            # What may be known of a topic that is named by its id depends on DESCRIBE; and a deletion needs it by whatever is implied by DELETE.
            extra = {(Operation.DESCRIBE, ResourceType.TOPIC)} if any(kind is ResourceType.TOPIC for _, kind in every) else set()
            if api.name in ("DescribeTopicPartitions",):
                extra |= {permission for permission in self.bench.authorizer.asked if permission[1] is ResourceType.TOPIC}
            always = {permission for need in PERMISSIONS[api.name] if not need.when for permission in need.any_of}
            self.assertLessEqual(always, self.bench.authorizer.asked, api.name)
            self.assertLessEqual(self.bench.authorizer.asked, every | extra, api.name)

    def test_granted(self) -> None:
        """With the permissions of the table, by whichever alternative, it works as for the administrator."""
        for api in (api for api in api_table() if api.name not in OF_OWNERS):
            needs = tuple(need for need in PERMISSIONS[api.name] if not need.when)
            for version in range(api.versions[0], api.versions[1] + 1):
                for number in range(max((len(need.any_of) for need in needs), default=1)):
                    acls = [allow(*need.any_of[min(number, len(need.any_of) - 1)]) for need in needs]
                    if api.name == "CreateTopics":
                        acls.append(allow(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC))
                    request = self.bench.requests[api.name](version + 100 * number if api.name in ("CreateTopics",) else version)
                    response, _ = self.bench.ask(request, version, *acls)
                    expected = {REFUSED.get(api.name, 0)} - {0}
                    self.assertEqual(expected, set(errors(response)) - {0}, f"{api.name} version {version}: {response}")
                    self.forget(api, version)

    def forget(self, api: Api, version: int) -> None:
        """Undo what keeps a request from being granted again."""
        if api.name == "CreatePartitions":
            self.successResultOf(self.bench.broker.controller.delete_topics([f"p{version}"]))

    def test_refused_without_anything(self) -> None:
        """Without any permission every API answers the table's error, or nothing, and the same whatever exists."""
        for api, version, request, needs in self.each():
            if needs:
                self.refused(api, version, request, needs[0], list(ResourceType), [])

    def test_refused_without_one(self) -> None:
        """With all permissions but one the answer is that one's error, and the same whether what it is about exists."""
        for api, version, request, needs in self.each():
            for need in needs:
                kinds = [kind for _, kind in need.any_of]
                others = [allow(*other.any_of[0]) for other in needs if other is not need]
                self.refused(api, version, request, need, kinds, others)

    def refused(self, api: Api, version: int, request: Message, need: Need, kinds: Sequence[ResourceType], acls: Sequence[AclBinding]) -> None:
        """A request without what it needs."""
        where = f"{api.name} version {version} without {need.any_of[0]}"
        response, data = self.bench.ask(request, version, *acls)
        by_id = self.bench.made.topic_id in list(values(request)) and need.code is ErrorCode.TOPIC_AUTHORIZATION_FAILED
        code = ErrorCode.UNKNOWN_TOPIC_ID if by_id else need.code
        expected = set() if code is None or version < SILENT.get(api.name, 0) else {error_for_version(api.key, version, code)}
        if api.name == "ElectLeaders" and version == 0:
            expected = set()  # it asks about no partition, and has no other place
        self.assertEqual(expected, set(errors(response)) - {0}, f"{where}: {response}")
        elsewhere, _ = self.bench.ask(self.bench.gone(request, kinds), version, *acls)
        self.assertEqual(data.hex(), self.bench.back(elsewhere).encode(version).hex(), f"{where}: {response} and {elsewhere}")

    def test_ids_of_what_may_be_described(self) -> None:
        """Who may describe a topic, and nothing else, is told by id too that it is for want of permission: clients then stop trying."""
        describe = allow(Operation.DESCRIBE, ResourceType.TOPIC)
        for api, version, request, needs in self.each():
            if self.bench.made.topic_id in list(values(request)) and (Operation.DESCRIBE, ResourceType.TOPIC) not in needs[-1].any_of:
                others = [allow(*need.any_of[0]) for need in needs if need.code is not ErrorCode.TOPIC_AUTHORIZATION_FAILED]
                response, _ = self.bench.ask(request, version, describe, *others)
                self.assertEqual({ErrorCode.TOPIC_AUTHORIZATION_FAILED}, set(errors(response)) - {0}, f"{api.name} version {version}")


class SpecialTests(SynchronousTestCase):
    """Requests that need something else than most of their API."""

    def setUp(self) -> None:
        """A broker with a topic and groups."""
        self.bench = Bench(self)

    def check(self, request: Message, version: int, need: Need, *others: AclBinding) -> None:
        """Refused without, and granted, as far as this goes, with each alternative."""
        codes = set(errors(self.bench.ask(request, version, *others)[0])) - {0}
        self.assertEqual({need.code}, codes, request)
        for permission in need.any_of:
            response, _ = self.bench.ask(request, version, allow(*permission), *others)
            self.assertNotIn(need.code, set(errors(response)), response)

    def needs(self, api: str) -> dict[str, Need]:
        """Those of an API that only some requests have, by when."""
        return {need.when: need for need in PERMISSIONS[api] if need.when}

    def test_followers(self) -> None:
        """A Fetch of a follower needs CLUSTER_ACTION, and no READ will do, by name and by id, of what exists and what does not."""
        (need,) = self.needs("Fetch").values()
        read = allow(Operation.READ, ResourceType.TOPIC)
        for version in (12, 13):
            request = self.bench.made.fetch(version)
            request.replica_id = 2  # type: ignore[attr-defined]
            self.check(request, version, need, read)
            gone = self.bench.gone(request, [ResourceType.TOPIC])
            self.assertEqual({need.code}, set(errors(self.bench.ask(gone, version, read)[0])) - {0})

    def test_audit_of_brokers(self) -> None:
        """Who may act for the cluster writes the audit topic, and nobody else, whatever they may write; or may not."""
        need = self.needs("Produce")["of a broker's audit, to __chronik_audit"]
        for version in (9, 12):
            request = changed(self.bench.made.produce(version), lambda value: AUDIT_TOPIC if value == "t" else value)
            self.check(request, version, need, allow(Operation.WRITE, ResourceType.TOPIC))
            refused = set(errors(self.bench.ask(request, version)[0]))
            self.assertEqual({ErrorCode.TOPIC_AUTHORIZATION_FAILED}, refused - {0})
            other = self.bench.made.produce(version)
            answer, _ = self.bench.ask(other, version, allow(Operation.CLUSTER_ACTION, ResourceType.CLUSTER))
            self.assertEqual({ErrorCode.TOPIC_AUTHORIZATION_FAILED}, set(errors(answer)) - {0})

    def test_transactional_ids(self) -> None:
        """Transactional ids need WRITE to be used, DESCRIBE to be looked for."""
        produce = self.bench.made.produce(9)
        produce.transactional_id = "x"  # type: ignore[attr-defined]
        self.check(produce, 9, self.needs("Produce")["in a transaction"], allow(Operation.WRITE, ResourceType.TOPIC))
        begin = m.InitProducerIdRequest(transactional_id="x")
        self.check(begin, 3, self.needs("InitProducerId")["for transactions"], allow(Operation.IDEMPOTENT_WRITE, ResourceType.CLUSTER))
        find = m.FindCoordinatorRequest(key_type=1, coordinator_keys=("x",))
        self.check(find, 4, self.needs("FindCoordinator")["of transactions"], allow(Operation.DESCRIBE, ResourceType.GROUP))

    def test_configurations(self) -> None:
        """Configurations of brokers and metrics subscriptions need the cluster, those of groups the group; existence does not matter."""
        for kind, names, when in ((4, ("1", "2"), "a broker's"), (16, ("a",), "a broker's"), (32, ("g", "none"), "a group's")):
            for name in names:
                asked = m.DescribeConfigsRequest.DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=None)
                edited = m.IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=kind, resource_name=name, configs=())
                altered = m.AlterConfigsRequest.AlterConfigsResource(resource_type=kind, resource_name=name, configs=())
                for api, request in (
                    ("DescribeConfigs", m.DescribeConfigsRequest(resources=(asked,))),
                    ("IncrementalAlterConfigs", m.IncrementalAlterConfigsRequest(resources=(edited,))),
                    ("AlterConfigs", m.AlterConfigsRequest(resources=(altered,))),
                ):
                    (need,) = (need for said, need in self.needs(api).items() if said.startswith(when))
                    self.check(request, 1, need, allow(Operation.ALL, ResourceType.TOPIC))

    def test_ids(self) -> None:
        """Metadata and DeleteTopics by id: unknown to who may not describe the topic, refused to who may; the answer does not tell which there is."""
        describe = allow(Operation.DESCRIBE, ResourceType.TOPIC)
        for make, version in (
            (lambda i: m.MetadataRequest(topics=(m.MetadataRequest.MetadataRequestTopic(topic_id=i, name=None),)), 12),
            (lambda i: m.DeleteTopicsRequest(topics=(m.DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=i),)), 6),
        ):
            there, data = self.bench.ask(make(self.bench.made.topic_id), version)
            gone, _ = self.bench.ask(make(GONE_ID), version)
            self.assertEqual({ErrorCode.UNKNOWN_TOPIC_ID}, set(errors(there)) - {0})
            self.assertEqual(data.hex(), self.bench.back(gone).encode(version).hex())
        refused, _ = self.bench.ask(make(self.bench.made.topic_id), version, describe)
        self.assertEqual({ErrorCode.TOPIC_AUTHORIZATION_FAILED}, set(errors(refused)))

    def test_creation_on_the_way(self) -> None:
        """A missing topic is created by Metadata for who may CREATE it or any on the cluster; others are told, where they may describe it."""
        (need,) = self.needs("Metadata").values()
        describe = allow(Operation.DESCRIBE, ResourceType.TOPIC)
        for number, permission in enumerate(need.any_of):
            request = m.MetadataRequest(topics=(m.MetadataRequest.MetadataRequestTopic(name=f"new-{number}"),), allow_auto_topic_creation=True)
            self.assertEqual({need.code}, set(errors(self.bench.ask(request, 9, describe)[0])) - {0})
            self.assertEqual({need.code}, set(errors(self.bench.ask(request, 9, allow(*permission))[0])) - {0})
            self.assertNotIn(f"new-{number}", self.bench.broker.feed.image.topics)
            self.assertEqual(set(), set(errors(self.bench.ask(request, 9, describe, allow(*permission))[0])) - {0})
            self.assertIn(f"new-{number}", self.bench.broker.feed.image.topics)

    def test_configuration_of_a_new_topic(self) -> None:
        """Whoever may create a topic and not see its configuration is told its id, and nothing of that."""
        topic = m.CreateTopicsRequest.CreatableTopic(name="fresh", num_partitions=1, replication_factor=1)
        response, _ = self.bench.ask(m.CreateTopicsRequest(topics=(topic,)), 7, allow(Operation.CREATE, ResourceType.CLUSTER))
        (result,) = response.topics
        self.assertEqual((0, ErrorCode.TOPIC_AUTHORIZATION_FAILED), (result.error_code, result.topic_config_error_code))
        self.assertEqual((-1, -1, ()), (result.num_partitions, result.replication_factor, result.configs))

    def test_everything_is_what_may_be_seen(self) -> None:
        """Lists of everything hold what the caller may describe, and nothing tells that there is more."""
        other = m.CreateTopicsRequest.CreatableTopic(name="u", num_partitions=1, replication_factor=1)
        self.bench.made.ask(m.CreateTopicsRequest(topics=(other,)), 7)
        topic, group = (allow(Operation.DESCRIBE, kind, name) for kind, name in ((ResourceType.TOPIC, "t"), (ResourceType.GROUP, "g")))
        metadata, _ = self.bench.ask(m.MetadataRequest(topics=None), 12, topic)
        self.assertEqual(["t"], [found.name for found in metadata.topics])
        described, _ = self.bench.ask(m.DescribeTopicPartitionsRequest(topics=(), cursor=None), 0, topic)
        self.assertEqual((["t"], None), ([found.name for found in described.topics], described.next_cursor))
        self.bench.made.delete_offsets(0)
        groups, _ = self.bench.ask(m.ListGroupsRequest(), 5, group)
        self.assertEqual(["g"], [found.group_id for found in groups.groups])
        offsets, _ = self.bench.ask(m.OffsetFetchRequest(groups=(m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=None),)), 9, group)
        self.assertEqual(((), 0), (offsets.groups[0].topics, offsets.groups[0].error_code))

    def test_subscription_by_pattern(self) -> None:
        """A pattern finds the topics that the member may describe, and no others."""
        beat = m.ConsumerGroupHeartbeatRequest(
            group_id="by-pattern", member_id="one", member_epoch=0, rebalance_timeout_ms=1_000, subscribed_topic_regex=".*", topic_partitions=()
        )
        read = allow(Operation.READ, ResourceType.GROUP)
        blind, _ = self.bench.ask(beat, 1, read)
        self.assertEqual((0, ()), (blind.error_code, blind.assignment.topic_partitions))
        beat = changed(beat, lambda value: "seeing" if value == "by-pattern" else value)
        seeing, _ = self.bench.ask(beat, 1, read, allow(Operation.DESCRIBE, ResourceType.TOPIC, "t"))
        self.assertEqual([self.bench.made.topic_id], [topic.topic_id for topic in seeing.assignment.topic_partitions])

    def test_fetch_sessions_are_their_openers(self) -> None:
        """A session's id is of no use to anybody else: it cannot be read by, nor ended, nor is it told whether there is one."""
        begin = self.bench.made.fetch(12)
        begin.session_epoch = 0  # type: ignore[attr-defined]
        opened = self.bench.made.ask(begin, 12)[0]
        self.assertGreater(opened.session_id, 0)
        read = allow(Operation.READ, ResourceType.TOPIC)
        answers = set()
        for session_id in (opened.session_id, opened.session_id - 999):
            stolen = m.FetchRequest(session_id=session_id, session_epoch=1, max_bytes=1_000)
            response, _ = self.bench.ask(stolen, 12, read)
            answers.add((response.error_code, len(response.responses)))
            self.bench.ask(m.FetchRequest(session_id=session_id, session_epoch=-1), 12, read)
        self.assertEqual({(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0)}, answers)
        self.assertEqual(0, self.bench.made.ask(m.FetchRequest(session_id=opened.session_id, session_epoch=1, max_bytes=1_000), 12)[0].error_code)

    def test_delegation_tokens_of_others(self) -> None:
        """Others' tokens are seen by who may describe them or their owners' tokens, and made by who may create such; nobody else hears of any."""
        self.bench.broker.session.encrypted = True
        mine = m.CreateDelegationTokenRequest(owner_principal_type=None, owner_principal_name=None, max_lifetime_ms=-1)
        made, _ = self.bench.made.ask(mine, 3)
        self.assertEqual(0, made.error_code)
        describe = m.DescribeDelegationTokenRequest(owners=None)
        (need,) = self.needs("DescribeDelegationToken").values()
        self.assertEqual(((), 0), (self.bench.ask(describe, 3)[0].tokens, self.bench.ask(describe, 3)[0].error_code))
        for (operation, kind), name in zip(need.any_of, (made.token_id, str(ADMIN)), strict=True):
            seen, _ = self.bench.ask(describe, 3, allow(operation, kind, name))
            self.assertEqual([made.token_id], [token.token_id for token in seen.tokens])
            self.assertEqual((), self.bench.ask(describe, 3, allow(operation, kind, "another"))[0].tokens)
        theirs = m.CreateDelegationTokenRequest(owner_principal_type="User", owner_principal_name="bob", max_lifetime_ms=-1)
        (need,) = self.needs("CreateDelegationToken").values()
        self.check(theirs, 3, need)

    def test_authorized_operations(self) -> None:
        """The bit fields hold what may be done, and nothing for whom the cluster is hidden."""
        acls = [allow(Operation.READ, ResourceType.TOPIC), allow(Operation.DESCRIBE, ResourceType.CLUSTER)]
        asked = {"include_topic_authorized_operations": True, "include_cluster_authorized_operations": True}
        request = m.MetadataRequest(topics=(m.MetadataRequest.MetadataRequestTopic(name="t"),), **asked)
        response, _ = self.bench.ask(request, 9, *acls)
        self.assertEqual(1 << Operation.READ | 1 << Operation.DESCRIBE, response.topics[0].topic_authorized_operations)
        self.assertEqual(1 << Operation.DESCRIBE, response.cluster_authorized_operations)
        response, _ = self.bench.ask(request, 9, acls[0], allow(Operation.CREATE, ResourceType.CLUSTER))
        self.assertEqual(0, response.cluster_authorized_operations)

"""DescribeClientQuotas and AlterClientQuotas, and what controller mutation quotas do to changes of topics (KIP-546, KIP-599)."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.metadata import keys
from chronik.metadata.image import CLIENT_ID, IP, USER
from chronik.metadata.memory import Fault
from chronik.protocol.messages import (
    AlterClientQuotasRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DescribeClientQuotasRequest,
    MetadataRequest,
)
from chronik.server.handlers.admin import client_quotas, create_partitions, create_topics, delete_topics, metadata
from tests.server.admin.fixture import AdminCase, deny

DESCRIBE, ALTER = client_quotas.APIS
Entity = tuple[tuple[str, str | None], ...]
RATE = "producer_byte_rate"


def change(entity: Entity, *operations: tuple[str, float | None]) -> AlterClientQuotasRequest.EntryData:
    """A change of one entity; None removes."""
    return AlterClientQuotasRequest.EntryData(
        entity=tuple(AlterClientQuotasRequest.EntityData(entity_type=kind, entity_name=name) for kind, name in entity),
        ops=tuple(AlterClientQuotasRequest.OpData(key=key, value=value or 0.0, remove=value is None) for key, value in operations),
    )


class QuotaCase(AdminCase):
    """Short ways to ask."""

    def alter(self, *changes: AlterClientQuotasRequest.EntryData, version: int = 1, **fields: Any) -> list[ErrorCode]:
        """Alter; the codes."""
        response = self.ask(ALTER, version, AlterClientQuotasRequest(entries=changes, **fields))
        for entry, wanted in zip(response.entries, changes, strict=True):
            self.assertEqual([(p.entity_type, p.entity_name) for p in wanted.entity], [(p.entity_type, p.entity_name) for p in entry.entity])
            self.assertEqual(bool(entry.error_code), bool(entry.error_message))
        return [ErrorCode(entry.error_code) for entry in response.entries]

    def set(self, entity: Entity, key: str = RATE, value: float | None = 1000.0) -> None:
        """Set one limit, which must work."""
        self.assertEqual([ErrorCode.NONE], self.alter(change(entity, (key, value))))


class AlterTests(QuotaCase):
    """AlterClientQuotas."""

    def test_every_version(self) -> None:
        """What is set is in the image, and there after another start."""
        for version in self.every_version(ALTER):
            limits = ((RATE, 1000.0 + version), ("request_percentage", 12.5))
            self.assertEqual([ErrorCode.NONE], self.alter(change(((USER, "alice"),), *limits), version=version))
            self.assertEqual({((USER, "alice"),): dict(limits)}, self.image.quotas)
        self.start_controller()
        self.assertEqual({((USER, "alice"),): dict(limits)}, self.image.quotas)

    def test_entities(self) -> None:
        """Users, clients, both, addresses, and the default of each; the order of the parts means nothing, nor what names are made of."""
        odd = "a,b=c/ü %"
        for entity, known in (
            (((CLIENT_ID, odd), (USER, None)), ((USER, None), (CLIENT_ID, odd))),
            (((USER, odd), (CLIENT_ID, None)), ((USER, odd), (CLIENT_ID, None))),
            (((CLIENT_ID, None),), ((CLIENT_ID, None),)),
        ):
            self.set(entity)
            self.assertIn(known, self.image.quotas)
        for name in ("127.0.0.1", "::1", None):
            self.set(((IP, name),), "connection_creation_rate", 5)
            self.assertEqual({"connection_creation_rate": 5.0}, self.image.quotas[((IP, name),)])

    def test_addresses(self) -> None:
        """An address is one entity however it is written: the one that peers are known by."""
        for name, known in (("0:0:0:0:0:0:0:1", "::1"), ("::FFFF:10.0.0.1", "10.0.0.1"), ("2001:DB8::0:1", "2001:db8::1")):
            self.set(((IP, name),), "connection_creation_rate", 5)
            self.assertIn(((IP, known),), self.image.quotas)
            self.set(((IP, known),), "connection_creation_rate", None)
        self.assertEqual({}, self.image.quotas)

    def test_removed(self) -> None:
        """A limit that is removed is gone, and the entity with the last one."""
        entity = ((USER, "alice"),)
        self.assertEqual([ErrorCode.NONE], self.alter(change(entity, (RATE, 5), ("consumer_byte_rate", 6))))
        self.set(entity, RATE, None)
        self.assertEqual({"consumer_byte_rate": 6.0}, self.image.quotas[entity])
        self.set(entity, "consumer_byte_rate", None)
        self.set(entity, "no.such.key", None)
        self.assertEqual(({}, []), (self.image.quotas, self.stored(keys.QUOTAS)))

    def test_refused(self) -> None:
        """Each says why and changes nothing; others of the request are changed."""
        user: Entity = ((USER, "alice"),)
        for entity, key, value in (
            ((), RATE, 1.0),
            (((USER, ""),), RATE, 1.0),
            ((("group", "g"),), RATE, 1.0),
            (((USER, "a"), (USER, "b")), RATE, 1.0),
            (((USER, "a"), (IP, "1.2.3.4")), "connection_creation_rate", 1.0),
            (((IP, "no address"),), "connection_creation_rate", 1.0),
            (((IP, "1.2.3.4"),), RATE, 1.0),
            (((IP, "1.2.3.4"),), "connection_creation_rate", 2.0**31),
            (user, "connection_creation_rate", 1.0),
            (user, "no.such.key", 1.0),
            (user, RATE, -1.0),
            (user, RATE, float("nan")),
            (user, RATE, 1.5),
            (user, RATE, 1e30),
        ):
            codes = self.alter(change(entity, (key, value)), change(((CLIENT_ID, "c"),), (RATE, 7)))
            self.assertEqual([ErrorCode.INVALID_REQUEST, ErrorCode.NONE], codes, (entity, key, value))
        self.assertEqual({((CLIENT_ID, "c"),): {RATE: 7.0}}, self.image.quotas)

    def test_twice(self) -> None:
        """An entity, or a limit of one, that is named twice is not changed."""
        user = change(((USER, "alice"),), (RATE, 1))
        self.assertEqual([ErrorCode.INVALID_REQUEST] * 2, self.alter(user, user))
        self.assertEqual([ErrorCode.INVALID_REQUEST], self.alter(change(((USER, "alice"),), (RATE, 1), (RATE, 2))))
        self.assertEqual({}, self.image.quotas)

    def test_validate_only(self) -> None:
        """Checked as ever, and not kept."""
        codes = self.alter(change(((USER, "a"),), (RATE, 1)), change(((USER, "b"),), (RATE, -1)), validate_only=True)
        self.assertEqual([ErrorCode.NONE, ErrorCode.INVALID_REQUEST], codes)
        self.assertEqual({}, self.image.quotas)

    def test_lost_answers(self) -> None:
        """Whether or not the commit was made, the limit is set and the client hears so."""
        for value, fault in enumerate((Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT), 1):
            self.store.faults.append(fault)
            self.set(((USER, "a"),), RATE, value)
            self.assertEqual({((USER, "a"),): {RATE: float(value)}}, self.image.quotas)

    def test_authorization(self) -> None:
        """ALTER_CONFIGS on the cluster is needed."""
        self.denied = deny("ALTER_CONFIGS CLUSTER")
        for version in self.every_version(ALTER):
            self.assertEqual([ErrorCode.CLUSTER_AUTHORIZATION_FAILED], self.alter(change(((USER, "a"),), (RATE, 1)), version=version))
        self.assertEqual({}, self.image.quotas)


class DescribeTests(QuotaCase):
    """DescribeClientQuotas."""

    def setUp(self) -> None:
        """Some of each kind."""
        super().setUp()
        for entity in (((USER, "a"),), ((USER, None),), ((USER, "a"), (CLIENT_ID, "c")), ((CLIENT_ID, "c"),)):
            self.set(entity)
        self.set(((IP, "1.2.3.4"),), "connection_creation_rate", 3)

    def request(self, *components: tuple[str, int, str | None], strict: bool = False) -> DescribeClientQuotasRequest:
        """A filter of kinds, how they match, and what."""
        return DescribeClientQuotasRequest(
            components=tuple(DescribeClientQuotasRequest.ComponentData(entity_type=k, match_type=t, match=m) for k, t, m in components),
            strict=strict,
        )

    def found(self, *components: tuple[str, int, str | None], strict: bool = False, version: int = 1) -> set[Entity]:
        """The entities that match."""
        response = self.ask(DESCRIBE, version, self.request(*components, strict=strict))
        self.assertEqual((0, None), (response.error_code, response.error_message))
        return {tuple((part.entity_type, part.entity_name) for part in entry.entity) for entry in response.entries}

    def test_every_version(self) -> None:
        """Entity and values, in each version's shape."""
        for version in self.every_version(DESCRIBE):
            response = self.ask(DESCRIBE, version, self.request((IP, 0, "1.2.3.4")))
            ((entry),) = response.entries
            self.assertEqual([("connection_creation_rate", 3.0)], [(v.key, v.value) for v in entry.values])
            self.assertEqual(5, len(self.found(version=version)))

    def test_filters(self) -> None:
        """By name, by default, by kind; strictly only entities that have nothing else."""
        both, one, anyone, client = ((USER, "a"), (CLIENT_ID, "c")), ((USER, "a"),), ((USER, None),), ((CLIENT_ID, "c"),)
        self.assertEqual({both, one}, self.found((USER, 0, "a")))
        self.assertEqual({one}, self.found((USER, 0, "a"), strict=True))
        self.assertEqual({anyone}, self.found((USER, 1, None)))
        self.assertEqual({both, one, anyone}, self.found((USER, 2, None)))
        self.assertEqual({both}, self.found((USER, 2, None), (CLIENT_ID, 0, "c")))
        self.assertEqual({client}, self.found((CLIENT_ID, 2, None), strict=True))
        self.assertEqual(set(), self.found(strict=True))

    def test_refused(self) -> None:
        """Filters that mean nothing."""
        for code, components in (
            (ErrorCode.INVALID_REQUEST, [("", 0, "a")]),
            (ErrorCode.UNSUPPORTED_VERSION, [("group", 0, "a")]),
            (ErrorCode.INVALID_REQUEST, [(USER, 0, "a"), (USER, 2, None)]),
            (ErrorCode.INVALID_REQUEST, [(USER, 0, None)]),
            (ErrorCode.INVALID_REQUEST, [(USER, 1, "a")]),
            (ErrorCode.INVALID_REQUEST, [(USER, 2, "a")]),
            (ErrorCode.INVALID_REQUEST, [(USER, 3, "a")]),
            (ErrorCode.INVALID_REQUEST, [(USER, 0, "a"), (IP, 0, "1.2.3.4")]),
        ):
            response = self.ask(DESCRIBE, 1, self.request(*components))
            self.assertEqual((code, None), (response.error_code, response.entries), components)
            self.assertTrue(response.error_message)

    def test_authorization(self) -> None:
        """DESCRIBE_CONFIGS on the cluster is needed."""
        self.denied = deny("DESCRIBE_CONFIGS CLUSTER")
        for version in self.every_version(DESCRIBE):
            self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.ask(DESCRIBE, version, self.request()).error_code)


class MutationTests(QuotaCase):
    """Topics under a quota of one partition a second, eleven at once."""

    def setUp(self) -> None:
        """Set it, and use it up but for one."""
        super().setUp()
        self.clock.advance(1_700_000_000)
        self.successResultOf(self.controller.create_topics([NewTopic("old", 3, 1), NewTopic("older", 3, 1)]))
        self.set(((USER, None),), "controller_mutation_rate", 1.0)
        self.quotas.mutations(self.session, "client", strict=True).charge(10)

    def throttled(self) -> tuple[int, int]:
        """For how many ms the client of the last request was told to wait, and its connection was muted."""
        muted = max(0.0, self.session.muted_until - self.clock.seconds())
        return self.answer.throttle_time_ms, round(muted * 1000)

    def create(self, version: int, *names: str) -> list[int]:
        """Create topics of three partitions; the codes."""
        topics = tuple(CreateTopicsRequest.CreatableTopic(name=name, num_partitions=3, replication_factor=1) for name in names)
        ((api),) = create_topics.APIS
        return [result.error_code for result in self.ask(api, version, CreateTopicsRequest(topics=topics, timeout_ms=1)).topics]

    def delete(self, version: int, *names: str) -> list[int]:
        """Delete topics; the codes."""
        (api,) = delete_topics.APIS
        if version >= 6:
            states = tuple(DeleteTopicsRequest.DeleteTopicState(name=name) for name in names)
            request = DeleteTopicsRequest(topics=states)
        else:
            request = DeleteTopicsRequest(topic_names=names)
        return [result.error_code for result in self.ask(api, version, request).responses]

    def grow(self, version: int, *names: str) -> list[int]:
        """Add three partitions to topics; the codes."""
        (api,) = create_partitions.APIS
        topics = tuple(CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=6, assignments=None) for name in names)
        return [result.error_code for result in self.ask(api, version, CreatePartitionsRequest(topics=topics, timeout_ms=1)).results]

    def test_newer_clients_are_refused(self) -> None:
        """The topic that exhausts the quota is changed, the next one refused; the client is told the time and not muted."""
        for act, version, names in ((self.create, 6, ("a", "b")), (self.delete, 5, ("old", "older")), (self.grow, 3, ("old", "older"))):
            self.setUp()
            self.assertEqual([0, ErrorCode.THROTTLING_QUOTA_EXCEEDED], act(version, *names))
            self.assertEqual((2000, 0), self.throttled())
            self.clock.advance(2.1)
            self.assertEqual([0], act(version, names[1]))
        self.assertIn("old", self.image.topics)

    def test_older_clients_wait(self) -> None:
        """Everything is done for who does not know the refusal, and then the connection is muted."""
        for act, version, names in ((self.create, 5, ("a", "b")), (self.delete, 4, ("old", "older")), (self.grow, 2, ("old", "older"))):
            self.setUp()
            self.assertEqual([0, 0], act(version, *names))
            self.assertEqual((5000, 5000), self.throttled())

    def test_only_what_is_changed_counts(self) -> None:
        """A topic that cannot be created costs nothing."""
        self.assertEqual([ErrorCode.TOPIC_ALREADY_EXISTS, 0], self.create(7, "old", "new"))
        self.assertEqual((0, 0), self.throttled())

    def test_automatic_creation(self) -> None:
        """A topic that comes into being because somebody asked for it counts too."""
        (api,) = metadata.APIS
        self.settings["num.partitions"] = "3"
        topics = (MetadataRequest.MetadataRequestTopic(name="auto"),)
        self.assertEqual(0, self.ask(api, 12, MetadataRequest(topics=topics, allow_auto_topic_creation=True)).topics[0].error_code)
        self.assertEqual((2000, 2000), self.throttled())

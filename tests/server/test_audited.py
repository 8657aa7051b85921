"""What the audit trail is told of requests: changes with old and new values, refusals, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.metadata.image import MetadataImage
from chronik.model import AUDIT_TOPIC
from chronik.network.interfaces import ProtocolViolation
from chronik.protocol import messages
from chronik.protocol.apis import api_name
from chronik.security.audit_interfaces import AuditCounts, AuditEvent, AuditKind, IAuditTrail
from chronik.security.interfaces import Action, DelegationToken, Operation, Principal, ResourceType, ScramCredential, SecurityImage
from chronik.server.audited import AUDITED, security
from chronik.server.auditing import NAMED_MAX
from chronik.server.calls import ApiCalls
from chronik.server.dispatch import RequestDispatcher
from chronik.server.table import api_table
from tests.server.memory_broker import MemoryBroker

CHANGE_NOTHING = frozenset(
    {
        "AddOffsetsToTxn",
        "AddPartitionsToTxn",
        "AlterPartition",
        "ApiVersions",
        "BrokerHeartbeat",
        "ConsumerGroupDescribe",
        "ConsumerGroupHeartbeat",
        "DescribeAcls",
        "DescribeClientQuotas",
        "DescribeCluster",
        "DescribeConfigs",
        "DescribeDelegationToken",
        "DescribeGroups",
        "DescribeLogDirs",
        "DescribeProducers",
        "DescribeQuorum",
        "DescribeTopicPartitions",
        "DescribeTransactions",
        "DescribeUserScramCredentials",
        "EndTxn",
        "Fetch",
        "FindCoordinator",
        "Heartbeat",
        "InitProducerId",
        "JoinGroup",
        "LeaveGroup",
        "ListConfigResources",
        "ListGroups",
        "ListOffsets",
        "ListPartitionReassignments",
        "ListTransactions",
        "OffsetCommit",
        "OffsetFetch",
        "OffsetForLeaderEpoch",
        "Produce",
        "SaslAuthenticate",
        "SaslHandshake",
        "SyncGroup",
        "TxnOffsetCommit",
        "WriteTxnMarkers",
    }
)
"""APIs of the data path, those that only tell, those of brokers among themselves, and those of authentication, which has records of its own."""


@implementer(IAuditTrail)
class FakeTrail:
    """Remembers what it is told."""

    enabled = True

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        """Remember."""
        self.events.append(event)

    def counted(self) -> AuditCounts:
        """Nothing."""
        return AuditCounts()


class TableTests(SynchronousTestCase):
    """The column of the API table."""

    def test_every_api(self) -> None:
        """Each API that is served is audited, or is listed above as changing nothing that anybody administers; a new one must be thought about."""
        rows = api_table()
        self.assertEqual([], [row.name for row in rows if (row.audited is None) != (row.name in CHANGE_NOTHING)])
        self.assertEqual([], [api_name(key) for key in AUDITED if api_name(key) in CHANGE_NOTHING])


class AuditedCase(SynchronousTestCase):
    """A broker in memory with a topic ``t``, and whoever asks is alice."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = MemoryBroker()
        self.broker.start(self)
        self.successResultOf(self.broker.controller.create_topics([NewTopic("t", 2, configs={"retention.ms": "5"})]))
        self.trail = FakeTrail()
        services = replace(self.broker.services, audit=self.trail)
        self.broker.dispatcher = RequestDispatcher(services, api_table())
        self.broker.session.principal = Principal("User", "alice")
        self.calls = ApiCalls(services, api_table())

    def ask(self, request: Any, version: int | None = None) -> Any:
        """Send a request."""
        (api,) = [api for api in api_table() if api.key == request.api_key]
        return self.successResultOf(self.broker.send(request, api.versions[1] if version is None else version))

    def events(self) -> list[AuditEvent]:
        """What was told, which is forgotten."""
        found, self.trail.events = self.trail.events, []
        return found

    def event(self) -> AuditEvent:
        """The one that was."""
        (event,) = self.events()
        return event

    def refuse(self, *actions: Action) -> None:
        """Alice may not do these."""
        self.broker.authorizer.refused.update(actions)


class ChangeTests(AuditedCase):
    """Changes."""

    def test_who_and_what(self) -> None:
        """All of an event, literally."""
        kinds = messages.CreateTopicsRequest
        config = kinds.CreatableTopicConfig(name="retention.ms", value="7")
        topic = kinds.CreatableTopic(name="new", num_partitions=3, replication_factor=1, configs=(config,))
        self.ask(kinds(topics=(topic,), timeout_ms=1_000))
        expected = AuditEvent(
            AuditKind.CHANGE,
            "CreateTopics",
            "User:alice",
            "10.0.0.9",
            "PLAINTEXT",
            True,
            "TOPIC:new",
            after={"partitions": 3, "replication_factor": 1, "retention.ms": "7"},
            details={"client_id": "me"},
        )
        self.assertEqual(expected, self.event())

    def test_failure(self) -> None:
        """What was not done is told with the reason; values of configurations that were refused may be anything, and are not."""
        kinds = messages.CreateTopicsRequest
        config = kinds.CreatableTopicConfig(name="ssl.keystore.pasword", value="canary")
        self.ask(kinds(topics=(kinds.CreatableTopic(name="new", num_partitions=1, replication_factor=1, configs=(config,)),), timeout_ms=1_000))
        event = self.event()
        self.assertEqual((False, "TOPIC:new"), (event.succeeded, event.resource))
        self.assertTrue(event.reason)
        self.assertNotIn("canary", repr(event))

    def test_validate_only(self) -> None:
        """What is only tried out is no change."""
        kinds = messages.CreateTopicsRequest
        self.ask(kinds(topics=(kinds.CreatableTopic(name="new", num_partitions=1, replication_factor=1),), timeout_ms=1_000, validate_only=True))
        self.assertEqual([], self.events())

    def test_by_use(self) -> None:
        """A topic that somebody makes by asking for it is told; asking for one that is there is not."""
        kinds = messages.MetadataRequest
        for _ in range(2):
            self.ask(kinds(topics=(kinds.MetadataRequestTopic(name="used"), kinds.MetadataRequestTopic(name="t")), allow_auto_topic_creation=True))
        event = self.event()
        self.assertEqual(("Metadata", "TOPIC:used"), (event.action, event.resource))

    def test_topics(self) -> None:
        """More partitions, fewer records, and none at all."""
        kinds = messages.CreatePartitionsRequest
        self.ask(kinds(topics=(kinds.CreatePartitionsTopic(name="t", count=4, assignments=None),), timeout_ms=1_000))
        event = self.event()
        self.assertEqual(({"partitions": 2}, {"partitions": 4}), (event.before, event.after))
        records = messages.DeleteRecordsRequest
        parts = (records.DeleteRecordsPartition(partition_index=0, offset=0), records.DeleteRecordsPartition(partition_index=1, offset=99))
        self.ask(records(topics=(records.DeleteRecordsTopic(name="t", partitions=parts),), timeout_ms=1_000))
        self.assertEqual([({"log_start_offset": 0}, True), ({}, False)], [(event.after, event.succeeded) for event in self.events()])
        deletion = messages.DeleteTopicsRequest
        topic_id = self.broker.feed.image.topics["t"].topic_id
        self.ask(deletion(topics=(deletion.DeleteTopicState(name=None, topic_id=topic_id),), timeout_ms=1_000))
        event = self.event()
        self.assertEqual(("TOPIC:t", {"partitions": 4, "replication_factor": 1, "retention.ms": "5"}), (event.resource, event.before))

    def test_audit_topic(self) -> None:
        """Clients cannot delete the trail itself; trying is told."""
        self.successResultOf(self.broker.controller.create_topics([NewTopic(AUDIT_TOPIC)]))
        deletion = messages.DeleteTopicsRequest
        answer = self.ask(deletion(topics=(deletion.DeleteTopicState(name=AUDIT_TOPIC),), timeout_ms=1_000))
        self.assertEqual(ErrorCode.INVALID_REQUEST, answer.responses[0].error_code)
        self.assertEqual((False, f"TOPIC:{AUDIT_TOPIC}"), (self.event().succeeded, f"TOPIC:{AUDIT_TOPIC}"))
        self.assertIn(AUDIT_TOPIC, self.broker.feed.image.topics)

    def edit(self, kind: int, name: str, *edits: tuple[str, str | None]) -> Any:
        """Alter one resource key by key."""
        kinds = messages.IncrementalAlterConfigsRequest
        configs = tuple(kinds.AlterableConfig(name=key, config_operation=1 if value is None else 0, value=value) for key, value in edits)
        return self.ask(kinds(resources=(kinds.AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs),)))

    def test_configs(self) -> None:
        """Old and new values of the keys that were named."""
        self.edit(2, "t", ("retention.ms", None), ("max.message.bytes", "100"))
        event = self.event()
        self.assertEqual(("TOPIC:t", {"retention.ms": "5", "max.message.bytes": None}), (event.resource, event.before))
        self.assertEqual({"retention.ms": None, "max.message.bytes": "100"}, event.after)
        self.edit(4, "", ("log.retention.ms", "9"))
        self.assertEqual(("BROKER:", {"log.retention.ms": "9"}), ((event := self.event()).resource, event.after))

    def test_secrets(self) -> None:
        """Of a secret it is told that it was set, or deleted, and not what it is or was, nor how it is stored."""
        self.successResultOf(self.broker.passwords.start())
        name = "listener.name.inside.ssl.key.password"
        seen = []
        for value in ("canary", "canary2", None):
            self.edit(4, "1", (name, value))
            event = self.event()
            self.assertTrue(event.succeeded)
            seen.append((event.before[name], event.after[name]))
            self.assertNotIn("canary", repr((event.before, event.after, event.details)))
        self.assertEqual([(None, "(hidden)"), ("(hidden)", "(hidden)"), ("(hidden)", None)], seen)
        self.edit(4, "1", (name, "canary"), (f"{name}.file", "/nowhere"))
        self.assertNotIn("canary", repr(self.event()))

    def test_replaced_configs(self) -> None:
        """AlterConfigs forgets what it does not name: that is told too."""
        kinds = messages.AlterConfigsRequest
        config = kinds.AlterableConfig(name="max.message.bytes", value="100")
        self.ask(kinds(resources=(kinds.AlterConfigsResource(resource_type=2, resource_name="t", configs=(config,)),)))
        event = self.event()
        self.assertEqual({"max.message.bytes": None, "retention.ms": "5"}, event.before)
        self.assertEqual({"max.message.bytes": "100", "retention.ms": None}, event.after)

    def test_refused_configs(self) -> None:
        """Of values that were refused nothing is told, not even in another's reason: they may be a secret under a misspelt name."""
        for key in ("ssl.key.pasword", "log.retention.ms", "node.id"):
            self.edit(4, "1", (key, "canary"))
        self.edit(2, "t", ("retention.ms", "1"), ("nothing", "canary"))
        events = self.events()
        keys = [["ssl.key.pasword"], ["log.retention.ms"], ["node.id"], ["retention.ms", "nothing"]]
        self.assertEqual(keys, [event.details["keys"] for event in events])
        self.assertFalse(any(event.succeeded or event.after for event in events))
        self.edit(99, "x", ("k", "canary"))
        self.assertNotIn("canary", repr([event.details for event in self.events()]))

    def test_quotas(self) -> None:
        """Old and new limits."""
        kinds = messages.AlterClientQuotasRequest
        entity = (kinds.EntityData(entity_type="client-id", entity_name=None), kinds.EntityData(entity_type="user", entity_name="bob"))
        for value in (5.0, 6.0):
            ops = (kinds.OpData(key="producer_byte_rate", value=value, remove=False),)
            self.ask(kinds(entries=(kinds.EntryData(entity=entity, ops=ops),)))
        first, second = self.events()
        self.assertEqual(("QUOTA:client-id=<default>,user=bob", {"producer_byte_rate": None}), (first.resource, first.before))
        self.assertEqual(({"producer_byte_rate": 5.0}, {"producer_byte_rate": 6.0}), (second.before, second.after))

    def test_cluster(self) -> None:
        """Replicas, leaders, features, brokers and groups."""
        moves = messages.AlterPartitionReassignmentsRequest
        part = moves.ReassignablePartition(partition_index=0, replicas=(1,))
        self.ask(moves(topics=(moves.ReassignableTopic(name="t", partitions=(part,)),), timeout_ms=1_000))
        self.assertEqual(("TOPIC:t", {"replicas": (1,)}), ((event := self.event()).resource, event.after))
        elections = messages.ElectLeadersRequest
        self.ask(elections(election_type=0, topic_partitions=(elections.TopicPartitions(topic="t", partitions=(0,)),), timeout_ms=1_000))
        self.assertEqual((False, {"leader": 1}), ((event := self.event()).succeeded, event.before))
        directories = messages.AlterReplicaLogDirsRequest
        moved = directories.AlterReplicaLogDirTopic(name="t", partitions=(0,))
        self.ask(directories(dirs=(directories.AlterReplicaLogDir(path="/nowhere", topics=(moved,)),)))
        self.assertEqual((False, "/nowhere"), ((event := self.event()).succeeded, event.details["directory"]))
        self.ask(messages.UnregisterBrokerRequest(broker_id=9))
        self.assertEqual((False, "BROKER:9"), ((event := self.event()).succeeded, event.resource))
        features = messages.UpdateFeaturesRequest
        update = features.FeatureUpdateKey(feature="nothing", max_version_level=1, upgrade_type=1)
        self.ask(features(feature_updates=(update,), timeout_ms=1_000))
        self.assertEqual([(False, "nothing")], [(event.succeeded, event.details["feature"]) for event in self.events()])
        self.ask(messages.DeleteGroupsRequest(groups_names=("g",)))
        self.assertEqual((False, "GROUP:g"), ((event := self.event()).succeeded, event.resource))
        offsets = messages.OffsetDeleteRequest
        topic = offsets.OffsetDeleteRequestTopic(name="t", partitions=(offsets.OffsetDeleteRequestPartition(partition_index=0),))
        self.ask(offsets(group_id="g", topics=(topic,)))
        self.assertEqual((False, "GROUP:g"), ((event := self.event()).succeeded, event.resource))

    def test_broken_answer(self) -> None:
        """What cannot be found out is logged; the client is answered all the same."""
        (row,) = [row for row in api_table() if row.name == "UnregisterBroker"]

        def broken(before: Any, after: Any, request: Any, response: Any) -> Sequence[Any]:
            raise RuntimeError("no")

        services = replace(self.broker.services, audit=self.trail)
        self.broker.dispatcher = RequestDispatcher(services, [replace(row, audited=broken)])
        self.assertTrue(self.ask(messages.UnregisterBrokerRequest(broker_id=9)).error_code)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_own_children(self) -> None:
        """What the broker's own processes ask is nobody's doing."""
        self.broker.session.internal = True
        self.edit(2, "t", ("retention.ms", "1"))
        self.assertEqual([], self.events())

    def test_other_callers(self) -> None:
        """Whoever calls an API without Kafka's protocol is told of alike, and may no more."""
        kinds = messages.IncrementalAlterConfigsRequest
        config = kinds.AlterableConfig(name="retention.ms", config_operation=0, value="8")
        request = kinds(resources=(kinds.AlterConfigsResource(resource_type=2, resource_name="t", configs=(config,)),))

        def call() -> Any:
            from twisted.internet.defer import Deferred

            return self.successResultOf(Deferred.fromCoroutine(self.calls.call(request, Principal("User", "bob"), "::1", "HTTP")))

        self.assertEqual(0, call().responses[0].error_code)
        event = self.event()
        self.assertEqual(("User:bob", "::1", "HTTP", {"retention.ms": "8"}), (event.principal, event.host, event.listener, event.after))
        self.refuse(Action(Operation.ALTER_CONFIGS, ResourceType.TOPIC, "t"))
        self.assertEqual(ErrorCode.TOPIC_AUTHORIZATION_FAILED, call().responses[0].error_code)
        self.assertEqual(AuditKind.AUTHORIZATION, self.event().kind)


class RefusalTests(AuditedCase):
    """What somebody may not do."""

    def test_refused(self) -> None:
        """Who lacked which permission; nothing was changed, so that there is no other record."""
        self.refuse(Action(Operation.ALTER_CONFIGS, ResourceType.TOPIC, "t"))
        kinds = messages.IncrementalAlterConfigsRequest
        config = kinds.AlterableConfig(name="retention.ms", config_operation=0, value="8")
        self.ask(kinds(resources=(kinds.AlterConfigsResource(resource_type=2, resource_name="t", configs=(config,)),)))
        event = self.event()
        self.assertEqual((AuditKind.AUTHORIZATION, False, "TOPIC:t"), (event.kind, event.succeeded, event.resource))
        self.assertEqual({"missing": ["ALTER_CONFIGS TOPIC:t"], "client_id": "me"}, event.details)

    def test_left_out_of_a_list(self) -> None:
        """Topics that somebody may not see are left out of lists, which is no refusal; asking for one by name is."""
        self.refuse(Action(Operation.DESCRIBE, ResourceType.TOPIC, "t"))
        kinds = messages.MetadataRequest
        self.ask(kinds(topics=None))
        self.assertEqual([], self.events())
        self.ask(kinds(topics=(kinds.MetadataRequestTopic(name="t"),)))
        self.assertEqual("TOPIC:t", self.event().resource)

    def test_without_an_answer(self) -> None:
        """A Produce that wants no answer gets none, and the end of its connection; the trail is told why."""
        self.refuse(Action(Operation.WRITE, ResourceType.TOPIC, "t"))
        kinds = messages.ProduceRequest
        data = kinds.TopicProduceData(name="t", partition_data=(kinds.PartitionProduceData(index=0, records=b""),))
        self.failureResultOf(self.broker.send(kinds(acks=0, timeout_ms=1_000, topic_data=(data,)), 9), ProtocolViolation)
        self.assertEqual(("Produce", "TOPIC:t"), ((event := self.event()).action, event.resource))

    def test_many(self) -> None:
        """A request that lacks many permissions is one record, which names some of them and counts all."""
        names = [f"x{number}" for number in range(NAMED_MAX + 5)]
        self.refuse(*(Action(Operation.DESCRIBE, ResourceType.TOPIC, name) for name in names))
        kinds = messages.MetadataRequest
        self.ask(kinds(topics=tuple(kinds.MetadataRequestTopic(name=name) for name in names)))
        details = self.event().details
        self.assertEqual((NAMED_MAX, NAMED_MAX + 5), (len(details["missing"]), details["missing_count"]))


class SecurityChangeTests(SynchronousTestCase):
    """Changes of who may do what, without what proves it; from requests and answers alone."""

    def test_acls(self) -> None:
        """Entries that are made, refused and taken away."""
        kinds = messages.CreateAclsRequest
        acl = kinds.AclCreation(
            resource_type=2, resource_name="t", resource_pattern_type=3, principal="User:bob", host="*", operation=3, permission_type=3
        )
        results = messages.CreateAclsResponse.AclCreationResult
        answer = messages.CreateAclsResponse(results=(results(error_code=0), results(error_code=42, error_message="no")))
        image = MetadataImage()
        made, refused = security.acls_created(image, image, kinds(creations=(acl, acl)), answer)
        entry = {"pattern": "LITERAL", "principal": "User:bob", "host": "*", "operation": "READ", "permission": "ALLOW"}
        self.assertEqual(("TOPIC:t", entry, {}), (made.resource, made.after, made.details))
        self.assertEqual((42, "no", {}, entry), (refused.code, refused.reason, refused.after, refused.details))
        matching = messages.DeleteAclsResponse.DeleteAclsMatchingAcl(
            resource_type=2, resource_name="t", pattern_type=3, principal="User:bob", host="*", operation=3, permission_type=99
        )
        found = messages.DeleteAclsResponse.DeleteAclsFilterResult(matching_acls=(matching,))
        (gone,) = security.acls_deleted(image, image, None, messages.DeleteAclsResponse(filter_results=(found,)))
        self.assertEqual(("TOPIC:t", {**entry, "permission": "99"}), (gone.resource, gone.before))

    def test_scram(self) -> None:
        """Mechanisms and iterations of users, and nothing of their passwords."""
        kinds = messages.AlterUserScramCredentialsRequest
        wanted = kinds.ScramCredentialUpsertion(name="bob", mechanism=1, iterations=8192, salt=b"canary", salted_password=b"canary")
        request = kinds(deletions=(kinds.ScramCredentialDeletion(name="eve", mechanism=2),), upsertions=(wanted,))
        results = messages.AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult
        answer = messages.AlterUserScramCredentialsResponse(results=(results(user="bob"), results(user="eve", error_code=91, error_message="none")))
        credential = ScramCredential(b"canary", 4096, b"canary", b"canary")
        before = MetadataImage(security=SecurityImage(scram={("SCRAM-SHA-256", "bob"): credential}))
        eve, bob = security.scram_altered(before, before, request, answer)
        self.assertEqual(("USER:eve", 91, {}, {"mechanisms": ["SCRAM-SHA-512"]}), (eve.resource, eve.code, eve.after, eve.details))
        old, new = ({"SCRAM-SHA-256": {"iterations": count}} for count in (4096, 8192))
        self.assertEqual((old, new), (bob.before, bob.after))
        self.assertNotIn("canary", repr((eve, bob)))
        self.assertNotIn("canary", repr(wanted).replace("b'canary'", "", 1))  # the salt is no secret

    def test_tokens(self) -> None:
        """Tokens by their ids; their HMACs are not told."""
        kinds = messages.CreateDelegationTokenRequest
        request = kinds(renewers=(kinds.CreatableRenewers(principal_type="User", principal_name="eve"),))
        answers = messages.CreateDelegationTokenResponse
        answer = answers(principal_type="User", principal_name="bob", token_id="id", hmac=b"canary", expiry_timestamp_ms=5)
        # Others end, or are renewed, at the same time.
        token, ended, others = (DelegationToken(name, "User:bob", "User:bob", (), 1, 5, 9) for name in ("id", "ended", "others"))
        image = MetadataImage(security=SecurityImage(tokens={"ended": ended, "others": others, "id": token}))
        (made,) = security.token_created(image, image, request, answer)
        self.assertEqual(("DELEGATION_TOKEN:id", ["User:eve"]), (made.resource, made.after["renewers"]))
        renewal = messages.RenewDelegationTokenRequest(hmac=b"canary", renew_period_ms=7)
        tokens = {"others": replace(others, expiry_ms=7), "id": replace(token, expiry_ms=8)}
        later = MetadataImage(security=SecurityImage(tokens=tokens))
        (renewed,) = security.token_renewed(image, later, renewal, messages.RenewDelegationTokenResponse(expiry_timestamp_ms=8))
        self.assertEqual(({"owner": "User:bob", "expiry": 5}, {"expiry": 8}), (renewed.before, renewed.after))
        self.assertEqual("DELEGATION_TOKEN:id", renewed.resource)
        removal = messages.ExpireDelegationTokenRequest(hmac=b"canary", expiry_time_period_ms=-1)
        gone = MetadataImage(security=SecurityImage(tokens={"others": tokens["others"], "id": token}))
        (removed,) = security.token_expired(image, gone, removal, messages.ExpireDelegationTokenResponse(expiry_timestamp_ms=3))
        self.assertEqual(("DELEGATION_TOKEN:ended", {"expiry": 3}), (removed.resource, removed.after))
        ending = messages.ExpireDelegationTokenRequest(hmac=b"another", expiry_time_period_ms=-1)
        (expired,) = security.token_expired(image, image, ending, messages.ExpireDelegationTokenResponse(error_code=62))
        self.assertEqual(("DELEGATION_TOKEN:", 62, {}), (expired.resource, expired.code, expired.after))
        for what in (made, renewed, expired, renewal, answer):
            self.assertNotIn("canary", repr(what))

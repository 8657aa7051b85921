"""Users who may do some things and not others, with the clients that would complain; permissions change under their open connections."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS, create, produce, unused_name
from tests.integration.harness import BrokerTestCase, eventually

TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP


class AuthorizationTests(BrokerTestCase):
    """Alice logs in; an administrator who need not gives and takes what she may."""

    access = ANYBODY
    settings: ClassVar[dict[str, str]] = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "authorizer": "acl",
        "super.users": "User:ANONYMOUS",
    }

    def setUp(self) -> None:
        """Make her, and take from her what an earlier test gave."""
        super().setUp()
        self.admin = AdminClient({"bootstrap.servers": self.broker.bootstrap, "log_level": 0})
        change = UserScramCredentialUpsertion("alice", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"wonderland")
        for future in self.admin.alter_user_scram_credentials([change]).values():
            future.result(SECONDS)
        self.revoke()
        self.topic = create(self.broker, unused_name("guarded"))
        self.group = unused_name("group")

    def config(self, **more: Any) -> dict[str, Any]:
        """Alice's client."""
        login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "alice", "sasl.password": "wonderland"}
        fast = {"topic.metadata.refresh.interval.ms": 500, "retry.backoff.ms": 50}
        return {"bootstrap.servers": self.broker.sasl_bootstrap, "log_level": 0, **login, **fast, **more}

    def allow(self, operation: AclOperation, kind: ResourceType, name: str, pattern: ResourcePatternType = ResourcePatternType.LITERAL) -> None:
        """Let alice do this, from now on."""
        acl = AclBinding(kind, name, pattern, "User:alice", "*", operation, AclPermissionType.ALLOW)
        self.admin.create_acls([acl])[acl].result(SECONDS)

    def revoke(self, kind: ResourceType = ResourceType.ANY, name: str | None = None) -> None:
        """Take it from her."""
        which = AclBindingFilter(kind, name, ResourcePatternType.ANY, "User:alice", None, AclOperation.ANY, AclPermissionType.ANY)
        self.admin.delete_acls([which])[which].result(SECONDS)

    def delivered(self, producer: Producer) -> KafkaError | None:
        """Whether one record gets through; why not. librdkafka remembers for a moment that a topic was refused."""
        outcomes: list[KafkaError | None] = []
        try:
            producer.produce(self.topic, b"x", on_delivery=lambda error, message: outcomes.append(error))
        except KafkaException as refused:
            return refused.args[0]
        eventually(lambda: producer.poll(0.05) is not None and outcomes, SECONDS, "a delivery")
        return outcomes[0]

    def is_delivered(self, producer: Producer) -> bool:
        """Whether one gets through."""
        return self.delivered(producer) is None

    def error_of(self, consumer: Consumer) -> int:
        """The code of the next thing that a consumer is told that is no record."""
        message = eventually(lambda: next((m for m in consumer.consume(1, 0.2) if m.error() is not None), None), SECONDS, "an error")
        return int(message.error().code())

    def record_of(self, consumer: Consumer) -> bytes:
        """The next record."""
        message = eventually(lambda: next((m for m in consumer.consume(1, 0.2) if m.error() is None), None), SECONDS, "a record")
        return bytes(message.value())

    def consumer(self, **more: Any) -> Consumer:
        """Hers, subscribed to the topic."""
        consumer = Consumer(self.config(**{"group.id": self.group, "auto.offset.reset": "earliest", "enable.auto.commit": False, **more}))
        self.addCleanup(consumer.close)
        consumer.subscribe([self.topic])
        return consumer

    def test_producing(self) -> None:
        """A record is refused, let through, and refused again, by one producer on one connection; idempotence needs nothing more than WRITE."""
        for idempotent in (False, True):
            self.revoke()
            producer = Producer(self.config(**{"enable.idempotence": idempotent, "linger.ms": 0}))
            self.allow(AclOperation.DESCRIBE, TOPIC, self.topic)
            if not idempotent:  # an idempotent one that may write nowhere gets no identity, and is over
                error = self.delivered(producer)
                self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, error.code() if error else None)
            self.allow(AclOperation.WRITE, TOPIC, self.topic)
            eventually(partial(self.is_delivered, producer), SECONDS, "the permission")
            self.revoke(TOPIC, self.topic)
            error = self.delivered(producer)
            self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, error.code() if error else None)

    def test_consuming(self) -> None:
        """Who may not use the group, or not read the topic, is told so; who may, reads, until it is taken away."""
        produce(self.broker, self.topic, [b"first"])
        self.allow(AclOperation.DESCRIBE, TOPIC, self.topic)
        refused = self.consumer()
        self.assertEqual(KafkaError.GROUP_AUTHORIZATION_FAILED, self.error_of(refused))
        refused.close()
        self.allow(AclOperation.READ, GROUP, self.group)
        consumer = self.consumer()
        self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, self.error_of(consumer))
        self.allow(AclOperation.READ, TOPIC, self.topic)
        self.assertEqual(b"first", self.record_of(consumer))
        self.revoke(TOPIC, self.topic)
        self.allow(AclOperation.DESCRIBE, TOPIC, self.topic)
        produce(self.broker, self.topic, [b"second"])
        self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, self.error_of(consumer))

    def test_what_is_not_to_be_seen_is_not_there(self) -> None:
        """Lists hold what may be described, a pattern subscribes to nothing else, and a hidden name is refused like one that is nobody's."""
        prefix = unused_name("team")
        mine, other = create(self.broker, f"{prefix}-mine"), create(self.broker, f"{prefix}-other")
        for topic in (mine, other):
            produce(self.broker, topic, [topic.encode()])
        self.allow(AclOperation.READ, TOPIC, mine)
        self.allow(AclOperation.READ, GROUP, self.group)
        client = AdminClient(self.config())
        self.assertEqual({mine}, set(client.list_topics(timeout=SECONDS).topics))
        codes = {client.list_topics(name, timeout=SECONDS).topics[name].error.code() for name in (other, unused_name("nowhere"))}
        self.assertEqual({KafkaError.TOPIC_AUTHORIZATION_FAILED}, codes)
        consumer = self.consumer()
        consumer.subscribe([f"^{prefix}-.*"])
        self.assertEqual(mine.encode(), self.record_of(consumer))
        self.assertEqual([], [m.value() for m in consumer.consume(10, 2.0) if m.error() is None])

    def test_roles(self) -> None:
        """A role that is bound to her counts at once over Kafka and over HTTP, and no longer when it is deleted."""
        produce(self.broker, self.topic, [b'{"word":"found"}'])
        grants = [{"resource": "topic", "name": self.topic, "operation": "read"}, {"resource": "group", "name": self.group, "operation": "read"}]
        role = {"grants": grants, "principals": ["User:alice"]}
        login = {"Authorization": "Basic " + base64.b64encode(b"alice:wonderland").decode()}
        search: Callable[[], tuple[int, Any]] = lambda: self.broker.http(f"/{self.topic}/_search?wait_for_offset=end", headers=login)
        self.assertEqual(403, search()[0])
        self.assertEqual((200, {"role": {"created": True}}), self.broker.http("/_security/role/readers", role, "PUT"))
        consumer = self.consumer()
        self.assertEqual("found", json.loads(self.record_of(consumer))["word"])
        status, found = search()
        self.assertEqual((200, 1), (status, found["hits"]["total"]["value"]))
        self.assertEqual((200, {"found": True}), self.broker.http("/_security/role/readers", method="DELETE"))
        self.assertEqual(403, search()[0])
        produce(self.broker, self.topic, [b"more"])
        self.assertIn(self.error_of(consumer), (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED))

    def test_administration(self) -> None:
        """She may administer nothing, and is told so; what she was given she may."""
        client = AdminClient(self.config())
        acl = AclBinding(TOPIC, "x", ResourcePatternType.LITERAL, "User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW)
        with self.assertRaisesRegex(Exception, "CLUSTER_AUTHORIZATION_FAILED"):
            client.create_acls([acl])[acl].result(SECONDS)
        with self.assertRaisesRegex(Exception, "TOPIC_AUTHORIZATION_FAILED"):
            client.delete_topics([self.topic])[self.topic].result(SECONDS)
        self.allow(AclOperation.DELETE, TOPIC, self.topic)
        client.delete_topics([self.topic])[self.topic].result(SECONDS)

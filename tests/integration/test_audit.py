"""The audit trail of a broker that runs: in a file, in a topic that is searched, on a full disk, and through a stop."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from twisted.trial.unittest import SynchronousTestCase

from chronik.model import AUDIT_TOPIC
from tests.integration.access import ANYBODY
from tests.integration.audit import lines
from tests.integration.clients import SECONDS, unused_name
from tests.integration.harness import Broker, BrokerTestCase, eventually, running
from tests.integration.test_sasl import SaslCase, librdkafka


def create(broker: Broker, *names: str) -> None:
    """Topics."""
    admin = AdminClient({**broker.confluent, "log_level": 0})
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result(SECONDS)


class AuditTests(SynchronousTestCase):
    """Brokers of their own."""

    def test_nothing_on_a_laptop(self) -> None:
        """A broker that lets everybody do everything keeps no records, and has no topic for them."""
        with running(access=ANYBODY) as broker:
            create(broker, "t")
            self.assertFalse((broker.data / ".audit").exists())
            self.assertNotIn(AUDIT_TOPIC, AdminClient(broker.confluent).list_topics(timeout=SECONDS).topics)
            self.assertNotIn("chronik_audit", broker.http("/metrics")[1])

    def test_file_and_topic(self) -> None:
        """Both have the same; the topic is searched and consumed, is no client's to delete, and a restart loses nothing."""
        with running({"audit.enable": "true"}, ANYBODY) as broker:
            create(broker, "orders")
            self.assertEqual(404, broker.http("/_chronik/configs/topics/none", {"retention.ms": 1}, "PUT")[0])
            eventually(lambda: len(lines(broker)) == 2, SECONDS, "the records")
            expected = [("CreateTopics", "success"), ("IncrementalAlterConfigs", "failure")]
            self.assertEqual(expected, [(record["action"], record["outcome"]) for record in lines(broker)])

            def found() -> bool:
                status, answer = broker.http(f"/{AUDIT_TOPIC}/_search?q=resource:orders%20AND%20kind:change")
                return status == 200 and bool(answer["hits"]["hits"])

            eventually(found, SECONDS, "the record")
            hits = broker.http(f"/{AUDIT_TOPIC}/_search?q=resource:orders")[1]["hits"]["hits"]
            self.assertEqual(lines(broker)[0], hits[0]["_source"]["value"])
            self.assertEqual(0, broker.http("/_search?q=kind:change")[1]["hits"]["total"]["value"])
            admin = AdminClient({**broker.confluent, "log_level": 0})
            for future in admin.delete_topics([AUDIT_TOPIC]).values():
                self.assertIsNotNone(future.exception(SECONDS))
            create(broker, "last")
            self.assertEqual(0, broker.stop())
            self.assertEqual("TOPIC:last", lines(broker)[-1]["resource"])
            broker.start()
            create(broker, "more")
            consumer = Consumer({**broker.confluent, "group.id": "g", "auto.offset.reset": "earliest"})
            consumer.subscribe([AUDIT_TOPIC])
            records: list[Any] = []

            def consumed() -> bool:
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    records.append(json.loads(message.value()))
                return bool(records) and records[-1].get("resource") == "TOPIC:more"

            eventually(consumed, SECONDS, "the last record")
            consumer.close()
            self.assertEqual(lines(broker), records)

    def test_full_disk(self) -> None:
        """A file that cannot be written keeps nobody waiting; the topic has what it lacks, and it is told."""
        with running({"audit.enable": "true", "audit.file": "/dev/full"}, ANYBODY) as broker:
            create(broker, *(unused_name("t") for _ in range(5)))
            eventually(lambda: 'chronik_audit_written_total{destination="topic"} 5.0' in broker.http("/metrics")[1], SECONDS, "the records")
            self.assertIn('chronik_audit_written_total{destination="file"} 0.0', broker.http("/metrics")[1])
            eventually(lambda: "the audit {outlet} cannot be written" in broker.log() or "the audit file cannot be written" in broker.log(), SECONDS)
            self.assertEqual(0, broker.stop())

    def test_rotation(self) -> None:
        """The file has a largest size, and so many older ones."""
        with running({"audit.enable": "true", "audit.destinations": "file", "audit.file.max.bytes": "4096", "audit.file.max.count": "2"}) as broker:
            for _ in range(8):
                create(broker, *(unused_name("t") for _ in range(10)))
            eventually(lambda: len(list((broker.data / ".audit").iterdir())) == 3, SECONDS, "three files")
            self.assertTrue(all(path.stat().st_size <= 4096 for path in (broker.data / ".audit").iterdir()))


class LoginTests(SaslCase):
    """A broker that asks clients who they are audits without being told to."""

    def test_logins(self) -> None:
        """Those that succeed and those that fail, with whoever was claimed and why; many that fail are counted."""
        before = len(lines(self.broker))
        self.assertIsNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-256")))
        self.assertIsNotNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-256", "alice", "wrong")))
        self.assertIsNotNone(self.delivers(librdkafka(self.broker, "PLAIN", "mallory", "wrong")))
        told = lines(self.broker)[before:]
        logins = {(r["principal"], r["outcome"], r["details"]["mechanism"], r["listener"]) for r in told if r["kind"] == "authentication"}
        expected = {
            ("User:alice", "success", "SCRAM-SHA-256", "SASL_PLAINTEXT"),
            ("User:alice", "failure", "SCRAM-SHA-256", "SASL_PLAINTEXT"),
            ("User:mallory", "failure", "PLAIN", "SASL_PLAINTEXT"),
        }
        self.assertLessEqual(expected, logins)
        self.assertTrue(any(record["resource"] == "USER:alice" for record in lines(self.broker) if record["kind"] == "change"))

    def test_over_http(self) -> None:
        """Users that are made over HTTP, and logins that fail there."""
        user = unused_name("u")
        self.assertEqual(200, self.broker.http(f"/_security/user/{user}", {"password": "secret of theirs"}, "PUT")[0])
        self.assertEqual(401, self.broker.http("/_security/user", headers={"Authorization": "Basic eDp5"})[0])
        made = eventually(lambda: [r for r in lines(self.broker) if r.get("resource") == f"/_security/user/{user}"], SECONDS, "the record")
        self.assertEqual({name: {"iterations": 4096} for name in ("SCRAM-SHA-256", "SCRAM-SHA-512")}, made[0]["after"])
        failed = eventually(lambda: [r for r in lines(self.broker) if r["principal"] == "User:x"], SECONDS, "the record")
        self.assertEqual(("authentication", "failure", "HTTP"), tuple(failed[0][name] for name in ("kind", "outcome", "listener")))


class DescribedTests(BrokerTestCase):
    """Keys of the audit."""

    def test_keys(self) -> None:
        """Rates may change while the broker runs, where it writes may not."""
        admin = AdminClient({**self.broker.confluent, "log_level": 0})
        (future,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values()
        told = future.result(SECONDS)
        self.assertEqual([False, True], [told[name].is_read_only for name in ("audit.rate.burst", "audit.file")])

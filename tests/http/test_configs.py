"""Dynamic configuration over HTTP, over a broker in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic
from chronik.http.calls import HttpCalls
from chronik.http.configs import ConfigEndpoints
from chronik.http.routing import Routes
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.calls import ApiCalls
from chronik.server.table import api_table
from tests.http.harness import Client
from tests.server.memory_broker import MemoryBroker


class ConfigEndpointsTests(SynchronousTestCase):
    """``/_chronik/configs`` and ``/_chronik/quotas``."""

    def setUp(self) -> None:
        """A broker with a topic."""
        self.broker = MemoryBroker()
        self.broker.start(self)
        self.successResultOf(self.broker.controller.create_topics([NewTopic("t", configs={"retention.ms": "5"})]))
        routes = Routes()
        ConfigEndpoints(HttpCalls(ApiCalls(self.broker.services, api_table()))).register(routes)
        self.client = Client(routes)

    def get(self, path: str, status: int = 200) -> Any:
        """What a path tells."""
        response = self.client.fetch("GET", f"/_chronik/{path}")
        self.assertEqual(status, response.status, response.body)
        return response.json

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        """Set something."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.client.fetch("PUT", f"/_chronik/{path}", data, content_type="application/json")
        self.assertEqual(status, response.status, response.body)
        return response.json

    def test_bodies(self) -> None:
        """What JSON can say and nobody can keep is refused, before anything else is asked; none of it is a failure of the broker."""
        nested = b"[" * 600 + b"1" + b"]" * 600
        for path, body in (
            ("quotas", b'{"entity":{"user":"a"},"limits":{"request_percentage":1' + b"0" * 400 + b"}}"),
            ("quotas", b'{"entity":{"user":"a"},"limits":{"request_percentage":Infinity}}'),
            ("quotas", b'{"entity":{"user":"\\ud800"},"limits":{"request_percentage":1}}'),
            ("quotas", b'{"entity":{"user":"\xed\xa0\x80"},"limits":{"request_percentage":1}}'),
            ("configs/topics/t", b'{"\\ud800":"1"}'),
            ("configs/topics/t", b'{"retention.ms":' + nested + b"}"),
            ("configs/topics/t", b'{"cleanup.policy":[["delete"]]}'),
        ):
            self.put(path, body, 400)
        self.assertEqual({"acknowledged": True}, self.put("quotas", b'{"entity":{"user":"\\ud83d\\ude00"},"limits":{"request_percentage":1}}'))

    def test_describe(self) -> None:
        """Every key with all that DescribeConfigs knows; without defaults only what is set."""
        told = self.get("configs/topics/t")["configs"]
        own = told["retention.ms"]
        self.assertEqual(("5", "dynamic_topic", "long"), (own["value"], own["source"], own["type"]))
        self.assertFalse(own["read_only"] or own["sensitive"])
        self.assertEqual([("retention.ms", "5")], [(each["name"], each["value"]) for each in own["synonyms"]][:1])
        self.assertTrue(own["documentation"])
        self.assertEqual("default", told["max.message.bytes"]["source"])
        self.assertEqual(["retention.ms"], list(self.get("configs/topics/t?include_defaults=false")["configs"]))

    def test_kinds(self) -> None:
        """Each kind of resource is listed, changed and told."""
        self.assertEqual(["t"], self.get("configs/topics")["resources"])
        for path, key, value in (
            ("configs/topics/t", "max.message.bytes", 100),
            (f"configs/brokers/{self.broker.broker_id}", "log.retention.ms", 7),
            ("configs/brokers/_default", "log.retention.ms", 8),
            ("configs/groups/g", "consumer.session.timeout.ms", 50_000),
            ("configs/client-metrics/m", "interval.ms", 1_000),
            (f"configs/broker-loggers/{self.broker.broker_id}", "chronik.storage", "ERROR"),
        ):
            self.assertEqual({"acknowledged": True}, self.put(path, {key: value}))
            self.assertEqual(str(value), self.get(path)["configs"][key]["value"])
        self.assertEqual(["g"], self.get("configs/groups")["resources"])

    def test_unset(self) -> None:
        """Null takes a value away; lists and truth values are written as Kafka writes them."""
        self.put("configs/topics/t", {"retention.ms": None, "cleanup.policy": ["delete", "compact"], "search.fast": False})
        configs = dict(self.broker.feed.image.topics["t"].configs)
        self.assertEqual({"cleanup.policy": "delete,compact", "search.fast": "false"}, configs)

    def test_all_or_nothing(self) -> None:
        """One value that cannot be keeps the others from being set; trying out changes nothing."""
        error = self.put("configs/topics/t", {"retention.ms": "9", "max.message.bytes": "many"}, 400)["error"]
        self.assertIn("INVALID_CONFIG", error["reason"])
        self.put("configs/topics/t?validate_only=true", {"retention.ms": "9"})
        self.assertEqual({"retention.ms": "5"}, dict(self.broker.feed.image.topics["t"].configs))

    def test_read_only(self) -> None:
        """A key that cannot change is refused by name."""
        reason = self.put(f"configs/brokers/{self.broker.broker_id}", {"listeners": "PLAINTEXT://:1"}, 400)["error"]["reason"]
        self.assertIn("Cannot update these configs dynamically: [listeners]", reason)

    def test_refused(self) -> None:
        """Paths and bodies that mean nothing."""
        for path in ("configs", "configs/nothing/x", "configs/topics/t/x", "x"):
            self.get(path, 404)
        self.get("configs/topics/none", 404)
        self.get("configs/topics/a%20b", 400)
        self.get("configs/brokers/77", 400)
        for body in (b"{", b"[]", {}, {"retention.ms": {}}, {"retention.ms": [{}]}, b"[" * 5_000):
            self.put("configs/topics/t", body, 400)
        self.put("configs/topics", {"a": "b"}, 400)

    def test_permissions(self) -> None:
        """The permissions are Kafka's: a topic's own, the cluster's for brokers and quotas."""
        refused = self.broker.authorizer.refused
        for operation in (Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS):
            refused.add(Action(operation, ResourceType.TOPIC, "t"))
            refused.add(Action(operation, ResourceType.CLUSTER, CLUSTER_NAME))
        self.get("configs/topics/t", 403)
        self.get("configs/topics", 403)
        self.get("quotas", 403)
        self.put("configs/topics/t", {"retention.ms": "9"}, 403)
        self.put("configs/brokers/_default", {"log.retention.ms": "9"}, 403)
        self.put("quotas", {"entity": {"user": "bob"}, "limits": {"producer_byte_rate": 5}}, 403)
        self.assertEqual({"retention.ms": "5"}, dict(self.broker.feed.image.topics["t"].configs))

    def test_quotas(self) -> None:
        """Limits of users and clients, set and taken away."""
        entity = {"user": "bob", "client-id": None}
        self.put("quotas", {"entity": entity, "limits": {"producer_byte_rate": 5, "consumer_byte_rate": 6.0}})
        self.put("quotas", {"entity": entity, "limits": {"consumer_byte_rate": None}})
        self.assertEqual([{"entity": entity, "limits": {"producer_byte_rate": 5.0}}], self.get("quotas")["quotas"])
        for body in (
            {"entity": entity},
            {"entity": "bob", "limits": {}},
            {"entity": {"user": 5}, "limits": {}},
            {"entity": entity, "limits": {"producer_byte_rate": "5"}},
            {"entity": entity, "limits": {"producer_byte_rate": True}},
            {"entity": entity, "limits": {"producer_byte_rate": -5}},
            {"entity": entity, "limits": {"nothing": 5}},
            {"entity": {"planet": "x"}, "limits": {"producer_byte_rate": 5}},
            {"entity": entity, "limits": {}, "more": 1},
        ):
            self.put("quotas", body, 400)

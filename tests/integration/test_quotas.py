"""Client quotas as real clients feel them."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.messages import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from tests.integration import wire
from tests.integration.access import ACCESS
from tests.integration.clients import SECONDS, admin, consumer, create, producer, take, unused_name
from tests.integration.harness import BrokerTestCase, running

RATE = 25_000
"""Bytes a second: less than any disk takes in requests one after the other."""

RECORDS = 12
RECORD_BYTES = 10_000


class QuotaTests(BrokerTestCase):
    """A broker that looks back two seconds only, so that quotas bite at once."""

    settings: Mapping[str, str] = {"quota.window.num": "2"}

    def limit(self, client_id: str, key: str, value: float) -> None:
        """Limit a client; no client library has this call but Java's."""
        entity = AlterClientQuotasRequest.EntityData(entity_type="client-id", entity_name=client_id)
        entry = AlterClientQuotasRequest.EntryData(entity=(entity,), ops=(AlterClientQuotasRequest.OpData(key=key, value=value, remove=False),))
        answer = wire.call(self.broker, wire.frame(49, 0, AlterClientQuotasRequest(entries=(entry,)).encode(0)))
        self.assertEqual(1, struct.unpack_from(">i", answer)[0])
        self.assertEqual(0, AlterClientQuotasResponse.decode(answer, 0, 4)[0].entries[0].error_code)

    def produced(self, topic: str, client_id: str) -> tuple[float, list[Any]]:
        """Produce one record a request; the seconds that took, and what the client was told of throttling."""
        told: list[Any] = []
        client = producer(self.broker, client_id=client_id, batch_num_messages=1, throttle_cb=told.append)
        began = time.monotonic()
        for _ in range(RECORDS):
            client.produce(topic, b"x" * RECORD_BYTES)
        self.assertEqual(0, client.flush(SECONDS))
        return time.monotonic() - began, told

    def test_producer(self) -> None:
        """A producer over its quota is told and slowed down, loses nothing, and others are not slowed."""
        self.sends("AlterClientQuotas")
        topic = create(self.broker, unused_name("slow"))
        self.limit("slow-producer", "producer_byte_rate", RATE)
        seconds, told = self.produced(topic, "slow-producer")
        self.assertGreater(seconds, RECORDS * RECORD_BYTES / RATE / 2 - 1)
        self.assertTrue(told)
        self.assertGreater(max(event.throttle_time for event in told), 0)
        _, told = self.produced(topic, "quick-producer")
        self.assertEqual([], told)

    def test_consumer(self) -> None:
        """So is a consumer; it gets everything in the end."""
        topic = create(self.broker, unused_name("slow"))
        self.produced(topic, "filler")
        self.limit("slow-consumer", "consumer_byte_rate", RATE)
        told: list[Any] = []
        client = consumer(self.broker, client_id="slow-consumer", throttle_cb=told.append, fetch_message_max_bytes=20_000)
        began = time.monotonic()
        try:
            client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            self.assertEqual(list(range(RECORDS)), [message.offset() for message in take(client, RECORDS)])
        finally:
            client.close()
        self.assertGreater(time.monotonic() - began, 1)
        self.assertTrue(told)

    def test_described(self) -> None:
        """A limit that was set is told."""
        self.sends("DescribeClientQuotas")
        self.limit("described", "request_percentage", 50.0)
        component = DescribeClientQuotasRequest.ComponentData(entity_type="client-id", match_type=0, match="described")
        answer = wire.call(self.broker, wire.frame(48, 0, DescribeClientQuotasRequest(components=(component,), strict=True).encode(0)))
        (entry,) = DescribeClientQuotasResponse.decode(answer, 0, 4)[0].entries
        self.assertEqual([("request_percentage", 50.0)], [(value.key, value.value) for value in entry.values])

class ConnectionTests(SynchronousTestCase):
    """Connections of raw sockets, whose limits an administrator changes meanwhile."""

    def answered(self, connection: socket.socket, seconds: float = SECONDS) -> bool:
        """Whether the broker answers a request on a connection; False when it is silent for so long, or closes."""
        connection.settimeout(seconds)
        try:
            entered = ACCESS.enter(connection)
            entered.sendall(wire.API_VERSIONS_REQUEST)
            return len(wire.response(entered)) > 4
        except OSError:
            return False

    def test_limits(self) -> None:
        """Past the limit of an address a connection is closed; past the limit of all it waits until another goes."""
        with running() as broker, contextlib.ExitStack() as stack:

            def connect() -> socket.socket:
                return stack.enter_context(socket.create_connection(("127.0.0.1", broker.port), SECONDS))

            client = admin(broker)

            def configure(key: str, value: int) -> None:
                entry = ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET)
                resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
                client.incremental_alter_configs([resource])[resource].result(SECONDS)

            first = connect()
            self.assertTrue(self.answered(first))
            configure("max.connections.per.ip", 1)
            self.assertFalse(self.answered(connect()))
            configure("max.connections.per.ip", 1000)
            configure("max.connections", 1)
            waiting = connect()
            self.assertFalse(self.answered(connect(), 1.0))
            configure("max.connections", 1000)
            self.assertTrue(self.answered(waiting))

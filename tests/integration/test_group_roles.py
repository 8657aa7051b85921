"""Roles that are bound to groups, which come with a token or with a certificate, from a client's login to its records."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, ClassVar

from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from chronik.protocol.apis import ApiKey
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from tests.integration.clients import SECONDS, create, produce, unused_name
from tests.integration.secured import TlsTestCase, tls_settings
from tests.integration.test_oauth import OAuthCase, in_thread
from tests.integration.wire import frame, response

VERSION = 12
"""Of Fetch: the last one that names topics by their names."""

WAIT_MS = 20_000
"""How long a Fetch waits: a permission that is taken away must count for one that has begun long before."""


def role(topic: str, *groups: str) -> dict[str, Any]:
    """May read a topic."""
    return {"grants": [{"resource": "topic", "name": topic, "operation": "read"}], "groups": list(groups)}


class Reader:
    """Fetches one topic on one connection, as no client would: it does not look at metadata, which would tell it that it may not.

    :param connection: a socket on which it need not log in any more.
    """

    def __init__(self, connection: socket.socket, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    def ask(self, offset: int) -> None:
        """Begin a Fetch, which waits long where there is no record of this offset yet."""
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
        topics = (FetchRequest.FetchTopic(topic=self._topic, partitions=(part,)),)
        request = FetchRequest(max_wait_ms=WAIT_MS, min_bytes=1, max_bytes=1 << 20, session_epoch=-1, topics=topics)
        message = request_header(ApiKey.FETCH, VERSION, 7, "raw") + request.encode(VERSION)
        self._connection.sendall(struct.pack(">i", len(message)) + message)

    def told(self) -> tuple[int, list[bytes]]:
        """The code and the values that a Fetch is answered with."""
        answer = response(self._connection)
        _, start = parse_response_header(answer, ApiKey.FETCH, VERSION)
        found: Any = FetchResponse.decode(answer, VERSION, start)[0]
        (part,) = found.responses[0].partitions
        batches = whole_batches(bytes(part.records or b""))
        return part.error_code, [record.value or b"" for _, batch in batches for record in decode_records(batch)]

    def read(self, offset: int) -> tuple[int, list[bytes]]:
        """Both."""
        self.ask(offset)
        return self.told()


def refusal(settings: dict[str, Any], topic: str) -> int:
    """The code with which a client is told of a topic; 0 for none."""
    client = AdminClient({**settings, "log_level": 0})
    client.poll(0)
    error = client.list_topics(topic, timeout=SECONDS).topics[topic].error
    return 0 if error is None else int(error.code())


class TokenGroupTests(OAuthCase):
    """Groups of a token's claim."""

    settings: ClassVar[dict[str, str]] = {"authorizer": "acl", "super.users": "User:root"}

    def client(self, name: str, *groups: str) -> dict[str, Any]:
        """Settings of librdkafka for somebody in these groups."""

        def give(config: str) -> tuple[str, float]:
            return self.issuer.token(name, groups=list(groups)), time.time() + 300

        return self.librdkafka(oauth_cb=give)

    def http(self, path: str, token: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """One request of whoever has a token."""
        return self.broker.http(path, body, method, {"Authorization": f"Bearer {token}"})

    def produce(self, topic: str, value: bytes) -> None:
        """One record, of root."""
        producer = Producer(self.client("root"))
        producer.poll(0)
        producer.produce(topic, value)
        self.assertEqual(0, producer.flush(SECONDS))

    def logged_in(self, token: str) -> socket.socket:
        """A connection of whoever has a token."""
        connection = socket.create_connection(("127.0.0.1", self.broker.port), SECONDS)
        self.addCleanup(connection.close)
        connection.sendall(frame(17, 1, struct.pack(">h", 11) + b"OAUTHBEARER"))
        response(connection)
        message = b"n,,\x01auth=Bearer %s\x01\x01" % token.encode()
        connection.sendall(frame(36, 1, struct.pack(">i", len(message)) + message))
        self.assertEqual((0,), struct.unpack_from(">h", response(connection), 4))
        return connection

    @in_thread
    def test_read_until_unbound(self) -> None:
        """Who is in the group reads the topic and no other, over Kafka and over HTTP; when the group is unbound, at once no more."""
        root, alice = self.issuer.token("root"), self.issuer.token("alice", groups=["staff", "readers"])
        admin = AdminClient(self.client("root"))
        admin.poll(0)
        for future in admin.create_topics([NewTopic(name, 1, 1) for name in ("orders", "other")]).values():
            future.result(SECONDS)
        for topic in ("orders", "other"):
            self.produce(topic, b'{"word":"first"}')
        self.assertEqual(200, self.http("/_security/role/r", root, role("orders", "readers"), "PUT")[0])
        search = "/_search?wait_for_offset=end"
        self.assertEqual(1, self.http(f"/orders{search}", alice)[1]["hits"]["total"]["value"])
        self.assertEqual(403, self.http(f"/other{search}", alice)[0])
        self.assertEqual(["orders"], sorted({hit["_index"] for hit in self.http(search, root)[1]["hits"]["hits"]} - {"other"}))
        self.assertEqual(403, self.http(f"/orders{search}", self.issuer.token("bob", groups=["staff"]))[0])
        self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, refusal(self.client("alice", "readers"), "other"))
        self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, refusal(self.client("bob", "staff"), "orders"))
        reader = Reader(self.logged_in(alice), "orders")
        self.assertEqual((0, [b'{"word":"first"}']), reader.read(0))
        reader.ask(1)
        self.assertEqual(200, self.http("/_security/role/r", root, role("orders", "nobody"), "PUT")[0])
        self.assertEqual(403, self.http(f"/orders{search}", alice)[0])
        self.produce("orders", b"second")
        self.assertEqual((KafkaError.TOPIC_AUTHORIZATION_FAILED, []), reader.told())
        self.assertEqual((KafkaError.TOPIC_AUTHORIZATION_FAILED, []), reader.read(1))
        self.assertEqual(200, self.http("/_security/role/r", root, role("orders", "readers"), "PUT")[0])
        self.assertEqual((0, [b"second"]), reader.read(1))


class CertificateGroupTests(TlsTestCase):
    """Groups of a certificate's field."""

    settings: ClassVar[dict[str, str]] = {**tls_settings(), "authorizer": "acl", "super.users": "User:ANONYMOUS"}

    def search(self, topic: str) -> int:
        """The status of a search of alice's over HTTPS."""
        request = urllib.request.Request(f"https://localhost:{self.ports['HTTPS']}/{topic}/_search?wait_for_offset=end")
        try:
            with urllib.request.urlopen(request, context=self.context("alice"), timeout=SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    def connection(self) -> socket.socket:
        """One of alice's."""
        plain = socket.create_connection(("localhost", self.ports["MTLS"]), SECONDS)
        connection = self.context("alice").wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(connection.close)
        return connection

    def bind(self, topic: str, *groups: str) -> None:
        """Let groups read a topic."""
        self.assertEqual(200, self.broker.http("/_security/role/people", role(topic, *groups), "PUT")[0])

    def test_read_until_unbound(self) -> None:
        """The same by the certificate's organizational unit."""
        topic, other = (create(self.broker, unused_name(name)) for name in ("orders", "other"))
        for name in (topic, other):
            produce(self.broker, name, [b"first"])
        self.bind(topic, "People")
        reader = Reader(self.connection(), topic)
        self.assertEqual((0, [b"first"]), reader.read(0))
        reader.ask(1)
        self.assertEqual(KafkaError.TOPIC_AUTHORIZATION_FAILED, refusal(self.confluent("MTLS", "alice"), other))
        self.assertEqual([200, 403], [self.search(topic), self.search(other)])
        self.bind(topic, "Machines")
        produce(self.broker, topic, [b"second"])
        self.assertEqual((KafkaError.TOPIC_AUTHORIZATION_FAILED, []), reader.told())
        self.assertEqual(403, self.search(topic))

    def test_stolen(self) -> None:
        """The command of the handbook shuts a certificate out: of what it was doing, and of everything else, at once."""
        topic = create(self.broker, unused_name("stolen"))
        produce(self.broker, topic, [b"first"])
        self.bind(topic, "People")
        reader = Reader(self.connection(), topic)
        self.assertEqual((0, [b"first"]), reader.read(0))
        reader.ask(1)
        everything = "--topic * --group * --transactional-id * --delegation-token * --user-principal * --cluster"
        line = ["acls", "add", "--deny", "User:alice", "--operation", "all", *everything.split(), "-b", self.broker.bootstrap]
        try:
            subprocess.run([sys.executable, "-m", "chronik.cli", *line], check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
            produce(self.broker, topic, [b"second"])
            self.assertEqual((KafkaError.TOPIC_AUTHORIZATION_FAILED, []), reader.told())
            self.assertEqual((KafkaError.TOPIC_AUTHORIZATION_FAILED, []), Reader(self.connection(), topic).read(0))
            self.assertEqual(403, self.search(topic))
            client = AdminClient({**self.confluent("MTLS", "alice"), "log_level": 0})
            self.assertEqual({}, client.list_topics(timeout=SECONDS).topics)
        finally:
            remove = ["acls", "remove", "--principal", "User:alice", "-b", self.broker.bootstrap]
            subprocess.run([sys.executable, "-m", "chronik.cli", *remove], check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)

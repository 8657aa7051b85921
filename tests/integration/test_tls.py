"""TLS with the clients that people use, refusals that they see, and certificates that change meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from elasticsearch import Elasticsearch
from kafka import KafkaConsumer, KafkaProducer
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from chronik.config import Configuration
from chronik.defer import deferred
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.network.channel import ChannelError
from chronik.network.peers import BrokerChannels
from chronik.protocol.messages import MetadataRequest
from chronik.security.tls.client import ClientTls
from chronik.security.tls.making import CLIENT, SERVER, issue, name_of
from tests.integration.access import ANYBODY
from tests.integration.audit import lines
from tests.integration.clients import SECONDS, create, unused_name
from tests.integration.harness import Broker, eventually, free_ports, resident_bytes, running
from tests.integration.secured import TlsTestCase, ports, rules_file, tls_settings, told
from tests.security.tls.authority import HOSTS, authority, broker, ca_file, client, file, now

MEMORY_BYTES_MAX = 150 << 20
"""How much a broker may grow while ten thousand handshakes are begun and not finished: a thousand of them are under way at once."""


def round_trip(case: SynchronousTestCase, config: dict[str, Any], topic: str, values: list[bytes]) -> None:
    """Produce and consume with librdkafka."""
    producer = Producer({**config, "message.timeout.ms": 20_000, "linger.ms": 5, "message.max.bytes": 10_000_000})
    failed: list[Any] = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    case.assertEqual(0, producer.flush(SECONDS))
    case.assertEqual([], failed)
    consumer = Consumer({**config, "group.id": unused_name("g"), "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    got: list[bytes] = []
    deadline = time.monotonic() + SECONDS
    while len(got) < len(values) and time.monotonic() < deadline:
        got += [message.value() for message in consumer.consume(1000, 1) if message.error() is None]
    consumer.close()
    case.assertTrue(sorted(got) == sorted(values))


class ClientTests(TlsTestCase):
    """Kafka's clients over TLS."""

    def test_librdkafka(self) -> None:
        """Many records in both directions, more than any buffer holds, with TLS, mutual TLS, and TLS over IPv6."""
        values = [os.urandom(500) * 2 for _ in range(20_000)]
        for listener, name in (("SSL", None), ("MTLS", "alice"), ("SIX", None)):
            round_trip(self, self.confluent(listener, name), unused_name("tls"), values)

    def test_large_records(self) -> None:
        """Records that take many pieces."""
        topic = create(self.broker, unused_name("large"), max_message_bytes=10_000_000)
        round_trip(self, self.confluent(), topic, [bytes([number]) * 4_000_000 for number in range(5)])

    def test_kafka_python(self) -> None:
        """kafka-python, with and without a certificate."""
        for listener, name in (("SSL", None), ("MTLS", "alice")):
            topic = create(self.broker, unused_name("python"))
            own = {} if name is None else {"ssl_certfile": file(client(name)), "ssl_keyfile": file(client(name))}
            place = {"bootstrap_servers": f"localhost:{self.ports[listener]}", "security_protocol": "SSL", "ssl_cafile": ca_file(), **own}
            producer = KafkaProducer(**place)
            producer.send(topic, b"hello").get(SECONDS)
            producer.close()
            consumer = KafkaConsumer(topic, auto_offset_reset="earliest", consumer_timeout_ms=10_000, **place)
            self.assertEqual(b"hello", next(iter(consumer)).value)
            consumer.close()

    def test_aiokafka(self) -> None:
        """aiokafka, with and without a certificate."""
        for listener, name in (("SSL", None), ("MTLS", "alice")):
            topic = create(self.broker, unused_name("aio"))
            place = {"bootstrap_servers": f"localhost:{self.ports[listener]}", "security_protocol": "SSL", "ssl_context": self.context(name)}
            self.assertEqual(b"hello", asyncio.run(self.aiokafka(topic, place)))

    async def aiokafka(self, topic: str, place: dict[str, Any]) -> bytes:
        """A record there and back."""
        producer = AIOKafkaProducer(**place)
        await producer.start()
        await producer.send_and_wait(topic, b"hello")
        await producer.stop()
        consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **place)
        await consumer.start()
        message = await consumer.getone()
        await consumer.stop()
        return bytes(message.value)

    def test_endpoints_of_the_listener_that_was_used(self) -> None:
        """Each client is told the port of its own listener."""
        for listener, name in (("SSL", None), ("MTLS", "alice")):
            told = AdminClient(self.confluent(listener, name)).list_topics(timeout=SECONDS).brokers
            self.assertEqual([self.ports[listener]], [each.port for each in told.values()])

    def test_elasticsearch(self) -> None:
        """Elasticsearch's own client over HTTPS, and nobody without trust."""
        place = f"https://localhost:{self.ports['HTTPS']}"
        elastic = Elasticsearch(place, ca_certs=ca_file(), request_timeout=SECONDS)
        self.assertEqual("chronik", elastic.info()["cluster_name"])
        elastic.close()
        with self.assertRaises(urllib.error.URLError):
            urllib.request.urlopen(place, timeout=SECONDS)

    def test_large_answers_over_https(self) -> None:
        """An answer of megabytes arrives whole."""
        topic = create(self.broker, unused_name("wide"))
        round_trip(self, self.confluent(), topic, [json.dumps({"n": n, "text": "x" * 2000}).encode() for n in range(1500)])
        url = f"https://localhost:{self.ports['HTTPS']}/{topic}/_search?size=1500&wait_for_offset=end"
        with urllib.request.urlopen(url, timeout=SECONDS, context=self.context()) as answer:
            self.assertEqual(1500, len(json.loads(answer.read())["hits"]["hits"]))

    def test_latency(self) -> None:
        """An answer does not wait for another one, nor for a timer: one record at a time takes no longer than a few milliseconds."""
        producer = Producer({**self.confluent(), "linger.ms": 0})
        topic = create(self.broker, unused_name("sync"))
        took = []
        for _ in range(50):
            began = time.monotonic()
            producer.produce(topic, b"x")
            producer.flush(SECONDS)
            took.append(time.monotonic() - began)
        self.assertLess(sorted(took)[25], 0.02)


class RefusalTests(TlsTestCase):
    """Who does not get in, and what the log says."""

    def assert_logged(self, text: str) -> None:
        """The broker's log says so."""
        eventually(lambda: text in told(self.broker), what=text)

    def refused(self, context: ssl.SSLContext, listener: str = "MTLS") -> str:
        """What a client is told."""
        try:
            plain = socket.create_connection(("localhost", self.ports[listener]), 10)
            with plain, context.wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(bytes(100))
                answer = secured.recv(1)
        except OSError as error:
            return str(error)
        self.assertEqual(b"", answer)
        return "closed"

    def test_certificates(self) -> None:
        """No certificate, one of another CA, of a server, or that has expired: the client gets the alert that says so."""
        for shown, alert, logged in (
            (None, "CERTIFICATE_REQUIRED", "it showed no certificate, and this listener requires one"),
            (client("mallory", "other CA"), "UNKNOWN_CA", "issued by a CA that is not trusted: CN=mallory"),
            (client("server", server=True), "UNSUPPORTED_CERTIFICATE", "is for another purpose: CN=server"),
            (client("late", days=-1), "CERTIFICATE_EXPIRED", "has expired: CN=late"),
        ):
            context = self.context()
            if shown is not None:
                context.load_cert_chain(file(shown))
            self.assertIn(alert, self.refused(context))
            self.assert_logged(logged)

    def test_librdkafka_is_told(self) -> None:
        """A client says what the broker has against it."""
        with self.assertRaises(KafkaException):
            AdminClient(self.confluent("MTLS")).list_topics(timeout=3)
        self.assert_logged("it showed no certificate")

    def test_no_trust(self) -> None:
        """A client that does not trust the broker's CA says so, which the log repeats."""
        self.assertIn("CERTIFICATE_VERIFY_FAILED", self.refused(ssl.create_default_context(), "SSL"))
        self.assert_logged("it does not trust the CA of the certificate that it was shown")

    def test_plain_text(self) -> None:
        """Plain text on the port of TLS, and TLS on the port of plain text: one line, and the end."""
        for listener, sent, logged in (
            ("SSL", b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff", "it speaks no TLS"),
            ("HTTPS", b"GET / HTTP/1.1\r\n\r\n", "closing the HTTPS connection of"),
            ("PLAINTEXT", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a TLS hello; this listener speaks plain text"),
        ):
            with socket.create_connection(("127.0.0.1", self.ports[listener]), 10) as connection:
                connection.sendall(sent)
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(b"", connection.recv(100))
            self.assert_logged(logged)

    def test_half_handshakes(self) -> None:
        """Handshakes that are begun and not finished, by the thousand: others are served all the while, and memory stays bounded."""
        hello = self.hello()
        before = resident_bytes(self.broker.pid)
        connected, over, worst = threading.Event(), threading.Event(), [0.0]

        def work() -> None:
            producer = Producer({**self.confluent(), "linger.ms": 0})
            producer.produce("calm", b"first")
            producer.flush(SECONDS)
            connected.set()
            while not over.is_set():
                began = time.monotonic()
                producer.produce("calm", b"x")
                producer.flush(SECONDS)
                worst[0] = max(worst[0], time.monotonic() - began)

        create(self.broker, "calm")
        thread = threading.Thread(target=work)
        thread.start()
        self.assertTrue(connected.wait(SECONDS))
        connections = []
        try:
            for _ in range(3000):
                connection = socket.create_connection(("127.0.0.1", self.ports["SSL"]), 10)
                connection.sendall(hello)
                connections.append(connection)
            began = time.monotonic()
            AdminClient(self.confluent()).list_topics(timeout=SECONDS)
            self.assertLess(time.monotonic() - began, 8, "a new client waits no longer than those before it are given")
            self.assertLess(resident_bytes(self.broker.pid) - before, MEMORY_BYTES_MAX)
        finally:
            over.set()
            thread.join()
            for connection in connections:
                connection.close()
        self.assertLess(worst[0], 1.0)

    def hello(self) -> bytes:
        """A client's first flight."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with self.assertRaises(ssl.SSLWantReadError):
            self.context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        return outgoing.read()


class PrincipalTests(SynchronousTestCase):
    """Whom a certificate stands for, on Kafka and on HTTP."""

    def test_certificates_are_users(self) -> None:
        """Rules about users hold for whoever has their certificate, and for nobody else."""
        rules = rules_file(("alice", "all", "orders"), ("bob", "describe", "orders"))
        settings = {**tls_settings(), "authorizer": "file", "plugin.auth.file.path": rules, "http.anonymous.paths": "/metrics"}
        with running(settings, ANYBODY) as started:
            case = TlsTestCase()
            case.broker, case.ports = started, ports(started)
            started.http_port = case.ports["HTTP"]
            round_trip_config = case.confluent("MTLS", "alice")
            producer = Producer({**round_trip_config, "message.timeout.ms": 10_000})
            outcomes: list[Any] = []
            producer.produce("orders", b'{"total": 5}', on_delivery=lambda error, _: outcomes.append(error))
            producer.flush(SECONDS)
            self.assertEqual([None], outcomes)
            for listener, name in (("MTLS", "bob"), ("SSL", None)):
                other = Producer({**case.confluent(listener, name), "message.timeout.ms": 5_000})
                other.produce("orders", b"x", on_delivery=lambda error, _: outcomes.append(error))
                other.flush(SECONDS)
                self.assertIsNotNone(outcomes[-1])
            url = f"https://localhost:{case.ports['HTTPS']}/orders/_search?wait_for_offset=end"
            with urllib.request.urlopen(url, timeout=SECONDS, context=case.context("alice")) as answer:
                self.assertEqual(1, json.loads(answer.read())["hits"]["total"]["value"])
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(url, timeout=SECONDS, context=case.context("carol"))
            shown = {(line["principal"], line["listener"]) for line in lines(started) if line["action"] == "TlsHandshake" and "principal" in line}
            self.assertEqual({("User:alice", "MTLS"), ("User:bob", "MTLS")}, shown)


class ReloadTests(SynchronousTestCase):
    """Certificates that change while the broker runs."""

    def test_file_and_expiry(self) -> None:
        """A new file counts for new connections, a broken one for nobody; health and metrics tell how long it is good for."""
        folder = Path(tempfile.mkdtemp(prefix="chronik-test-reload-"))
        self.addCleanup(shutil.rmtree, folder)
        path = folder / "broker.pem"
        path.write_bytes(broker().pem)
        path.chmod(0o600)
        with running({**tls_settings(), "ssl.keystore.location": str(path)}, ANYBODY) as started:
            case = TlsTestCase()
            case.broker, case.ports = started, ports(started)
            started.http_port = case.ports["HTTP"]
            self.assertEqual("green", started.http("/health/broker")[1]["status"])
            with self.connected(case) as old:
                soon = issue(authority(), name_of("soon"), now(), 3, [SERVER, CLIENT], HOSTS)
                path.write_bytes(soon.pem)
                eventually(lambda: "commonName', 'soon'" in self.shown(case), what="the new certificate")
                path.write_bytes(b"broken")
                eventually(lambda: "go on being used: CN=soon" in told(started), what="a warning about the broken certificate")
                self.assertIn("soon", self.shown(case))
                old.sendall(b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff")
                self.assertEqual(7, int.from_bytes(old.recv(8)[4:8], "big"))
            health = started.http("/health/broker")[1]
            self.assertEqual("yellow", health["status"])
            self.assertIn({"listener": "SSL", "subject": "CN=soon", "days_left": 3.0}, health["certificates"])
            self.assertRegex(started.http("/metrics")[1], r'chronik_tls_certificate_days_left\{listener="SSL"\} 2\.9')
            self.assertIn("ends in 3.0 days", told(started))

    def test_by_configuration(self) -> None:
        """Kafka's clients change a listener's certificate; one that cannot be used is refused, and changes nothing."""
        with running(tls_settings(), ANYBODY) as started:
            case = TlsTestCase()
            case.broker, case.ports = started, ports(started)
            started.http_port = case.ports["HTTP"]
            other = issue(authority(), name_of("by configuration"), now(), 50, [SERVER, CLIENT], HOSTS)
            self.alter(case, "listener.name.ssl.ssl.keystore.location", file(other))
            eventually(lambda: "by configuration" in self.shown(case), what="the new certificate")
            with self.assertRaisesRegex(KafkaException, "/nowhere cannot be read"):
                self.alter(case, "listener.name.ssl.ssl.keystore.location", "/nowhere")
            self.assertIn("by configuration", self.shown(case))

    def alter(self, case: TlsTestCase, name: str, value: str) -> None:
        """Set a key of the broker, over the mutual TLS listener."""
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[entry])
        admin = AdminClient(case.confluent("MTLS", "alice"))  # kept until the answer is there: it ends with its last reference
        admin.incremental_alter_configs([resource])[resource].result(SECONDS)

    def connected(self, case: TlsTestCase) -> ssl.SSLSocket:
        """A connection to the listener SSL."""
        return case.context().wrap_socket(socket.create_connection(("localhost", case.ports["SSL"]), 10), server_hostname="localhost")

    def shown(self, case: TlsTestCase) -> str:
        """The certificate that a new connection is shown."""
        with self.connected(case) as connection:
            return str(connection.getpeercert())


class BrokerChannelTests(TestCase):
    """How brokers reach each other, against a real one."""

    timeout = 60

    @deferred
    async def test_channels(self) -> None:
        """A broker's certificate opens the listener of brokers; without one, of another CA, or to another name, there is no channel."""
        with running(tls_settings(), ANYBODY) as started:
            port = ports(started)["MTLS"]
            started.http_port = ports(started)["HTTP"]
            own = {"ssl.truststore.location": ca_file(), "ssl.keystore.location": file(broker())}
            for values, host, problem in (
                (own, "localhost", None),
                (own, "127.0.0.1", None),
                ({"ssl.truststore.location": ca_file()}, "localhost", "requires a certificate"),
                ({**own, "ssl.truststore.location": ca_file("other CA")}, "localhost", "not trusted"),
                ({**own, "ssl.keystore.location": file(broker("elsewhere.example"))}, "localhost", None),
                (own, "127.0.0.2", "no connection|not for 127.0.0.2"),
            ):
                tls = ClientTls("brokers", Configuration().with_values(values))
                image = BrokerImage(1, 1, {"MTLS": Endpoint(host, port, "SSL")})
                channels = BrokerChannels(reactor, 2, {1: image}.get, "MTLS", tls.to)
                if problem is None:
                    channel = await channels.connect(1)
                    answer = await channel.request(MetadataRequest(topics=None))
                    self.assertEqual([port], [each.port for each in answer.brokers])
                    channel.close()
                else:
                    with self.assertRaisesRegex(ChannelError, problem):
                        await channels.connect(1)


class StartTests(SynchronousTestCase):
    """Listeners that cannot be: one clear line, and no broker."""

    def refusal(self, **settings: str) -> str:
        """What the terminal says."""
        started = Broker({key.replace("_", "."): value for key, value in settings.items()}, access=ANYBODY)
        try:
            started.begin()
            assert started.process is not None
            self.assertEqual(1, started.process.wait(SECONDS))
            said = [line for line in started.log().splitlines() if line.startswith("chronik: ")]
            self.assertEqual(1, len(said), started.log())
            return said[0]
        finally:
            started.close()

    def test_refused(self) -> None:
        """Each mistake is named with its key."""
        (port,) = free_ports(1)
        place = f"127.0.0.1:{port}"
        for settings, said in (
            ({"listeners": f"MINE://{place}"}, "MINE://127.0.0.1"),
            ({"listeners": f"SSL://{place}"}, "listener SSL: it has no certificate; set ssl.keystore.location"),
            ({"listeners": f"SSL://{place}", "ssl_keystore_location": "/nowhere"}, "ssl.keystore.location: /nowhere cannot be read"),
            ({"http_listeners": f"HTTPS://{place}"}, "listener HTTPS: it has no certificate"),
            ({"inter_broker_listener_name": "OTHER"}, "inter.broker.listener.name is OTHER"),
            ({"security_inter_broker_protocol": "SSL"}, "security.inter.broker.protocol is SSL"),
        ):
            self.assertIn(said, self.refusal(**settings))


class FirstRunTests(SynchronousTestCase):
    """From nothing to a secured broker, with the lines that ``chronik certs`` prints."""

    def test_printed_lines(self) -> None:
        """What is printed works as it stands, but for the port."""
        folder = Path(tempfile.mkdtemp(prefix="chronik-test-certs-"))
        self.addCleanup(shutil.rmtree, folder)
        (port,) = free_ports(1)
        said = self.chronik("certs", str(folder / "certs"), "--client", "alice").stdout.replace("9093", str(port))
        words = [line.strip().removeprefix("--set ").removesuffix(" \\").strip("'") for line in said.splitlines() if "--set" in line]
        settings = dict(word.split("=", 1) for word in words)
        use = next(line for line in said.splitlines() if "chronik topics list" in line).split()[1:]
        with running(settings, ANYBODY):
            created = self.chronik("topics", "create", "secured", *use[2:])
            self.assertEqual((0, ""), (created.returncode, created.stderr))
            self.assertIn("secured", self.chronik(*use).stdout)
            without = self.chronik("topics", "list", "-b", f"localhost:{port}", "--tls-ca", str(folder / "certs" / "ca.pem"))
            self.assertEqual(1, without.returncode)
            self.assertIn("requires a certificate", without.stderr)

    def chronik(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return subprocess.run([sys.executable, "-m", "chronik.cli", *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)

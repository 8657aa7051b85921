"""Clients that authenticate by SASL."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

from aiokafka import AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion, UserScramCredentialUpsertion
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError as KafkaPythonError
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from chronik.config import Configuration
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.network.channel import AuthenticationError
from chronik.network.peers import BrokerChannels
from chronik.protocol.messages import MetadataRequest, MetadataResponse
from chronik.security.sasl.inter_broker import inter_broker_client
from chronik.threads import ReactorThreadPools
from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS, unused_name
from tests.integration.harness import Broker, BrokerTestCase, eventually, running
from tests.integration.wire import frame
from tests.security.tls.authority import broker as broker_certificate
from tests.security.tls.authority import ca_file, file

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SETTINGS = {"sasl.enabled.mechanisms": ",".join(MECHANISMS), "search.backend": "none"}


def librdkafka(broker: Broker, mechanism: str, user: str = "alice", password: str = "wonderland", **more: Any) -> dict[str, Any]:
    """Configuration of a client of confluent-kafka."""
    security = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}
    return {"bootstrap.servers": broker.sasl_bootstrap, "log_level": 0, **security, **more}


class SaslCase(BrokerTestCase):
    """A broker with alice, made by an administrator who need not authenticate."""

    access = ANYBODY
    settings: ClassVar[dict[str, str]] = SETTINGS

    def setUp(self) -> None:
        """Make her."""
        super().setUp()
        self.admin = AdminClient({**self.broker.confluent, "log_level": 0})
        self.set_password("alice", b"wonderland")

    def set_password(self, user: str, password: bytes) -> None:
        """Give a user a password, for both mechanisms."""
        infos = [ScramCredentialInfo(each, 4096) for each in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)]
        changes = [UserScramCredentialUpsertion(user, info, password) for info in infos]
        for future in self.admin.alter_user_scram_credentials(changes).values():
            future.result(SECONDS)

    def delivers(self, config: dict[str, Any]) -> KafkaError | None:
        """Whether a producer with this configuration gets a record through; the error if it does not."""
        errors: list[KafkaError] = []
        producer = Producer({**config, "error_cb": errors.append, "linger.ms": 0})
        delivered: list[Any] = []
        producer.produce("delivered", b"x", on_delivery=lambda error, message: delivered.append(message))
        eventually(lambda: producer.poll(0.05) is not None and (delivered or errors), SECONDS, "a delivery or an error")
        producer.purge()
        return errors[0] if errors else None


class ClientTests(SaslCase):
    """Each client, each mechanism."""

    def test_librdkafka(self) -> None:
        """What librdkafka produces it consumes, by every mechanism; a wrong password and an unknown user are told alike."""
        self.sends("SaslHandshake", "SaslAuthenticate")
        for mechanism in MECHANISMS:
            self.assertIsNone(self.delivers(librdkafka(self.broker, mechanism)))
            said = set()
            for user, password in (("alice", "wrong"), ("nobody", "wonderland")):
                error = self.delivers(librdkafka(self.broker, mechanism, user, password))
                assert error is not None
                self.assertEqual(KafkaError._AUTHENTICATION, error.code())
                said.add(error.str().partition("error:")[2].partition("(after")[0])
            self.assertEqual(1, len(said), said)
        consumer = Consumer(librdkafka(self.broker, "SCRAM-SHA-512", **{"group.id": unused_name("g"), "auto.offset.reset": "earliest"}))
        consumer.subscribe(["delivered"])
        self.assertIsNotNone(eventually(lambda: consumer.poll(0.2), SECONDS, "a record"))
        consumer.close()

    def test_kafka_python(self) -> None:
        """kafka-python as well."""
        self.sends("SaslHandshake", "SaslAuthenticate")
        for mechanism in MECHANISMS:
            topic = unused_name("python")
            login = {
                "bootstrap_servers": self.broker.sasl_bootstrap,
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": mechanism,
                "sasl_plain_username": "alice",
            }
            producer = KafkaProducer(**login, sasl_plain_password="wonderland")
            producer.send(topic, b"value").get(SECONDS)
            producer.close()
            consumer = KafkaConsumer(
                topic, **login, sasl_plain_password="wonderland", auto_offset_reset="earliest", consumer_timeout_ms=int(SECONDS * 1000)
            )
            self.assertEqual(b"value", next(consumer).value)
            consumer.close()
            self.assertRaises(KafkaPythonError, KafkaProducer, **login, sasl_plain_password="wrong", bootstrap_timeout_ms=2000)

    def test_aiokafka(self) -> None:
        """And aiokafka."""
        self.sends("SaslHandshake", "SaslAuthenticate")

        async def produce(mechanism: str) -> None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.broker.sasl_bootstrap,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism=mechanism,
                sasl_plain_username="alice",
                sasl_plain_password="wonderland",
            )
            await producer.start()
            try:
                await producer.send_and_wait("asyncio", b"x")
            finally:
                await producer.stop()

        for mechanism in MECHANISMS:
            asyncio.run(asyncio.wait_for(produce(mechanism), SECONDS))

    def test_users(self) -> None:
        """librdkafka's administrator makes, shows and deletes credentials; who is deleted does not get in again."""
        self.sends("DescribeUserScramCredentials", "AlterUserScramCredentials")
        user = unused_name("user")
        self.set_password(user, b"first")
        self.assertIsNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-256", user, "first")))
        self.set_password(user, b"second")
        self.assertIsNotNone(self.delivers(librdkafka(self.broker, "PLAIN", user, "first")))
        self.assertIsNone(self.delivers(librdkafka(self.broker, "PLAIN", user, "second")))
        described = self.admin.describe_user_scram_credentials([user])[user].result(SECONDS)
        self.assertEqual([4096, 4096], [info.iterations for info in described.scram_credential_infos])
        deletion = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256)
        self.admin.alter_user_scram_credentials([deletion])[user].result(SECONDS)
        self.assertIsNotNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-256", user, "second")))
        self.assertRaises(KafkaException, self.admin.alter_user_scram_credentials([deletion])[user].result, SECONDS)

    def test_stays_connected(self) -> None:
        """A changed password does not disturb who is connected."""
        user = unused_name("user")
        self.set_password(user, b"first")
        producer = Producer({**librdkafka(self.broker, "SCRAM-SHA-512", user, "first"), "linger.ms": 0})
        for password in (b"second", b"third"):
            errors: list[Any] = []
            producer.produce("stays", b"x", on_delivery=lambda error, message, errors=errors: errors.append(error))
            self.assertEqual(0, producer.flush(SECONDS))
            self.assertEqual([None], errors)
            self.set_password(user, password)


class RenewalTests(SaslCase):
    """KIP-368 with real clients."""

    settings: ClassVar[dict[str, str]] = {**SETTINGS, "connections.max.reauth.ms": "1500"}

    def test_librdkafka(self) -> None:
        """Records go on through many sessions, each of which is renewed on its connection or begun on a new one."""
        producer = Producer({**librdkafka(self.broker, "SCRAM-SHA-256"), "linger.ms": 0})
        errors: list[Any] = []

        def deliver() -> bool:
            producer.produce("renewed", b"x", on_delivery=lambda error, message: errors.append(error))
            producer.poll(0.2)
            return self.succeeded() >= before + 8

        before = self.succeeded()
        eventually(deliver, SECONDS, "eight logins")
        self.assertEqual(0, producer.flush(SECONDS))
        self.assertEqual({None}, set(errors))

    def succeeded(self) -> int:
        """How many logins there were."""
        text = str(self.broker.http("/metrics")[1])
        lines = [line for line in text.splitlines() if line.startswith("chronik_authentications_total") and "succeeded" in line]
        return sum(int(float(line.rpartition(" ")[2])) for line in lines)


class EncryptedTests(SaslCase):
    """SASL over TLS."""

    settings: ClassVar[dict[str, str]] = {
        **SETTINGS,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_SSL",
        "ssl.keystore.location": file(broker_certificate()),
    }

    def test_librdkafka(self) -> None:
        """Every mechanism; a wrong password, and no TLS at all, are refused."""
        tls = {"security.protocol": "SASL_SSL", "ssl.ca.location": ca_file()}
        for mechanism in MECHANISMS:
            self.assertIsNone(self.delivers(librdkafka(self.broker, mechanism, **tls)))
            self.assertIsNotNone(self.delivers(librdkafka(self.broker, mechanism, password="wrong", **tls)))
        self.assertIsNotNone(self.delivers(librdkafka(self.broker, "PLAIN")))

    def test_kafka_python(self) -> None:
        """kafka-python as well."""
        login = {"security_protocol": "SASL_SSL", "ssl_cafile": ca_file(), "sasl_plain_username": "alice", "sasl_plain_password": "wonderland"}
        for mechanism in MECHANISMS:
            producer = KafkaProducer(bootstrap_servers=self.broker.sasl_bootstrap, sasl_mechanism=mechanism, **login)
            producer.send("encrypted", b"x").get(SECONDS)
            producer.close()


class ChannelTests(TestCase):
    """How brokers log in to each other, against a real one."""

    async def connected(self, broker: Broker, password: str) -> Any:
        """A channel to a broker, as another broker has one."""
        jaas = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="broker" password="{password}";'
        config = Configuration().with_values({"listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": jaas})
        pools = ReactorThreadPools(reactor)
        self.addCleanup(pools.close)
        sasl = inter_broker_client(config, "SASL_PLAINTEXT", pools, os.urandom, reactor)
        image = BrokerImage(1, 1, {"SASL_PLAINTEXT": Endpoint("127.0.0.1", broker.sasl_port, "SASL_PLAINTEXT")})
        return await BrokerChannels(reactor, 2, lambda _: image, "SASL_PLAINTEXT", sasl=sasl).connect(1)

    async def test_login(self) -> None:
        """The right password lets a broker in, and its channel outlives its sessions; a wrong one is told."""
        users = Path(self.mktemp())
        users.write_text("broker = secret\n")
        users.chmod(0o600)
        settings = {**SETTINGS, "users.bootstrap.file": str(users.absolute()), "connections.max.reauth.ms": "1500"}
        with running(settings, ANYBODY) as broker:
            channel = await self.connected(broker, "secret")
            for _ in range(10):
                response: MetadataResponse = await channel.request(MetadataRequest(topics=()))
                self.assertEqual(1, len(response.brokers))
                await deferLater(reactor, 0.4)
            channel.close()
            error = await self.assertFailure(Deferred.fromCoroutine(self.connected(broker, "wrong")), AuthenticationError)
            self.assertIn("Authentication failed", str(error))
            await deferLater(reactor, 0.1)


class CommandTests(SaslCase):
    """The command ``chronik``."""

    settings: ClassVar[dict[str, str]] = SETTINGS

    def chronik(self, *arguments: str, input: str = "", status: int = 0) -> str:
        """Run it as alice; what it prints."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        (directory / "password").write_text("wonderland\n")
        login = ("--user", "alice", "--password-file", str(directory / "password"), "-b", self.broker.sasl_bootstrap)
        command = [sys.executable, "-m", "chronik.cli", *arguments, *login]
        done = subprocess.run(command, input=input, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(status, done.returncode, done.stderr)
        return done.stdout + done.stderr

    def test_users(self) -> None:
        """Users are added, listed, given other passwords, and deleted."""
        name = unused_name("user")
        self.assertEqual(f"added {name}\n", self.chronik("users", "add", name, input="secret\n"))
        self.assertIsNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-512", name, "secret")))
        self.assertIn("exists", self.chronik("users", "add", name, input="secret\n", status=1))
        self.chronik("users", "set", name, "--iterations", "8192", "--for-mechanism", "SCRAM-SHA-256", input="other\n")
        self.assertIn(f"{name}\tSCRAM-SHA-256 (8192 iterations)\tSCRAM-SHA-512 (4096 iterations)\n", self.chronik("users", "list"))
        self.assertEqual(f"deleted {name}\n", self.chronik("users", "delete", name))
        self.assertIn("no user", self.chronik("users", "delete", name, status=1))

    def test_records(self) -> None:
        """What one user produces, the same one consumes."""
        topic = unused_name("commands")
        self.chronik("produce", topic, input="a\nb\n")
        self.assertTrue(self.chronik("consume", topic).startswith("a\nb\n"))

    def test_http(self) -> None:
        """The same passwords hold over HTTP."""
        for password, status in (("wonderland", 200), ("wrong", 401)):
            token = base64.b64encode(f"alice:{password}".encode()).decode()
            self.assertEqual(status, self.broker.http("/_security/user", headers={"Authorization": f"Basic {token}"})[0])


class HostileTests(SaslCase):
    """Peers that have no password. They come from the address of whoever has one, and may fail more often than that is allowed otherwise."""

    settings: ClassVar[dict[str, str]] = {**SETTINGS, "login.failures.per.address.max": "1000"}

    def test_nothing_is_told(self) -> None:
        """Whoever does not authenticate gets no answer but that."""
        for data in (frame(3, 9, b"\x00\x00\x00\x00"), frame(0, 3, b""), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", os.urandom(2000)):
            with socket.create_connection(("127.0.0.1", self.broker.sasl_port), timeout=SECONDS) as peer:
                peer.sendall(data)
                try:
                    self.assertEqual(b"", peer.recv(100))
                except ConnectionResetError:
                    pass

    def test_flood(self) -> None:
        """Many wrong passwords at once keep the broker from nothing: the reactor computes none of them."""
        peers = [socket.create_connection(("127.0.0.1", self.broker.sasl_port), timeout=SECONDS) for _ in range(200)]
        try:
            handshake, login = frame(17, 1, b"\x00\x05PLAIN"), frame(36, 1, b"\x00\x00\x00\x0f\x00flood\x00password")
            for peer in peers:
                peer.sendall(handshake + login)
            self.assertIsNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-512")))
            for peer in peers:
                while peer.recv(1000):
                    pass
        finally:
            for peer in peers:
                peer.close()
        self.broker.assert_prompt()


class BootstrapTests(unittest.TestCase):
    """The first users, from a file."""

    def test_first_start_alone(self) -> None:
        """They are made at the first start, and what changed later stays at the next."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        users = directory / "users.properties"
        users.write_text("root = first\n")
        users.chmod(0o600)
        settings = {**SETTINGS, "users.bootstrap.file": str(users), "log.dirs": str(directory / "data")}
        for text, password in (("root = first\n", "first"), ("root = first\nother = x\n", "second")):
            users.write_text(text)
            with running(settings, ANYBODY) as broker:
                token = base64.b64encode(f"root:{password}".encode()).decode()
                status, found = broker.http("/_security/user", headers={"Authorization": f"Basic {token}"})
                self.assertEqual((200, ["root"]), (status, list(found)))
                broker.http("/_security/user/root", {"password": "second"}, "PUT")

    def test_read_by_others(self) -> None:
        """A file that everybody can read keeps the broker from starting."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        users = directory / "users.properties"
        users.write_text("root = first\n")
        users.chmod(0o644)
        broker = Broker({**SETTINGS, "users.bootstrap.file": str(users)}, access=ANYBODY)
        self.addCleanup(broker.close)
        self.assertRaises(AssertionError, broker.start)
        self.assertIn("chmod 600", broker.log())

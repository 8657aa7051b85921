"""Secrets are planted wherever one can be given, things are done that succeed and fail, and all that the broker ever wrote is searched."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.loading import PREFIX
from chronik.config.secrets import FILE_SUFFIX
from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS
from tests.integration.harness import Broker, children, eventually, free_ports
from tests.integration.test_sasl import SaslCase, librdkafka
from tests.security.tls import authority

WORD = "CanaryBird"
"""What every planted secret begins with; nothing else says it."""

LISTENER_JAAS = "listener.name.sasl_plaintext.plain.sasl.jaas.config"


def forms(word: str) -> Iterator[bytes]:
    """The bytes of a word as they may be found: as they are, and inside base64 wherever it may begin."""
    raw = word.encode()
    yield raw
    for start in range(3):
        encoded = base64.b64encode(b"\0" * start + raw)
        yield encoded[4 if start else 0 : len(encoded) // 4 * 4 - 4]


class CanaryTests(unittest.TestCase):
    """One broker, all of it."""

    def setUp(self) -> None:
        """Where its secrets are: not where the broker writes."""
        self.secrets = Path(tempfile.mkdtemp(prefix="chronik-secrets-"))
        self.addCleanup(shutil.rmtree, self.secrets)
        self._numbers = itertools.count(1)
        self.answers: list[str] = []

    def canary(self) -> str:
        """A new secret."""
        return f"{WORD}{next(self._numbers):04}Secret"

    def file(self, text: str, mode: int = 0o600) -> str:
        """A file that holds it."""
        path = self.secrets / f"f{next(self._numbers)}"
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def jaas(self, **users: str) -> str:
        """A login module with these users."""
        named = " ".join(f'user_{user}="{password}"' for user, password in users.items())
        own = f'username="admin" password="{self.canary()}"'
        return f"org.apache.kafka.common.security.plain.PlainLoginModule required {own} {named};"

    def certificate(self) -> Mapping[str, str]:
        """A certificate whose key is encrypted."""
        password, issued = self.canary(), authority.broker()
        key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        chain = issued.certificate.public_bytes(Encoding.PEM)
        location = self.file((key + chain).decode())
        return {"ssl.keystore.location": location, "ssl.keystore.type": "PEM", "ssl.key.password.file": self.file(password)}

    def broker(self, settings: Mapping[str, str], environ: Mapping[str, str]) -> Broker:
        """One whose configuration file has secrets too; it is not started."""
        config = self.secrets / "broker.properties"
        config.write_text(f"plain.sasl.jaas.config={self.jaas(eve=self.canary())}\n")
        config.chmod(0o600)
        broker = Broker(settings, environ={**os.environ, **environ}, access=ANYBODY)
        self.addCleanup(broker.close)
        (https,) = free_ports(1)
        broker.settings["http.listeners"] = f"HTTP://127.0.0.1:{broker.http_port},HTTPS://127.0.0.1:{https}"
        arguments = broker.command()
        broker.command = lambda: [*arguments, "--config", str(config)]  # type: ignore[method-assign]
        return broker

    def ask(self, broker: Broker, path: str, body: Any = None, method: str | None = None, authorization: str = "") -> int:
        """One HTTP request, whose answer is kept."""
        status, answer = broker.http(path, body, method, {"Authorization": authorization} if authorization else None)
        self.answers.append(repr(answer))
        return status

    def failing(self, do: Any) -> None:
        """What must fail; how it says so is kept."""
        try:
            do()
        except Exception as error:  # noqa: BLE001  any will do
            self.answers.append(repr(error))
        else:
            self.fail("it did not fail")

    def found(self, broker: Broker) -> list[str]:
        """Where any canary is, of all that the broker wrote."""
        needles = tuple(forms(WORD))
        files = [path for path in Path(broker.directory).rglob("*") if path.is_file()]
        places = [str(path) for path in files if any(needle in path.read_bytes() for needle in needles)]
        for number, answer in enumerate(self.answers):
            if any(needle in answer.encode() for needle in needles):
                places.append(f"answer {number}: {answer[:2000]}")
        return places

    def test_search(self) -> None:
        """The search itself finds what it should, however it is encoded, wherever it is."""
        for before in ("", "a", "ab", "abc", "user:"):
            for encoded in (f"{before}{self.canary()}".encode(), base64.b64encode(f"{before}{self.canary()}xyz".encode())):
                self.assertTrue(any(needle in b"..." + encoded + b"..." for needle in forms(WORD)), encoded)
        broker = Broker()
        self.addCleanup(broker.close)
        (Path(broker.directory) / "deep").mkdir()
        (Path(broker.directory) / "deep" / "x").write_text(self.canary())
        self.answers = ["nothing", self.canary()]
        self.assertEqual(2, len(self.found(broker)))

    def test_everywhere(self) -> None:
        """Files, environment, configuration file, HTTP, Kafka: logins that are right and wrong, configurations that are good and bad."""
        alice, bob = self.canary(), self.canary()
        settings = {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "audit.enable": "true",
            f"{LISTENER_JAAS}{FILE_SUFFIX}": self.file(self.jaas(alice=alice) + "\n"),
            "users.bootstrap.file": self.file(f"bob={bob}\n"),
            **self.certificate(),
        }
        variable = f"{PREFIX}SCRAM-SHA-512_SASL_JAAS_CONFIG"
        environ = {variable: f'org.apache.kafka.common.security.scram.ScramLoginModule required username="b" password="{self.canary()}";'}
        broker = self.broker(settings, environ).start()
        admin = AdminClient({**broker.confluent, "log_level": 0})
        self.assertEqual(200, self.ask(broker, "/_chronik/configs/broker-loggers/1", {"root": "TRACE"}, "PUT"))
        case = SaslCase()
        case.broker = broker
        for mechanism, user, password, right in (
            ("PLAIN", "alice", alice, True),
            ("PLAIN", "alice", self.canary(), False),
            ("PLAIN", self.canary()[:5] + "nobody", self.canary(), False),
            ("SCRAM-SHA-256", "bob", bob, True),
            ("SCRAM-SHA-512", "bob", self.canary(), False),
        ):
            self.assertEqual(right, case.delivers(librdkafka(broker, mechanism, user, password)) is None)
        self._over_http(broker, bob)
        self._certificates(broker)
        self._over_kafka(admin)
        self._at_run_time(broker, admin)
        eventually(lambda: children(broker.pid), SECONDS, "the search process")
        for pid in children(broker.pid):
            for part in ("cmdline", "environ"):
                self.answers.append(Path(f"/proc/{pid}/{part}").read_bytes().decode(errors="replace"))
        self.answers.append(Path(f"/proc/{broker.pid}/cmdline").read_bytes().decode(errors="replace"))
        for path in ("/metrics", "/health", "/_chronik/configs/brokers/1", "/_chronik/configs/brokers/_default", "/_security/user", "/api/brokers"):
            self.ask(broker, path)
        self.assertEqual(200, self.ask(broker, "/__chronik_audit/_search?size=100&q=kind:*"))
        self.assertEqual(0, broker.stop())
        self.assertIn("SaslAuthenticate", (broker.data / ".audit" / "audit.log").read_text())
        self.assertEqual([], self.found(broker))

    def _over_http(self, broker: Broker, password: str) -> None:
        """Logins and users."""

        def basic(user: str, word: str) -> str:
            return "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()

        self.assertEqual(200, self.ask(broker, "/_security/user", authorization=basic("bob", password)))
        self.assertEqual(401, self.ask(broker, "/_security/user", authorization=basic("bob", self.canary())))
        self.assertEqual(401, self.ask(broker, "/_security/user", authorization="Bearer " + self.canary()))
        self.assertEqual(401, self.ask(broker, "/_security/user", authorization="Basic " + self.canary()))
        self.assertEqual(200, self.ask(broker, "/_security/user/carol", {"password": self.canary()}, "PUT"))
        self.assertEqual(400, self.ask(broker, "/_security/user/carol", {"password": self.canary(), "iterations": 1}, "PUT"))
        self.assertEqual(400, self.ask(broker, "/_security/user/carol", {"pasword": self.canary()}, "PUT"))
        self.assertEqual(400, self.ask(broker, "/_chronik/configs/brokers/1", {LISTENER_JAAS: self.canary()}, "PUT"))
        self.assertEqual(400, self.ask(broker, "/_chronik/configs/brokers/1", {"plain.sasl.jaas.confg": self.canary()}, "PUT"))

    def _certificates(self, broker: Broker) -> None:
        """Other files and passwords at run time: one that is wrong, one that others can read, one that is right."""
        prefix = "listener.name.https."
        right = {f"{prefix}{name}": value for name, value in self.certificate().items()}
        for path in (self.file(self.canary()), self.file(self.canary(), 0o644)):
            self.assertEqual(400, self.ask(broker, "/_chronik/configs/brokers/1", {f"{prefix}ssl.key.password.file": path}, "PUT"))
        self.assertEqual(200, self.ask(broker, "/_chronik/configs/brokers/1", right, "PUT"))
        eventually(lambda: "new connections go by new certificates" in broker.log(), SECONDS, "the new certificate")

    def _over_kafka(self, admin: AdminClient) -> None:
        """Users and configurations."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        for future in admin.alter_user_scram_credentials([UserScramCredentialUpsertion("dave", info, self.canary().encode())]).values():
            future.result(SECONDS)
        for name in (LISTENER_JAAS, "plain.sasl.jaas.config", "ssl.keystore.pasword", *(key for key in BROKER_KEYS if BROKER_KEYS[key].sensitive)):
            entry = ConfigEntry(name, self.canary(), incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
            (future,) = admin.incremental_alter_configs([resource]).values()
            self.failing(lambda future=future: future.result(SECONDS))
        (future,) = admin.create_topics([NewTopic("t", 1, 1, config={"pasword": self.canary()})]).values()
        self.failing(lambda: future.result(SECONDS))
        for future in admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values():
            entries = future.result(SECONDS)
            self.answers.append(repr([(entry.name, entry.value, entry.synonyms) for entry in entries.values()]))
            told = {entry.name: entry for entry in entries.values()}
            for name in (LISTENER_JAAS, "plain.sasl.jaas.config"):
                self.assertTrue(told[name].is_sensitive)
                self.assertIsNone(told[name].value)

    def alter(self, admin: AdminClient, name: str, value: str | None) -> None:
        """Set a key of the broker, or delete it."""
        operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        entry = ConfigEntry(name, value, incremental_operation=operation)
        (future,) = admin.incremental_alter_configs([ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])]).values()
        future.result(SECONDS)

    def _at_run_time(self, broker: Broker, admin: AdminClient) -> None:
        """Secrets themselves, by Kafka's API and over HTTP: for listeners that there are and are not, wrong ones and right ones, deleted ones."""
        own, path = "listener.name.https.", "/_chronik/configs/brokers/1"
        password, issued = self.canary(), authority.broker()
        stored = pkcs12.serialize_key_and_certificates(None, issued.key, issued.certificate, None, BestAvailableEncryption(password.encode()))
        keystore = self.secrets / "keystore.p12"
        keystore.write_bytes(stored)
        keystore.chmod(0o600)
        self.assertEqual(200, self.ask(broker, path, dict.fromkeys((f"{own}ssl.key.password.file", f"{own}ssl.keystore.location")), "PUT"))
        settings = {f"{own}ssl.keystore.location": str(keystore), f"{own}ssl.keystore.type": "PKCS12"}
        names = (f"{own}ssl.keystore.password", f"{own}ssl.key.password")
        self.assertEqual(400, self.ask(broker, path, {**settings, **dict.fromkeys(names, self.canary())}, "PUT"))
        self.assertEqual(200, self.ask(broker, path, {**settings, **dict.fromkeys(names, password)}, "PUT"))
        self.failing(lambda: self.alter(admin, f"{own}ssl.keystore.password", self.canary()))
        self.failing(lambda: self.alter(admin, f"{own}ssl.keystore.password.file", self.file(password)))
        for value in (self.canary(), self.canary(), None, self.canary()):
            self.alter(admin, "listener.name.external.ssl.keystore.password", value)
        (future,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values()
        for listener in ("https", "external"):
            entry = future.result(SECONDS)[f"listener.name.{listener}.ssl.keystore.password"]
            self.assertEqual((None, True), (entry.value, entry.is_sensitive))
            self.answers.append(repr((entry, entry.synonyms)))
        metadata = broker.data / ".metadata"
        self.assertIn(b"chronik-aes256gcm-1:", (metadata / "metadata.log").read_bytes())
        self.assertEqual(0o600, (metadata / "password.encoder.secret").stat().st_mode & 0o777)
        command = [sys.executable, "-m", "chronik.cli", "configs", "describe", "--broker", "1", "--all"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=broker.shell, timeout=60)
        self.assertIn("listener.name.external.ssl.keystore.password=(hidden)\tbroker\n", done.stdout)
        self.answers.append(done.stdout + done.stderr)

    def refused(self, arguments: list[str], environ: Mapping[str, str]) -> str:
        """What a broker says that does not start."""
        directory = tempfile.mkdtemp(prefix="chronik-test-")
        self.addCleanup(shutil.rmtree, directory)
        command = [sys.executable, "-m", "twisted", "chronik", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, env={**os.environ, **environ}, timeout=60)
        self.assertNotEqual(0, ended.returncode, ended.stdout)
        self.assertTrue(ended.stderr)
        return ended.stdout + ended.stderr

    def test_refused_starts(self) -> None:
        """A start that is refused says why, and not with what: secrets set twice, misspelt, in files that others can read, by half a flag."""
        secrets = [name for name, key in BROKER_KEYS.items() if key.sensitive]
        told = []
        for name in secrets:
            told.append(self.refused(["--set", f"{name}={self.canary()}", "--set", f"{name}{FILE_SUFFIX}={self.file(self.canary())}"], {}))
        told.append(self.refused(["--set", f"pasword={self.canary()}"], {}))
        told.append(self.refused(["--set", self.canary()], {}))
        told.append(self.refused(["--set", f"{secrets[0]}{FILE_SUFFIX}={self.file(self.canary(), 0o644)}"], {}))
        told.append(self.refused(["--config", self.file(f"{secrets[0]}={self.canary()}\n", 0o644)], {}))
        told.append(self.refused(["--config", self.file(f"{secrets[0]}.x={self.canary()}\n")], {}))
        told.append(self.refused(["--set", f"plain.sasl.jaas.config{FILE_SUFFIX}={self.file(self.canary())}", "--set", "nothing=1"], {}))
        self.assertEqual([], [each for each in told if WORD in each])

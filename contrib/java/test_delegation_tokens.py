"""Delegation tokens by Kafka's own tool, and logins with them by Java's clients: no client in Python can do either."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from contrib.java.kafka_tools import kafka_tool, properties
from tests.integration.access import ANYBODY
from tests.integration.harness import Broker, BrokerTestCase, eventually

PASSWORDS = {"alice": "alice-secret", "bob": "bob-secret"}
SECRET_KEY = "key-of-all-tokens"


class DelegationTokenTests(BrokerTestCase):
    """One broker with two users, and what makes tokens."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = Broker(access=ANYBODY)
        self.addCleanup(self.broker.close)
        users = Path(self.mktemp())
        users.write_text("".join(f'{name} = "{password}"\n' for name, password in PASSWORDS.items()))
        users = users.rename(users.with_suffix(".toml"))
        users.chmod(0o600)
        self.broker.settings = {
            "listeners": f"SASL_PLAINTEXT://127.0.0.1:{self.broker.port}",
            "delegation.token.secret.key": SECRET_KEY,
            "delegation.token.expiry.check.interval.ms": "200",
            "users.bootstrap.file": os.path.abspath(users),
        }
        self.broker.start()
        self.users = {name: self.settings_of(name, password) for name, password in PASSWORDS.items()}

    def tearDown(self) -> None:
        """Neither tokens nor what makes them are in the log."""
        super().tearDown()
        self.assertNotIn(SECRET_KEY, self.broker.log())

    def settings_of(self, user: str, password: str, mechanism: str = "SCRAM-SHA-256", more: str = "") -> str:
        """A file with which a client logs in."""
        login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" password="{password}" {more};'
        lines = [
            "security.protocol=SASL_PLAINTEXT",
            f"sasl.mechanism={mechanism}",
            f"sasl.jaas.config={login}",
            "request.timeout.ms=20000",
            "default.api.timeout.ms=20000",
        ]
        return properties(self.mktemp(), lines)

    def tool(self, settings: str, *arguments: str) -> tuple[int, str]:
        """Kafka's tool for tokens."""
        where = ("--bootstrap-server", self.broker.bootstrap, "--command-config", settings)
        return kafka_tool("org.apache.kafka.tools.DelegationTokenCommand", *where, *arguments)

    def topics(self, settings: str, *arguments: str) -> tuple[int, str]:
        """Kafka's tool for topics."""
        where = ("--bootstrap-server", self.broker.bootstrap, "--command-config", settings)
        return kafka_tool("org.apache.kafka.tools.TopicCommand", *where, *arguments)

    def create(self, user: str, *arguments: str) -> tuple[str, str]:
        """A new token: its id and its secret."""
        status, output = self.tool(self.users[user], "--create", "--max-life-time-period", "-1", *arguments)
        self.assertEqual(0, status, output)
        found: Any = re.search(r"(?m)^([\w-]{22})\s+(\S{88})\s+User:(\w+)\s+User:(\w+)", output)
        self.assertTrue(found, output)
        return found[1], found[2]

    def test_life_of_a_token(self) -> None:
        """It is made, seen, renewed by its renewer, used to log in by either mechanism, begets no other, and is ended; then it is of no use."""
        token_id, secret = self.create("alice", "--renewer-principal", "User:bob")
        status, output = self.tool(self.users["alice"], "--describe", "--owner-principal", "User:alice")
        self.assertEqual((0, True), (status, token_id in output and "User:bob" in output), output)
        status, output = self.tool(self.users["bob"], "--renew", "--renew-time-period", "600000", "--hmac", secret)
        self.assertEqual((0, True), (status, "Completed renew operation" in output), output)
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            by_token = self.settings_of(token_id, secret, mechanism, 'tokenauth="true"')
            status, output = self.topics(by_token, "--create", "--topic", f"by-{mechanism}")
            self.assertEqual(0, status, output)
        status, output = self.tool(by_token, "--create", "--max-life-time-period", "-1")
        self.assertIn("requests are not allowed", output)
        for wrong in (self.settings_of(token_id, secret), self.settings_of(token_id, secret[::-1], more='tokenauth="true"')):
            status, output = self.topics(wrong, "--list")
            self.assertIn("Authentication failed", output)
        status, output = self.tool(self.users["alice"], "--expire", "--expiry-time-period", "-1", "--hmac", secret)
        self.assertEqual(0, status, output)
        status, output = self.topics(by_token, "--list")
        self.assertIn("Authentication failed", output)
        self.assertNotIn(secret, self.broker.log())

    def test_end(self) -> None:
        """One that has ended is removed."""
        _, secret = self.create("alice")
        status, output = self.tool(self.users["alice"], "--expire", "--expiry-time-period", "500", "--hmac", secret)
        self.assertEqual(0, status, output)
        eventually(lambda: "delegation tokens have ended" in self.broker.log())
        status, output = self.tool(self.users["alice"], "--renew", "--renew-time-period", "-1", "--hmac", secret)
        self.assertIn("Delegation Token is not found on server", output)

    def test_survives_a_restart(self) -> None:
        """A token is good on the broker that comes after."""
        token_id, secret = self.create("alice", "--owner-principal", "User:bob")
        self.broker.stop()
        self.broker.start()
        status, output = self.topics(self.settings_of(token_id, secret, more='tokenauth="true"'), "--list")
        self.assertEqual(0, status, output)
        status, output = self.tool(self.users["bob"], "--describe", "--owner-principal", "User:bob")
        self.assertIn(token_id, output)

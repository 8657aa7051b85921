"""The life of a delegation token in literal requests; ``contrib/java`` has Kafka's own tool and clients that log in by tokens."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from chronik.errors import ErrorCode
from chronik.protocol import messages as m
from chronik.protocol.apis import response_class
from tests.integration import wire
from tests.integration.access import ANYBODY, log_in
from tests.integration.harness import Broker, BrokerTestCase, eventually

PASSWORDS = {"alice": "alice-secret", "bob": "bob-secret"}
SECRET_KEY = "key-of-all-tokens"
VERSION = 1


class DelegationTokenTests(BrokerTestCase):
    """One broker with two users, and what makes tokens."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = Broker(access=ANYBODY)
        self.addCleanup(self.broker.close)
        users = Path(f"{self.mktemp()}.properties")
        users.write_text("".join(f"{name}={password}\n" for name, password in PASSWORDS.items()))
        users.chmod(0o600)
        secret = Path(self.mktemp())
        secret.write_text(SECRET_KEY)
        secret.chmod(0o600)
        self.broker.settings = {
            "listeners": f"SASL_PLAINTEXT://127.0.0.1:{self.broker.port}",
            "sasl.enabled.mechanisms": "PLAIN",
            "delegation.token.secret.key.file": os.path.abspath(secret),
            "delegation.token.expiry.check.interval.ms": "200",
            "users.bootstrap.file": os.path.abspath(users),
        }
        self.broker.start()

    def ask(self, user: str, request: Any) -> Any:
        """The answer to a request of a user."""
        with socket.create_connection(("127.0.0.1", self.broker.port), 30) as connection:
            log_in(connection, user, PASSWORDS[user])
            connection.sendall(wire.frame(request.api_key, VERSION, request.encode(VERSION)))
            return response_class(request.api_key).decode(wire.response(connection), VERSION, 4)[0]

    def test_life(self) -> None:
        """It is made, seen by its owner alone, renewed by its renewer, and ended; then it is not there, and its secret was written nowhere."""
        self.sends("CreateDelegationToken", "DescribeDelegationToken", "RenewDelegationToken", "ExpireDelegationToken")
        renewer = m.CreateDelegationTokenRequest.CreatableRenewers(principal_type="User", principal_name="bob")
        made = self.ask("alice", m.CreateDelegationTokenRequest(renewers=(renewer,), max_lifetime_ms=-1))
        self.assertEqual((ErrorCode.NONE, "alice"), (made.error_code, made.principal_name))
        described = self.ask("alice", m.DescribeDelegationTokenRequest(owners=None)).tokens
        self.assertEqual([(made.token_id, ["bob"])], [(token.token_id, [r.principal_name for r in token.renewers]) for token in described])
        renewed = self.ask("bob", m.RenewDelegationTokenRequest(hmac=made.hmac, renew_period_ms=600_000))
        self.assertEqual(ErrorCode.NONE, renewed.error_code)
        self.assertLess(renewed.expiry_timestamp_ms, made.expiry_timestamp_ms)
        ended = self.ask("alice", m.ExpireDelegationTokenRequest(hmac=made.hmac, expiry_time_period_ms=300))
        self.assertEqual(ErrorCode.NONE, ended.error_code)
        eventually(lambda: "delegation tokens have ended" in self.broker.log())
        again = self.ask("bob", m.RenewDelegationTokenRequest(hmac=made.hmac, renew_period_ms=600_000))
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_NOT_FOUND, again.error_code)
        self.assertNotIn(SECRET_KEY, self.broker.log())

    def test_survives_a_restart(self) -> None:
        """A token is there on the broker that comes after."""
        made = self.ask("alice", m.CreateDelegationTokenRequest(max_lifetime_ms=-1))
        self.broker.stop()
        self.broker.start()
        described = self.ask("alice", m.DescribeDelegationTokenRequest(owners=None)).tokens
        self.assertEqual([(made.token_id, made.hmac)], [(token.token_id, token.hmac) for token in described])

"""An OpenID Connect provider that somebody else wrote (oidc-provider-mock, over Authlib): its users log in here with what it issues."""

from __future__ import annotations

import time
import urllib.parse
from typing import Any

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from oidc_provider_mock import run_server_in_thread
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.access import ANYBODY
from tests.integration.harness import Broker

REDIRECT = "http://localhost/back"


def id_token(issuer: str, user: str, client: str) -> str:
    """What a user who logs in to a client of the provider gives that client, by its authorization endpoint and a code."""
    asked = {"client_id": client, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    answer = httpx.post(f"{issuer}/oauth2/authorize", params=asked, data={"sub": user})
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["Location"]).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    token: str = httpx.post(f"{issuer}/oauth2/token", data=form, auth=(client, "any secret")).json()["id_token"]
    return token


class ProviderTests(SynchronousTestCase):
    """One provider, one broker."""

    def test_login(self) -> None:
        """A user of the right client comes in over Kafka and over HTTP, one of another client does not."""
        with run_server_in_thread() as server:
            issuer = f"http://localhost:{server.server_port}"
            found = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
            broker = Broker(access=ANYBODY)
            self.addCleanup(broker.close)
            broker.settings = {
                "listeners": f"SASL_PLAINTEXT://127.0.0.1:{broker.port}",
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                "sasl.oauthbearer.jwks.endpoint.url": found["jwks_uri"],
                "sasl.oauthbearer.expected.issuer": found["issuer"],
                "sasl.oauthbearer.expected.audience": "kafka",
            }
            broker.start()
            self.assertIn(str(broker.port), str(self.client(broker, id_token(issuer, "alice", "kafka")).list_topics(timeout=30).brokers))
            self.assertRaises(KafkaException, self.client(broker, id_token(issuer, "alice", "other")).list_topics, timeout=3)
            status, _ = broker.http("/_count", headers={"Authorization": f"Bearer {id_token(issuer, 'alice', 'kafka')}"})
            self.assertEqual(200, status)

    def client(self, broker: Broker, token: str) -> AdminClient:
        """One that shows a token."""

        def give(config: str) -> tuple[str, float]:
            return token, time.time() + 300

        settings: dict[str, Any] = {
            "bootstrap.servers": broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": give,
            "log_level": 2,
        }
        client = AdminClient(settings)
        client.poll(0)
        return client

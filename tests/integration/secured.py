"""Brokers with TLS, and how each kind of client is told to connect to them."""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.logger import eventsFromJSONLogFile, formatEvent

from tests.integration.access import ANYBODY
from tests.integration.harness import Broker, BrokerTestCase, eventually
from tests.security.tls.authority import broker as broker_certificate
from tests.security.tls.authority import ca_file, client, file

RULES = "RULE:^CN=([^,]+).*$/$1/,DEFAULT"

LISTENERS = {"PLAINTEXT": "PLAINTEXT", "SSL": "SSL", "MTLS": "SSL", "SIX": "SSL"}
"""Names and protocols, in the order in which the broker tells their ports."""


def tls_settings() -> Mapping[str, str]:
    """A broker with plain text, TLS, mutual TLS and IPv6, whose ports the system chooses, and HTTPS."""
    return {
        "listeners": "PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0,MTLS://127.0.0.1:0,SIX://[::1]:0",
        "http.listeners": "HTTP://127.0.0.1:0,HTTPS://127.0.0.1:0",
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items()),
        "ssl.keystore.location": file(broker_certificate()),
        "ssl.truststore.location": ca_file(),
        "ssl.principal.mapping.rules": RULES,
        "ssl.principal.groups": "OU",
        "ssl.reload.interval.ms": "200",
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.https.ssl.client.auth": "requested",
    }


def ports(broker: Broker) -> Mapping[str, int]:
    """The port of each listener."""
    line = eventually(lambda: re.search(r"Kafka on (.*), HTTP on (.*), data in", broker.log()), what="the first line")
    kafka = [int(place.rpartition(":")[2]) for place in line[1].split(", ")]
    plain, https = (int(place.rpartition(":")[2]) for place in line[2].split(", "))
    return {**dict(zip(LISTENERS, kafka, strict=True)), "HTTP": plain, "HTTPS": https}


def told(broker: Broker) -> str:
    """What the broker's log says, as a person reads it."""
    lines = "\n".join(line for line in broker.log().splitlines() if line.lstrip("\x1e").startswith("{"))
    return "\n".join(map(formatEvent, eventsFromJSONLogFile(StringIO(lines), recordSeparator="")))


class TlsTestCase(BrokerTestCase):
    """Tests that share one broker with TLS.

    :ivar ports: by name of the listener.
    """

    access = ANYBODY
    settings = tls_settings()
    ports: Mapping[str, int]

    def setUp(self) -> None:
        """Start the broker if it is not there, and learn its ports."""
        super().setUp()
        self.ports = ports(self.broker)
        self.broker.port, self.broker.http_port = self.ports["PLAINTEXT"], self.ports["HTTP"]

    def confluent(self, listener: str = "SSL", name: str | None = None, **more: Any) -> dict[str, Any]:
        """How librdkafka connects; with the certificate of a client of that name."""
        host = "[::1]" if listener == "SIX" else "localhost"
        config = {"bootstrap.servers": f"{host}:{self.ports[listener]}", "security.protocol": "SSL", "ssl.ca.location": ca_file(), "log_level": 2}
        if name is not None:
            config |= {"ssl.certificate.location": file(client(name)), "ssl.key.location": file(client(name))}
        return {**config, **{key.replace("_", "."): value for key, value in more.items()}}

    def context(self, name: str | None = None) -> ssl.SSLContext:
        """How Python connects."""
        context = ssl.create_default_context(cafile=ca_file())
        if name is not None:
            context.load_cert_chain(file(client(name)))
        return context


def rules_file(*rules: tuple[str, str, str]) -> str:
    """A file of rules of ``authorizer=file``: who may do what on which topic."""
    text = "".join(f'[[rules]]\nprincipal = "User:{who}"\noperation = "{what}"\nresource = "topic"\nname = "{topic}"\n' for who, what, topic in rules)
    path = Path(tempfile.mkdtemp(prefix="chronik-test-rules-")) / "rules.toml"
    path.write_text(text)
    return str(path)

"""How clients of the integration tests get in: as anybody does, or the way that the environment's ``CHRONIK_TEST_ACCESS`` names."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from tests.security.tls.authority import ca_file, client, file, settings


class Access(Protocol):
    """What it takes to reach a broker.

    :ivar confluent: settings of confluent-kafka's clients.
    :ivar python: arguments of kafka-python's clients.
    :ivar aiokafka: arguments of aiokafka's clients.
    :ivar environ: what the command ``chronik`` needs in its environment.
    """

    confluent: Mapping[str, Any]
    python: Mapping[str, Any]
    aiokafka: Mapping[str, Any]
    environ: Mapping[str, str]

    def settings(self, port: int) -> Mapping[str, str]:
        """The broker's, for a Kafka listener on that port."""

    def enter(self, connection: socket.socket) -> socket.socket:
        """Get in on a connection; what to go on with."""


class Anybody:
    """Nobody is asked who they are."""

    confluent: Mapping[str, Any] = {}
    python: Mapping[str, Any] = {}
    aiokafka: Mapping[str, Any] = {}
    environ: Mapping[str, str] = {}

    def settings(self, port: int) -> Mapping[str, str]:
        """A plain listener."""
        return {"listeners": f"PLAINTEXT://127.0.0.1:{port}"}

    def enter(self, connection: socket.socket) -> socket.socket:
        """There is nothing to do."""
        return connection


class Tls:
    """Everybody shows a certificate."""

    def __init__(self) -> None:
        own = file(client())
        self.confluent: Mapping[str, Any] = {
            "security.protocol": "SSL",
            "ssl.ca.location": ca_file(),
            "ssl.certificate.location": own,
            "ssl.key.location": own,
        }
        self.context = ssl.create_default_context(cafile=ca_file())
        self.context.load_cert_chain(own)
        self.python: Mapping[str, Any] = {"security_protocol": "SSL", "ssl_context": self.context}
        self.aiokafka: Mapping[str, Any] = {"security_protocol": "SSL", "ssl_context": self.context}
        properties = f"security.protocol=SSL\nssl.truststore.location={ca_file()}\nssl.keystore.location={own}\n"
        self.environ: Mapping[str, str] = {"CHRONIK_COMMAND_CONFIG": file(properties.encode())}

    def settings(self, port: int) -> Mapping[str, str]:
        """A listener that requires certificates."""
        return {"listeners": f"SSL://127.0.0.1:{port}", **settings(ssl_client_auth="required")}

    def enter(self, connection: socket.socket) -> socket.socket:
        """Shake hands."""
        return self.context.wrap_socket(connection, server_hostname="localhost")


_WAYS = {"": Anybody, "tls": Tls}

ACCESS: Access = _WAYS[os.environ.get("CHRONIK_TEST_ACCESS", "")]()
"""Of every broker that the harness starts."""

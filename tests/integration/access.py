"""How clients of the integration tests get in: as anybody does, or the way that the environment's ``CHRONIK_TEST_ACCESS`` names.

A test of the access itself says ``access = ANYBODY`` to :mod:`tests.integration.harness`, and its broker has what the test sets alone.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any, Final, Protocol

from tests.security.tls.authority import ca_file, client, file, settings


class Access(Protocol):
    """What it takes to reach a broker.

    :ivar confluent: settings of confluent-kafka's clients.
    :ivar python: arguments of kafka-python's clients.
    :ivar aiokafka: arguments of aiokafka's clients.
    :ivar environ: what the command ``chronik`` needs in its environment.
    :ivar headers: of HTTP requests.
    :ivar basic: user and password of HTTP requests; None for nobody.
    """

    confluent: Mapping[str, Any]
    python: Mapping[str, Any]
    aiokafka: Mapping[str, Any]
    environ: Mapping[str, str]
    headers: Mapping[str, str]
    basic: tuple[str, str] | None

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
    headers: Mapping[str, str] = {}
    basic: tuple[str, str] | None = None

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
        self.headers: Mapping[str, str] = {}
        self.basic: tuple[str, str] | None = None
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


USER: Final = "tests"
PASSWORD: Final = "tests-own"

_CLIENT_PROPERTIES: Final = """security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" password="{password}";
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


class Secured:
    """Everybody is asked who they are, over TLS, and an access control list says what they may; the tests are a super user."""

    def __init__(self) -> None:
        self._users = file(f"{USER}={PASSWORD}\n".encode())
        properties = _CLIENT_PROPERTIES.format(user=USER, password=PASSWORD, authority=ca_file())
        self._context = ssl.create_default_context(cafile=ca_file())
        self.environ = {"CHRONIK_COMMAND_CONFIG": file(properties.encode())}
        self.confluent = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
            "ssl.ca.location": ca_file(),
        }
        named = {"security_protocol": "SASL_SSL", "sasl_plain_username": USER, "sasl_plain_password": PASSWORD}
        self.python = {**named, "sasl_mechanism": "SCRAM-SHA-512", "ssl_cafile": ca_file()}
        self.aiokafka = {**named, "sasl_mechanism": "PLAIN", "ssl_context": self._context}
        self.basic = (USER, PASSWORD)
        self.headers = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}

    def settings(self, port: int) -> Mapping[str, str]:
        """A listener of SASL_SSL, and an authorizer."""
        return {
            "listeners": f"SASL_SSL://127.0.0.1:{port}",
            **settings(),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "users.bootstrap.file": self._users,
            "authorizer": "acl",
            "super.users": f"User:{USER}",
        }

    def enter(self, connection: socket.socket) -> socket.socket:
        """A handshake, and a login."""
        encrypted = self._context.wrap_socket(connection, server_hostname="127.0.0.1")
        log_in(encrypted, USER, PASSWORD)
        return encrypted


def log_in(connection: socket.socket, user: str, password: str) -> None:
    """Prove who one is by PLAIN (RFC 4616), in literal requests.

    :raises ConnectionError: the broker does not believe it.
    """
    token = f"\0{user}\0{password}".encode()
    for key, version, body in ((17, 1, struct.pack(">h", 5) + b"PLAIN"), (36, 0, struct.pack(">i", len(token)) + token)):
        request = struct.pack(">hhih", key, version, 0, -1) + body
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = _response(connection)
        if answer[4:6] != b"\0\0":
            raise ConnectionError(f"the broker refuses {user}: {answer!r}")


def _response(connection: socket.socket) -> bytes:
    read = b""
    while len(read) < 4 or len(read) < 4 + struct.unpack_from(">i", read)[0]:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError("the broker ended the connection while the tests logged in")
        read += piece
    return read[4:]


_WAYS: Final[Mapping[str, type[Access]]] = {"": Anybody, "tls": Tls, "sasl_ssl": Secured}

ACCESS: Final[Access] = _WAYS[os.environ.get("CHRONIK_TEST_ACCESS", "")]()
"""Of every broker that the harness starts, where a test says no other."""

ANYBODY: Final[Access] = Anybody()
"""Of brokers whose tests bring listeners, users or rules of their own, or are about a broker that has none."""

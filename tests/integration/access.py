"""How clients of the integration tests get in: as anybody does, or the way that the environment's ``CHRONIK_TEST_ACCESS`` names."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol


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


ACCESS: Access = Anybody()
"""Of every broker that the harness starts."""

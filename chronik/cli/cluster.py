"""What commands know of the brokers: a channel to each, which topic lives where, and what to do when one does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import deferLater

from chronik.cli.security import ClientSecurity, reason
from chronik.defer import deferred
from chronik.errors import ChronikError, ErrorCode
from chronik.network.channel import AuthenticationError, ChannelError, KafkaChannel
from chronik.network.tlsendpoint import TlsFailed
from chronik.protocol import messages
from chronik.protocol.message import Message

CONNECT_SECONDS: Final = 5.0
TOPIC_SECONDS: Final = 10.0
"""How long a topic may take to come into being."""

RETRY_SECONDS: Final = 0.1
RETRY_SECONDS_MAX: Final = 2.0


class Unreachable(ChronikError):
    """A broker cannot be connected to."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as Metadata tells it.

    :ivar leaders: node id by partition; -1 where there is none.
    """

    name: str
    topic_id: bytes
    leaders: Mapping[int, int]


def error_text(code: int, message: str | None = None) -> str:
    """What an error code means to somebody at a terminal."""
    try:
        name = ErrorCode(code).name
    except ValueError:
        name = f"error {code}"
    return f"{name}: {message}" if message else name


def check_code(code: int, message: str | None) -> None:
    """Whether a part of an answer says that all went well.

    :raises ChronikError: it says otherwise.
    """
    if code:
        raise ChronikError(error_text(code, message))


def is_retriable(code: int) -> bool:
    """Whether to ask again later; unknown codes are final."""
    return code in ErrorCode._value2member_map_ and ErrorCode(code).retriable


class Cluster:
    """The brokers.

    :param reactor: connects and tells the time.
    :param bootstrap: host and port of one of them.
    :param security: how to connect, and as whom.
    """

    def __init__(self, reactor: Any, bootstrap: tuple[str, int], security: ClientSecurity | None = None) -> None:
        self.reactor = reactor
        self._security = security or ClientSecurity()
        self._sasl = self._security.sasl(reactor)
        self._bootstrap = bootstrap
        self._addresses: dict[int, tuple[str, int]] = {}
        self._channels: dict[int | None, KafkaChannel] = {}
        self.controller_id: int | None = None

    # -- channels -----------------------------------------------------------------------------------------------------

    @deferred
    async def channel(self, node_id: int | None = None) -> KafkaChannel:
        """A negotiated channel to a broker; None for the one to begin with.

        :raises Unreachable: it cannot be connected to.
        """
        node_id = node_id if node_id in self._addresses else None
        found = self._channels.get(node_id)
        if found is not None:
            return found
        channel = await self._connect(self._bootstrap if node_id is None else self._addresses[node_id])
        kept = self._channels.setdefault(node_id, channel)
        if kept is not channel:
            channel.close()
        return kept

    async def _connect(self, address: tuple[str, int]) -> KafkaChannel:
        host, port = address
        below = HostnameEndpoint(self.reactor, host, port, timeout=CONNECT_SECONDS)
        endpoint = self._security.secured(below, host, self.reactor)
        try:
            channel: KafkaChannel = await connectProtocol(endpoint, KafkaChannel(self.reactor, "chronik-cli"))
            await channel.negotiate()
            if self._sasl is not None:
                await channel.authenticate(self._sasl)
        except AuthenticationError as error:
            who = self._security.user or "the bearer of a token"
            raise Unreachable(f"{who} cannot log in at the broker {host}:{port}: {error}") from error
        except (ConnectError, DNSLookupError) as error:
            raise Unreachable(f"no broker answers at {host}:{port} ({reason(error)}); start one with: twist chronik") from error
        except TlsFailed as error:
            raise Unreachable(f"{host}:{port}: {error}") from error
        except ChannelError as error:
            hint = "" if self._security.tls else "; a listener with TLS needs --tls-ca FILE, or --tls"
            raise Unreachable(f"what listens at {host}:{port} does not answer as a broker: {error}{hint}") from error
        return channel

    def forget(self, channel: KafkaChannel) -> None:
        """Connect anew the next time: the channel broke."""
        self._channels = {node_id: kept for node_id, kept in self._channels.items() if kept is not channel}
        channel.close()

    def close(self) -> None:
        """End all connections."""
        for channel in list(self._channels.values()):
            self.forget(channel)

    @deferred
    async def request(self, message: Message, node_id: int | None = None) -> Any:
        """One request to one broker, once more on a new connection if an old one broke.

        :raises ChronikError: no answer came.
        """
        for last in (False, True):
            channel = await self.channel(node_id)
            try:
                return await channel.request(message)
            except ChannelError as error:
                self.forget(channel)
                if last:
                    hint = "" if self._security.user else "; if this listener asks who you are, say so with --user or --command-config"
                    raise ChronikError(f"{error}{hint}") from error
        raise AssertionError("unreachable")

    def pause(self, seconds: float) -> Deferred[None]:
        """Wait a moment."""
        return deferLater(self.reactor, seconds, lambda: None)

    # -- topics -------------------------------------------------------------------------------------------------------

    @deferred
    async def metadata(self, names: tuple[str, ...] | None, create: bool = False) -> messages.MetadataResponse:
        """Ask for topics, and learn the brokers.

        :param names: None for all.
        :param create: let the broker create those that are not there, if it does so.
        """
        asked = None if names is None else tuple(messages.MetadataRequest.MetadataRequestTopic(name=name) for name in names)
        response: messages.MetadataResponse = await self.request(messages.MetadataRequest(topics=asked, allow_auto_topic_creation=create))
        self._addresses = {broker.node_id: (broker.host, broker.port) for broker in response.brokers}
        self.controller_id = response.controller_id
        return response

    @deferred
    async def topic(self, name: str, create: bool = False) -> Topic:
        """A topic with a leader for each of its partitions, waiting a little for those.

        :raises ChronikError: it does not exist, or its leaders do not come.
        """
        deadline = self.reactor.seconds() + TOPIC_SECONDS
        delay = RETRY_SECONDS
        while True:
            found = (await self.metadata((name,), create)).topics[0]
            code = found.error_code or next((p.error_code for p in found.partitions if p.leader_id < 0), 0)
            if not code and found.partitions:
                leaders = {p.partition_index: p.leader_id for p in found.partitions}
                return Topic(name, found.topic_id, dict(sorted(leaders.items())))
            gone = code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            if (gone and not create) or (code and not is_retriable(code)) or self.reactor.seconds() > deadline:
                hint = f" does not exist; create it with: chronik topics create {name}" if gone else f" cannot be used: {error_text(code)}"
                raise ChronikError(f"topic {name}{hint}")
            await self.pause(delay)
            delay = min(delay * 2, RETRY_SECONDS_MAX)

"""Where an issuer's key set is read from: a URL or a file. Each reading has a largest size and a longest time."""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, PartialDownloadError, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from zope.interface import Interface, implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError

KEY_SET_BYTES_MAX: Final = 1 << 20
"""Two keys with their certificates are some kilobytes."""

FETCH_SECONDS_MAX: Final = 10.0
"""As long as somebody who shows a token may have to wait."""


class SourceError(Exception):
    """The key set cannot be had now; says from where, and why not."""


class IKeySetSource(Interface):
    """Where a key set is."""

    def read() -> Deferred[bytes]:
        """All of it, as it is now.

        :raises SourceError: it cannot be had now.
        """


@implementer(IKeySetSource)
class FileSource:
    """A file.

    :param pools: where it is read.
    """

    def __init__(self, path: str, pools: IThreadPools) -> None:
        self._path = path
        self._pools = pools

    @deferred
    async def read(self) -> bytes:
        """Read it; see :meth:`IKeySetSource.read`."""
        data: bytes = await self._pools.run(Pool.READ, self.read_now)
        return data

    def read_now(self) -> bytes:
        """The same in the caller's thread."""
        try:
            with open(self._path, "rb") as file:
                data = file.read(KEY_SET_BYTES_MAX + 1)
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror}") from None
        if len(data) > KEY_SET_BYTES_MAX:
            raise SourceError(f"{self._path} is longer than {KEY_SET_BYTES_MAX} bytes")
        return data


@implementer(IKeySetSource)
class UrlSource:
    """An http or https URL. Redirections are not followed: the keys are where they were said to be.

    :param reactor: connects and keeps time.
    :param trust: certificates of authorities as PEM; None for the system's.
    :raises ConfigurationError: ``trust`` is no certificate.
    """

    def __init__(self, url: str, reactor: Any, trust: bytes | None = None) -> None:
        self._url = url
        self._clock: IReactorTime = reactor
        self._agent = Agent(reactor, contextFactory=_policy(trust), connectTimeout=FETCH_SECONDS_MAX)

    @deferred
    async def read(self) -> bytes:
        """Ask for it; see :meth:`IKeySetSource.read`."""
        asking = Deferred.fromCoroutine(self._ask())
        asking.addTimeout(FETCH_SECONDS_MAX, self._clock)
        try:
            return await asking
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a network can do
            raise SourceError(f"{self._url} cannot be read: {_reason(error)}") from None

    async def _ask(self) -> bytes:
        headers = Headers({"Accept": ["application/jwk-set+json, application/json"], "User-Agent": ["chronik"]})
        response: Any = await self._agent.request(b"GET", self._url.encode(), headers)
        body = _Body(KEY_SET_BYTES_MAX if response.code == 200 else 0)
        response.deliverBody(body)
        if response.code != 200:
            raise SourceError(f"{self._url} answers with status {response.code}")
        data = await body.whole
        if data is None:
            raise SourceError(f"{self._url} answers with more than {KEY_SET_BYTES_MAX} bytes")
        return data


class _Body(Protocol):
    """Collects a body up to a size, and hangs up on what is larger.

    :ivar whole: fires with the body, or with None for one that is too large.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._received = BytesIO()
        self.whole: Deferred[bytes | None] = Deferred(lambda _: self._hang_up())

    def connectionMade(self) -> None:
        """It begins; nobody wants one of no size."""
        if not self._bytes_max:
            self._hang_up()
            self.whole.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """A piece."""
        if self._received.tell() + len(data) <= self._bytes_max:
            self._received.write(data)
        elif not self.whole.called:
            self._hang_up()
            self.whole.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over. One whose length nobody said ends with the connection: if a piece is missing, it cannot be parsed."""
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss) is not None:
            self.whole.callback(self._received.getvalue())
        else:
            self.whole.errback(reason)

    def _hang_up(self) -> None:
        transport: Any = self.transport
        getattr(transport, "abortConnection", transport.loseConnection)()


def _policy(trust: bytes | None) -> BrowserLikePolicyForHTTPS:
    if trust is None:
        return BrowserLikePolicyForHTTPS()
    try:
        certificates = [Certificate.loadPEM(block) for block in _blocks(trust)]
    except Exception:  # noqa: BLE001  whatever the library says of what is no certificate
        certificates = []
    if not certificates:
        raise ConfigurationError("sasl.oauthbearer.jwks.endpoint.ca.file holds no certificates in PEM")
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates(certificates))


def _blocks(pem: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    return [block + end + b"\n" for block in pem.split(end)[:-1]]


def _reason(error: Exception) -> str:
    """What went wrong, in one line; twisted.web keeps the reasons of a failed request in a list."""
    reasons = getattr(error, "reasons", None)
    if reasons and isinstance(error, Exception) and not isinstance(error, PartialDownloadError):
        first = reasons[0]
        return _reason(first.value) if isinstance(first, Failure) and isinstance(first.value, Exception) else str(first)
    return f"{type(error).__name__}: {error}".strip(": ").replace("\n", " ")


def source_of(url: str, pools: IThreadPools, reactor: Any, trust_file: str | None) -> FileSource | UrlSource:
    """The source that a URL names.

    :param trust_file: certificates of authorities for https.
    :raises ConfigurationError: the file of certificates cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileSource(unquote(parts.path), pools)
    return UrlSource(url, reactor, _read_trust(trust_file) if trust_file is not None else None)


def _read_trust(path: str) -> bytes:
    try:
        with open(os.path.abspath(path), "rb") as file:
            return file.read(KEY_SET_BYTES_MAX)
    except OSError as error:
        raise ConfigurationError(f"sasl.oauthbearer.jwks.endpoint.ca.file: {path} cannot be read: {error.strerror}") from None

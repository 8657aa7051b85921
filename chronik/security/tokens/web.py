"""Asking an issuer's server: a longest time, a largest answer, no redirections, and one line that says what went wrong."""

from __future__ import annotations

import ipaddress
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, FileBodyProducer, PartialDownloadError, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from chronik.config.bounded import read_bounded
from chronik.defer import deferred
from chronik.errors import ConfigurationError

ANSWER_BYTES_MAX: Final = 1 << 20
"""Two keys with their certificates are some kilobytes, and so is a token."""

ASK_SECONDS_MAX: Final = 10.0
"""As long as somebody who shows a token may have to wait."""


class SourceError(Exception):
    """What was asked for cannot be had now; says from where, and why not."""


class WebSource:
    """An http or https URL. Redirections are not followed: what is asked for is where it was said to be.

    :param reactor: connects and keeps time.
    :param trust: certificates of authorities as PEM; None for the system's.
    :param named: the key that names their file, for messages.
    :ivar url: as it was given.
    :raises ConfigurationError: ``trust`` is no certificate.
    """

    def __init__(self, url: str, reactor: Any, trust: bytes | None = None, named: str = "the file of authorities") -> None:
        self.url = url
        self._clock: IReactorTime = reactor
        self._agent = Agent(reactor, contextFactory=_policy(trust, named), connectTimeout=ASK_SECONDS_MAX)

    @deferred
    async def ask(self, headers: dict[str, str], form: bytes | None = None, error_bytes_max: int = 0) -> tuple[int, bytes]:
        """Status and body of an answer.

        :param form: what is sent, None to ask without sending anything.
        :param error_bytes_max: how much is read of an answer with another status than 200.
        :raises SourceError: there is none.
        """
        asking = Deferred.fromCoroutine(self._ask(headers, form, error_bytes_max))
        asking.addTimeout(ASK_SECONDS_MAX, self._clock)
        try:
            return await asking
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a network can do
            raise SourceError(f"{self.url} cannot be read: {_reason(error)}") from None

    async def _ask(self, headers: dict[str, str], form: bytes | None, error_bytes_max: int) -> tuple[int, bytes]:
        named = Headers({name: [value] for name, value in {"User-Agent": "chronik", **headers}.items()})
        method, sent = (b"GET", None) if form is None else (b"POST", FileBodyProducer(BytesIO(form)))
        response: Any = await self._agent.request(method, self.url.encode(), named, sent)
        body = _Body(ANSWER_BYTES_MAX if response.code == 200 else error_bytes_max)
        response.deliverBody(body)
        if response.code != 200 and not error_bytes_max:
            return response.code, b""
        data = await body.whole
        if data is None:
            raise SourceError(f"{self.url} answers with more than {ANSWER_BYTES_MAX if response.code == 200 else error_bytes_max} bytes")
        return response.code, data


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


def _policy(trust: bytes | None, named: str) -> BrowserLikePolicyForHTTPS:
    if trust is None:
        return BrowserLikePolicyForHTTPS()
    try:
        certificates = [Certificate.loadPEM(block) for block in _blocks(trust)]
    except Exception:  # noqa: BLE001  whatever the library says of what is no certificate
        certificates = []
    if not certificates:
        raise ConfigurationError(f"{named} holds no certificates in PEM")
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


def trusted(path: str | None, named: str) -> bytes | None:
    """The certificates of authorities in a file, None for no file.

    :param named: the key that names it, for messages.
    :raises ConfigurationError: it cannot be read.
    """
    return None if path is None else read_bounded(path, ANSWER_BYTES_MAX, f"{named}={path}")


def is_unencrypted(url: str) -> bool:
    """Whether what is asked at a URL can be read, or changed, by others between here and there."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_local(parts.hostname or "")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

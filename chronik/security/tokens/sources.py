"""Where an issuer's key set is read from: a URL or a file. Each reading has a largest size and a longest time."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from chronik.config.bounded import read_bounded
from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.tokens.web import ANSWER_BYTES_MAX, SourceError, WebSource, trusted

_TRUST: Final = "sasl.oauthbearer.jwks.endpoint.ca.file"


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
            return read_bounded(self._path, ANSWER_BYTES_MAX)
        except ConfigurationError as error:
            raise SourceError(str(error)) from None


@implementer(IKeySetSource)
class UrlSource:
    """An http or https URL.

    :param reactor: connects and keeps time.
    :param trust: certificates of authorities as PEM; None for the system's.
    :raises ConfigurationError: ``trust`` is no certificate.
    """

    def __init__(self, url: str, reactor: Any, trust: bytes | None = None) -> None:
        self._web = WebSource(url, reactor, trust, _TRUST)

    @deferred
    async def read(self) -> bytes:
        """Ask for it; see :meth:`IKeySetSource.read`."""
        status, data = await self._web.ask({"Accept": "application/jwk-set+json, application/json"})
        if status != 200:
            raise SourceError(f"{self._web.url} answers with status {status}")
        return data


def source_of(url: str, pools: IThreadPools, reactor: Any, trust_file: str | None) -> FileSource | UrlSource:
    """The source that a URL names.

    :param trust_file: certificates of authorities for https.
    :raises ConfigurationError: the file of certificates cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileSource(unquote(parts.path), pools)
    return UrlSource(url, reactor, trusted(trust_file, _TRUST))

"""Tokens that are shown to others: how this broker, and the commands, get theirs (RFC 6749, section 4.4; KIP-768, KIP-1139).

.. code-block:: text

   sasl.oauthbearer.token.endpoint.url = https://…   asked with the client's id and secret; kept until seven tenths of its time are over
                                       = file:///…   read whenever it is needed: somebody else writes it
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, unquote, urlencode, urlsplit

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from chronik.config import Configuration
from chronik.config.bounded import read_bounded
from chronik.config.secret_files import check_secret_file
from chronik.config.secret_settings import PERMISSIONS_KEY
from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.security.sasl.jaas import JaasModule
from chronik.security.tokens.jwt import TOKEN_CHARACTERS_MAX
from chronik.security.tokens.strict_json import read_object
from chronik.security.tokens.web import SourceError, WebSource, is_unencrypted, trusted

ENDPOINT: Final = "sasl.oauthbearer.token.endpoint.url"
"""The key that says where tokens are had."""

FRESH_SHARE: Final = 0.7
"""The part of its time for which a token is shown before another one is asked for. Less than that after which a session is renewed
(:data:`~chronik.network.channel.RENEWAL_SHARE`), by enough that clocks which differ a little make no renewal show the old token again."""

PAUSE_SECONDS: Final = 1.0
"""After an answer that was no token nothing is asked for so long, however many connections want one."""

ERROR_BYTES_MAX: Final = 16 << 10
"""Of an answer that says why there is no token."""

_PREFIX: Final = "sasl.oauthbearer."
_CLIENT: Final = f"{_PREFIX}client.credentials.client."
_TRUST: Final = f"{_PREFIX}token.endpoint.ca.file"
_TOKEN: Final = re.compile(r"[-_~+/.a-zA-Z0-9]+=*", re.ASCII)
_ERROR: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}", re.ASCII)


class ITokenSource(Interface):
    """Where tokens are had that are shown to others."""

    def token() -> Deferred[str]:
        """One that is good for a while.

        :raises SourceError: there is none now; says why, without secrets.
        """


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a client shows to be given a token.

    :ivar scope: what the token is to be for; empty for whatever the server thinks fit.
    :ivar urlencodes: id and secret are encoded as RFC 6749 has it, which not every server expects (KIP-1139).
    """

    client_id: str
    secret: str = field(repr=False)
    scope: str = ""
    urlencodes: bool = False

    @property
    def authorization(self) -> str:
        """The header that says id and secret (RFC 6749, section 2.3.1)."""
        pair = (quote_plus(part) if self.urlencodes else part for part in (self.client_id, self.secret))
        return "Basic " + base64.b64encode(":".join(pair).encode()).decode()

    @property
    def form(self) -> bytes:
        """What is sent."""
        return urlencode({"grant_type": "client_credentials", **({"scope": self.scope} if self.scope else {})}).encode()


@implementer(ITokenSource)
class GivenToken:
    """One that somebody got before."""

    def __init__(self, token: str) -> None:
        self._token = token

    @deferred
    async def token(self) -> str:
        """It; see :meth:`ITokenSource.token`."""
        return _checked(self._token, "what was given")


@implementer(ITokenSource)
class FileToken:
    """A file with nothing but a token, which somebody else keeps fresh.

    :param run: reads it, here or in a thread.
    :param check: whether it may be used, called before it is read.
    """

    def __init__(self, path: str, run: Callable[..., Deferred[Any]] = execute, check: Callable[[str], object] = str) -> None:
        self._path = path
        self._run = run
        self._check = check

    @deferred
    async def token(self) -> str:
        """As it is now; see :meth:`ITokenSource.token`."""
        text: str = await self._run(self._read)
        return text

    def _read(self) -> str:
        try:
            self._check(self._path)
            data = read_bounded(self._path, TOKEN_CHARACTERS_MAX)
        except ConfigurationError as error:
            raise SourceError(str(error)) from None
        return _checked(data.decode("ascii", "replace").strip(), self._path)


@implementer(ITokenSource)
class TokenEndpoint:
    """An issuer's endpoint, asked by client credentials. A token is shown until seven tenths of its time are over; whoever comes while
    another one is on its way waits for it, and where none can be had, the old one is shown as long as it lasts.

    :param web: the endpoint.
    """

    _log = Logger()

    def __init__(self, web: WebSource, client: ClientCredentials, clock: IReactorTime) -> None:
        self._web = web
        self._client = client
        self._clock = clock
        self._token = ""
        self._fresh_until = self._ends_at = self._silent_until = float("-inf")
        self._problem: SourceError | None = None
        self._waiting: list[Deferred[str]] = []

    @deferred
    async def token(self) -> str:
        """One; see :meth:`ITokenSource.token`."""
        now = self._clock.seconds()
        if now < self._fresh_until:
            return self._token
        if self._problem is not None and now < self._silent_until:
            return self._old(self._problem)
        waiting: Deferred[str] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._fetch())
        return await waiting

    def _old(self, problem: SourceError) -> str:
        """The token there is.

        :raises SourceError: there is none any more.
        """
        if self._clock.seconds() < self._ends_at:
            return self._token
        raise problem

    async def _fetch(self) -> None:
        outcome: str | Failure
        try:
            outcome = await self._ask()
        except SourceError as problem:
            outcome = self._told(problem)
        except Exception:  # noqa: BLE001  what nobody foresaw must not leave others waiting
            self._log.failure("a token could not be had of {url}", url=self._web.url)
            outcome = self._told(SourceError(f"{self._web.url} could not be asked for a token"))
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(outcome)

    async def _ask(self) -> str:
        headers = {
            "Accept": "application/json",
            "Authorization": self._client.authorization,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        status, data = await self._web.ask(headers, self._client.form, ERROR_BYTES_MAX)
        answer = _answer(data)
        if status != 200:
            said = answer.get("error")
            why = said if isinstance(said, str) and _ERROR.fullmatch(said) else f"status {status}"
            raise SourceError(f"{self._web.url} gives no token to {self._client.client_id}: {why}")
        said = answer.get("access_token")
        token = _checked(said if isinstance(said, str) else "", f"the answer of {self._web.url}")
        lifetime, now = _lifetime(answer.get("expires_in"), token), self._clock.seconds()
        if self._problem is not None:
            self._log.info("tokens can be had of {url} again", url=self._web.url)
        self._token, self._problem = token, None
        self._fresh_until, self._ends_at = now + lifetime * FRESH_SHARE, now + lifetime
        return token

    def _told(self, problem: SourceError) -> str | Failure:
        """Once, not each time."""
        if self._problem is None:
            self._log.warn("{problem}", problem=str(problem))
        self._problem, self._silent_until = problem, self._clock.seconds() + PAUSE_SECONDS
        try:
            return self._old(problem)
        except SourceError:
            return Failure(problem)


def _checked(token: str, where: str) -> str:
    """A token that can be shown.

    :raises SourceError: it is none.
    """
    if len(token) <= TOKEN_CHARACTERS_MAX and _TOKEN.fullmatch(token):
        return token
    raise SourceError(f"{where} is no bearer token")


def _answer(data: bytes) -> dict[str, Any]:
    try:
        return read_object(data)
    except ValueError:
        return {}


def _lifetime(expires_in: Any, token: str) -> float:
    """For how many seconds a new token is good: as the answer says, else as the token does; 0 where nobody knows, and so for one use."""
    if isinstance(expires_in, str) and expires_in.isdecimal() and expires_in.isascii():
        expires_in = int(expires_in[:10])
    if isinstance(expires_in, int | float) and not isinstance(expires_in, bool):
        return min(max(float(expires_in), 0.0), 1e9)
    segment = (token.split(".") + ["", ""])[1]
    try:
        claims = read_object(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except ValueError:
        return 0.0
    return min(max(float(claims["exp"] - claims["iat"]), 0.0), 1e9) if all(isinstance(claims.get(name), int) for name in ("exp", "iat")) else 0.0


def token_source(
    config: Configuration, module: JaasModule | None, reactor: Any, run: Callable[..., Deferred[Any]] = execute, strict: bool = True
) -> ITokenSource:
    """Where a configuration says that this side's tokens are had.

    :param config: as it counts for the connections that they are for.
    :param module: Kafka's older place for the client's id, secret and scope; the keys win.
    :param run: reads files, here or in a thread.
    :param strict: a file with a token must be for its user alone, as :data:`~chronik.config.secret_settings.PERMISSIONS_KEY` says.
    :raises ConfigurationError: something is missing or wrong.
    """
    url: str | None = config.get(ENDPOINT)
    if url is None:
        raise ConfigurationError(f"{ENDPOINT} is not set: there are no tokens to log in by")
    if urlsplit(url).scheme == "file":
        path = unquote(urlsplit(url).path)
        return FileToken(path, run, _checks(path, config.get(PERMISSIONS_KEY)) if strict else str)
    options = {} if module is None else module.options
    client_id, secret = config.get(f"{_CLIENT}id") or options.get("clientId"), config.get(f"{_CLIENT}secret") or options.get("clientSecret")
    if not client_id or not secret:
        raise ConfigurationError(f"{ENDPOINT}={url} gives tokens to whoever it knows: set {_CLIENT}id and {_CLIENT}secret")
    if is_unencrypted(url):
        _log.warn("{key}={url} is told the secret of {client} unencrypted", key=ENDPOINT, url=url, client=client_id)
    web = WebSource(url, reactor, trusted(config.get(_TRUST), _TRUST), _TRUST)
    scope = config.get(f"{_PREFIX}scope") or options.get("scope") or ""
    return TokenEndpoint(web, ClientCredentials(client_id, secret, scope, config.get(f"{_PREFIX}header.urlencode")), reactor)


def _checks(path: str, permissions: str) -> Callable[[str], object]:
    """Looks whether a file with a token is for its user alone, now and whenever it is read.

    :raises ConfigurationError: it is not, or is not there.
    """
    warning = check_secret_file(path, permissions, ENDPOINT)
    if warning is not None:
        _log.warn("{problem}", problem=warning)
    return lambda path: check_secret_file(path, permissions, ENDPOINT)


_log: Final = Logger()

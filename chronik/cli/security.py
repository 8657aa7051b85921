"""How commands connect, and how they prove who they are: by options, and by a file of Kafka's client properties (``--command-config``)."""

from __future__ import annotations

import argparse
import base64
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IStreamClientEndpoint

from chronik.errors import ChronikError, ConfigurationError
from chronik.network.interfaces import ISaslClient
from chronik.network.tlsendpoint import TlsEndpoint
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.jaas import OAUTHBEARER, module_for
from chronik.security.scram_keys import SCRAM_HASHES

if TYPE_CHECKING:
    from chronik.config import Configuration
    from chronik.security.tls.client import ClientTls
    from chronik.security.tokens.outgoing import ITokenSource

DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"
MECHANISMS: Final = ("PLAIN", *SCRAM_HASHES, OAUTHBEARER)

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Security protocols that commands speak."""

_HANDLER: Final = "sasl.login.callback.handler.class"

_LOGIN: Final = ("security.protocol", "sasl.mechanism", "sasl.jaas.config", _HANDLER)
"""Properties that say how to log in, beside those of TLS and of tokens."""

_HANDLERS: Final = tuple(f"org.apache.kafka.common.security.oauthbearer.{each}OAuthBearerLoginCallbackHandler" for each in ("", "secured."))
"""Kafka's handlers that get tokens as the commands do; Kafka's clients have to be told of them."""

_TOKENS: Final = ("sasl.oauthbearer.token.endpoint.", "sasl.oauthbearer.client.credentials.", "sasl.oauthbearer.scope", "sasl.oauthbearer.header.")
"""What properties begin with that say where tokens are had."""


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    """How to connect, and what to tell a broker of oneself.

    :ivar tls: None for plain text.
    :ivar user: empty for nobody, and where a token says who it is.
    :ivar tokens: makes what gives tokens, of a reactor; None where there are none.
    """

    tls: ClientTls | None = None
    mechanism: str = DEFAULT_MECHANISM
    user: str = ""
    password: str = field(default="", repr=False)
    tokens: Callable[[Any], ITokenSource] | None = field(default=None, repr=False, compare=False)

    def sasl(self, reactor: Any) -> Callable[[], ISaslClient] | None:
        """Makes this side of a login, on all connections of a command; None where there is none."""
        if self.tokens is not None:
            from chronik.security.sasl.bearer_client import BearerClient

            source = self.tokens(reactor)
            return lambda: BearerClient(source)
        return (lambda: sasl_client(self.mechanism, self.user, self.password)) if self.user else None

    async def authorization(self, reactor: Any) -> str | None:
        """The header of HTTP that says who asks; None for nobody.

        :raises ChronikError: there is no token to be had.
        """
        if self.tokens is not None:
            from chronik.security.tokens.web import SourceError

            try:
                return f"Bearer {await self.tokens(reactor).token()}"
            except SourceError as error:
                raise ChronikError(str(error)) from None
        if not self.user:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def secured(self, endpoint: IStreamClientEndpoint, host: str, reactor: Any) -> IStreamClientEndpoint:
        """An endpoint to a host, with TLS where that is wanted."""
        return endpoint if self.tls is None else TlsEndpoint(endpoint, self.tls.to(host), reactor)


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add the options that say how to connect, and as whom."""
    group = parser.add_argument_group("security")
    group.add_argument("--user", metavar="NAME", help="log in as this user; the password is asked for, or is in --password-file")
    group.add_argument("--password-file", metavar="FILE", help="a file with the user's password in its first line")
    group.add_argument("--token-file", metavar="FILE", help="log in by the bearer token in this file; or it is in the environment's CHRONIK_TOKEN")
    parser.set_defaults(token=environ.get("CHRONIK_TOKEN") or None)
    group.add_argument("--mechanism", choices=MECHANISMS, help=f"SASL mechanism to log in by (default {DEFAULT_MECHANISM})")
    group.add_argument("--tls", action="store_true", help="connect with TLS, and trust whom this system trusts")
    group.add_argument("--tls-ca", metavar="FILE", help="connect with TLS, and trust who is in this PEM file")
    group.add_argument("--tls-cert", metavar="FILE", help="show this certificate; a PEM file that may have the private key as well")
    group.add_argument("--tls-key", metavar="FILE", help="the private key of --tls-cert")
    group.add_argument(
        "--command-config",
        metavar="FILE",
        default=environ.get("CHRONIK_COMMAND_CONFIG"),
        help="security.protocol, sasl.mechanism, sasl.jaas.config, ssl.* and other properties of Kafka's clients (CHRONIK_COMMAND_CONFIG)",
    )


def client_security(options: argparse.Namespace, https: bool = False, ask: Callable[[str], str] = getpass.getpass) -> ClientSecurity:
    """What options and file say; options win.

    :param https: TLS is wanted in any case.
    :param ask: for a password, at a terminal.
    :raises ChronikError: something cannot be used; says what.
    """
    texts = _properties(options.command_config) if options.command_config else {}
    protocol = texts.pop("security.protocol", "PLAINTEXT").upper()
    if texts.get(_HANDLER, _HANDLERS[0]) not in _HANDLERS:
        raise ConfigurationError(f"{_HANDLER} names a program of Java's; the commands get tokens by themselves, as {_HANDLERS[0]} does")
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"security.protocol={protocol} in {options.command_config} cannot be used: there are {', '.join(_PROTOCOLS)}")
    given, jaas = texts.pop("sasl.mechanism", ""), texts.pop("sasl.jaas.config", None)
    has_token = not options.user and bool(options.token_file or options.token)
    mechanism = options.mechanism or (OAUTHBEARER if has_token else given) or DEFAULT_MECHANISM
    if has_token and mechanism != OAUTHBEARER:
        raise ConfigurationError(f"a token is shown by {OAUTHBEARER}, not by {mechanism}")
    if (given or jaas) and not options.user and not has_token and not protocol.startswith("SASL_"):
        raise ConfigurationError(
            f"{options.command_config} says how to log in, and that nobody does: security.protocol is {protocol}: set SASL_SSL or SASL_PLAINTEXT"
        )
    user, password = "", ""
    tls = _tls(options, texts, https or protocol.endswith("SSL"))
    if options.user and mechanism == OAUTHBEARER:
        raise ConfigurationError(f"by {OAUTHBEARER} a token says who it is: leave --user out, and give --token-file")
    if has_token or (mechanism == OAUTHBEARER and (protocol.startswith("SASL_") or options.mechanism)):
        return ClientSecurity(tls, OAUTHBEARER, tokens=_tokens(options, texts, jaas))
    if options.user:
        user, password = options.user, _password(options, ask)
    elif protocol.startswith("SASL_"):
        module = module_for(mechanism, jaas)
        user, password = (module.own if module is not None else None) or ("", "")
        if not user:
            raise ConfigurationError(f"security.protocol={protocol} needs a user: give --user, or sasl.jaas.config in {options.command_config}")
    return ClientSecurity(tls, mechanism, user, password)


def _tokens(options: argparse.Namespace, texts: Mapping[str, str], jaas: str | None) -> Callable[[Any], ITokenSource]:
    """Where tokens are had: of a file, of the environment, or of an issuer."""
    # Imported here: it brings an HTTP client, which most commands need not have.
    from chronik.security.tokens.outgoing import ENDPOINT, FileToken, GivenToken, token_source

    if options.token_file:
        path = os.path.expanduser(options.token_file)
        return lambda reactor: FileToken(path)
    if options.token:
        return lambda reactor: GivenToken(options.token)
    module = module_for(OAUTHBEARER, jaas)
    config = _configuration({name: text for name, text in texts.items() if name.startswith(_TOKENS)})
    if config.get(ENDPOINT) is None:
        raise ConfigurationError(f"{OAUTHBEARER} needs a token: give --token-file or CHRONIK_TOKEN, or {ENDPOINT} in the file of --command-config")
    return lambda reactor: token_source(config, module, reactor, strict=False)


def _tls(options: argparse.Namespace, texts: Mapping[str, str], wanted: bool) -> ClientTls | None:
    """TLS as options and properties say it; None where nobody asks for it."""
    if not (wanted or options.tls or options.tls_ca or options.tls_cert or options.tls_key):
        return None
    # Imported here: it takes longer than most commands.
    from chronik.security.tls.client import ClientTls

    return ClientTls("--tls", _configuration({**{k: v for k, v in texts.items() if k.startswith("ssl.")}, **_tls_options(options)}))


def _configuration(texts: Mapping[str, str]) -> Configuration:
    """What was said, secrets that are in files of their own with it."""
    # Imported here: it brings all of the broker's configuration.
    from chronik.config import Configuration
    from chronik.config.secret_files import WARN
    from chronik.config.secret_settings import resolve

    resolved = resolve(texts, WARN)
    for warning in resolved.warnings:
        print(f"chronik: {warning}", file=sys.stderr)
    return Configuration().with_values(resolved.texts)


def _tls_options(options: argparse.Namespace) -> dict[str, str]:
    texts: dict[str, str] = {}
    if options.tls_ca is not None:
        texts["ssl.truststore.location"] = os.path.expanduser(options.tls_ca)
    if options.tls_key is not None and options.tls_cert is None:
        raise ConfigurationError("--tls-key is the private key of a certificate: give that with --tls-cert")
    if options.tls_cert is not None and options.tls_key is None:
        texts["ssl.keystore.location"] = os.path.expanduser(options.tls_cert)
    elif options.tls_cert is not None:
        texts["ssl.keystore.certificate.chain"] = _pem(options.tls_cert, "--tls-cert")
        texts["ssl.keystore.key"] = _pem(options.tls_key, "--tls-key")
    return texts


def _pem(path: str, option: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{option} {path} cannot be read: {error}") from None


def _properties(path: str) -> dict[str, str]:
    """Settings of a file that say how to connect; the others are those of other programs, which is told."""
    # Imported here: it brings all of the broker's configuration, which few commands need.
    from chronik.config import BROKER_KEYS
    from chronik.config.files import read_settings

    texts: dict[str, str] = {}
    left: list[str] = []
    for setting in read_settings(path):
        if setting.name in _LOGIN:
            texts[setting.name] = setting.text
        elif setting.name in BROKER_KEYS and setting.name.startswith(("ssl.", *_TOKENS)):
            BROKER_KEYS[setting.name].parse(setting.text)
            texts[setting.name] = setting.text
        elif setting.name.startswith(("sasl.", "security.")):
            known = ", ".join((*_LOGIN, *(f"{each}*" for each in _TOKENS)))
            raise ConfigurationError(f"{path}: {setting.name} means nothing to the commands; they know {known} and ssl.*")
        else:
            left.append(setting.name)
    if left:
        print(f"chronik: {path}: {', '.join(left)}: not used by this command", file=sys.stderr)
    return texts


def _password(options: argparse.Namespace, ask: Callable[[str], str]) -> str:
    if options.password_file:
        return password_of(options.password_file)
    if not sys.stdin or not sys.stdin.isatty():
        raise ChronikError(f"there is no terminal to ask for the password of {options.user}: give --password-file")
    return ask(f"Password of {options.user}: ")


def password_of(path: str) -> str:
    """The password in a file's first line; ``-`` for standard input.

    :raises ChronikError: there is none.
    """
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ChronikError(f"cannot read the password in {path}: {os.strerror(error.errno or 0)}") from None
    except UnicodeDecodeError:
        raise ChronikError(f"the password in {path} is not UTF-8 text") from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise ChronikError(f"there is no password in {'standard input' if path == '-' else path}")
    return password


def reason(error: Exception) -> str:
    """Why there is no connection, in words."""
    number = getattr(error, "osError", None)
    return (os.strerror(number) if isinstance(number, int) else str(error).rstrip(".")).lower()

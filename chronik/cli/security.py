"""How commands connect and prove who they are: by options, or by a file of Kafka's client properties (``--command-config``)."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IStreamClientEndpoint

from chronik.errors import ChronikError, ConfigurationError
from chronik.network.interfaces import ISaslClient
from chronik.network.tlsendpoint import TlsEndpoint
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.jaas import module_for

if TYPE_CHECKING:
    from chronik.security.tls.client import ClientTls

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Security protocols that commands speak."""

DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"

_SASL: Final = ("sasl.mechanism", "sasl.jaas.config")


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    """How to connect.

    :ivar tls: None for plain text.
    :ivar user: who to log in as; empty for nobody.
    """

    tls: ClientTls | None = None
    mechanism: str = DEFAULT_MECHANISM
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def sasl(self) -> Callable[[], ISaslClient] | None:
        """Makes this side of a login; None where there is none."""
        if not self.user:
            return None
        return lambda: sasl_client(self.mechanism, self.user, self.password)

    def secured(self, endpoint: IStreamClientEndpoint, host: str, reactor: Any) -> IStreamClientEndpoint:
        """An endpoint to a host, with TLS where that is wanted."""
        return endpoint if self.tls is None else TlsEndpoint(endpoint, self.tls.to(host), reactor)


def client_security(options: argparse.Namespace, http: str = "", ask: Callable[[str], str] = getpass.getpass) -> ClientSecurity:
    """What options and file say; options win.

    :param http: the URL where HTTP is spoken, and the protocol of Kafka's listeners does not matter; empty to speak to those.
    :param ask: for a password, at a terminal.
    :raises ChronikError: something cannot be used; says what.
    """
    texts = {} if options.command_config is None else _properties(options.command_config)
    protocol = texts.pop("security.protocol", "").upper()
    if protocol and protocol not in PROTOCOLS:
        raise ConfigurationError(f"security.protocol={protocol} in {options.command_config} cannot be used: there are {', '.join(PROTOCOLS)}")
    mechanism = options.mechanism or texts.pop("sasl.mechanism", DEFAULT_MECHANISM)
    user, password = _login(options, mechanism, texts.pop("sasl.jaas.config", None), protocol, ask)
    ssl = {name: text for name, text in texts.items() if name.startswith("ssl.")} | _of_options(options)
    wanted = bool(options.tls or options.tls_ca or options.tls_cert or protocol.endswith("SSL"))
    if not (http.startswith("https:") if http else wanted):
        return ClientSecurity(None, mechanism, user, password)
    # Imported here: they take longer than most commands.
    from chronik.config import Configuration
    from chronik.security.tls.client import ClientTls

    return ClientSecurity(ClientTls("--tls", Configuration().with_values(ssl)), mechanism, user, password)


def _login(
    options: argparse.Namespace, mechanism: str, jaas: str | None, protocol: str, ask: Callable[[str], str]
) -> tuple[str, str]:
    """User and password; both empty where nobody logs in."""
    if options.user:
        return options.user, _password(options, ask)
    if not protocol.startswith("SASL_"):
        return "", ""
    module = module_for(mechanism, jaas)
    own = module.own if module is not None else None
    if own is None:
        raise ConfigurationError(f"security.protocol={protocol} needs a user: give --user, or sasl.jaas.config in {options.command_config}")
    return own


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


def _of_options(options: argparse.Namespace) -> dict[str, str]:
    """What the options about TLS are as properties."""
    texts: dict[str, str] = {}
    if options.tls_ca is not None:
        texts["ssl.truststore.location"] = os.path.expanduser(options.tls_ca)
    if options.tls_key is not None and options.tls_cert is None:
        raise ConfigurationError("--tls-key is the private key of a certificate: give that with --tls-cert")
    if options.tls_cert is not None and options.tls_key is None:
        texts["ssl.keystore.location"] = os.path.expanduser(options.tls_cert)
    elif options.tls_cert is not None:
        texts["ssl.keystore.certificate.chain"] = _read(options.tls_cert, "--tls-cert")
        texts["ssl.keystore.key"] = _read(options.tls_key, "--tls-key")
    return texts


def _read(path: str, option: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="ascii") as file:
            return file.read()
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
        if setting.name == "security.protocol" or setting.name in _SASL:
            texts[setting.name] = setting.text
        elif setting.name in BROKER_KEYS and setting.name.startswith("ssl."):
            BROKER_KEYS[setting.name].parse(setting.text)
            texts[setting.name] = setting.text
        elif setting.name.startswith(("sasl.", "security.")):
            known = f"security.protocol, {', '.join(_SASL)} and ssl.*"
            raise ConfigurationError(f"{path}: {setting.name} means nothing to the commands; they know {known}")
        else:
            left.append(setting.name)
    if left:
        print(f"chronik: {path}: {', '.join(left)}: not used by this command", file=sys.stderr)
    return texts

"""How a command proves who it is: options, and Kafka's own client properties (``--command-config``)."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chronik.errors import ChronikError, ConfigurationError
from chronik.network.interfaces import ISaslClient
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.jaas import module_for
from chronik.security.scram_keys import SCRAM_HASHES

DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"
MECHANISMS: Final = ("PLAIN", *SCRAM_HASHES)

_PROTOCOLS: Final = ("PLAINTEXT", "SASL_PLAINTEXT")
"""Security protocols that commands speak."""

_KNOWN: Final = ("security.protocol", "sasl.mechanism", "sasl.jaas.config")


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    """What a command tells a broker of itself.

    :ivar protocol: Kafka's security protocol.
    :ivar user: empty for nobody.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = DEFAULT_MECHANISM
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def sasl(self) -> Callable[[], ISaslClient] | None:
        """Makes this side of a login; None where there is none."""
        if not self.protocol.startswith("SASL_"):
            return None
        return lambda: sasl_client(self.mechanism, self.user, self.password)


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add the options by which a command proves who it is."""
    security = parser.add_argument_group("security")
    security.add_argument("--user", metavar="NAME", help="log in as this user; the password is asked for, or is in --password-file")
    security.add_argument("--password-file", metavar="FILE", help="a file with the user's password in its first line")
    security.add_argument("--mechanism", choices=MECHANISMS, help=f"SASL mechanism to log in by (default {DEFAULT_MECHANISM})")
    security.add_argument(
        "--command-config",
        metavar="FILE",
        default=environ.get("CHRONIK_COMMAND_CONFIG"),
        help="Kafka's client properties: security.protocol, sasl.mechanism, sasl.jaas.config (CHRONIK_COMMAND_CONFIG)",
    )


def client_security(options: argparse.Namespace, ask: Callable[[str], str] = getpass.getpass) -> ClientSecurity:
    """What the options say; options on the command line win over the file.

    :param ask: for a password, at a terminal.
    :raises ChronikError: they cannot be used; says why.
    """
    properties = _read(options.command_config) if options.command_config else {}
    mechanism = options.mechanism or properties.get("sasl.mechanism") or DEFAULT_MECHANISM
    if options.user:
        user, password = options.user, _password(options, ask)
        protocol = properties.get("security.protocol", "SASL_PLAINTEXT").upper()
    else:
        module = module_for(mechanism, properties.get("sasl.jaas.config"))
        user, password = (module.own if module is not None else None) or ("", "")
        protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"security.protocol={protocol} is not served by the commands yet; there are {', '.join(_PROTOCOLS)}")
    if protocol.startswith("SASL_") and not user:
        raise ConfigurationError(f"security.protocol={protocol} needs a user: give --user, or sasl.jaas.config in {options.command_config}")
    return ClientSecurity(protocol, mechanism, user, password)


def _read(path: str) -> Mapping[str, str]:
    # Imported here: it brings all of the broker's configuration, which few commands need.
    from chronik.config.files import read_settings

    settings = {setting.name: setting.text for setting in read_settings(path)}
    for name in settings:
        if name not in _KNOWN and name.startswith(("sasl.", "security.")):
            raise ConfigurationError(f"{path}: {name} means nothing to the commands; they know {', '.join(_KNOWN)}")
    return settings


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

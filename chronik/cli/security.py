"""How commands connect: in plain text or with TLS, by options or by a file of Kafka's client properties."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IStreamClientEndpoint

from chronik.config import BROKER_KEYS, Configuration
from chronik.config.files import read_settings
from chronik.errors import ConfigurationError
from chronik.network.tlsendpoint import TlsEndpoint

if TYPE_CHECKING:
    from chronik.security.tls.client import ClientTls

SERVED: Final = ("PLAINTEXT", "SSL")
"""Security protocols that commands speak."""


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    """How to connect.

    :ivar tls: None for plain text.
    """

    tls: ClientTls | None = None

    def secured(self, endpoint: IStreamClientEndpoint, host: str, reactor: Any) -> IStreamClientEndpoint:
        """An endpoint to a host, with TLS where that is wanted."""
        return endpoint if self.tls is None else TlsEndpoint(endpoint, self.tls.to(host), reactor)


def client_security(options: argparse.Namespace, https: bool = False) -> ClientSecurity:
    """What options and file say; options win.

    :param https: TLS is wanted in any case.
    :raises ConfigurationError: something cannot be used; says what.
    """
    texts = {} if options.command_config is None else _properties(options.command_config)
    protocol = texts.pop("security.protocol", "PLAINTEXT").upper()
    if protocol not in SERVED:
        raise ConfigurationError(f"security.protocol={protocol} in {options.command_config} cannot be used: there are {', '.join(SERVED)}")
    texts |= _of_options(options)
    wanted = https or options.tls or options.tls_ca or options.tls_cert or protocol == "SSL"
    if not wanted:
        return ClientSecurity()
    # Imported here: it takes longer than most commands.
    from chronik.security.tls.client import ClientTls

    return ClientSecurity(ClientTls("--tls", Configuration().with_values(texts)))


def _of_options(options: argparse.Namespace) -> dict[str, str]:
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
    texts: dict[str, str] = {}
    left: list[str] = []
    for setting in read_settings(path):
        if setting.name == "security.protocol":
            texts[setting.name] = setting.text
        elif setting.name in BROKER_KEYS and setting.name.startswith("ssl."):
            BROKER_KEYS[setting.name].parse(setting.text)
            texts[setting.name] = setting.text
        else:
            left.append(setting.name)
    if left:
        print(f"chronik: {path}: {', '.join(left)}: not used by this command", file=sys.stderr)
    return texts

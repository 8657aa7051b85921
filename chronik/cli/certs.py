"""``chronik certs``: a private CA, and certificates of a broker and of clients, for a first secured run."""

from __future__ import annotations

import argparse
import datetime
import os
import shlex
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from chronik.defer import deferred
from chronik.errors import ChronikError
from chronik.security.tls.making import CLIENT, SERVER, Issued, issue, make_authority, name_of

HOSTS: Final = ("localhost", "127.0.0.1", "::1")
"""What a broker's certificate is good for in any case."""

AUTHORITY_DAYS: Final = 3650
RULES: Final = "RULE:^CN=([^,]+).*$/$1/,DEFAULT"
"""Makes ``User:alice`` of ``CN=alice``."""


@deferred
async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Make what is asked for and is not there yet, and say how to use it.

    :raises ChronikError: a file is in the way, or cannot be written.
    """
    options.client = list(dict.fromkeys(options.client or ["client"]))
    folder = Path(options.directory).absolute()
    wanted = [("broker", True), *((name, False) for name in options.client)]
    existing = [f"{name}.pem" for name, _ in wanted if (folder / f"{name}.pem").exists()]
    asked_again = [name for name in existing if name != "broker.pem" or options.host]
    if asked_again and not options.replace:
        raise ChronikError(f"{folder} has {', '.join(asked_again)} already; --replace makes new ones in their place, another directory keeps them")
    if existing and len(existing) == len(wanted) and not options.replace:
        raise ChronikError(f"{folder} has all that was asked for already; --client NAME makes a certificate for another client")
    now = datetime.datetime.now(datetime.UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _authority(folder, now)
    for name, is_broker in wanted:
        if f"{name}.pem" in existing and not options.replace:
            continue
        made = _broker(authority, options.host, now, options.days) if is_broker else issue(authority, name_of(name), now, options.days, [CLIENT])
        _write(folder / f"{name}.pem", made.pem)
    print(_next_steps(folder, options))


def _authority(folder: Path, now: datetime.datetime) -> Issued:
    """The one that is there, or a new one."""
    certificate, key = folder / "ca.pem", folder / "ca-key.pem"
    if certificate.exists() != key.exists():
        missing, there = (key, certificate) if certificate.exists() else (certificate, key)
        raise ChronikError(f"{there} is there, and {missing} is not: put it back, or choose another directory")
    if certificate.exists():
        try:
            loaded = serialization.load_pem_private_key(key.read_bytes(), None)
            return Issued(loaded, x509.load_pem_x509_certificate(certificate.read_bytes()))
        except (ValueError, TypeError) as error:
            raise ChronikError(f"{certificate} or {key} cannot be read: {error}") from None
    made = make_authority(name_of("Chronik private CA", organization="Chronik"), now, AUTHORITY_DAYS)
    _write(key, made.key_pem)
    _write(certificate, made.certificate_pem)
    return made


def _broker(authority: Issued, hosts: list[str], now: datetime.datetime, days: int) -> Issued:
    return issue(authority, name_of("broker"), now, days, [SERVER, CLIENT], dict.fromkeys((*HOSTS, *hosts)))


def _write(path: Path, data: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.replace(partial, path)


def _next_steps(folder: Path, options: argparse.Namespace) -> str:
    authority, client = (shlex.quote(str(folder / name)) for name in ("ca.pem", f"{options.client[0]}.pem"))
    settings = [
        "listeners=SSL://127.0.0.1:9093",
        f"ssl.keystore.location={folder / 'broker.pem'}",
        f"ssl.truststore.location={folder / 'ca.pem'}",
        "ssl.client.auth=required",
        f"ssl.principal.mapping.rules={RULES}",
    ]
    return "\n".join(
        [
            f"{folder} has the CA (ca.pem, ca-key.pem), the broker's certificate (broker.pem) and one for each client ({', '.join(options.client)}).",
            "Whoever has ca-key.pem can become anybody: keep it away from the broker once all certificates are made.",
            "",
            "Start a broker that lets in whoever has a certificate:",
            "  twist chronik \\\n    " + " \\\n    ".join(f"--set {shlex.quote(setting)}" for setting in settings),
            "",
            f"Use it as User:{options.client[0]}:",
            f"  chronik topics list -b localhost:9093 --tls-ca {authority} --tls-cert {client}",
            "",
            "Other clients: security.protocol=SSL, and",
            f"  librdkafka    ssl.ca.location={authority} ssl.certificate.location={client} ssl.key.location={client}",
            f"  Java          ssl.truststore.type=PEM ssl.truststore.location={authority} ssl.keystore.type=PEM ssl.keystore.location={client}",
            f"  kafka-python  ssl_cafile={authority} ssl_certfile={client} ssl_keyfile={client}",
        ]
    )

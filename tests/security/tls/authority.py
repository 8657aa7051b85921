"""Certificates for tests, made once a process: good ones, and one of each kind that must be refused."""

from __future__ import annotations

import atexit
import datetime
import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL import SSL

from chronik.config import Configuration
from chronik.network.interfaces import ITlsSide
from chronik.security.tls.making import CLIENT, SERVER, Issued, issue, make_authority, name_of
from chronik.security.tls.server import ServerTls

HOSTS = ("localhost", "127.0.0.1", "::1")


@functools.cache
def now() -> datetime.datetime:
    """When the tests began."""
    return datetime.datetime.now(datetime.UTC)


def authority(name: str = "test CA") -> Issued:
    """A CA; another for each name."""
    return _authority(name)


@functools.cache
def _authority(name: str) -> Issued:
    return make_authority(name_of(name, organization="Tests"), now(), 365)


@functools.cache
def broker(host: str = "") -> Issued:
    """A broker's certificate, for this machine or for another name."""
    return issue(authority(), name_of(host or "broker"), now(), 100, [SERVER, CLIENT], [host] if host else HOSTS)


@functools.cache
def client(name: str = "alice", issuer: str = "test CA", days: float = 100, server: bool = False) -> Issued:
    """A client's certificate; one of a server where that is asked for, and one that has expired for negative days."""
    return issue(authority(issuer), name_of(name, "People", "Tests"), now(), days, [SERVER if server else CLIENT])


@functools.cache
def folder() -> Path:
    """Where :func:`file` puts what is in memory."""
    made = Path(tempfile.mkdtemp(prefix="chronik-test-tls-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def _written(data: bytes) -> str:
    path = folder() / f"{len(list(folder().iterdir()))}.pem"
    path.write_bytes(data)
    path.chmod(0o600)
    return str(path)


def file(what: Issued | bytes) -> str:
    """The path of a file with a key and its certificate, or with these bytes."""
    return _written(what.pem if isinstance(what, Issued) else what)


def ca_file(name: str = "test CA") -> str:
    """The path of a CA's certificate."""
    return file(authority(name).certificate_pem)


def settings(**more: str) -> dict[str, str]:
    """Settings of a listener with a certificate; underscores stand for dots."""
    named = {key.replace("_", "."): value for key, value in more.items()}
    return {"ssl.keystore.location": file(broker()), "ssl.truststore.location": ca_file(), **named}


def server(clock: Callable[[], float] | None = None, **more: str) -> ServerTls:
    """The TLS of a listener."""
    return ServerTls("SSL", Configuration().with_values(settings(**more)), clock or (lambda: now().timestamp()))


def shake(client_side: SSL.Connection, server_side: SSL.Connection, rounds: int = 6) -> tuple[SSL.Error | None, SSL.Error | None]:
    """Do a handshake in memory; what either side made of it, None for a good end.

    A client of TLS 1.3 is done before it learns that it was refused: what it reads then counts.
    """
    results: list[SSL.Error | None] = [None, None]
    done = [False, False]
    for _ in range(rounds):
        for number, (side, other) in enumerate(((client_side, server_side), (server_side, client_side))):
            if results[number] is None:
                results[number] = _step(side, done, number)
            _pump(side, other)
    return results[0], results[1]


def _step(side: SSL.Connection, done: list[bool], number: int) -> SSL.Error | None:
    try:
        if not done[number]:
            side.do_handshake()
            done[number] = True
        side.recv(1)
    except SSL.WantReadError:
        return None
    except SSL.Error as error:
        return error
    return None


def _pump(side: SSL.Connection, other: SSL.Connection) -> None:
    try:
        other.bio_write(side.bio_read(1 << 20))
    except SSL.WantReadError:
        pass


def connections(client_side: ITlsSide, server_side: ITlsSide) -> tuple[Any, Any]:
    """New connections of both sides."""
    return client_side.connection(), server_side.connection()

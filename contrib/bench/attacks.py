"""What hostile connections do, one script for each kind; :mod:`hostile` drives them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import random
import ssl
import struct
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from hostile import Peer, Script
from OpenSSL import SSL

from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from tests.integration import wire

USER: Final = "mallory"
PASSWORD: Final = "correct-horse"
BOMBS: Final = "bombs"
COMPACTED_BOMBS: Final = "bombs-compacted"
BOMB_BYTES: Final = {Codec.GZIP: 16 << 20, Codec.SNAPPY: 2 << 20, Codec.LZ4: 16 << 20, Codec.ZSTD: 16 << 20}
"""What is in a bomb of each codec; packed, none has 100 KB."""

HOLD: Final = 3600.0
DRIP_SECONDS: Final = 1.0


class Kind(NamedTuple):
    """One kind of attack.

    :ivar listener: which listener it is against.
    :ivar script: what a connection does.
    """

    listener: str
    script: Callable[[Peer], Script]


def silent(peer: Peer) -> Script:
    """Connect, and say nothing."""
    yield HOLD


def drip(peer: Peer) -> Script:
    """Promise a large request, and send a byte of it a second."""
    peer.send(struct.pack(">ihhi", 1 << 20, 0, 7, 1))
    # Not all at the same moment.
    yield random.random() * DRIP_SECONDS
    while True:
        peer.send(b"\0")
        yield DRIP_SECONDS


def garbage(peer: Peer) -> Script:
    """Random bytes."""
    peer.send(random.randbytes(200))
    yield None


def oversized(peer: Peer) -> Script:
    """A request larger than any may be."""
    peer.send(struct.pack(">ihhi", (1 << 31) - 1, 0, 7, 1) + bytes(100))
    yield None


def bombs(peer: Peer) -> Script:
    """Batches that become a thousand times as large, again and again, in each codec."""
    yield from _produce(peer, BOMBS)


def compacted_bombs(peer: Peer) -> Script:
    """The same for a topic whose batches the broker has to look into."""
    yield from _produce(peer, COMPACTED_BOMBS)


def churn(peer: Peer) -> Script:
    """Connect and leave."""
    peer.reset()
    return
    yield


def scram(peer: Peer) -> Script:
    """Log in, as often as can be."""
    yield from _scram(peer, PASSWORD)


def scram_wrong(peer: Peer) -> Script:
    """Try wrong passwords of many users."""
    yield from _scram(peer, f"wrong-{peer.number}", f"user-{peer.number}")


def plain_wrong(peer: Peer) -> Script:
    """Try wrong passwords of many users, which the broker has to compute."""
    yield from _handshake(peer, "PLAIN")
    peer.send(_authenticate(b"\0user-%d\0wrong" % peer.number))
    yield from _response()


def plain(peer: Peer) -> Script:
    """Log in by the same password, as often as can be."""
    yield from _handshake(peer, "PLAIN")
    peer.send(_authenticate(f"\0{USER}\0{PASSWORD}".encode()))
    yield from _response()
    peer.reset()


def hello(peer: Peer) -> Script:
    """Begin a TLS handshake, and leave it at that."""
    peer.send(_client_hello())
    yield HOLD


def secured(peer: Peer) -> Script:
    """Do a TLS handshake, and say nothing."""
    yield from _secure(peer)
    yield HOLD


def handshakes(peer: Peer) -> Script:
    """Do a TLS handshake, and leave."""
    yield from _secure(peer)
    peer.counts["handshakes"] += 1
    peer.reset()


def renegotiate(peer: Peer) -> Script:
    """Ask for another handshake in a TLS 1.2 session, again and again."""
    connection = SSL.Connection(_old_context())
    connection.set_connect_state()
    while True:
        try:
            connection.do_handshake()
            break
        except SSL.WantReadError:
            peer.send(_output(connection))
            connection.bio_write((yield None))
    while True:
        connection.renegotiate()
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error:
            return  # the broker said no, and OpenSSL's client ends with that
        peer.send(_output(connection))
        peer.counts["renegotiations asked for"] += 1
        connection.bio_write((yield None))


def slowloris(peer: Peer) -> Script:
    """An HTTP request whose headers never end."""
    peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    yield random.random() * DRIP_SECONDS
    while True:
        peer.send(b"X: y\r\n")
        yield DRIP_SECONDS


def basic(peer: Peer) -> Script:
    """HTTP requests with wrong passwords of many users."""
    count = 0
    while True:
        count += 1
        login = base64.b64encode(b"user-%d-%d:wrong" % (peer.number, count))
        peer.send(b"GET /_cluster/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " + login + b"\r\n\r\n")
        yield None
        peer.counts["requests"] += 1


KINDS: Final[Mapping[str, Kind]] = {
    "silent": Kind("PLAINTEXT", silent),
    "drip": Kind("PLAINTEXT", drip),
    "garbage": Kind("PLAINTEXT", garbage),
    "oversized": Kind("PLAINTEXT", oversized),
    "churn": Kind("PLAINTEXT", churn),
    "bombs": Kind("PLAINTEXT", bombs),
    "bombs-compacted": Kind("PLAINTEXT", compacted_bombs),
    "scram": Kind("SASL_PLAINTEXT", scram),
    "scram-wrong": Kind("SASL_PLAINTEXT", scram_wrong),
    "plain": Kind("SASL_PLAINTEXT", plain),
    "plain-wrong": Kind("SASL_PLAINTEXT", plain_wrong),
    "hello": Kind("SSL", hello),
    "secured": Kind("SSL", secured),
    "handshakes": Kind("SSL", handshakes),
    "sasl-ssl": Kind("SASL_SSL", handshakes),
    "renegotiate": Kind("SSL", renegotiate),
    "slowloris": Kind("HTTP", slowloris),
    "basic": Kind("HTTP", basic),
}


# -- parts of scripts -----------------------------------------------------------------------------------------------------


def _response() -> Script:
    """Wait for one answer, and keep none of it."""
    data = yield None
    while len(data) < 4 or len(data) < 4 + struct.unpack_from(">i", data)[0]:
        data += yield None


def _answer(held: list[bytes]) -> Script:
    data = yield None
    while len(data) < 4 or len(data) < 4 + struct.unpack_from(">i", data)[0]:
        data += yield None
    held[:] = [data[4:]]


def _produce(peer: Peer, topic: str) -> Script:
    while True:
        for bomb in _bombs(topic):
            peer.send(bomb)
            yield from _response()
            peer.counts["bombs"] += 1


def _handshake(peer: Peer, mechanism: str) -> Script:
    peer.send(wire.frame(17, 1, wire.string(mechanism)))
    yield from _response()


def _authenticate(message: bytes) -> bytes:
    return wire.frame(36, 0, struct.pack(">i", len(message)) + message)


def _scram(peer: Peer, password: str, user: str = USER) -> Script:
    """The client's side of RFC 5802; what it costs a client is computed once for a password."""
    yield from _handshake(peer, "SCRAM-SHA-256")
    first = f"n={user},r={os.urandom(12).hex()}"
    peer.send(_authenticate(b"n,," + first.encode()))
    held: list[bytes] = []
    yield from _answer(held)
    size = struct.unpack_from(">i", held[0], 8)[0] if len(held[0]) > 12 and held[0][4:6] == b"\0\0" else -1
    if size < 0:
        peer.counts["sent away"] += 1
        return
    server_first = held[0][12 : 12 + size].decode()
    nonce, salt, iterations = (part[2:] for part in server_first.split(","))
    # A wrong password need not be derived: any proof is as wrong.
    client_key = _client_key(password, salt, int(iterations)) if password == PASSWORD else bytes(32)
    final = f"c=biws,r={nonce}"
    stored = hashlib.sha256(client_key).digest()
    signature = hmac.digest(stored, f"{first},{server_first},{final}".encode(), "sha256")
    proof = base64.b64encode(bytes(one ^ other for one, other in zip(client_key, signature, strict=True))).decode()
    peer.send(_authenticate(f"{final},p={proof}".encode()))
    yield from _answer(held)
    peer.counts["logins" if held[0][4:6] == b"\0\0" else "failed logins"] += 1
    peer.reset()


@cache
def _client_key(password: str, salt: str, iterations: int) -> bytes:
    return hmac.digest(hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), iterations), b"Client Key", "sha256")


def _secure(peer: Peer) -> Script:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = _context().wrap_bio(incoming, outgoing)
    while True:
        try:
            connection.do_handshake()
            break
        except ssl.SSLWantReadError:
            peer.send(outgoing.read())
            incoming.write((yield None))
    peer.send(outgoing.read())


@cache
def _context() -> ssl.SSLContext:
    """Of a client that believes anybody, to do as little work as can be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@cache
def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    try:
        _context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@cache
def _old_context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    return context


def _output(connection: SSL.Connection) -> bytes:
    try:
        return connection.bio_read(1 << 16)
    except SSL.WantReadError:
        return b""


@cache
def _bombs(topic: str) -> tuple[bytes, ...]:
    """Produce requests: one record of zeros each, compressed, all within ``max.message.bytes``."""
    now_ms = int(time.time() * 1000)
    return tuple(
        wire.produce_request(topic, build_batch([NewRecord(None if topic == BOMBS else b"key", bytes(size), now_ms)], codec), acks=1)
        for codec, size in BOMB_BYTES.items()
    )

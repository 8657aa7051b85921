"""Exchanges as no client would have them, against a real listener: downgrades, frames out of order, what was said before, channel binding."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import struct
from collections.abc import Callable
from typing import ClassVar

from tests.integration.clients import SECONDS
from tests.integration.harness import Broker
from tests.integration.test_sasl import SETTINGS, SaslCase
from tests.integration.wire import frame, response, string

UNSUPPORTED, ILLEGAL_STATE, FAILED = 33, 34, 58

METADATA = frame(3, 4, struct.pack(">ib", -1, 0))
"""Of all topics."""


class Peer:
    """One connection, on which everything may be said at any time."""

    def __init__(self, broker: Broker) -> None:
        self.socket = socket.create_connection(("127.0.0.1", broker.sasl_port), SECONDS)

    def send(self, data: bytes) -> None:
        """Say something."""
        self.socket.sendall(data)

    def handshake(self, mechanism: str, version: int = 1) -> tuple[int, list[str]]:
        """Name a mechanism; the code, and those that there are."""
        self.send(frame(17, version, string(mechanism)))
        answer = response(self.socket)
        code, count = struct.unpack_from(">hi", answer, 4)
        names, at = [], 10
        for _ in range(count):
            (size,) = struct.unpack_from(">h", answer, at)
            names.append(answer[at + 2 : at + 2 + size].decode())
            at += 2 + size
        return code, names

    def authenticate(self, message: bytes) -> tuple[int, bytes]:
        """One message of a mechanism; the code and what is answered."""
        self.send(frame(36, 1, struct.pack(">i", len(message)) + message))
        answer = response(self.socket)
        code, length = struct.unpack_from(">hh", answer, 4)
        at = 8 + max(length, 0)
        (size,) = struct.unpack_from(">i", answer, at)
        return code, answer[at + 4 : at + 4 + max(size, 0)]

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class Scram:
    """The client's side of one exchange, whose every part may be another than it should.

    :param binding: how it begins: ``n``, ``y``, or ``p=`` and a kind of channel binding.
    """

    def __init__(self, binding: bytes = b"n", nonce: bytes = b"mine", user: bytes = b"alice") -> None:
        self.binding = binding
        self.bare = b"n=%s,r=%s" % (user, nonce)
        self.first = b"%s,,%s" % (binding, self.bare)

    def final(self, challenge: bytes, password: bytes = b"wonderland", binding: bytes | None = None, nonce: bytes | None = None) -> bytes:
        """The proof.

        :param binding: how it says that it began; None for how it did.
        :param nonce: that it repeats; None for the server's.
        """
        said, salt, iterations = (part[2:] for part in challenge.split(b",", 2))
        begun = base64.b64encode(b"%s,," % (self.binding if binding is None else binding))
        unproved = b"c=%s,r=%s" % (begun, said if nonce is None else nonce)
        salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(salt), int(iterations))
        key = hmac.digest(salted, b"Client Key", "sha256")
        text = b",".join((self.bare, challenge, unproved))
        signature = hmac.digest(hashlib.sha256(key).digest(), text, "sha256")
        return unproved + b",p=" + base64.b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True)))


class HostileSaslTests(SaslCase):
    """A listener of the two SCRAM mechanisms, and of no other."""

    settings: ClassVar[dict[str, str]] = {
        **SETTINGS,
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256",
        "login.failures.per.address.max": "100000",
        "login.failures.per.user.max": "100000",
        "connection.failed.authentication.delay.ms": "0",
    }

    def peer(self) -> Peer:
        """A new connection."""
        peer = Peer(self.broker)
        self.addCleanup(peer.socket.close)
        return peer

    def begun(self, mechanism: str = "SCRAM-SHA-256") -> Peer:
        """One that has named its mechanism."""
        peer = self.peer()
        self.assertEqual(0, peer.handshake(mechanism)[0])
        return peer

    def ends(self, peer: Peer) -> None:
        """It gets nothing more, whatever it says."""
        try:
            peer.send(METADATA)
        except ConnectionError:
            return
        self.assertTrue(peer.ended)

    def refused(self, scram: Scram, final: Callable[[bytes], bytes]) -> None:
        """An exchange that proves nothing."""
        peer = self.begun()
        code, challenge = peer.authenticate(scram.first)
        self.assertEqual(0, code)
        self.assertEqual((FAILED, b""), peer.authenticate(final(challenge)))
        self.ends(peer)

    def logged_in(self, scram: Scram) -> tuple[Peer, bytes]:
        """A connection on which somebody proved to be alice, and the proof."""
        peer = self.begun()
        final = scram.final(peer.authenticate(scram.first)[1])
        code, verifier = peer.authenticate(final)
        self.assertEqual((0, b"v="), (code, verifier[:2]))
        peer.send(METADATA)
        self.assertGreater(len(response(peer.socket)), 20)
        return peer, final

    def test_good(self) -> None:
        """First, that these tests can fail."""
        self.logged_in(Scram())

    def test_downgrade(self) -> None:
        """A weaker mechanism than are offered, or one that nobody has, is none; the connection ends, and no password can be told on it."""
        for mechanism in ("PLAIN", "OAUTHBEARER", "ANONYMOUS", "GSSAPI", "SCRAM-SHA-1", "scram-sha-256", "", "SCRAM-SHA-256-PLUS", "x" * 1000):
            for version in (0, 1):
                peer = self.peer()
                self.assertEqual((UNSUPPORTED, ["SCRAM-SHA-512", "SCRAM-SHA-256"]), peer.handshake(mechanism, version))
                try:
                    peer.send(frame(36, 1, struct.pack(">i", 17) + b"\0alice\0wonderland"))
                except ConnectionError:
                    continue
                self.assertTrue(peer.ended)

    def test_other_mechanisms_messages(self) -> None:
        """The messages of one mechanism are none of another, whichever was named; a credential of one proves nothing by the other."""
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            for message in (b"\0alice\0wonderland", b"n,,\x01auth=Bearer x\x01\x01"):
                peer = self.begun(mechanism)
                self.assertEqual(FAILED, peer.authenticate(message)[0])
                self.ends(peer)
        scram, peer = Scram(), self.begun("SCRAM-SHA-512")
        self.assertEqual((FAILED, b""), peer.authenticate(scram.final(peer.authenticate(scram.first)[1])))

    def test_message_before_the_handshake(self) -> None:
        """Nobody knows of what it is one."""
        peer = self.peer()
        self.assertEqual((ILLEGAL_STATE, b""), peer.authenticate(Scram().first))
        self.ends(peer)

    def test_other_requests(self) -> None:
        """Before, between and after the messages of an exchange that is not complete, anything else ends the connection without an answer."""
        requests = [METADATA, frame(0, 3, b""), frame(18, 0, b""), frame(20, 1, b""), frame(37, 0, b"")]
        for request in requests:
            for steps in range(3):
                if steps == 0 and request == requests[2]:
                    continue  # ApiVersions comes first as a rule
                peer = self.peer()
                if steps > 0:
                    peer.handshake("SCRAM-SHA-256")
                if steps > 1:
                    peer.authenticate(Scram().first)
                peer.send(request)
                self.assertTrue(peer.ended, (request, steps))

    def test_second_handshake(self) -> None:
        """In the middle, with another mechanism or with the same, of either version: what was begun cannot be changed."""
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"):
            for version in (0, 1):
                for steps in (0, 1):
                    peer = self.begun()
                    if steps:
                        peer.authenticate(Scram().first)
                    self.assertEqual(ILLEGAL_STATE, peer.handshake(mechanism, version)[0])
                    self.ends(peer)

    def test_messages_out_of_order(self) -> None:
        """The last message first, the first one twice, the last one twice, and one too many."""
        scram = Scram()
        _, final = self.logged_in(scram)
        peer = self.begun()
        self.assertEqual((FAILED, b""), peer.authenticate(final))
        self.ends(peer)
        peer = self.begun()
        peer.authenticate(scram.first)
        self.assertEqual((FAILED, b""), peer.authenticate(scram.first))
        self.ends(peer)
        for message in (final, scram.first, b""):
            peer, _ = self.logged_in(scram)
            self.assertEqual((ILLEGAL_STATE, b""), peer.authenticate(message))
            self.ends(peer)

    def test_replayed(self) -> None:
        """What proved a user on one connection proves nothing on another, nor does it with the other's nonce put into it."""
        scram = Scram()
        _, final = self.logged_in(scram)
        self.refused(scram, lambda challenge: final)
        self.refused(scram, lambda challenge: b"c=biws," + challenge.split(b",")[0] + b"," + final.rsplit(b",", 1)[1])

    def test_replayed_nonce(self) -> None:
        """The client's part of the nonce may be one that was used before: the server's part is another one each time."""
        seen = set()
        for _ in range(20):
            peer = self.begun()
            _, challenge = peer.authenticate(Scram().first)
            nonce = challenge.split(b",")[0]
            self.assertTrue(nonce.startswith(b"r=mine"))
            self.assertGreater(len(nonce), len(b"r=mine") + 16)
            seen.add(nonce)
        self.assertEqual(20, len(seen))

    def test_wrong_nonces(self) -> None:
        """None, only the client's part, a shorter one, a longer one, or one of another connection."""
        _, other = self.begun().authenticate(Scram().first)
        scram = Scram()
        for change in (
            lambda nonce: b"mine",
            lambda nonce: nonce[:-1],
            lambda nonce: nonce + b"x",
            lambda nonce: other.split(b",")[0][2:],
        ):
            self.refused(scram, lambda challenge, change=change: scram.final(challenge, nonce=change(challenge.split(b",")[0][2:])))  # type: ignore[misc]

    def test_channel_binding(self) -> None:
        """Who wants it is refused at once. Who could and thinks that the server cannot is right, and is let in. Who says something else at the end
        than at the beginning is refused: somebody between may have changed it."""
        for binding in (b"p=tls-unique", b"p=tls-server-end-point", b"p=tls-exporter", b"p=", b"p", b"x", b""):
            peer = self.begun()
            self.assertEqual((FAILED, b""), peer.authenticate(Scram(binding).first), binding)
            self.ends(peer)
        self.logged_in(Scram(b"y"))
        for begun, said in ((b"n", b"y"), (b"y", b"n"), (b"n", b"p=tls-exporter"), (b"y", b"p=tls-exporter"), (b"n", b"")):
            scram = Scram(begun)
            self.refused(scram, lambda challenge, scram=scram, said=said: scram.final(challenge, binding=said))  # type: ignore[misc]

    def test_pipelined(self) -> None:
        """What was sent behind a message that fails is not begun, not even a good exchange."""
        peer, message = self.peer(), Scram().first
        step = frame(36, 1, struct.pack(">i", len(message)) + message)
        peer.send(frame(17, 1, string("SCRAM-SHA-256")) + step + step + METADATA + frame(17, 1, string("SCRAM-SHA-256")) + step)
        codes = [struct.unpack_from(">h", response(peer.socket), 4)[0] for _ in range(3)]
        self.assertEqual([0, 0, FAILED], codes)
        self.assertTrue(peer.ended)

    def test_bare(self) -> None:
        """After a handshake of version 0 messages are bare; a request with a header is none, and a replayed proof neither."""
        scram = Scram()
        _, final = self.logged_in(scram)
        for message in (frame(36, 1, struct.pack(">i", len(scram.first)) + scram.first), METADATA):
            peer = self.peer()
            self.assertEqual(0, peer.handshake("SCRAM-SHA-256", 0)[0])
            peer.send(message)
            self.assertTrue(peer.ended)
        peer = self.peer()
        peer.handshake("SCRAM-SHA-256", 0)
        peer.send(struct.pack(">i", len(scram.first)) + scram.first)
        self.assertTrue(response(peer.socket).startswith(b"r=mine"))
        peer.send(struct.pack(">i", len(final)) + final)
        self.assertTrue(peer.ended)

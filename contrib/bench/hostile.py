"""Many connections that mean no good, from one thread: what each of them does is a generator (:mod:`attacks`), and this drives them all.

The process makes itself as nice as can be, so that it takes no processor from the broker and from the client whose answers are timed: what is looked
for is what an attack does to a broker, not what an attacker's own work does to a machine that both share. For the same reason it is one process.
"""

from __future__ import annotations

import errno
import heapq
import os
import resource
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

SOURCES = 50
"""Addresses of 127.0.0.0/8 that connections come from, one after the other."""

CONNECTING_MAX = 256
"""Connections that are being made at a time."""

EVENTS_MAX = 512

Script: TypeAlias = "Generator[float | None, bytes, None]"
"""What a connection does. It yields None to wait for bytes, which it is sent, or for how many seconds to rest. What the broker ends is dropped."""

_RESET = struct.pack("ii", 1, 0)


class Peer:
    """One connection, as its script sees it.

    :ivar number: which it is of all that were made.
    """

    def __init__(self, connection: socket.socket, number: int, counts: Counter[str]) -> None:
        self.socket = connection
        self.number = number
        self.counts = counts
        self.script: Script | None = None
        self.unsent = b""
        self.rests = False

    def send(self, data: bytes) -> None:
        """Send; what the socket does not take now it is given later."""
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        self.unsent = data[sent:]

    def reset(self) -> None:
        """Let the end of the connection be a reset, which leaves nothing behind in the system."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


class Attack:
    """Keeps so many connections, and makes a new one for each that ends.

    :param port: of 127.0.0.1.
    :param at_once: how many.
    :param script: what each does.
    :ivar counts: ``made``, ``finished`` (their script ended), ``refused`` (the broker ended them), and what scripts count.
    """

    def __init__(self, port: int, at_once: int, script: Callable[[Peer], Script]) -> None:
        self._port = port
        self._at_once = at_once
        self._script = script
        self._poll = select.epoll()
        self._peers: dict[int, Peer] = {}
        self._connecting = 0
        self._rests: list[tuple[float, int, Peer]] = []
        self.counts: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        """Attack for so long."""
        over = time.monotonic() + seconds
        while (now := time.monotonic()) < over:
            while len(self._peers) < self._at_once and self._connecting < CONNECTING_MAX and self._connected():
                pass
            for descriptor, event in self._poll.poll(self._patience(now, over), EVENTS_MAX):
                peer = self._peers.get(descriptor)
                if peer is not None:
                    self._happened(peer, event)
            now = time.monotonic()
            while self._rests and self._rests[0][0] <= now:
                peer = heapq.heappop(self._rests)[2]
                peer.rests = False
                if peer.socket.fileno() >= 0:
                    self._go_on(peer, None)
            self.counts["at once"] = max(self.counts["at once"], len(self._peers) - self._connecting)

    def _patience(self, now: float, over: float) -> float:
        return max(0.0, min(0.05, over - now, *(self._rests[0][0] - now for _ in self._rests[:1])))

    def _connected(self) -> bool:
        """Begin another connection; whether there may be more now."""
        number = self.counts["made"]
        self.counts["made"] += 1
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: a port for each pair of addresses
        connection.bind((f"127.0.1.{1 + number % SOURCES}", 0))
        failed = connection.connect_ex(("127.0.0.1", self._port))
        if failed not in (0, errno.EINPROGRESS):
            self.counts[os.strerror(failed)] += 1
            connection.close()
            return False
        self._peers[connection.fileno()] = Peer(connection, number, self.counts)
        self._connecting += 1
        self._poll.register(connection.fileno(), select.EPOLLOUT)
        return True

    def _happened(self, peer: Peer, event: int) -> None:
        if peer.script is None:
            self._connecting -= 1
            if peer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.counts["not connected"] += 1
                self._end(peer)
                return
            peer.script = self._script(peer)
            self._go_on(peer, None)
            return
        if event & select.EPOLLOUT and peer.unsent:
            data, peer.unsent = peer.unsent, b""
            peer.send(data)
            self._listen(peer)
        if event & ~select.EPOLLOUT:
            self._read(peer)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.counts["refused"] += 1
            self._end(peer)
        elif not peer.rests:
            self._go_on(peer, data)

    def _go_on(self, peer: Peer, data: bytes | None) -> None:
        script: Any = peer.script
        try:
            rest = script.send(data)
        except StopIteration:
            self.counts["finished"] += 1
            self._end(peer)
            return
        if rest is not None:
            peer.rests = True
            heapq.heappush(self._rests, (time.monotonic() + rest, peer.number, peer))
        self._listen(peer)

    def _listen(self, peer: Peer) -> None:
        self._poll.modify(peer.socket.fileno(), select.EPOLLIN | (select.EPOLLOUT if peer.unsent else 0))

    def _end(self, peer: Peer) -> None:
        del self._peers[peer.socket.fileno()]
        peer.socket.close()


def be_nice(by: int | None) -> None:
    """Take as many files as the system gives, and a processor only when nobody else wants it (``None``), or as one that is nicer by so much."""
    os.sched_setscheduler(0, os.SCHED_IDLE if by is None else os.SCHED_OTHER, os.sched_param(0))
    os.nice(by or 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

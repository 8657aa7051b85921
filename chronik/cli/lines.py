"""Input as lines, in blocks: files are read at once, pipes and terminals when they have something."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import AsyncIterator
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.errors import ChronikError

BLOCK_BYTES: Final = 256 << 10
LINE_BYTES_MAX: Final = 64 << 20
"""A longer line is not text of lines; the input would end up in memory."""


@implementer(IReadDescriptor)
class _Readable:
    """Fires once when a descriptor has something to read."""

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self.ready: Deferred[None] = Deferred()
        reactor.addReader(self)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def logPrefix(self) -> str:
        """For Twisted's log."""
        return "input"

    def doRead(self) -> None:
        """There is something."""
        self._done()

    def connectionLost(self, reason: Failure) -> None:
        """The other end is closed: reading says so."""
        self._done()

    def _done(self) -> None:
        self._reactor.removeReader(self)
        if not self.ready.called:
            self.ready.callback(None)


async def blocks_of_lines(reactor: Any, descriptor: int) -> AsyncIterator[tuple[list[bytes], bool]]:
    """The lines of a descriptor without their ends, and whether nothing more can be read at this moment.

    :raises ChronikError: a line is longer than :data:`LINE_BYTES_MAX`.
    """
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    rest = b""
    while True:
        while not regular and not _has_more(descriptor):  # asked again: a reactor that ends wakes its readers, and reading would block
            await _Readable(reactor, descriptor).ready
        block = os.read(descriptor, BLOCK_BYTES)
        if not block:
            break
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > LINE_BYTES_MAX:
            raise ChronikError(f"a line of the input is longer than {LINE_BYTES_MAX >> 20} MiB")
        yield lines, not regular and not _has_more(descriptor)
    if rest:
        yield [rest], False


def _has_more(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))

"""Files and sockets that the system lets this process have open, shared out: whoever opens more connections than that must not keep logs from
being written, search from being started, or others from being served.
"""

from __future__ import annotations

import resource
from typing import Final, NamedTuple

DESCRIPTORS_WANTED: Final = 65_536
"""What the broker raises its own limit to where the system lets it; many systems begin at 1,024."""

DESCRIPTORS_RESERVED: Final = 64
"""For what is neither a segment nor a connection: listeners, locks, the reactor, pipes of children, small files that are written."""


class DescriptorShares(NamedTuple):
    """Who may have how many.

    :ivar files: segment files kept open.
    :ivar connections: of Kafka clients.
    :ivar http_connections: of HTTP clients.
    """

    files: int
    connections: int
    http_connections: int


def shares_of(descriptors: int) -> DescriptorShares:
    """Share out so many descriptors."""
    left = max(descriptors - DESCRIPTORS_RESERVED, 32)
    return DescriptorShares(left // 2, left * 3 // 8, left // 8)


def take_descriptors() -> DescriptorShares:
    """Raise this process's limit as far as is useful and allowed, and share it out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_WANTED)
    if allowed > soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return shares_of(DESCRIPTORS_WANTED if soft == resource.RLIM_INFINITY else soft)

"""What makers of auth backends are given, for tests of them."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from chronik.config import Configuration
from chronik.defer import IThreadPools
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.memory import MemoryMetadataStore
from chronik.security.interfaces import AuthContext
from chronik.testing.pools import SynchronousThreadPools


def auth_context(pools: IThreadPools | None = None, clock: Any = None, config: Configuration | None = None, feed: Any = None) -> AuthContext:
    """A context of whatever is given, and of what a test need not care about: work done at once, a clock that stands still, no metadata."""
    clock, config = clock or Clock(), config or Configuration()
    feed = feed or MetadataFeed(MemoryMetadataStore(clock), clock)
    return AuthContext(pools or SynchronousThreadPools(), clock, clock.seconds, lambda: config, feed)

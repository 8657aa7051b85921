"""Producer ids, one at a time out of durable blocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chronik.defer import FlatLock


class ProducerIds:
    """Hands out ids; what is left of a block when the broker stops is never used.

    :param allocate: takes the next block.
    """

    def __init__(self, allocate: Callable[[], Awaitable[range]]) -> None:
        self._allocate = allocate
        self._lock = FlatLock()
        self._left = iter(range(0))

    async def next(self) -> int:
        """An id that nobody else was or will be given."""
        await self._lock.acquire()
        try:
            producer_id = next(self._left, None)
            if producer_id is None:
                self._left = iter(await self._allocate())
                producer_id = next(self._left)
            return producer_id
        finally:
            self._lock.release()

"""How a store leaves its log directories: each by itself, for one whose disk does not answer must not keep the others from being left in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.defer import Pool, deferred
from chronik.storage.homes import Home, offsets_of

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.storage.log import SegmentLog

CLOSE_SECONDS_MAX: Final = 30.0
"""How long a stop waits for the disk of a directory; then its logs are recovered at the next start."""

_log = Logger("chronik.storage.closing")


def within(seconds: float, waiting: Deferred[None], clock: IReactorTime) -> Deferred[bool]:
    """Wait for something, but not longer; whether it came. It is not broken off."""
    over: Deferred[bool] = Deferred()

    def came(result: object) -> None:
        if isinstance(result, Failure):
            _log.failure("a log directory was not left as it should be", result)
        if late.active():
            late.cancel()
            over.callback(True)

    late = clock.callLater(seconds, over.callback, False)
    waiting.addBoth(came)
    return over


@deferred
async def close_home(home: Home, logs: Sequence[SegmentLog], started: bool, recovered: bool, clock: IReactorTime) -> None:
    """Close the logs of a directory and let go of it, within some time.

    :param started: what is there is known.
    :param recovered: all that was there was opened, or had been left in order.
    """
    if not await within(CLOSE_SECONDS_MAX, Deferred.fromCoroutine(_close(home, logs, started, recovered)), clock):
        # It is not asked again, not by a thread that might wait for it for ever.
        home.watch.fail(f"it could not be left within {CLOSE_SECONDS_MAX:.0f} s")
        home.release()


async def _close(home: Home, logs: Sequence[SegmentLog], started: bool, recovered: bool) -> None:
    if not started or not home.online:
        for log in logs:
            log.forget_files()
        home.release()
        return
    results: list[tuple[bool, Any]] = await DeferredList([log.close() for log in logs], consumeErrors=True)
    for log, (ok, result) in zip(logs, results, strict=True):
        if not ok:
            _log.error("{partition} could not be closed: {why}", partition=log.topic_partition, why=result.getErrorMessage())
    if home.online:
        # What was not recovered must be at the next start.
        clean = recovered and all(ok for ok, _ in results)
        await home.directory.pools.run(Pool.BACKGROUND, home.leave, clean, *offsets_of(logs, home))
    home.release()

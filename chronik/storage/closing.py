"""How a store leaves its log directories: each by itself, for one whose disk does not answer must not keep the others from being left in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.defer import Pool, deferred
from chronik.storage.homes import Home, offsets_of

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.storage.log import SegmentLog

CLOSE_SECONDS_MAX: Final = 30.0
"""How long a stop waits for a disk that does nothing of what it was asked for; then the directory's logs are recovered at the next start."""

R = TypeVar("R")

_log = Logger("chronik.storage.closing")


def within(seconds: float, waiting: Deferred[None], clock: IReactorTime, steps: Iterable[Deferred[Any]] = ()) -> Deferred[bool]:
    """Wait for something, but not longer; whether it came. It is not broken off.

    :param steps: the time begins anew as each of them is done, whatever came of it.
    """
    over: Deferred[bool] = Deferred()

    def came(result: object) -> None:
        if isinstance(result, Failure):
            _log.failure("a log directory was not left as it should be", result)
        if late.active():
            late.cancel()
            over.callback(True)

    def went_on(result: R) -> R:
        if late.active():
            late.reset(seconds)
        return result

    late = clock.callLater(seconds, over.callback, False)
    for step in steps:
        step.addBoth(went_on)
    waiting.addBoth(came)
    return over


@deferred
async def close_home(home: Home, logs: Sequence[SegmentLog], started: bool, recovered: bool, at_rest: bool, clock: IReactorTime) -> None:
    """Close the logs of a directory and let go of it; or give it up, if its disk does nothing for some time.

    It stays taken, until this process ends, where a thread may still be at work in it: nobody else may be meanwhile.

    :param started: what is there is known.
    :param recovered: all that was there was opened, or had been left in order.
    :param at_rest: nothing is being opened or removed any more.
    """
    if not started or not home.online:
        for log in logs:
            log.forget_files()
        home.release()
        return
    closing = [log.close() for log in logs]
    if await within(CLOSE_SECONDS_MAX, Deferred.fromCoroutine(_leave(home, logs, closing, recovered)), clock, closing):
        if at_rest:
            home.release()
    else:
        # It is not asked again, not by a thread that might wait for it for ever.
        home.watch.fail(f"it did nothing for {CLOSE_SECONDS_MAX:.0f} s while it was to be left")


async def _leave(home: Home, logs: Sequence[SegmentLog], closing: Sequence[Deferred[None]], recovered: bool) -> None:
    results: list[tuple[bool, Any]] = await DeferredList(closing, consumeErrors=True)
    for log, (ok, result) in zip(logs, results, strict=True):
        if not ok:
            _log.error("{partition} could not be closed: {why}", partition=log.topic_partition, why=result.getErrorMessage())
    if home.online:
        # What was not recovered must be at the next start.
        clean = recovered and all(ok for ok, _ in results)
        await home.pools.run(Pool.BACKGROUND, home.leave, clean, *offsets_of(logs, home))

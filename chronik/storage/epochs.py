"""Which leader epoch each offset of a log was appended under (KIP-101)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from chronik.model import NO_EPOCH


class LeaderEpochs:
    """Epochs and the offsets they begin at, both growing.

    :param entries: ``(epoch, start offset)``, oldest first.
    """

    def __init__(self, entries: Sequence[tuple[int, int]] = ()) -> None:
        self._epochs = [epoch for epoch, _ in entries]
        self._starts = [start for _, start in entries]

    @property
    def latest(self) -> int:
        """The newest epoch, -1 for none."""
        return self._epochs[-1] if self._epochs else NO_EPOCH

    def entries(self) -> list[tuple[int, int]]:
        """``(epoch, start offset)``, oldest first."""
        return list(zip(self._epochs, self._starts, strict=True))

    def assign(self, epoch: int, start_offset: int) -> bool:
        """From ``start_offset`` on it is ``epoch``; whether that is news. An epoch that got no offset is replaced."""
        if self._epochs and epoch <= self._epochs[-1]:
            return False
        while self._starts and self._starts[-1] >= start_offset:
            self._starts.pop()
            self._epochs.pop()
        self._epochs.append(epoch)
        self._starts.append(start_offset)
        return True

    def epoch_of(self, offset: int) -> int:
        """The epoch of an offset, -1 when it is before all that is known."""
        at = bisect_right(self._starts, offset) - 1
        return self._epochs[at] if at >= 0 else NO_EPOCH

    def end_of(self, epoch: int, end_offset: int) -> tuple[int, int]:
        """``(epoch, end offset)`` of the largest epoch no larger than the one asked for; ``(-1, -1)`` when unknown.

        :param end_offset: of the log.
        """
        if not self._epochs or epoch < 0 or epoch > self._epochs[-1]:
            return NO_EPOCH, NO_EPOCH
        if epoch == self._epochs[-1]:
            return epoch, end_offset
        at = bisect_right(self._epochs, epoch)
        if at == 0:
            return epoch, self._starts[0]
        return self._epochs[at - 1], self._starts[at]

    def truncate_from_end(self, offset: int) -> bool:
        """The log ends at ``offset`` now; whether anything was forgotten."""
        before = len(self._starts)
        while self._starts and self._starts[-1] >= offset:
            self._starts.pop()
            self._epochs.pop()
        return len(self._starts) != before

    def truncate_from_start(self, offset: int) -> bool:
        """The log begins at ``offset`` now; whether anything changed. The epoch of the first offset stays."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0 or (at == 0 and self._starts[0] == offset):
            return False
        del self._starts[:at], self._epochs[:at]
        self._starts[0] = offset
        return True

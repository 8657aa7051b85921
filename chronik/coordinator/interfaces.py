"""What a coordinator needs of the partition that keeps its state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One record of an internal topic: a key, and its new value or None to remove it. The timestamp is ms."""

    key: bytes
    value: bytes | None
    timestamp: int


class IStateLog(Interface):
    """One partition of an internal topic, led here. Provided by the replica layer, or by a fake in tests."""

    partition = Attribute("""Its number.""")
    leader_epoch = Attribute("""The epoch it is led under.""")

    def append(records: Sequence[StateRecord]) -> Deferred[int]:
        """Write the records as one batch.

        :returns: the offset after them; fires once they are below the high watermark, in the order of calls.
        :raises KafkaError: they may or may not be in the log: the state must be unloaded and replayed.
        """

    def replay(apply: Callable[[StateRecord], None]) -> Deferred[int]:
        """Give every record from the log's start to its end as of now to ``apply``, a bounded number in a reactor turn.

        A batch that cannot be decoded is skipped, logged and counted.

        :returns: the number of records.
        """

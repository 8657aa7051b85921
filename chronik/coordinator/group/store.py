"""The groups of one partition of ``__consumer_offsets`` in memory, and the log that they are read from and change only together with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.records import KEY_VERSIONS, apply_consumer_record
from chronik.coordinator.group.group import Group
from chronik.coordinator.group.records import (
    GROUP_KEY_VERSION,
    OFFSET_KEY_VERSIONS,
    group_record,
    read_group_key,
    read_group_value,
    read_offset_key,
    read_offset_value,
)
from chronik.coordinator.interfaces import IStateLog, StateRecord
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.primitives import DecodeError
from chronik.protocol.versioned import peek_version

AnyGroup: TypeAlias = Group | ConsumerGroup
"""What both kinds of groups share is small: an id, offsets, whether they are empty, what they subscribe to, and themselves in one line."""


T = TypeVar("T")


class Change:
    """A step of a group of consumers: its records are true as soon as they are put, and become durable together."""

    def __init__(self, apply: Callable[[StateRecord], None], now: int) -> None:
        self._apply = apply
        self.now = now
        self.records: list[StateRecord] = []

    def put(self, *records: StateRecord) -> None:
        """Let records be true."""
        for record in records:
            self.records.append(record)
            self._apply(record)

    def note(self, *records: StateRecord) -> None:
        """Write records down that are true already."""
        self.records.extend(records)


class GroupStore:
    """One partition of state.

    :param log: the partition.
    :param now_ms: the time.
    :param failed: called when the log and the memory may differ: they are to be read anew.
    """

    _log = Logger()

    def __init__(self, log: IStateLog, now_ms: Callable[[], int], failed: Callable[[], None]) -> None:
        self._state_log = log
        self._now_ms = now_ms
        self._failed = failed
        self.groups: dict[str, AnyGroup] = {}
        self.loaded = False
        self.gone = False
        self._begun = self._done = 0
        self._waiting: deque[tuple[int, Deferred[None]]] = deque()

    async def load(self) -> int:
        """Read every record; how many there were."""
        return await self._state_log.replay(self.apply)

    # -- records to memory --------------------------------------------------------------------------------------------

    def apply(self, record: StateRecord) -> None:
        """Take one record into account: the one way in which offsets and consumer groups change, and classic groups when they are read.

        A record that cannot be read is named and skipped; it never keeps the others from being read.
        """
        try:
            version = peek_version(record.key)
            if version in OFFSET_KEY_VERSIONS:
                self._apply_offset(record)
            elif version == GROUP_KEY_VERSION:
                self._apply_group(record)
            elif version in KEY_VERSIONS:
                apply_consumer_record(record, self)
            else:
                self._log.warn("a group record with a key of version {version} is of a later release and left alone", version=version)
        except DecodeError as error:
            self._log.error("a group record cannot be read and is left out: {error}", error=error)

    def _apply_offset(self, record: StateRecord) -> None:
        group_id, place = read_offset_key(record.key)
        if record.value is not None:
            self.group(group_id).offsets[place] = read_offset_value(record.value)
        elif group_id in self.groups:
            self.groups[group_id].offsets.pop(place, None)

    def _apply_group(self, record: StateRecord) -> None:
        """Live, the group is already what its record says; only a deletion is news."""
        group_id = read_group_key(record.key)
        known = self.groups.get(group_id)
        if record.value is None:
            if isinstance(known, Group) and (not self.loaded or known.is_empty):
                self._remove(known)
        elif not self.loaded:
            group = read_group_value(group_id, record.value)
            if known is not None:
                group.offsets = known.offsets
            self.groups[group_id] = group

    def _remove(self, group: AnyGroup) -> None:
        del self.groups[group.group_id]
        if group.offsets:
            # Committed while the deletion was being written: that is of no group any more, and nobody has to lose it.
            self.group(group.group_id).offsets = group.offsets

    def group(self, group_id: str) -> AnyGroup:
        """A group; where there is none, an empty classic one."""
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = Group(group_id, self._now_ms())
        return group

    def consumer_group(self, group_id: str, create: bool) -> ConsumerGroup | None:
        """A consumer group; see :class:`~chronik.coordinator.group.consumer.records.Groups`."""
        known = self.groups.get(group_id)
        if isinstance(known, ConsumerGroup):
            return known
        if not create:
            return None
        group = ConsumerGroup(group_id)
        self.replace(group)
        return group

    def replace(self, group: AnyGroup) -> None:
        """A group is of another kind now, or new; its offsets are the same."""
        known = self.groups.get(group.group_id)
        if known is not None:
            group.offsets = known.offsets
        self.groups[group.group_id] = group

    def remove_consumer_group(self, group_id: str) -> None:
        """A consumer group is no more; see :class:`~chronik.coordinator.group.consumer.records.Groups`."""
        known = self.groups.get(group_id)
        if isinstance(known, ConsumerGroup):
            self._remove(known)

    # -- memory to records --------------------------------------------------------------------------------------------

    async def append(self, records: Sequence[StateRecord]) -> None:
        """Make records durable, then true."""
        await self._write(records, self.apply)

    async def take(self, step: Callable[[Change], T]) -> T:
        """Take a step of a group of consumers and make it durable. One without records waits until what was true when it was taken is durable.

        :returns: what the step returns.
        :raises KafkaError: the step's own, what it put before being durable; or it did not become durable, and everything is read anew.
        """
        change = Change(self.apply, self._now_ms())
        try:
            result = step(change)
        except KafkaError:
            if change.records:
                await self._write(change.records, _is_true_already)
            raise
        except Exception:
            if change.records:
                # Half a step is in memory, and nobody knows what it means.
                self._failed()
            raise
        if change.records:
            await self._write(change.records, _is_true_already)
        else:
            await self.settled()
            if self.gone:
                raise KafkaError(ErrorCode.NOT_COORDINATOR, "the group's state is being read anew")
        return result

    async def _write(self, records: Sequence[StateRecord], apply: Callable[[StateRecord], None]) -> None:
        self._begun += 1
        try:
            await self._state_log.append(records)
            if not self.gone:
                for record in records:
                    apply(record)
        except KafkaError as error:
            if not self.gone:
                self._log.error("group state could not be written and is read anew: {error}", error=error)
                self._failed()
            raise _translated(error) from error
        finally:
            self._done += 1
            while self._waiting and self._waiting[0][0] <= self._done:
                self._waiting.popleft()[1].callback(None)

    def settled(self) -> Deferred[None]:
        """Fires once what is being written now is true, or never will be. Writes end in the order in which they began."""
        waiting: Deferred[None] = Deferred()
        if self._done == self._begun:
            waiting.callback(None)
        else:
            self._waiting.append((self._begun, waiting))
        return waiting

    def store_group(self, group: Group, assignments: Mapping[str, bytes]) -> Deferred[object]:
        """Make a classic group durable with these assignments of its members."""
        return Deferred.fromCoroutine(self.append([group_record(group, assignments, self._now_ms())]))

    def consumer_groups(self) -> Iterable[ConsumerGroup]:
        """The consumer groups among them."""
        return [group for group in self.groups.values() if isinstance(group, ConsumerGroup)]


def _is_true_already(record: StateRecord) -> None:
    """Nothing is left to do."""


def _translated(error: KafkaError) -> KafkaError:
    """What a client of a group is told when its state could not be written: to try again, here or elsewhere."""
    if error.code in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR):
        return KafkaError(ErrorCode.NOT_COORDINATOR, error.message)
    if error.code in (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE):
        return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, error.message)
    return KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message)

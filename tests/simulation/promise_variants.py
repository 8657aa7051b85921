"""Brokers that lead members of groups and readers astray, though nothing of the log is lost. See :mod:`tests.simulation.variants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from chronik.coordinator.group import committers
from chronik.coordinator.group.consumer.membership import ConsumerMembership
from chronik.coordinator.group.group import Group
from chronik.coordinator.group.membership import Membership
from chronik.errors import ErrorCode, KafkaError
from chronik.replica.partition import Partition
from chronik.server.fetch_sessions import FetchSession
from chronik.storage import reading, retention, timesearch
from chronik.storage.producers import ProducerStates


def commit_what_was_given_up() -> None:
    """A member may commit in an earlier epoch what is another member's by now."""
    committers._check_partitions = lambda member, epoch, places, image: None


def keep_whoever_was_there() -> None:
    """A coordinator that starts expects no signs of life of the members that it read of: who is gone stays for ever."""
    ConsumerMembership.watch_sessions = lambda self, group: None  # type: ignore[method-assign]
    Membership.watch_sessions = lambda self, group: None  # type: ignore[method-assign]


def forget_to_wake() -> None:
    """A partition of a fetch session that had nothing to tell is never looked at again."""
    before = FetchSession.quiet

    def quiet(self: FetchSession, part: Any, partition: Any) -> None:
        before(self, part, partition)
        part.disarm()

    FetchSession.quiet = quiet  # type: ignore[method-assign]


def serve_whoever_is_behind() -> None:
    """Who believes in an epoch that is over is served as any other."""
    before = Partition.check_epoch

    def check_epoch(self: Partition, current_leader_epoch: int) -> None:
        before(self, max(current_leader_epoch, self.leader_epoch))

    Partition.check_epoch = check_epoch  # type: ignore[method-assign]


def find_what_is_later() -> None:
    """ListOffsets finds the first record that is later than a time, not one that is as late."""
    before = timesearch.first_at_or_after

    def find(segments: Any, timestamp: int, start_offset: int, end_offset: int) -> Any:
        return before(segments, timestamp + 1, start_offset, end_offset)

    reading.first_at_or_after = find  # type: ignore[attr-defined]


def take_gaps() -> None:
    """A batch of an idempotent producer is taken whatever its sequence number, unless that is there already."""
    before = ProducerStates.check

    def check(self: ProducerStates, header: Any) -> Any:
        try:
            return before(self, header)
        except KafkaError as error:
            if error.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
                return None
            raise

    ProducerStates.check = check  # type: ignore[method-assign]


def take_members_of_any_generation() -> None:
    """A member is heard whatever generation it believes to be in."""
    Group.check_generation = lambda self, generation: None  # type: ignore[method-assign]


def count_from_the_first_record() -> None:
    """``retention.ms`` goes by when a segment was begun, not by its latest record."""
    retention._latest_ms = lambda segment: segment.created_ms


ALL: Final[Sequence[Callable[[], None]]] = (
    commit_what_was_given_up,
    keep_whoever_was_there,
    forget_to_wake,
    serve_whoever_is_behind,
    find_what_is_later,
    take_gaps,
    take_members_of_any_generation,
    count_from_the_first_record,
)
"""Every one."""

"""Brokers that lead members of groups and readers astray, though nothing of the log is lost. See :mod:`tests.simulation.variants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from chronik.coordinator.group import committers, shard
from chronik.coordinator.group.consumer import membership
from chronik.coordinator.group.consumer.membership import ConsumerMembership
from chronik.coordinator.group.group import Group
from chronik.coordinator.group.membership import Membership
from chronik.errors import ErrorCode, KafkaError
from chronik.replica.partition import Partition
from chronik.server.fetch_sessions import FetchSession
from chronik.server.handlers.fetch import handler, scope
from chronik.storage import reading, retention, timesearch
from chronik.storage.checkpointing import OffsetCheckpoints
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


def take_commits_of_any_generation() -> None:
    """A classic group takes the commits of its members whatever generation they believe to be in."""

    def check(group: Group, committing: Any, lives: Callable[[Any], None]) -> None:
        lives(group.member(committing.member_id, committing.instance_id)) if committing.member_id else None

    shard.check_classic_committer = check  # type: ignore[attr-defined]


def let_nobody_leave() -> None:
    """Who leaves a classic group is told so, and stays a member."""
    Membership._leave = lambda self, group, leaving: group.member(leaving.member_id, leaving.instance_id) and None  # type: ignore[method-assign]


def rebalance_in_silence() -> None:
    """Heartbeats do not tell that a group rebalances: who does not join in time is put out."""
    before = Membership.heartbeat

    def heartbeat(self: Membership, *arguments: Any) -> None:
        try:
            before(self, *arguments)
        except KafkaError as error:
            if error.code is not ErrorCode.REBALANCE_IN_PROGRESS:
                raise

    Membership.heartbeat = heartbeat  # type: ignore[method-assign]


def hear_members_of_any_epoch() -> None:
    """A consumer group hears a member that missed several epochs."""
    membership._check_epoch = lambda member, heartbeat: None


def begin_epochs_anywhere() -> None:
    """The first batch of a producer's new epoch may have any sequence number."""
    before = ProducerStates.check

    def check(self: ProducerStates, header: Any) -> Any:
        try:
            return before(self, header)
        except KafkaError as error:
            if "begins with sequence 0" in error.message:
                return None
            raise

    ProducerStates.check = check  # type: ignore[method-assign]


def answer_an_epoch_twice() -> None:
    """A fetch session answers again what it has answered."""
    before = scope.scope_of

    def scope_of(request: Any, version: int, cache: Any, *arguments: Any) -> Any:
        session = cache.get(request.session_id)
        if session is not None and request.session_epoch > 0:
            session.epoch = request.session_epoch
        return before(request, version, cache, *arguments)

    handler.scope_of = scope_of  # type: ignore[attr-defined]


def remember_what_sessions_forget() -> None:
    """A fetch session goes on telling of partitions that its client has forgotten."""
    before = FetchSession.update
    FetchSession.update = lambda self, parts, forgotten: before(self, parts, ())  # type: ignore[method-assign]


def never_go_back() -> None:
    """A partition of a fetch session that had nothing to tell is not looked at again because its client goes back."""

    def update(self: FetchSession, parts: Any, forgotten: Any) -> None:
        pending = dict(self.pending)
        before(self, parts, forgotten)
        for part in [part for part in self.pending if part not in pending and part.high_watermark >= 0]:
            del self.pending[part]

    before = FetchSession.update
    FetchSession.update = update  # type: ignore[method-assign]


def keep_the_points_of_namesakes() -> None:
    """How far a log was flushed is still known when it is gone, and holds for the next log of its name."""
    before = OffsetCheckpoints.forget

    def forget(self: OffsetCheckpoints, topic_partition: Any) -> None:
        point = self._points.get(topic_partition)
        before(self, topic_partition)
        if point is not None:
            self._points[topic_partition] = point

    OffsetCheckpoints.forget = forget  # type: ignore[method-assign]


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
    take_commits_of_any_generation,
    let_nobody_leave,
    rebalance_in_silence,
    hear_members_of_any_epoch,
    begin_epochs_anywhere,
    answer_an_epoch_twice,
    remember_what_sessions_forget,
    never_go_back,
    keep_the_points_of_namesakes,
    count_from_the_first_record,
)
"""Every one."""

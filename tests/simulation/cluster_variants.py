"""Clusters that are broken on purpose: what goes wrong between brokers, each in one way. See :mod:`tests.simulation.variants`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.internet.defer import succeed

from chronik.broker import GroupPartitions
from chronik.cluster import election, insync, keeper, reassignment, registration
from chronik.cluster.writer import FencedWriter
from chronik.errors import KafkaError
from chronik.metadata import keys
from chronik.metadata.image import PartitionState
from chronik.metadata.interfaces import UnknownOutcome
from chronik.replica.follower import Follower
from chronik.replica.followers import Followers
from chronik.replica.partition import Partition
from chronik.testing.simulation.metadata import MetadataView


def skip_truncation() -> None:
    """A follower that is told that its log differs leaves it as it is, and goes on at its end."""
    wanted = Follower.wanted

    def unsaid(self: Follower, max_bytes: int) -> Any:
        asked = wanted(self, max_bytes)
        return type(asked)(
            partition=asked.partition,
            current_leader_epoch=asked.current_leader_epoch,
            fetch_offset=asked.fetch_offset,
            last_fetched_epoch=-1,
            log_start_offset=asked.log_start_offset,
            partition_max_bytes=asked.partition_max_bytes,
        )

    Follower.wanted = unsaid  # type: ignore[method-assign]


def truncate_too_little() -> None:
    """A follower keeps the first of the records that it should cut, and takes it for the leader's."""

    async def cut(self: Follower, epoch: int, end_offset: int) -> None:
        await self.log.truncate(max(min(end_offset + 1, self.log.end_offset), self.log.start_offset))
        self.told = True  # type: ignore[attr-defined]

    wanted = Follower.wanted

    def unsaid(self: Follower, max_bytes: int) -> Any:
        asked = wanted(self, max_bytes)
        if getattr(self, "told", False):
            object.__setattr__(asked, "last_fetched_epoch", -1)
        return asked

    Follower._cut = cut  # type: ignore[method-assign]
    Follower.wanted = unsaid  # type: ignore[method-assign]


def truncate_to_the_high_watermark() -> None:
    """A follower cuts its log to what it knows to be committed, which is less than what is (KIP-101)."""
    init = Follower.__init__

    def begin(self: Follower, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        if self.log.end_offset > self.high_watermark:
            self.log.truncate(self.high_watermark)

    Follower.__init__ = begin  # type: ignore[method-assign]


def count_only_who_is_in_sync_already() -> None:
    """While a replica is being added to those in sync, the leader does not wait for it."""
    Followers._counting = property(lambda self: self._in_sync)  # type: ignore[assignment,method-assign]


def shrink_before_it_is_written() -> None:
    """A leader counts a replica no more as soon as it asks for its removal, whether that is made or not."""

    def counting(self: Followers) -> Sequence[int]:
        pending = self._pending
        return [i for i in self._in_sync if pending is None or i not in pending.remove]

    Followers._counting = property(counting)  # type: ignore[assignment,method-assign]


def ignore_who_lags() -> None:
    """The leader does not wait for a replica in sync that it did not hear of."""

    def committed(self: Followers, safe_offset: int, high_watermark: int) -> int:
        known = [follower.end_offset for follower in self._followers.values() if follower.end_offset >= 0]
        return min([safe_offset, *([max(known)] if known else [])])

    Followers.committed = committed  # type: ignore[method-assign]


def watermark_from_the_own_log() -> None:
    """The leader's own disk is enough for the high watermark."""
    Followers.committed = lambda self, safe_offset, high_watermark: safe_offset  # type: ignore[method-assign]


def acknowledge_without_followers() -> None:
    """``acks=all`` is answered when the leader has written."""
    before = Partition._appended
    Partition._appended = lambda self, result, pending, acks: before(self, result, pending, 1)  # type: ignore[method-assign]


def report_before_flush() -> None:
    """A follower reports what it has written, synced or not."""

    async def make_safe(self: Follower) -> None:
        if self.log.flushed_offset < self.log.end_offset:
            self.log.flush().addErrback(lambda failure: failure.trap(KafkaError))

    Follower.make_safe = make_safe  # type: ignore[method-assign]


def two_leaders_of_an_epoch() -> None:
    """An election does not begin a new epoch."""

    def led_by(state: PartitionState, leader: int) -> PartitionState:
        return replace(state, leader=leader)

    for module in (election, reassignment, registration):
        module.led_by = led_by  # type: ignore[attr-defined]


def elect_anyone() -> None:
    """Whoever of the replicas is alive may lead."""

    def settled(state: PartitionState, alive: Collection[int], rules: Any) -> PartitionState:
        living = [broker_id for broker_id in state.replicas if broker_id in alive]
        if state.leader in alive or not living:
            return before(state, alive, rules)
        after = election.led_by(state, living[-1])
        return election.changed(state, replace(after, isr=tuple(i for i in state.replicas if i in {*state.isr, living[-1]} and i in alive)))

    before = election.settled
    keeper.settled = settled  # type: ignore[attr-defined]


def elect_uncleanly() -> None:
    """Where nobody in sync is alive, another one leads, though the topic does not allow it."""
    before = election._last_resort
    election._last_resort = lambda state, alive, rules: before(state, alive, replace(rules, unclean=True))


def add_whoever_caught_up_before() -> None:
    """A replica is added to those in sync whichever of its lives it was that had caught up (KIP-903), and though it is not alive."""
    insync._eligible = lambda view, broker_id, epoch: view.unchanged("no such key")


def forget_the_in_sync_compare() -> None:
    """A leader writes who is in sync whoever has changed the partition since."""
    before = insync.InSyncChanges._led

    def led(self: Any, value: bytes | None, leader_epoch: int) -> PartitionState:
        state = keys.decode_partition(value or b"")
        return before(self, keys.encode_partition(replace(state, leader=self._broker_id, leader_epoch=leader_epoch)), leader_epoch)

    insync.InSyncChanges._led = led  # type: ignore[method-assign]


def read_before_the_watermark_is_known() -> None:
    """A new leader is read from before it knows how much is committed (KIP-207)."""
    init = Partition.__init__

    def begin(self: Partition, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        self._readable_from = 0

    Partition.__init__ = begin  # type: ignore[method-assign]


def answer_deletions_early() -> None:
    """DeleteRecords is answered before the followers have heard of it."""
    Followers.begun_at = lambda self, offset: succeed(None)  # type: ignore[method-assign]


def keep_groups() -> None:
    """A coordinator goes on when another broker leads the partition of its groups."""
    GroupPartitions.partition_resigned = lambda self, partition: None  # type: ignore[method-assign]


def write_unfenced() -> None:
    """A controller writes whether or not it still is the one."""
    FencedWriter._fences = lambda self: ()  # type: ignore[method-assign]


def complete_reassignments_early() -> None:
    """Replicas that a reassignment removes are gone before those that it adds have anything."""

    def completed(state: PartitionState) -> PartitionState:
        target = tuple(i for i in state.replicas if i not in state.removing)
        if not (state.adding or state.removing) or not set(target) & set(state.isr):
            return state
        return election.changed(state, reassignment._kept_by(replace(state, adding=(), removing=()), target))

    for module in (keeper, reassignment):
        module.completed = completed  # type: ignore[attr-defined]


def commit_with_too_few_in_sync() -> None:
    """The high watermark goes on though fewer are in sync than must be, and others are eligible to lead that lack what is committed so."""

    def committed(self: Followers, safe_offset: int, high_watermark: int) -> int:
        ends = [self._followers[broker_id].end_offset for broker_id in self._counting if broker_id in self._followers]
        return min([safe_offset, *ends])

    Followers.committed = committed  # type: ignore[method-assign]


def stay_in_sync_with_an_empty_disk() -> None:
    """A broker whose disk lost what it had goes on counting as one that has it."""

    def without_replica(state: PartitionState, broker_id: int, alive: Collection[int], rules: election.Rules) -> PartitionState:
        return state

    for module in (insync, registration):
        module.without_replica = without_replica  # type: ignore[attr-defined]


def lead_while_the_log_is_cut() -> None:
    """A follower that is to lead does not wait until what an earlier leader's answer began is done."""
    Follower.when_idle = lambda self, call: call()  # type: ignore[method-assign]


def keep_leading() -> None:
    """A leader that leads no more goes on taking records and telling what is committed."""
    Partition.resign = lambda self: None  # type: ignore[method-assign]


def wait_for_who_is_gone() -> None:
    """Who is not heard any more stays in sync, so that nothing is committed before it is back; only who leads is another one."""
    settled = election.settled

    def kept(state: PartitionState, alive: Collection[int], rules: election.Rules) -> PartitionState:
        after = settled(state, alive, rules)
        return replace(after, isr=state.isr, elr=state.elr) if set(after.isr) < set(state.isr) else after

    election.settled = keeper.settled = kept
    Followers.remove_lagging = lambda self: None  # type: ignore[method-assign]


def wait_for_whoever_was_in_sync() -> None:
    """Whoever has left those in sync stays eligible to lead, and therefore has to have whatever is committed."""
    with_isr = election.with_isr

    def kept(state: PartitionState, members: Collection[int], enough: int) -> PartitionState:
        return with_isr(state, members, len(state.replicas))

    election.with_isr = insync.with_isr = kept


def take_over_without_a_word() -> None:
    """Who takes the place of a silent controller lets it count as alive."""
    claim = registration.Membership.claim
    registration.Membership.claim = lambda self, broker_id, before, silent=False: claim(self, broker_id, before)  # type: ignore[assignment,method-assign]


def believe_what_was_not_answered() -> None:
    """A commit of metadata whose answer is lost counts as made."""
    before = MetadataView.commit

    def commit(self: MetadataView, *arguments: Any) -> Any:
        committed = before(self, *arguments)
        return committed.addErrback(lambda failure: failure.trap(UnknownOutcome) and 0)

    MetadataView.commit = commit  # type: ignore[method-assign]


ALL: Final[Sequence[Callable[[], None]]] = (
    skip_truncation,
    truncate_too_little,
    truncate_to_the_high_watermark,
    count_only_who_is_in_sync_already,
    shrink_before_it_is_written,
    ignore_who_lags,
    watermark_from_the_own_log,
    acknowledge_without_followers,
    report_before_flush,
    two_leaders_of_an_epoch,
    elect_anyone,
    elect_uncleanly,
    add_whoever_caught_up_before,
    read_before_the_watermark_is_known,
    write_unfenced,
    complete_reassignments_early,
    keep_leading,
    forget_the_in_sync_compare,
    answer_deletions_early,
    keep_groups,
    commit_with_too_few_in_sync,
    stay_in_sync_with_an_empty_disk,
    lead_while_the_log_is_cut,
    believe_what_was_not_answered,
    wait_for_who_is_gone,
    wait_for_whoever_was_in_sync,
    take_over_without_a_word,
)
"""Every one."""

KINDS: Final[Mapping[Callable[[], None], str]] = {
    forget_the_in_sync_compare: "stale leader",
    answer_deletions_early: "isolation",
    keep_groups: "stop",
    commit_with_too_few_in_sync: "decline",
    stay_in_sync_with_an_empty_disk: "disk replaced",
    lead_while_the_log_is_cut: "succession",
}
"""The only fault that a run brings, for those that take one at the right moment."""

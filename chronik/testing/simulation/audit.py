"""Watches the cluster's metadata as it is changed: who leads, who is in sync, and whether whoever wrote it was the one who may."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from zope.interface import implementer

from chronik.metadata import keys
from chronik.metadata.image import NO_LEADER, PartitionState
from chronik.metadata.interfaces import Compacted, IMetadataStore, IWatcher, Revision
from chronik.model import TopicId

NOBODY: Final = -1

CONTROLLERS: Final = (keys.TOPICS, keys.DELETED, keys.CONFIGS, keys.QUOTAS, keys.FEATURES)
"""Keys that begin so are written by the controller alone."""


@implementer(IWatcher)
class MetadataAudit:
    """Sees each revision when it is made, before anybody else does.

    :param deleting: topics whose deletion was asked for.
    :param finding: told of everything that must not be.
    :ivar writer: whose commit is being made, by broker id.
    :ivar latest: the last revision that was made.
    """

    def __init__(self, store: IMetadataStore, deleting: Collection[TopicId], finding: Callable[[str], None]) -> None:
        self._deleting = deleting
        self._finding = finding
        self._values: dict[str, bytes] = {}
        self.writer = NOBODY
        self.latest = 0
        self._displaced = NOBODY
        store.watch(0, self)

    def revision(self, revision: Revision) -> None:
        """Look at all that it changes, each by what was there before."""
        self.latest = revision.revision
        controller = self._controller()
        self._displaced = self._who_is_displaced(controller, revision.changes)
        for key, value in revision.changes.items():
            for problem in self._problems(key, self._values.get(key), value, controller):
                self._finding(f"revision {revision.revision}, by broker {self.writer}: {key}: {problem}")
        for key, value in revision.changes.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        if self._displaced != NOBODY and self._displaced in self.alive:
            self._finding(f"revision {revision.revision}: broker {self._displaced} lost its place for its silence, and still counts as alive")

    def lost(self, reason: Compacted) -> None:
        """It never is."""
        self._finding(f"the audit lost its watch: {reason}")

    def partitions(self) -> Iterator[tuple[str, PartitionState]]:
        """Every partition that there is now, by its key."""
        for key, value in self._values.items():
            if key.startswith(keys.PARTITIONS):
                yield key, keys.decode_partition(value)

    def states(self, topic_id: TopicId) -> Iterator[tuple[int, PartitionState]]:
        """The partitions of a topic."""
        number = 0
        while (value := self._values.get(keys.partition_key(topic_id, number))) is not None:
            yield number, keys.decode_partition(value)
            number += 1

    def state(self, topic_id: TopicId, partition: int) -> PartitionState | None:
        """Of one partition; None when it is gone."""
        value = self._values.get(keys.partition_key(topic_id, partition))
        return keys.decode_partition(value) if value is not None else None

    def out_of_sync(self) -> Iterator[str]:
        """Partitions not all of whose replicas are in sync, or that nobody leads, or that are on the move."""
        for key, state in self.partitions():
            if set(state.isr) != set(state.replicas) or state.leader == NO_LEADER or state.adding or state.removing or state.elr:
                yield f"{key} is still {state}"

    @property
    def alive(self) -> frozenset[int]:
        """Who counts as alive, by broker id."""
        known = ((int(key.removeprefix(keys.BROKERS)), value) for key, value in self._values.items() if key.startswith(keys.BROKERS))
        return frozenset(broker_id for broker_id, value in known if not keys.decode_broker(broker_id, value).fenced)

    @property
    def controller(self) -> int:
        """Who is the controller, by broker id."""
        return self._controller().broker_id

    def _controller(self) -> keys.ControllerValue:
        value = self._values.get(keys.CONTROLLER)
        return keys.decode_controller(value) if value is not None else keys.ControllerValue(NOBODY, 0)

    @staticmethod
    def _who_is_displaced(before: keys.ControllerValue, changes: Mapping[str, bytes | None]) -> int:
        """The controller whose place another broker takes by a revision: it was silent, and does not count as alive from then on."""
        claim = changes.get(keys.CONTROLLER)
        after = NOBODY if claim is None else keys.decode_controller(claim).broker_id
        return NOBODY if after in (NOBODY, before.broker_id) else before.broker_id

    def _problems(self, key: str, before: bytes | None, value: bytes | None, controller: keys.ControllerValue) -> Iterator[str]:
        if key.startswith(keys.TOPICS) and (gone := _live_id(before)) != _live_id(value) and gone not in (None, *self._deleting):
            yield "deleted, though nobody asked for that"
        if key == keys.CONTROLLER and value is not None:
            yield from self._claim(controller, keys.decode_controller(value))
        elif key.startswith(CONTROLLERS) and self.writer != controller.broker_id:
            yield f"broker {controller.broker_id} is the controller"
        elif key.startswith(keys.BROKERS):
            yield from self._broker(int(key.removeprefix(keys.BROKERS)), before, value, controller)
        elif key.startswith(keys.PARTITIONS) and before is not None and value is not None:
            states = keys.decode_partition(before), keys.decode_partition(value)
            yield from self._changes(*states)
            if self.writer != controller.broker_id and not _own(self.writer, *states):
                yield f"changed by who is neither its leader nor the controller, which is broker {controller.broker_id}: {_change(*states)}"

    def _claim(self, before: keys.ControllerValue, after: keys.ControllerValue) -> Iterator[str]:
        if after.broker_id == NOBODY:
            if self.writer != before.broker_id:
                yield f"somebody else's seat was given up: {before} became {after}"
        elif after.broker_id != self.writer or after.epoch <= before.epoch:
            yield f"{before} became {after}"

    def _broker(self, broker_id: int, before: bytes | None, value: bytes | None, controller: keys.ControllerValue) -> Iterator[str]:
        fenced = value is not None and keys.decode_broker(broker_id, value).fenced
        if self.writer not in (broker_id, controller.broker_id) and not (fenced and broker_id == self._displaced):
            yield f"broker {controller.broker_id} is the controller"
        if before is not None and value is not None and keys.decode_broker(broker_id, value).epoch < keys.decode_broker(broker_id, before).epoch:
            yield "its epoch went back"

    def _changes(self, before: PartitionState, after: PartitionState) -> Iterator[str]:
        change = _change(before, after)
        if after.leader_epoch < before.leader_epoch or after.partition_epoch <= before.partition_epoch:
            yield f"an epoch went back: {change}"
        if after.leader not in (before.leader, NO_LEADER) and after.leader_epoch == before.leader_epoch:
            yield f"two leaders under one epoch: {change}"
        if not after.isr or not set(after.isr) <= set(after.replicas) or after.leader not in (*after.isr, NO_LEADER):
            yield f"who is in sync, or leads, makes no sense: {change}"
        if after.leader not in (before.leader, NO_LEADER, *before.isr, *before.elr):
            yield f"led by who need not have everything: {change}"
        yield from self._added(before, after)
        gone = set(before.replicas) - set(after.replicas)
        if gone and gone != set(before.adding) and not set(after.replicas) <= set(before.isr):
            yield f"replicas were removed before all others were in sync: {change}"

    def _added(self, before: PartitionState, after: PartitionState) -> Iterator[str]:
        for broker_id in set(after.isr) - {*before.isr, *before.elr}:
            value = self._values.get(keys.broker_key(broker_id))
            if value is None or keys.decode_broker(broker_id, value).fenced:
                yield f"broker {broker_id} is in sync though it is not alive: {_change(before, after)}"
            if self.writer != before.leader:
                yield f"broker {broker_id} is in sync, as somebody else than the leader said: {_change(before, after)}"


def _own(writer: int, before: PartitionState, after: PartitionState) -> bool:
    """Whether a broker may write so without being the controller: of what it leads, or that it has it no more."""
    if before.leader == writer and after.leader == writer:
        return True
    kept = {*after.isr, *after.elr}
    return writer not in kept and writer in (*before.isr, *before.elr)


def _live_id(value: bytes | None) -> TopicId | None:
    """Of the topic that a value is of, None unless that is live."""
    topic = None if value is None else keys.decode_topic(value)
    return topic.topic_id if topic is not None and topic.state is keys.TopicState.LIVE else None


def _change(before: PartitionState, after: PartitionState) -> str:
    return f"{before} became {after}"

"""Topics as plans: creation, more partitions, deletion, and tidying up what a crash left half done.

A topic's key decides. What fits one commit is one commit; more begins by setting the key to ``creating`` or ``deleting``, goes through
the partitions in pieces, and ends with the key live or gone. Partitions past the key's count are seen by nobody, so adding some is the
same: first their keys, then the count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from twisted.logger import Logger

from chronik.cluster.writer import OPERATIONS_PER_PLAN_MAX, KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import PartitionState, TopicImage
from chronik.metadata.interfaces import Compare, Delete, Put
from chronik.metadata.keys import TopicState, TopicValue
from chronik.metadata.values import MalformedValue
from chronik.model import TopicId, topic_id_text

_PIECE = OPERATIONS_PER_PLAN_MAX - 4
"""Partitions in one commit, beside the topic's key, the compare of it, and two notes of deleted topics."""

DELETED_KEPT = 1_000
"""So many deleted topics are noted. A broker that was down for more deletions keeps what it has of older ones, out of the way."""


def unknown_topic(name: str) -> KafkaError:
    """There is no such topic."""
    return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"This server does not host topic '{name}': create it first.")


def topic_exists(name: str) -> KafkaError:
    """There is one already."""
    return KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")


@dataclass(frozen=True, slots=True)
class _Expected:
    """The topic's key as a plan needs to find it."""

    name: str
    topic_id: TopicId

    def read(self, view: KeyView) -> TopicValue | None:
        """The topic, None when it is gone or another one has the name."""
        found = read_topic(view, self.name)
        return found if found is not None and found.topic_id == self.topic_id else None


def read_topic(view: KeyView, name: str) -> TopicValue | None:
    """What the store says of a topic, in whatever state it is.

    :raises KafkaError: the value cannot be read.
    """
    value = view.value(keys.topic_key(name))
    try:
        return keys.decode_topic(value) if value is not None else None
    except MalformedValue as error:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, f"The metadata of topic '{name}' is damaged: {error}.") from error


class _Unreadable(KafkaError):
    """What the store says of a topic cannot be read: its partitions would look like nobody's."""


class TopicPlans:
    """Carries the plans out."""

    _log = Logger()

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._at_work: set[str] = set()

    @contextmanager
    def _working(self, name: str) -> Iterator[None]:
        """What is half done of a topic is not what a crash left. Nobody else may be at work on the name."""
        self._at_work.add(name)
        try:
            yield
        finally:
            self._at_work.discard(name)

    async def create(self, topic: TopicImage) -> None:
        """Make a topic appear. Nobody else may be at work on the name.

        :raises KafkaError: ``TOPIC_ALREADY_EXISTS`` or the writer's.
        """
        with self._working(topic.name):
            await self._create(topic)

    async def _create(self, topic: TopicImage) -> None:
        expected = _Expected(topic.name, topic.topic_id)
        live = TopicValue(topic.topic_id, TopicState.LIVE, len(topic.partitions), topic.configs)
        partitions = [Put(keys.partition_key(topic.topic_id, number), keys.encode_partition(state)) for number, state in enumerate(topic.partitions)]
        if len(partitions) <= _PIECE:
            await self._claim(expected, live, partitions)
            return
        await self._claim(expected, replace(live, state=TopicState.CREATING), ())
        await self._put_partitions(expected, partitions)
        await self._set(expected, live)

    async def add_partitions(self, name: str, topic_id: TopicId, first: int, states: Sequence[PartitionState]) -> None:
        """Make more partitions of a topic appear, all at once. Nobody else may be at work on the name."""
        with self._working(name):
            await self._add_partitions(name, topic_id, first, states)

    async def _add_partitions(self, name: str, topic_id: TopicId, first: int, states: Sequence[PartitionState]) -> None:
        expected = _Expected(name, topic_id)
        puts = [Put(keys.partition_key(topic_id, first + index), keys.encode_partition(state)) for index, state in enumerate(states)]
        last = puts
        if len(puts) > _PIECE:
            await self._put_partitions(expected, puts)
            last = []
        count = first + len(states)

        def plan(view: KeyView) -> Plan:
            topic = expected.read(view)
            if topic is None or topic.state is not TopicState.LIVE:
                raise unknown_topic(name)
            if topic.partitions >= count:
                return Plan()
            return _with_topic(view, name, replace(topic, partitions=count), last)

        await self._writer.write(plan)

    async def delete(self, name: str, topic_id: TopicId) -> None:
        """Make a topic disappear, and then its keys; does nothing when it is gone."""
        expected = _Expected(name, topic_id)
        await self._writer.write(lambda view: self._begin_deletion(view, expected))
        await self._finish_deletion(expected)

    async def tidy(self) -> None:
        """Undo creations and finish deletions and additions that a crash interrupted; what is under way here is left alone."""
        try:
            for name, topic in _topics(self._writer.view).items():
                if topic.state is not TopicState.LIVE and name not in self._at_work:
                    self._log.info("Topic {topic} was {state} when the controller stopped: removing it", topic=name, state=topic.state.value)
                    await self.take_back(name, topic.topic_id)
            while self._without_strays(self._writer.view).operations:
                await self._writer.write(self._without_strays)
        except _Unreadable as error:
            self._log.error("Nothing is tidied up: {problem}", problem=error.message)

    def _without_strays(self, view: KeyView) -> Plan:
        """Some partitions go that belong to no topic, or are beyond what their topic has."""
        owners = {topic_id_text(topic.topic_id): (name, topic) for name, topic in _topics(view).items()}
        compares: dict[str, Compare] = {}
        strays: list[Delete] = []
        for key in view.under(keys.PARTITIONS):
            topic_id, _, number = key.removeprefix(keys.PARTITIONS).partition("/")
            name, topic = owners.get(topic_id, ("", None))
            if not number.isdigit() or topic is not None and (int(number) < topic.partitions or name in self._at_work or not _is_live(topic)):
                continue
            strays.append(Delete(key))
            if topic is not None:
                compares[name] = view.unchanged(keys.topic_key(name))
            if len(strays) == _PIECE:
                break
        return Plan(list(compares.values()), strays)

    async def clear_remains(self, name: str) -> None:
        """Remove a topic of this name that never became live or is not wholly gone. Nobody else may be at work on the name."""
        topic = read_topic(self._writer.view, name)
        if topic is not None and topic.state is not TopicState.LIVE:
            await self.take_back(name, topic.topic_id)

    async def take_back(self, name: str, topic_id: TopicId) -> bool:
        """Remove a topic unless it became live: then others may have written to it, though whoever made it could not see that. Whether it did."""
        expected = _Expected(name, topic_id)
        await self._writer.write(lambda view: Plan() if _is_live(expected.read(view)) else self._begin_deletion(view, expected))
        if _is_live(expected.read(self._writer.view)):
            return True
        await self._finish_deletion(expected)
        return False

    def _begin_deletion(self, view: KeyView, expected: _Expected) -> Plan:
        topic = expected.read(view)
        if topic is None or topic.state is TopicState.DELETING:
            return Plan()
        partitions = _partition_keys(view, topic)
        if len(partitions) > _PIECE:
            return _with_topic(view, expected.name, replace(topic, state=TopicState.DELETING), ())
        return _without_topic(view, expected, partitions)

    async def _finish_deletion(self, expected: _Expected) -> None:
        topic = expected.read(self._writer.view)
        if topic is None:
            return
        await self._delete_keys(_partition_keys(self._writer.view, topic))

        def plan(view: KeyView) -> Plan:
            topic = expected.read(view)
            return Plan() if topic is None or _is_live(topic) else _without_topic(view, expected, ())

        await self._writer.write(plan)

    async def _claim(self, expected: _Expected, topic: TopicValue, partitions: Sequence[Put]) -> None:
        """Take the name, which nobody may have."""

        def plan(view: KeyView) -> Plan:
            if expected.read(view) is not None:
                return Plan()
            if view.get(keys.topic_key(expected.name)) is not None:
                raise topic_exists(expected.name)
            return _with_topic(view, expected.name, topic, partitions)

        await self._writer.write(plan)

    async def _set(self, expected: _Expected, topic: TopicValue) -> None:
        def plan(view: KeyView) -> Plan:
            found = expected.read(view)
            if found is None:
                raise unknown_topic(expected.name)
            return Plan() if found == topic else _with_topic(view, expected.name, topic, ())

        await self._writer.write(plan)

    async def _put_partitions(self, expected: _Expected, puts: Sequence[Put]) -> None:
        for start in range(0, len(puts), _PIECE):
            piece = puts[start : start + _PIECE]

            def plan(view: KeyView, piece: Sequence[Put] = piece) -> Plan:
                if expected.read(view) is None:
                    raise unknown_topic(expected.name)
                missing = [put for put in piece if view.value(put.key) != put.value]
                return Plan([view.unchanged(keys.topic_key(expected.name))], missing)

            await self._writer.write(plan)

    async def _delete_keys(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _PIECE):
            piece = names[start : start + _PIECE]

            def plan(view: KeyView, piece: Sequence[str] = piece) -> Plan:
                return Plan((), [Delete(key) for key in piece if view.get(key) is not None])

            await self._writer.write(plan)


def _topics(view: KeyView) -> Mapping[str, TopicValue]:
    """Every topic, in whatever state, by name.

    :raises _Unreadable: one of them cannot be read.
    """
    found: dict[str, TopicValue] = {}
    for key in view.under(keys.TOPICS):
        name = key.removeprefix(keys.TOPICS)
        try:
            topic = read_topic(view, name)
        except KafkaError as error:
            raise _Unreadable(error.code, error.message) from error
        if topic is not None:
            found[name] = topic
    return found


def _is_live(topic: TopicValue | None) -> bool:
    return topic is not None and topic.state is TopicState.LIVE


def _with_topic(view: KeyView, name: str, topic: TopicValue, others: Iterable[Put]) -> Plan:
    key = keys.topic_key(name)
    return Plan([view.unchanged(key)], [*others, Put(key, keys.encode_topic(topic))])


def _without_topic(view: KeyView, expected: _Expected, partitions: Sequence[str]) -> Plan:
    """The topic goes, and it is noted that it did: a broker that died before it removed the records finds that out at its start."""
    key, known = keys.topic_key(expected.name), view.under(keys.DELETED)
    note = Put(keys.deleted_key(expected.topic_id), expected.name.encode())
    oldest = [Delete(min(known, key=lambda noted: known[noted].revision))] if len(known) >= DELETED_KEPT else []
    return Plan([view.unchanged(key)], [*map(Delete, partitions), Delete(key), note, *oldest])


def _partition_keys(view: KeyView, topic: TopicValue) -> list[str]:
    every = (keys.partition_key(topic.topic_id, number) for number in range(topic.partitions))
    return [key for key in every if view.get(key) is not None]

"""Partitions of which a start finds two logs in different directories, of the same topic: which one is right, if anything says so."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.defer import Pool
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.storage.checkpoints import REPLACES, decode_replaces
from chronik.storage.discovery import STRAY_SUFFIX
from chronik.storage.interfaces import IFileSystem

if TYPE_CHECKING:
    from chronik.storage.homes import Home


@dataclass(frozen=True, slots=True)
class Twin:
    """A second log of one partition."""

    topic_id: TopicId
    home: Home
    path: str


class Twins:
    """Those of one store.

    :param known: the log of each partition, by topic id and directory.
    :param rename_away: in a thread, takes a log's directory out of the way: of this home, this partition, at this path, under this suffix.
    """

    _log = Logger()

    def __init__(
        self,
        file_system: IFileSystem,
        known: MutableMapping[TopicPartition, tuple[TopicId, Home]],
        rename_away: Callable[..., str],
    ) -> None:
        self._file_system = file_system
        self._known = known
        self._rename_away = rename_away
        self._met: list[tuple[TopicPartition, Twin]] = []
        self._twins: dict[TopicPartition, list[Twin]] = {}

    def of(self, topic_partition: TopicPartition) -> Sequence[Twin]:
        """Of a partition whose logs are not used."""
        return self._twins.get(topic_partition, ())

    def pop(self, topic_partition: TopicPartition) -> Sequence[Twin]:
        """Forget them."""
        return self._twins.pop(topic_partition, ())

    def add(self, topic_partition: TopicPartition, twin: Twin) -> None:
        """A log that is known has another one beside it, and nothing says which one is right."""
        self._twins.setdefault(topic_partition, []).append(twin)
        first = self._first_path(topic_partition)
        self._log.error("{partition} is in {first} and in {second}: neither is used", partition=topic_partition, first=first, second=twin.path)

    def check(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Refuse to open a log that has a twin.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """
        twins = [twin.path for twin in self.of(topic_partition) if twin.topic_id == topic_id]
        if twins:
            paths = ", ".join([self._first_path(topic_partition), *twins])
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"there are several logs of {topic_partition}, and nothing says which one is right: {paths}. Nothing was changed. Move all but one "
                "away and start the broker again; or delete the topic",
            )

    def meet(self, topic_partition: TopicPartition, topic_id: TopicId, home: Home) -> None:
        """A log that is known was found in this directory too; see :meth:`choose`."""
        self._met.append((topic_partition, Twin(topic_id, home, os.path.join(home.path, str(topic_partition)))))

    async def choose(self) -> None:
        """Of each two logs, the one that was made while the other's directory was offline is right; where neither says so, neither is used."""
        met, self._met = self._met, []
        for topic_partition, twin in met:
            await self._choose(topic_partition, twin)

    async def _choose(self, topic_partition: TopicPartition, twin: Twin) -> None:
        first = Twin(*self._known[topic_partition], self._first_path(topic_partition))
        try:
            if await twin.home.pools.run(Pool.BACKGROUND, self._replaces, twin, first):
                older = first
            elif await first.home.pools.run(Pool.BACKGROUND, self._replaces, first, twin):
                older = twin
            else:
                self.add(topic_partition, twin)
                return
            kept = await older.home.pools.run(Pool.BACKGROUND, self._rename_away, older.home, topic_partition, older.path, STRAY_SUFFIX)
        except OSError as error:
            self._log.error(
                "{partition} is in two directories, and one of them cannot be dealt with: {error}", partition=topic_partition, error=error
            )
            self.add(topic_partition, twin)
            return
        if older is first:
            self._known[topic_partition] = (twin.topic_id, twin.home)
            first.home.logs -= 1
            first.home.opened()
            twin.home.logs += 1
        self._log.warn(
            "{path} is older than what was made of {partition} elsewhere while {directory} was offline: it is kept as {kept}. Remove that when "
            "nothing is missed",
            path=older.path,
            partition=topic_partition,
            directory=older.home.path,
            kept=kept,
        )

    def _replaces(self, newer: Twin, older: Twin) -> bool:
        """In a thread: whether one was made while the other's directory was offline."""
        name = os.path.join(newer.path, REPLACES)
        return self._file_system.exists(name) and older.home.path in decode_replaces(self._file_system.read_whole(name))

    def _first_path(self, topic_partition: TopicPartition) -> str:
        return os.path.join(self._known[topic_partition][1].path, str(topic_partition))

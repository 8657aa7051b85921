"""``chronik consume``: records of a topic, printed."""

from __future__ import annotations

import argparse
import sys
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred

from chronik.cli.cluster import Cluster, Topic
from chronik.cli.fetching import Fetcher
from chronik.cli.formats import format_of
from chronik.cli.offsets import EARLIEST, LATEST, GroupOffsets, listed, resolved
from chronik.cli.security import client_security
from chronik.defer import deferred
from chronik.errors import ChronikError
from chronik.protocol import messages
from chronik.record.records import BadRecords


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Print until the end, the limit, or Ctrl-C; then commit for a group."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        topic = await cluster.topic(options.topic)
        if options.partition is not None and options.partition not in topic.leaders:
            raise ChronikError(f"topic {topic.name} has no partition {options.partition}, only 0 to {len(topic.leaders) - 1}")
        consumer = Consumer(cluster, topic, options, sys.stdout.buffer)
        finished: Deferred[None] = Deferred()
        trigger = reactor.addSystemEventTrigger("before", "shutdown", consumer.interrupted, finished)
        try:
            await consumer.run()
        finally:
            if not consumer.is_stopped:
                reactor.removeSystemEventTrigger(trigger)
            finished.callback(None)
    finally:
        cluster.close()


class Consumer:
    """Reads, prints and counts.

    :ivar is_stopped: Ctrl-C was pressed.
    """

    def __init__(self, cluster: Cluster, topic: Topic, options: argparse.Namespace, output: BinaryIO) -> None:
        self._cluster = cluster
        self._topic = topic
        self._output = output
        self._format = format_of(options.format, topic.name)
        self._follow: bool = output.isatty() if options.follow is None else options.follow
        self._where: str | None = options.offset
        self._left: int | None = options.max
        self._partitions = list(topic.leaders) if options.partition is None else [options.partition]
        self._group = None if options.group is None else GroupOffsets(cluster, topic, options.group)
        self.is_stopped = False

    def interrupted(self, finished: Deferred[None]) -> Deferred[None]:
        """Stop after the round that is under way.

        :returns: ``finished``, which the reactor's end waits for.
        """
        self.is_stopped = True
        return finished

    @deferred
    async def run(self) -> None:
        """Print what is to be printed."""
        earliest = await listed(self._cluster, self._topic, self._partitions, EARLIEST)
        latest = await listed(self._cluster, self._topic, self._partitions, LATEST)
        default = "latest" if self._follow and self._group is None else "earliest"
        if default == "latest" and self._where is None and self._output.isatty():
            print(f"following {self._topic.name} from its end; --from-beginning prints what is there, Ctrl-C ends it", file=sys.stderr)
        positions = await resolved(self._cluster, self._topic, self._where or default, earliest, latest)
        if self._group is not None and self._where is None:
            positions.update(await self._group.committed(self._partitions))
        fetcher = Fetcher(self._cluster, self._topic, positions)
        try:
            await self._print_all(fetcher, latest)
        finally:
            if self._group is not None:
                await self._group.commit(fetcher.positions)

    async def _print_all(self, fetcher: Fetcher, ends: dict[int, int]) -> None:
        while not self.is_stopped and self._left != 0:
            wanted = [p for p in self._partitions if self._follow or fetcher.positions[p] < ends[p]]
            if not wanted:
                return
            for data in await fetcher.fetch(wanted):
                self._print(fetcher, data, None if self._follow else ends[data.partition_index])
            self._output.flush()

    def _print(self, fetcher: Fetcher, data: messages.FetchResponse.PartitionData, end: int | None) -> None:
        partition = data.partition_index
        try:
            for records in fetcher.records(data):
                shown = [record for record in records if end is None or record.offset < end][: self._left]
                self._output.write(b"".join([self._format(partition, record) for record in shown]))
                if self._left is not None:
                    self._left -= len(shown)
                if self._left == 0:
                    fetcher.positions[partition] = shown[-1].offset + 1
                    return
                if end is not None and len(shown) < len(records):
                    fetcher.positions[partition] = end
                    return
        except BadRecords as error:
            raise ChronikError(f"{self._topic.name}, partition {partition}, offset {fetcher.positions[partition]}: {error}") from error

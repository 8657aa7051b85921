"""What an operator does who gave a broker a new disk, to which logs had just moved."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata.image import PartitionState
from chronik.storage.checkpoints import encode_moved
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import SimulatedBroker, take_up
from chronik.testing.simulation.timeline import Timeline

TO_MORE = encode_moved("a", "/more")


class Broker:
    """As far as its disks go."""

    marks = SimulatedBroker.marks
    is_relied_on = SimulatedBroker.is_relied_on
    unmark = SimulatedBroker.unmark
    number = 3
    directories = ("/data", "/more")

    def __init__(self, partitions: list[PartitionState]) -> None:
        self.files = MemoryFileSystem(Random(1))
        self.disk = SimpleNamespace(file_system=self.files)
        self.partitions = partitions
        self.life: Any = None
        for parent in self.directories:
            self.files.make_directory(parent)

    @property
    def phase(self) -> str:
        """It serves while it lives."""
        return "down" if self.life is None else "serving"

    def start(self) -> None:
        """Begin to serve."""
        topics = {"growing": SimpleNamespace(partitions=self.partitions)}
        self.life = SimpleNamespace(feed=SimpleNamespace(image=SimpleNamespace(topics=topics)))

    def cut_power(self) -> None:
        """End."""
        self.life = None

    def write(self, name: str, data: bytes) -> str:
        """Make a log of which there is only this."""
        self.files.make_directory(f"/data/{name}")
        self.files.write_whole(path := f"/data/{name}/moved", data)
        return path


class MarksTests(SynchronousTestCase):
    """Files that say of logs that they moved."""

    def setUp(self) -> None:
        """A broker that others count on."""
        self.broker: Any = Broker([PartitionState(2, 1, (2, 3), (2, 3), 1)] * 2)
        self.mark = self.broker.write("growing-1", TO_MORE)

    def test_which(self) -> None:
        """Those of logs that went to the new disk, and are not being removed."""
        self.broker.write("growing-0", encode_moved("a", "/other"))
        self.broker.write(f"growing-2.{'0' * 32}-delete", TO_MORE)
        self.assertEqual({self.mark: TO_MORE}, self.broker.marks(["/more"]))

    def test_taken_away(self) -> None:
        """Once nobody counts on the broker for that log, and only if it has not moved anew."""
        later = self.broker.write("growing-0", encode_moved("b", "/more"))
        timeline = Timeline()

        def sleep(seconds: float) -> Deferred[None]:
            done: Deferred[None] = Deferred()
            timeline.after(seconds, done.callback, None)
            return done

        taking = ensureDeferred(take_up(self.broker, {self.mark: TO_MORE, later: TO_MORE}, sleep))
        self.broker.start()
        timeline.run(lambda: False, timeline.now + 1)
        self.assertEqual((True, "serving"), (self.broker.files.exists(self.mark), self.broker.phase))
        self.broker.partitions[:] = [PartitionState(2, 1, (2, 3), (2,), 2)] * 2
        timeline.run(lambda: False, timeline.now + 1)
        self.assertEqual((False, True), (self.broker.files.exists(self.mark), self.broker.files.exists(later)))
        self.assertNoResult(taking)
        self.broker.start()
        timeline.run(lambda: False, timeline.now + 1)
        self.successResultOf(taking)

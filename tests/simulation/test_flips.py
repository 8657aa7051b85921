"""What a broker has to know of a bit that was flipped, and from when on."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any, Final

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicId
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.faults import NOTICE_SECONDS, Nemesis
from chronik.testing.simulation.flips import Flip
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.timeline import Timeline

TOPIC_ID: Final = TopicId(b"t" * 16)
PATH: Final = "/data/events-0"
NAME: Final = f"{7:020d}"
DATA: Final = b"what is not what was written"


class NotedTests(SynchronousTestCase):
    """A broker has noticed one, and writes that down, or does not come to it."""

    def setUp(self) -> None:
        """A broker that serves what is damaged no more."""
        self.timeline, self.ledger, self.files = Timeline(), Ledger(), MemoryFileSystem(Random(1))
        self.files.make_directory(PATH)
        self.files.write_whole(f"{PATH}/{NAME}.log", DATA)
        self.life = SimpleNamespace(logs={(TOPIC_ID, 0): SimpleNamespace(failed=False, segments=[SimpleNamespace(base_offset=7)])})
        self.broker: Any = SimpleNamespace(number=1, directories=("/data",), disk=SimpleNamespace(file_system=self.files), life=self.life)
        self.noticed_at = self.timeline.now
        self.flip = Flip(self.broker, TOPIC_ID, 0, 7, 9, "events-0", f"{NAME}.log", 3, 1, DATA[:27], noticed_at=self.noticed_at)
        world: Any = SimpleNamespace(timeline=self.timeline, ledger=self.ledger)
        self.noting = ensureDeferred(Nemesis(world, Random(1), [])._noted(self.flip))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.timeline.run(lambda: False, self.timeline.now + seconds)

    def write(self) -> None:
        """Write it down."""
        self.files.write_whole(f"{PATH}/{NAME}.damaged", b"It is damaged.")

    def end(self) -> None:
        """End the broker, which begins another life later."""
        self.broker.life = None

    def test_what_was_written_down_is_known(self) -> None:
        """The next life has to know, too."""
        self.wait(0.1)
        self.assertNoResult(self.noting)
        self.write()
        self.wait(0.1)
        self.successResultOf(self.noting)
        self.end()
        self.wait(NOTICE_SECONDS)
        self.assertEqual((self.noticed_at, []), (self.flip.noticed_at, self.ledger.findings()))

    def test_what_was_not_written_down_yet_is_not(self) -> None:
        """The next life has to notice anew, if the broker ended before."""
        self.wait(0.1)
        self.assertEqual(self.noticed_at, self.flip.noticed_at)
        self.end()
        self.wait(0.1)
        self.successResultOf(self.noting)
        self.assertEqual((float("inf"), []), (self.flip.noticed_at, self.ledger.findings()))

    def test_it_has_to_be_written_down(self) -> None:
        """A broker that goes on and never does so is found."""
        self.wait(NOTICE_SECONDS + 0.1)
        self.successResultOf(self.noting)
        self.assertEqual(self.noticed_at, self.flip.noticed_at)
        self.assertIn("was noticed and not noted", self.ledger.findings()[0])

"""Judging what members of groups saw."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.testing.group_history import NOTHING, GroupAnomaly, GroupHistory, Value

PLACE = ("t", 0)


class CommitTests(SynchronousTestCase):
    """Committed offsets are a register."""

    def setUp(self) -> None:
        self.history = GroupHistory()

    def write(self, offset: int, acknowledged: bool = True) -> None:
        """Commit."""
        write = self.history.writing("g", PLACE, Value(offset, ""))
        if acknowledged:
            self.history.written(write)

    def read(self, offset: int) -> None:
        """Be told what is committed."""
        self.history.read("g", PLACE, self.history.begin(), NOTHING if offset < 0 else Value(offset, ""))

    def anomalies(self) -> list[GroupAnomaly]:
        """What was found."""
        return [finding.anomaly for finding in self.history.findings()]

    def test_what_was_written_is_read(self) -> None:
        """Nothing, then each commit."""
        self.read(-1)
        self.write(5)
        self.read(5)
        self.write(3)
        self.read(3)
        self.assertEqual([], self.anomalies())

    def test_lost(self) -> None:
        """An acknowledged commit that is not read any more."""
        self.write(5)
        self.write(7)
        self.read(5)
        self.assertEqual([GroupAnomaly.COMMIT_LOST], self.anomalies())

    def test_never_written(self) -> None:
        """What nobody committed."""
        self.write(5)
        self.read(6)
        self.assertEqual([GroupAnomaly.COMMIT_LOST], self.anomalies())

    def test_unknown_outcome(self) -> None:
        """A commit without an answer is there or not; but once it was read it stays."""
        self.write(5)
        self.write(7, acknowledged=False)
        self.read(5)
        self.read(7)
        self.assertEqual([], self.anomalies())
        self.read(5)
        self.assertEqual([GroupAnomaly.COMMIT_LOST], self.anomalies())

    def test_refused(self) -> None:
        """What was refused is never read."""
        write = self.history.writing("g", PLACE, Value(5, ""))
        self.history.refused(write)
        self.read(5)
        self.assertEqual([GroupAnomaly.COMMIT_LOST], self.anomalies())


class OwnerTests(SynchronousTestCase):
    """One owner at a time."""

    def setUp(self) -> None:
        self.history = GroupHistory()

    def anomalies(self) -> list[GroupAnomaly]:
        """What was found."""
        return [finding.anomaly for finding in self.history.findings()]

    def test_one_a_generation(self) -> None:
        """Another generation may have another owner, the same one may not."""
        self.history.assigned("g", 1, "a", [PLACE])
        self.history.assigned("g", 2, "b", [PLACE])
        self.assertEqual([], self.anomalies())
        self.history.assigned("g", 2, "a", [PLACE])
        self.assertEqual([GroupAnomaly.TWO_OWNERS], self.anomalies())

    def test_claims(self) -> None:
        """A partition may be given on once it was let go of, or its owner's time is over."""
        self.history.claims("g", "a", [PLACE], 0.0, 6.0)
        self.history.lets_go("g", "a", [PLACE])
        self.history.claims("g", "b", [PLACE], 1.0, 7.0)
        self.history.claims("g", "c", [PLACE], 8.0, 14.0)
        self.assertEqual([], self.anomalies())
        self.history.claims("g", "d", [PLACE], 9.0, 15.0)
        self.assertEqual([GroupAnomaly.TWO_OWNERS], self.anomalies())

    def test_commits_of_a_generation_that_is_over(self) -> None:
        """One that was sent before the next generation began may be taken, one that was sent after it may not."""
        self.history.assigned("g", 1, "a", [PLACE])
        early = self.history.writing("g", PLACE, Value(5, ""))
        self.history.assigned("g", 2, "b", [PLACE])
        self.history.written_in(early, 1, "a")
        self.assertEqual([], self.anomalies())
        self.history.written_in(self.history.writing("g", PLACE, Value(6, "")), 1, "a")
        self.assertEqual([GroupAnomaly.STALE_COMMIT], self.anomalies())

    def test_commits_of_what_is_another_members(self) -> None:
        """A member may commit what it was given last, and what another was given only if it had sent that before."""
        self.history.claims("g", "a", [PLACE], 0.0, 6.0)
        early = self.history.writing("g", PLACE, Value(5, ""))
        self.history.lets_go("g", "a")
        self.history.claims("g", "b", [PLACE], 1.0, 7.0)
        self.history.written_in(early, 1, "a")
        self.history.written_in(self.history.writing("g", PLACE, Value(7, "")), 2, "b")
        self.assertEqual([], self.anomalies())
        self.history.written_in(self.history.writing("g", PLACE, Value(6, "")), 1, "a")
        self.assertEqual([GroupAnomaly.STALE_COMMIT], self.anomalies())

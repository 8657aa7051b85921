"""The judge of histories accepts what may be, and finds every anomaly that it names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.testing.history import PLAIN, Anomaly, Finding, History, Promise, Record, anomalies

READER = "last"


def told(*numbers: int, promise: Promise | None = None) -> History:
    """A history of producer ``a``, whose records of these numbers were sent to partition 0 and acknowledged at offsets 0, 1, ..."""
    history = History({} if promise is None else {"a": promise})
    for offset, number in enumerate(numbers):
        history.sent(0, Record("a", number))
        history.acknowledged(0, Record("a", number), offset)
    return history


def read(history: History, *numbers: int, reader: str = READER, start: int = 0, whole: bool = True) -> History:
    """Somebody is given these records at offsets one after the other."""
    for offset, number in enumerate(numbers, start):
        history.polled(reader, 0, offset, Record("a", number))
    if whole:
        history.read_all(reader)
    return history


class HistoryTests(SynchronousTestCase):
    """One partition, few records."""

    def assert_found(self, history: History, *expected: Anomaly) -> list[Finding]:
        """These anomalies and no others, at least once each; the findings."""
        found = anomalies(history)
        self.assertEqual(set(expected), {finding.anomaly for finding in found}, "\n".join(map(str, found)))
        return found

    def test_nothing_wrong(self) -> None:
        """Acknowledged records, once each and in order, are what is expected; so is an unanswered record, there or not."""
        history = read(told(1, 2, 3), 1, 2, 3, 4)
        history.sent(0, Record("a", 4))
        history.sent(0, Record("a", 5))
        self.assert_found(history)

    def test_nothing_sent(self) -> None:
        """An empty history is fine, if somebody looked."""
        self.assert_found(read(History()))

    def test_nobody_looked(self) -> None:
        """A history that nobody read to its end proves nothing."""
        self.assertRaises(ValueError, anomalies, told(1))
        self.assertRaises(ValueError, anomalies, read(told(1), 1, whole=False))

    def test_lost(self) -> None:
        """An acknowledged record that is not there, whether at the end, before others or all alone."""
        (finding,) = self.assert_found(read(told(1, 2, 3), 1, 2), Anomaly.LOST)
        self.assertEqual("partition 0: lost: a#3 was acknowledged at 2, and last, who read everything, does not have it", str(finding))
        self.assert_found(read(told(1)), Anomaly.LOST)
        self.assert_found(read(read(told(1, 2, 3), 1), 3, start=2), Anomaly.LOST, Anomaly.SKIPPED)

    def test_lost_where_offset_was_reused(self) -> None:
        """A record whose place another took is lost, and the place is told as well."""
        history = read(told(1, 2), 1, 3)
        history.sent(0, Record("a", 3))
        self.assert_found(history, Anomaly.LOST, Anomaly.INCONSISTENT_OFFSET)

    def test_lost_after_it_was_read(self) -> None:
        """What any reader was given is there afterwards, acknowledged or not."""
        history = read(read(told(1), 1, 2, reader="early", whole=False), 1)
        history.sent(0, Record("a", 2))
        (finding,) = self.assert_found(history, Anomaly.LOST)
        self.assertIn("was given to early", finding.detail)

    def test_duplicate(self) -> None:
        """A record twice, next to itself or later."""
        history = read(told(1, 2), 1, 2, 3, 3)
        history.sent(0, Record("a", 3))
        (finding,) = self.assert_found(history, Anomaly.DUPLICATE)
        self.assertIn("a#3 is at 2, 3", finding.detail)
        self.assert_found(read(told(1, 2), 1, 2, 1), Anomaly.DUPLICATE)

    def test_duplicate_of_plain_producer(self) -> None:
        """Whoever sends again without being idempotent finds its records twice, in the order of their first places."""
        self.assert_found(read(told(1, 2, 3, promise=PLAIN), 1, 2, 3, 2, 3))

    def test_reordered(self) -> None:
        """A record before one that was sent earlier; the acknowledgements did not tell."""
        for promise in (None, PLAIN):
            history = History({} if promise is None else {"a": promise})
            for number in (1, 2, 3):
                history.sent(0, Record("a", number))
                history.acknowledged(0, Record("a", number), -1)
            (finding,) = self.assert_found(read(history, 1, 3, 2), Anomaly.REORDERED)
            self.assertIn("a#3 is at 1, a#2, sent earlier, is at 2", finding.detail)

    def test_order_not_promised(self) -> None:
        """A producer with several requests under way and no idempotence has no order to expect."""
        self.assert_found(read(told(1, 3, 2, promise=Promise(once=False, ordered=False)), 1, 3, 2))

    def test_non_monotonic_send(self) -> None:
        """Acknowledgements at offsets that go back."""
        self.assert_found(read(told(1, 3, 2), 1, 3, 2), Anomaly.NON_MONOTONIC_SEND, Anomaly.REORDERED)

    def test_inconsistent_acknowledgements(self) -> None:
        """Two records acknowledged at one offset."""
        history = read(told(1, 2), 1, 2)
        history.sent(0, Record("b", 1))
        history.acknowledged(0, Record("b", 1), 1)
        self.assert_found(history, Anomaly.INCONSISTENT_OFFSET, Anomaly.LOST)

    def test_acknowledged_elsewhere(self) -> None:
        """A record that is there, and not where its acknowledgement said."""
        history = told(1, 2)
        history.sent(0, Record("b", 1))
        for offset, record in enumerate([Record("b", 1), Record("a", 1), Record("a", 2)]):
            history.polled(READER, 0, offset, record)
        history.read_all(READER)
        found = self.assert_found(history, Anomaly.INCONSISTENT_OFFSET)
        self.assertIn("at 0 an acknowledgement has a#1, last has b#1", found[0].detail)

    def test_inconsistent_readers(self) -> None:
        """Two readers that were given different records at one offset."""
        history = read(told(1), 1, 2, 3)
        for number in (2, 3):
            history.sent(0, Record("a", number))
        self.assert_found(read(history, 1, 3, reader="early", whole=False), Anomaly.INCONSISTENT_OFFSET)

    def test_non_monotonic_poll(self) -> None:
        """A reader that is given an offset again, or an earlier one; one that begins anew under another name is fine."""
        history = read(read(told(1, 2, 3), 1, 2, reader="early", whole=False), 2, 3, start=1, reader="early", whole=False)
        (finding,) = self.assert_found(read(history, 1, 2, 3), Anomaly.NON_MONOTONIC_POLL)
        self.assertIn("early was given 1 after 1", finding.detail)
        history = read(read(told(1, 2, 3), 1, 2, reader="early", whole=False), 1, 2, reader="again", whole=False)
        self.assert_found(read(history, 1, 2, 3))

    def test_skipped(self) -> None:
        """A reader that passed over a record; one that began later, or passed over nothing, is fine."""
        history = read(told(1, 2, 3), 1, 2, 3)
        self.assert_found(read(history, 2, 3, reader="late", start=1, whole=False))
        read(history, 1, reader="hasty", whole=False)
        (finding,) = self.assert_found(read(history, 3, reader="hasty", start=2, whole=False), Anomaly.SKIPPED)
        self.assertIn("hasty was given 2 after 0, a#2 is between", finding.detail)

    def test_begins(self) -> None:
        """From where on the last reader had everything; where nothing was left for it, nobody knows what was there below."""
        self.assertEqual(read(told(1, 2, 3), 2, 3, start=1).begins(0), 1)
        history = read(told(1, 2), 1, 2, reader="early", whole=False)
        history.read_all(READER)
        self.assertEqual(history.begins(0), 2)
        history.forgotten(0, 5)
        self.assertEqual(history.begins(0), 5)

    def test_gap_without_records(self) -> None:
        """Offsets at which nobody knows a record, as transactions leave them, may be passed over."""
        history = History()
        for offset, number in ((0, 1), (5, 2)):
            history.sent(0, Record("a", number))
            history.acknowledged(0, Record("a", number), offset)
            history.polled(READER, 0, offset, Record("a", number))
        history.read_all(READER)
        self.assert_found(history)

    def test_unsent(self) -> None:
        """A record that nobody sent, or that was sent to another partition."""
        self.assert_found(read(told(1), 1, 2), Anomaly.UNSENT)
        history = read(told(1), 1, 2)
        history.sent(7, Record("a", 2))
        self.assert_found(history, Anomaly.UNSENT)

    def test_partitions_are_apart(self) -> None:
        """Offsets and order are a partition's own."""
        history = History()
        for number in range(10):
            partition = number % 2
            history.sent(partition, Record("a", number))
            history.acknowledged(partition, Record("a", number), number // 2)
            history.polled(READER, partition, number // 2, Record("a", number))
        history.read_all(READER)
        self.assert_found(history)
        self.assertEqual(10, history.acknowledgements)

    def test_changed(self) -> None:
        """A record with another content."""
        history = read(told(1), 1)
        history.changed(READER, 0, 0, Record("a", 1))
        self.assert_found(history, Anomaly.CHANGED)

    def test_watermarks(self) -> None:
        """What one reader is told never goes back; another may lag."""
        history = read(told(1), 1)
        history.watermarks(READER, 0, 3, 5)
        history.watermarks(READER, 0, 4, 5)
        history.watermarks("late", 0, 1, 1)
        self.assert_found(history)
        history.watermarks(READER, 0, 4, 4)
        self.assert_found(history, Anomaly.WATERMARK_WENT_BACK)

    def test_epochs(self) -> None:
        """An offset has one leader epoch, and a later offset none before it."""
        history = read(told(1, 2), 1, 2)
        history.led(READER, 0, 0, 2)
        history.led(READER, 0, 1, 3)
        self.assert_found(history)
        history.led("other", 0, 0, 1)
        self.assert_found(history, Anomaly.TWO_EPOCHS)
        history = read(told(1, 2), 1, 2)
        history.led(READER, 0, 0, 2)
        history.led(READER, 0, 1, 1)
        self.assert_found(history, Anomaly.TWO_EPOCHS)

    def test_appended(self) -> None:
        """Under one epoch an offset has one record, committed or not; what was truncated is written again under another."""
        history = read(told(1), 1)
        history.appended("a", 0, 9, 1, Record("a", 7))
        history.appended(READER, 0, 9, 2, Record("a", 8))
        self.assert_found(history)
        history.appended(READER, 0, 9, 1, Record("a", 8))
        self.assert_found(history, Anomaly.INCONSISTENT_OFFSET)

    def test_forgotten(self) -> None:
        """What somebody asked to be removed may be gone; what follows may not."""
        history = told(1, 2, 3)
        history.forgotten(0, 2)
        self.assert_found(read(history, 3, start=2))
        history = told(1, 2, 3)
        history.forgotten(0, 1)
        self.assert_found(read(history, 3, start=2), Anomaly.LOST)

    def test_a_topic_that_is_gone(self) -> None:
        """Nobody can read it to its end, and the rest is judged all the same."""
        self.assertEqual([], list(told(1).findings(ended=False)))
        history = read(told(1), 1, reader="early", whole=False)
        history.sent(0, Record("a", 2))
        read(history, 2, reader="other", whole=False)
        self.assertEqual({Anomaly.INCONSISTENT_OFFSET}, {finding.anomaly for finding in history.findings(ended=False)})

"""Fenced writes: when they answer, when they are planned anew, and when they give up."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.cluster.writer import ATTEMPTS_MAX, FencedWriter, KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import MetadataImage
from chronik.metadata.interfaces import BYTES_PER_COMMIT_MAX, Delete, IImageObserver, IMetadataFeed, Put, ReadOnly
from chronik.metadata.memory import Fault, MemoryMetadataStore


@implementer(IMetadataFeed)
class LaggingFeed:
    """An image that reaches revisions when told.

    :ivar waiting: who waits, None while everything is reached at once.
    """

    def __init__(self) -> None:
        self.image = MetadataImage()
        self.waiting: list[Deferred[MetadataImage]] | None = None

    def observe(self, observer: IImageObserver) -> None:
        """Nobody is told."""

    def unobserve(self, observer: IImageObserver) -> None:
        """Nobody is told."""

    def reached(self, revision: int) -> Deferred[MetadataImage]:
        """Wait."""
        if self.waiting is None:
            return succeed(self.image)
        waiting: Deferred[MetadataImage] = Deferred()
        self.waiting.append(waiting)
        return waiting


class WriterTests(SynchronousTestCase):
    """One writer over a memory store."""

    def setUp(self) -> None:
        """Make it."""
        self.store = MemoryMetadataStore(Clock())
        self.feed = LaggingFeed()
        self.writer = Writer(self.store, self.feed, KeyView(self.store))
        self.plans = 0

    def plan(self, view: KeyView) -> Plan:
        """Count up the key ``n``, once."""
        self.plans += 1
        done = view.value("n") == b"1"
        return Plan() if done else Plan([view.unchanged("n")], [Put("n", b"1")])

    def write(self) -> Deferred[int]:
        """Carry the plan out."""
        return Deferred.fromCoroutine(self.writer.write(self.plan))

    def test_answers_after_the_image(self) -> None:
        """A change answers once the own image has it."""
        self.feed.waiting = []
        write = self.write()
        self.assertEqual([self.store.commits, len(self.feed.waiting)], [1, 1])
        self.assertNoResult(write)
        self.feed.waiting[0].callback(self.feed.image)
        self.assertEqual(self.successResultOf(write), 1)

    def test_nothing_to_do_waits_too(self) -> None:
        """What is done already is answered when the image has it, as it may just have been done by somebody else."""
        self.successResultOf(self.write())
        self.feed.waiting = []
        self.assertNoResult(self.write())

    def test_plans_from_what_the_image_shows(self) -> None:
        """Whoever asks because of the image never meets an older view of the store."""
        self.successResultOf(self.write())
        self.store.hold_watches()
        revision = self.successResultOf(self.store.commit([], [Put("n", b"2")]))
        self.feed.image = MetadataImage(revision)
        write = self.write()
        self.assertEqual(self.plans, 1)
        self.store.release_watches()
        self.successResultOf(write)
        self.assertEqual(self.plans, 2)

    def test_nothing_to_do_is_not_believed_of_an_old_view(self) -> None:
        """What this broker sees as done already may have been undone by another one: that shows before the answer."""
        self.successResultOf(self.write())
        self.store.hold_watches()
        self.successResultOf(self.store.commit([], [Delete("n")]))
        write = self.write()
        self.assertNoResult(write)
        self.store.release_watches()
        self.successResultOf(write)
        self.assertEqual(self.successResultOf(self.store.snapshot()).entries["n"].value, b"1")

    def test_refusal_is_not_believed_of_an_old_view(self) -> None:
        """What cannot be done as this broker sees it may be possible since."""

        def plan(view: KeyView) -> Plan:
            if view.get("n") is None:
                raise KafkaError(ErrorCode.RESOURCE_NOT_FOUND, "there is no n")
            return Plan((), [Put("n", b"2")])

        refused = Deferred.fromCoroutine(self.writer.write(plan))
        self.assertEqual(self.failureResultOf(refused, KafkaError).value.code, ErrorCode.RESOURCE_NOT_FOUND)
        self.store.hold_watches()
        self.successResultOf(self.store.commit([], [Put("n", b"1")]))
        write = Deferred.fromCoroutine(self.writer.write(plan))
        self.assertNoResult(write)
        self.store.release_watches()
        self.successResultOf(write)
        self.assertEqual(self.successResultOf(self.store.snapshot()).entries["n"].value, b"2")

    def test_nothing_to_do_and_no_answer(self) -> None:
        """Where the store does not tell, it is asked again, and not for ever."""
        self.successResultOf(self.write())
        self.store.faults.append(Fault.UNKNOWN_MADE)
        self.successResultOf(self.write())
        self.store.faults.extend([Fault.UNKNOWN_MADE] * ATTEMPTS_MAX)
        self.assertEqual(self.failureResultOf(self.write(), KafkaError).value.code, ErrorCode.REQUEST_TIMED_OUT)

    def test_current_image(self) -> None:
        """It has all that anybody was answered, or nobody is told anything."""
        self.feed.waiting = []
        self.successResultOf(self.store.commit([], [Put("n", b"1")]))
        image = Deferred.fromCoroutine(self.writer.current_image())
        self.assertNoResult(image)
        self.feed.image = MetadataImage(1)
        self.feed.waiting[0].callback(self.feed.image)
        self.assertEqual(self.successResultOf(image).revision, 1)
        self.store.faults.extend([Fault.CONFLICT, Fault.UNKNOWN_MADE])
        image = Deferred.fromCoroutine(self.writer.current_image())
        self.feed.waiting[1].callback(self.feed.image)
        self.assertEqual(self.successResultOf(image).revision, 1)
        self.store.read_only = True
        image = Deferred.fromCoroutine(self.writer.current_image())
        self.assertEqual(self.failureResultOf(image, KafkaError).value.code, ErrorCode.KAFKA_STORAGE_ERROR)

    def test_view_is_current_after_a_write(self) -> None:
        """When a write has answered, the view shows it, though it may be told after the image."""
        self.successResultOf(self.write())
        self.store.hold_watches()
        again = Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"1")])))
        self.assertNoResult(again)
        self.store.release_watches()
        self.successResultOf(again)
        self.assertEqual(self.writer.view.value("m"), b"1")

    def test_gives_up(self) -> None:
        """A change that is overtaken again and again is an error a client may retry."""
        self.store.faults.extend([Fault.CONFLICT] * ATTEMPTS_MAX)
        failure = self.failureResultOf(self.write(), KafkaError)
        self.assertEqual([failure.value.code, self.plans], [ErrorCode.REQUEST_TIMED_OUT, ATTEMPTS_MAX])

    def test_too_large(self) -> None:
        """More than a commit can carry is the client's to make smaller."""
        plan = Plan((), [Put("n", bytes(BYTES_PER_COMMIT_MAX))])
        failure = self.failureResultOf(Deferred.fromCoroutine(self.writer.write(lambda view: plan)), KafkaError)
        self.assertEqual(failure.value.code, ErrorCode.POLICY_VIOLATION)

    def test_fence(self) -> None:
        """Who lost the controller's key writes nothing; who was only overtaken goes on."""
        writer = self.writer = FencedWriter(self.store, self.feed, KeyView(self.store))
        self.assertEqual(self.failureResultOf(self.write(), KafkaError).value.code, ErrorCode.NOT_CONTROLLER)
        writer.hold(self.successResultOf(self.store.commit([], [Put(keys.CONTROLLER, b"{}")])))
        self.store.faults.append(Fault.CONFLICT)
        self.successResultOf(self.write())
        self.successResultOf(self.store.commit([], [Put(keys.CONTROLLER, b"{}"), Delete("n")]))
        failure = self.failureResultOf(self.write(), KafkaError)
        self.assertEqual((failure.value.code, writer.held), (ErrorCode.NOT_CONTROLLER, False))
        self.assertNotIn("n", self.successResultOf(self.store.snapshot()).entries)

    def test_view_after_a_lost_watch(self) -> None:
        """A view whose watch was lost reads everything anew before the next plan."""
        self.successResultOf(self.write())
        self.store.compact()
        self.successResultOf(self.store.commit([], [Delete("n")]))
        self.successResultOf(self.write())
        self.assertEqual(self.writer.view.value("n"), b"1")

    def test_view_that_could_not_be_read_again(self) -> None:
        """Whoever waits for such a view is told, and it is read again for the next who asks: nobody waits for ever."""
        self.successResultOf(self.write())
        self.store.hold_watches()
        waiting = Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"1")])))
        self.assertNoResult(waiting)
        reading = self.patch(self.store, "snapshot", lambda: fail(ReadOnly("no quorum")))
        self.store.faults.append(Fault.CONFLICT)
        overtaken = Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"2")])))
        for told in (waiting, overtaken):
            self.assertEqual(self.failureResultOf(told, KafkaError).value.code, ErrorCode.KAFKA_STORAGE_ERROR)
        self.store.release_watches()
        reading.restore()
        self.successResultOf(Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"3")]))))
        self.assertEqual(self.writer.view.value("m"), b"3")

    def test_store_that_fails_in_its_own_way(self) -> None:
        """A store whose snapshot fails by an error that no store should have lets nobody wait either."""
        self.successResultOf(self.write())
        self.store.hold_watches()
        waiting = Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"1")])))
        self.assertNoResult(waiting)
        self.patch(self.store, "snapshot", lambda: fail(ValueError("a bug")))
        self.store.faults.append(Fault.CONFLICT)
        overtaken = Deferred.fromCoroutine(self.writer.write(lambda view: Plan((), [Put("m", b"2")])))
        self.failureResultOf(overtaken, ValueError)
        self.assertEqual(self.failureResultOf(waiting, KafkaError).value.code, ErrorCode.KAFKA_STORAGE_ERROR)

    def test_stopped_view(self) -> None:
        """A stopped view is told nothing more."""
        self.successResultOf(self.write())
        self.writer.view.stop()
        self.successResultOf(self.store.commit([], [Delete("n")]))
        self.assertEqual(self.writer.view.value("n"), b"1")

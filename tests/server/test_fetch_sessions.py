"""Fetch sessions (KIP-227): what is told of which partitions, errors, eviction, and what an idle session costs."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import PartitionState
from chronik.model import ZERO_TOPIC_ID, TopicId, TopicPartition
from chronik.protocol.messages import FetchRequest
from chronik.replica.partition import Partition
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.fetch_sessions import EVICTION_MS, FetchPartition, FetchSession, FetchSessionCache, next_epoch
from tests.replica.fakes import TOPIC_ID, FakeLog, make_inspector
from tests.server.core import Core

STATE = PartitionState(leader=1, leader_epoch=3, replicas=(1,), isr=(1,))
Told = dict[tuple[str, int], int]


class SessionCase(SynchronousTestCase):
    """A broker of a topic ``t`` of three partitions, of five records of ten bytes each."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core()
        self.logs = [self.core.log]
        for number in (1, 2):
            log = FakeLog(TopicPartition("t", number), end=5)
            self.logs.append(log)
            self.core.partitions.others["t", number] = Partition(log, STATE, make_inspector())

    def partition(self, number: int) -> Partition:
        """One of them."""
        found = self.core.partitions.get("t", number)
        assert isinstance(found, Partition)
        return found

    def request(self, offsets: dict[int, int], session: int = 0, epoch: int = 0, version: int = 12, **more: Any) -> FetchRequest:
        """Of partitions of the topic, from offsets on."""
        by_id = version >= 13
        parts = tuple(FetchRequest.FetchPartition(partition=n, fetch_offset=offset, partition_max_bytes=1000) for n, offset in offsets.items())
        name, topic_id = more.pop("topic", ("t", TOPIC_ID))
        topic = FetchRequest.FetchTopic(topic="" if by_id else name, topic_id=topic_id if by_id else ZERO_TOPIC_ID, partitions=parts)
        forgotten = FetchRequest.ForgottenTopic(
            topic="" if by_id else "t", topic_id=TOPIC_ID if by_id else ZERO_TOPIC_ID, partitions=tuple(more.pop("forget", ()))
        )
        return FetchRequest(
            max_wait_ms=more.pop("wait_ms", 0),
            min_bytes=1,
            max_bytes=more.pop("max_bytes", 10_000),
            session_id=session,
            session_epoch=epoch,
            topics=(topic,) if parts else (),
            forgotten_topics_data=(forgotten,) if forgotten.partitions else (),
            **more,
        )

    def fetch(self, request: FetchRequest, version: int = 12) -> dict[int, int]:
        """Bytes of records by partition; an error as a negative number."""
        return self.told(self.core.ask(request, version))

    def told(self, response: Any) -> dict[int, int]:
        """The same of a response, which is kept."""
        self.response = response
        self.assertEqual(0, response.error_code)
        return {p.partition_index: -p.error_code or len(p.records) for topic in response.responses for p in topic.partitions}

    def error(self, request: FetchRequest, version: int = 12) -> ErrorCode:
        """What the whole request failed with."""
        response = self.core.ask(request, version)
        self.assertEqual((), response.responses)
        return ErrorCode(response.error_code)

    def opened(self, offsets: dict[int, int], version: int = 12) -> int:
        """A new session's id, its partitions being quiet after a second request."""
        self.fetch(self.request(offsets, version=version), version)
        session: int = self.response.session_id
        self.assertNotEqual(0, session)
        self.fetch(self.request({}, session, 1, version), version)
        return session

    def append(self, number: int, count: int = 1) -> None:
        """Commit records."""
        log = self.logs[number]
        self.partition(number).append(b"x" * count, 1)
        log.flush_to(log.end_offset)


class IncrementalTest(SessionCase):
    """What is told within a session."""

    def test_every_version(self) -> None:
        """Versions from 7 on have sessions, by name or by id."""
        for version in range(7, 19):
            self.assertEqual({0: 0, 1: 20}, self.fetch(self.request({0: 5, 1: 3}, version=version), version))
            session = self.response.session_id
            self.assertGreater(session, 0)
            self.assertEqual({1: 20}, self.fetch(self.request({}, session, 1, version), version))
            self.assertEqual(session, self.response.session_id)
            self.assertEqual(TOPIC_ID if version >= 13 else ZERO_TOPIC_ID, self.response.responses[0].topic_id)

    def test_no_session_asked_for(self) -> None:
        """Epoch -1, and every version before 7, is answered without one."""
        self.fetch(self.request({0: 0}, epoch=-1))
        self.assertEqual(0, self.response.session_id)
        self.fetch(self.request({0: 0}, version=6), 6)
        self.assertEqual(0, len(self.core.sessions))

    def test_only_what_changed(self) -> None:
        """Quiet partitions are left out; one that gets records is told, and told again until the client moves on."""
        session = self.opened({0: 5, 1: 5, 2: 5})
        self.assertEqual({}, self.fetch(self.request({}, session, 2)))
        self.append(1)
        self.assertEqual({1: 10}, self.fetch(self.request({}, session, 3)))
        self.assertEqual({1: 10}, self.fetch(self.request({}, session, 4)))
        self.assertEqual({}, self.fetch(self.request({1: 6}, session, 5)))

    def test_add_and_forget(self) -> None:
        """Partitions come and go with requests."""
        session = self.opened({0: 5})
        self.assertEqual({1: 10}, self.fetch(self.request({1: 4}, session, 2)))
        self.append(0)
        self.assertEqual({0: 10}, self.fetch(self.request({}, session, 3, forget=[1])))
        self.assertEqual({0: 10}, self.fetch(self.request({}, session, 4, forget=[1, 7])))
        self.append(1)
        self.assertEqual({}, self.fetch(self.request({0: 6}, session, 5)))

    def test_forgetting_everything_ends_it(self) -> None:
        """A session without partitions is none."""
        session = self.opened({0: 5})
        self.assertEqual({}, self.fetch(self.request({}, session, 2, forget=[0])))
        self.assertEqual(0, self.response.session_id)
        self.assertEqual(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, self.error(self.request({}, session, 3)))

    def test_new_start(self) -> None:
        """Records that are deleted change a partition without bringing records."""
        session = self.opened({0: 5, 1: 5})
        self.partition(1).delete_records(2)
        self.assertEqual({1: 0}, self.fetch(self.request({}, session, 2)))
        self.assertEqual(2, self.response.responses[0].partitions[0].log_start_offset)
        self.assertEqual({}, self.fetch(self.request({}, session, 3)))

    def test_watermark_without_records(self) -> None:
        """A reader of committed transactions is told a new high watermark though there is nothing to read."""
        self.logs[0].first_unstable_offset = 5
        session = self.opened({0: 5})
        self.append(0)
        self.assertEqual({0: 0}, self.fetch(self.request({}, session, 2, isolation_level=1)))
        self.assertEqual(6, self.response.responses[0].partitions[0].high_watermark)
        self.assertEqual({}, self.fetch(self.request({}, session, 3, isolation_level=1)))

    def test_errors_are_told_until_they_are_over(self) -> None:
        """Each answer has the error; when it is gone the partition is told once more."""
        session = self.opened({0: 5, 1: 5})
        moved = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.partition(1).deleted(self.logs[1])
        for epoch in (2, 3):
            self.assertEqual({1: -ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}, self.fetch(self.request({}, session, epoch)))
        self.core.partitions.error = moved
        self.assertEqual({1: -moved.code}, self.fetch(self.request({}, session, 4)))
        self.core.partitions.error = None
        self.core.partitions.others["t", 1] = Partition(self.logs[1], STATE, make_inspector())
        self.assertEqual({1: 0}, self.fetch(self.request({}, session, 5)))
        self.assertEqual({}, self.fetch(self.request({}, session, 6)))
        self.append(1)
        self.assertEqual({1: 10}, self.fetch(self.request({}, session, 7)))

    def test_unknown_id(self) -> None:
        """A topic that does not exist yet is an error until it does."""
        other = TopicId(b"j" * 16)
        session = self.opened({0: 5}, 13)
        wanted = self.request({2: 4}, session, 2, 13, topic=("", other))
        self.assertEqual({2: -ErrorCode.UNKNOWN_TOPIC_ID}, self.fetch(wanted, 13))
        self.core.feed.image.names[other] = "t"  # type: ignore[index]
        self.assertEqual({2: 10}, self.fetch(self.request({}, session, 3, 13), 13))

    def test_new_epoch(self) -> None:
        """A client that believes in an old leader epoch is told so, quiet as its partition was."""
        self.fetch(FetchRequest(**{**self.fields({0: 5}, 3), "session_epoch": 0}))
        session = self.response.session_id
        self.fetch(self.request({}, session, 1))
        self.partition(0).update(PartitionState(1, 4, (1,), (1,)), 1)
        self.assertEqual({0: -ErrorCode.FENCED_LEADER_EPOCH}, self.fetch(self.request({}, session, 2)))

    def fields(self, offsets: dict[int, int], leader_epoch: int) -> dict[str, Any]:
        """A request's fields, with the leader epoch the client believes in."""
        parts = tuple(
            FetchRequest.FetchPartition(partition=n, fetch_offset=offset, current_leader_epoch=leader_epoch) for n, offset in offsets.items()
        )
        return {"min_bytes": 1, "max_bytes": 1000, "topics": (FetchRequest.FetchTopic(topic="t", partitions=parts),)}

    def test_no_room(self) -> None:
        """Partitions whose records did not fit get their turn in the answers after it, though nothing is appended any more."""
        small = {"max_bytes": 50}
        self.assertEqual({0: 50, 1: 0, 2: 0}, self.fetch(self.request({0: 0, 1: 0, 2: 0}, **small)))
        session = self.response.session_id
        self.assertEqual({1: 50}, self.fetch(self.request({0: 5}, session, 1, **small)))
        self.assertEqual({2: 50}, self.fetch(self.request({1: 5}, session, 2, **small)))
        self.assertEqual({}, self.fetch(self.request({2: 5}, session, 3, **small)))

    def test_turns(self) -> None:
        """A partition whose records were sent comes last in the next answer."""
        self.fetch(self.request({0: 0, 1: 0}))
        session = self.response.session_id
        self.assertEqual([0, 1], list(self.fetch(self.request({}, session, 1))))
        self.append(2)
        self.assertEqual([0, 1, 2], list(self.fetch(self.request({2: 5}, session, 2))))
        for epoch, order in ((3, [1, 2, 0]), (4, [2, 0, 1])):
            found = self.core.sessions.get(session)
            assert found is not None
            found.sent_records(next(iter(found.pending)))
            self.assertEqual(order, list(self.fetch(self.request({}, session, epoch))))

    def test_authorization_is_asked_each_time(self) -> None:
        """Whoever may read no more is told so of the session's partitions that change, by request or by a commit."""
        session = self.opened({0: 5, 1: 5})
        self.core.authorizer.refused = {Action(Operation.READ, ResourceType.TOPIC, "t")}
        self.append(1)
        self.assertEqual({1: -ErrorCode.TOPIC_AUTHORIZATION_FAILED}, self.fetch(self.request({}, session, 2)))


class WaitTest(SessionCase):
    """Long polls of sessions."""

    def test_woken_by_any_partition(self) -> None:
        """A commit to a quiet partition answers the request that waits."""
        session = self.opened({0: 5, 1: 5, 2: 5})
        request = self.request({}, session, 2, wait_ms=500)
        answer = self.core.dispatch(request, 12)
        self.assertNoResult(answer.pieces)
        self.append(2)
        self.assertEqual({2: 10}, self.told(self.core.decode(request, 12, self.successResultOf(answer.pieces))))

    def test_nothing_happened(self) -> None:
        """The time is up: an empty answer of the session, and nothing is left behind."""
        session = self.opened({0: 5, 1: 5})
        request = self.request({}, session, 2, wait_ms=500)
        answer = self.core.dispatch(request, 12)
        self.core.clock.advance(0.6)
        self.assertEqual({}, self.told(self.core.decode(request, 12, self.successResultOf(answer.pieces))))
        self.assertEqual(session, self.response.session_id)
        self.assertEqual(({}, []), (self.core.session.waiting, self.core.clock.getDelayedCalls()))

    def test_overtaken(self) -> None:
        """A request that another of its session overtook is not answered as if it had not been."""
        session = self.opened({0: 5})
        request = self.request({}, session, 2, wait_ms=500)
        answer = self.core.dispatch(request, 12)
        self.assertEqual({}, self.fetch(self.request({}, session, 3)))
        self.append(0)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual(ErrorCode.INVALID_FETCH_SESSION_EPOCH, response.error_code)
        self.assertTrue(all(slice_.closed for slice_ in self.logs[0].slices if slice_.size))

    def test_evicted_while_waiting(self) -> None:
        """A session that ends meanwhile listens to nothing afterwards."""
        session = self.opened({0: 5, 1: 5})
        request = self.request({}, session, 2, wait_ms=500)
        answer = self.core.dispatch(request, 12)
        self.core.sessions.close(session)
        self.core.clock.advance(0.6)
        self.successResultOf(answer.pieces)
        self.assertEqual([{}, {}], [self.partition(n)._listeners for n in (0, 1)])


class CostTest(SessionCase):
    """What is looked at."""

    def test_quiet_partitions_are_not_read(self) -> None:
        """Only a partition that changed is read."""
        session = self.opened({0: 5, 1: 5, 2: 5})
        for log in self.logs:
            log.slices.clear()
        self.append(1)
        self.fetch(self.request({}, session, 2))
        self.assertEqual([0, 1, 0], [len(log.slices) for log in self.logs])

    def test_abandoned(self) -> None:
        """A session nobody uses hears of each partition's next change, and of no other."""
        self.opened({0: 5, 1: 5})
        self.assertEqual([1, 1], [len(self.partition(n)._listeners) for n in (0, 1)])
        self.append(0)
        self.assertEqual([0, 1], [len(self.partition(n)._listeners) for n in (0, 1)])

    def test_untold_slices_are_closed(self) -> None:
        """What was looked at and is no news holds no file open."""
        self.opened({0: 5, 1: 5})
        self.assertEqual([True] * 2, [log.slices[-1].closed for log in self.logs[:2]])


class ErrorTest(SessionCase):
    """Requests that do not fit their session."""

    def test_errors(self) -> None:
        """An unknown session, an epoch that is not the next one, and topics named in the other way."""
        session = self.opened({0: 5})
        self.assertEqual(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, self.error(self.request({}, 5, 1)))
        self.assertEqual(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, self.error(self.request({}, 0, 1)))
        self.assertEqual(ErrorCode.INVALID_FETCH_SESSION_EPOCH, self.error(self.request({}, session, 1)))
        self.assertEqual(ErrorCode.INVALID_FETCH_SESSION_EPOCH, self.error(self.request({}, session, 3)))
        self.assertEqual(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR, self.error(self.request({}, session, 2, 13), 13))
        self.assertEqual({}, self.fetch(self.request({}, session, 2)))

    def test_full_request_replaces_it(self) -> None:
        """A full request ends the session it names; epoch -1 without another."""
        session = self.opened({0: 5})
        self.fetch(self.request({1: 5}, session, 0))
        other = self.response.session_id
        self.assertNotIn(other, (0, session))
        self.assertEqual(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, self.error(self.request({}, session, 2)))
        self.fetch(self.request({1: 5}, other, -1))
        self.assertEqual((0, 0), (self.response.session_id, len(self.core.sessions)))

    def test_no_slots(self) -> None:
        """Without slots everything is answered as ever, with session id 0."""
        self.core.sessions._slots = 0
        self.assertEqual({0: 50}, self.fetch(self.request({0: 0})))
        self.assertEqual(0, self.response.session_id)


class CacheTest(SynchronousTestCase):
    """Who makes room for whom."""

    def setUp(self) -> None:
        """Room for two."""
        ids = iter([1, 1, 2, 3, 4, 5, 6, 7])
        self.cache = FetchSessionCache(2, lambda high: next(ids))

    def open(self, count: int, now_ms: float = 0, privileged: bool = False) -> FetchSession | None:
        """A session of so many partitions."""
        parts = [FetchPartition(("t", ZERO_TOPIC_ID), number, 0, 1, -1, -1) for number in range(count)]
        return self.cache.open(parts, False, now_ms, privileged)

    def there(self) -> list[bool]:
        """Whether each of the first sessions is still there."""
        return [self.cache.get(number) is not None for number in (1, 2, 3)]

    def test_full(self) -> None:
        """Young sessions make no room for any consumer's, not even a larger one; ids are not given twice."""
        self.assertEqual([1, 2], [s.session_id for s in (self.open(2), self.open(3)) if s is not None])
        self.assertIsNone(self.open(100, EVICTION_MS))
        self.assertEqual((2, 5, 0), (len(self.cache), self.cache.partitions, self.cache.evictions))

    def test_unused(self) -> None:
        """The one unused longest goes, once that is long."""
        first, second = self.open(9), self.open(9)
        assert first is not None and second is not None
        first.used_ms = EVICTION_MS * 3
        self.assertIsNotNone(self.open(1, EVICTION_MS * 3 + 1))
        self.assertEqual(([True, False, True], 1), (self.there(), self.cache.evictions))
        self.assertTrue(second.closed)

    def test_smaller(self) -> None:
        """An old one that is in use goes for a larger one, the smallest first."""
        now = EVICTION_MS + 1
        for count in (3, 2):
            session = self.open(count)
            assert session is not None
            session.used_ms = now
        self.assertIsNone(self.open(2, now))
        self.assertIsNotNone(self.open(4, now))
        self.assertEqual([True, False, True], self.there())

    def test_followers(self) -> None:
        """A follower takes a consumer's place at once, another follower's only by the rules for all."""
        self.open(9, privileged=True)
        self.open(9)
        self.assertIsNotNone(self.open(1, privileged=True))
        self.assertEqual([True, False, True], self.there())
        self.assertIsNone(self.open(99, privileged=True))

    def test_epochs(self) -> None:
        """After the last comes 1, for 0 asks for a new session."""
        self.assertEqual([2, 1], [next_epoch(1), next_epoch(2**31 - 1)])

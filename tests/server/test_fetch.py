"""Fetch: what is read, when it is answered, in which shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import FetchRequest
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from tests.replica.fakes import TOPIC_ID
from tests.server.core import Core

VERSIONS = range(4, 19)


class FetchCase(SynchronousTestCase):
    """A broker of one partition with five records of ten bytes."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core()

    def request(self, version: int = 12, offset: int = 0, wait_ms: int = 0, min_bytes: int = 1, **more: Any) -> FetchRequest:
        """One partition; by id where the version wants that."""
        by_id = version >= 13
        fields = {name: more.pop(name) for name in ("current_leader_epoch", "last_fetched_epoch", "partition_max_bytes") if name in more}
        part = FetchRequest.FetchPartition(
            **{"partition": more.pop("index", 0), "fetch_offset": offset, "partition_max_bytes": 1000, **fields}
        )
        topic_id = more.pop("topic_id", TOPIC_ID)
        topic = FetchRequest.FetchTopic(topic="" if by_id else more.pop("name", "t"), topic_id=topic_id if by_id else bytes(16), partitions=(part,))
        return FetchRequest(**{"max_wait_ms": wait_ms, "min_bytes": min_bytes, "max_bytes": 10_000, "session_epoch": -1, "topics": (topic,), **more})

    def answered(self, request: FetchRequest, version: int = 12) -> Any:
        """The one partition's answer."""
        self.response = self.core.decode(request, version, self.successResultOf(self.core.dispatch(request, version).pieces))
        ((part,),) = [topic.partitions for topic in self.response.responses]
        return part

    def code(self, **more: Any) -> ErrorCode:
        """The one partition's error."""
        return ErrorCode(self.answered(self.request(**more)).error_code)


class ReadTest(FetchCase):
    """What comes back."""

    def test_every_version(self) -> None:
        """Each version's shape, by name or by id."""
        for version in VERSIONS:
            part = self.answered(self.request(version), version)
            self.assertEqual((part.error_code, part.high_watermark, len(part.records)), (ErrorCode.NONE, 5, 50))
            self.assertEqual(part.last_stable_offset, 5)
            self.assertEqual(self.response.responses[0].topic_id, TOPIC_ID if version >= 13 else bytes(16))

    def test_aborted_transactions_only_for_those_who_ask(self) -> None:
        """Null for read_uncommitted, a list for read_committed, as clients tell them apart."""
        self.assertIsNone(self.answered(self.request()).aborted_transactions)
        self.assertEqual(self.answered(self.request(isolation_level=1)).aborted_transactions, ())

    def test_slices_go_out_uncopied(self) -> None:
        """The answer's pieces hold the log's own slice; whoever sends it closes it."""
        pieces = self.successResultOf(self.core.dispatch(self.request(), 12).pieces)
        self.assertIn(self.core.log.slices[0], pieces)
        self.assertFalse(self.core.log.slices[0].closed)

    def test_limits(self) -> None:
        """The smaller of the partition's, the request's and the broker's limit is what the log is asked for; the first batch comes whole."""
        asked: list[tuple[int, bool]] = []
        read = self.core.log.read

        def remember(offset: int, max_bytes: int, limit: int, whole: bool) -> Any:
            asked.append((max_bytes, whole))
            return read(offset, max_bytes, limit, whole)

        self.core.log.read = remember  # type: ignore[method-assign]
        self.answered(self.request(partition_max_bytes=70))
        self.answered(self.request(partition_max_bytes=2**31 - 1, max_bytes=60))
        self.answered(self.request(partition_max_bytes=2**31 - 1, max_bytes=2**31 - 1))
        self.assertEqual(asked, [(70, True), (60, True), (1_000_000, True)])

    def test_room_for_later_partitions(self) -> None:
        """What the first partition took is gone for the next, whose first batch may not be larger than what is left (KIP-74)."""
        asked: list[tuple[int, bool]] = []
        read = self.core.log.read

        def remember(offset: int, max_bytes: int, limit: int, whole: bool) -> Any:
            asked.append((max_bytes, whole))
            return read(offset, max_bytes, limit, whole)

        self.core.log.read = remember  # type: ignore[method-assign]
        self.core.partitions.others["t", 1] = self.core.partition
        parts = [FetchRequest.FetchPartition(partition=number, fetch_offset=0, partition_max_bytes=1000) for number in range(2)]
        topic = FetchRequest.FetchTopic(topic="t", partitions=tuple(parts))
        request = FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=80, session_epoch=-1, topics=(topic,))
        self.successResultOf(self.core.dispatch(request, 12).pieces)
        self.assertEqual(asked, [(80, True), (30, False)])

    def test_named_again_and_again(self) -> None:
        """A partition that is named more than once is read and answered once, from the offset that was named last."""
        for version in VERSIONS:
            parts = [FetchRequest.FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1000) for offset in (0, 9, 4)]
            by_id = version >= 13
            topic = FetchRequest.FetchTopic(topic="" if by_id else "t", topic_id=TOPIC_ID if by_id else bytes(16), partitions=tuple(parts))
            fetch = FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=10_000, session_epoch=-1, topics=(topic, topic))
            self.assertEqual(len(self.answered(fetch, version).records), 10)

    def test_divergence_is_told(self) -> None:
        """A client whose last epoch ended before its offset read what is gone: it is told where, and gets no records (KIP-595)."""
        self.core.log.end_offset_for_epoch = lambda epoch: (2, 3)  # type: ignore[method-assign]
        part = self.answered(self.request(offset=5, last_fetched_epoch=2))
        self.assertEqual((part.diverging_epoch.epoch, part.diverging_epoch.end_offset, len(part.records)), (2, 3, 0))
        part = self.answered(self.request(offset=2, last_fetched_epoch=2))
        self.assertEqual((part.diverging_epoch.epoch, len(part.records)), (-1, 30))


class WaitTest(FetchCase):
    """Long polls."""

    def test_waits_for_a_commit(self) -> None:
        """An append wakes nobody, its flush does, and the answer has the records."""
        request = self.request(offset=5, wait_ms=500)
        answer = self.core.dispatch(request, 12)
        self.core.partition.append(b"abc", 1)
        self.assertNoResult(answer.pieces)
        self.core.log.flush_to(8)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual(len(response.responses[0].partitions[0].records), 30)

    def test_waits_for_enough(self) -> None:
        """Fewer bytes than asked for are not sent before the time is up."""
        request = self.request(offset=5, wait_ms=500, min_bytes=40)
        answer = self.core.dispatch(request, 12)
        self.core.partition.append(b"abc", 1)
        self.core.log.flush_to(8)
        self.assertNoResult(answer.pieces)
        self.core.partition.append(b"d", 1)
        self.core.log.flush_to(9)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual(len(response.responses[0].partitions[0].records), 40)

    def test_the_time_is_up(self) -> None:
        """Then the answer is what there is; no slice of an earlier look is left open, no listener and no timer either."""
        request = self.request(offset=3, wait_ms=500, min_bytes=1000)
        answer = self.core.dispatch(request, 12)
        self.core.clock.advance(0.49)
        self.assertNoResult(answer.pieces)
        self.core.clock.advance(0.03)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual(len(response.responses[0].partitions[0].records), 20)
        self.assertEqual([s.closed for s in self.core.log.slices], [True] * (len(self.core.log.slices) - 1) + [False])
        self.assertEqual(self.core.session.waiting, {})
        self.assertEqual(self.core.clock.getDelayedCalls(), [])

    def test_the_last_fraction_of_a_millisecond(self) -> None:
        """A wait that goes on after a commit is not ended before its time: what is left would be waited for by asking again and again."""
        self.core.clock.advance(0.0005)
        answer = self.core.dispatch(self.request(offset=3, wait_ms=500, min_bytes=1000), 12)
        self.core.clock.advance(0.4425)
        self.core.partition.append(b"abc", 1)
        self.core.log.flush_to(8)
        looks = len(self.core.log.slices)
        while self.core.clock.seconds() * 1000 % 1000 < 510 and self.core.clock.getDelayedCalls():
            self.core.clock.advance(0.001)
        self.successResultOf(answer.pieces)
        self.assertEqual(looks + 1, len(self.core.log.slices))

    def test_errors_do_not_wait(self) -> None:
        """A client that asks for what it cannot have is told at once."""
        self.assertEqual(self.code(name="nowhere", wait_ms=500), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def test_an_empty_request_does_not_wait(self) -> None:
        """Nothing asked for is answered at once."""
        request = FetchRequest(max_wait_ms=500, min_bytes=1, max_bytes=1, session_epoch=-1)
        self.successResultOf(self.core.dispatch(request, 12).pieces)

    def test_disconnecting_ends_the_wait(self) -> None:
        """However long it was asked to wait, nothing of a gone client stays."""
        answer = self.core.dispatch(self.request(offset=5, wait_ms=2**31 - 1), 12)
        self.core.dispatcher.disconnected(self.core.session)
        self.successResultOf(answer.pieces)
        self.assertEqual(self.core.session.waiting, {})

    def test_a_deleted_topic_ends_the_wait(self) -> None:
        """The client learns it at once instead of after its wait."""
        request = self.request(offset=5, wait_ms=60_000)
        answer = self.core.dispatch(request, 12)
        self.core.partition.deleted(self.core.log)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual(response.responses[0].partitions[0].error_code, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


class PermissionTest(FetchCase):
    """Permissions that change while a Fetch waits."""

    READ = Action(Operation.READ, ResourceType.TOPIC, "t")

    def begin(self, version: int = 12) -> Any:
        """A Fetch that waits for more than there is."""
        self.asked = self.request(version, offset=3, wait_ms=500, min_bytes=1000)
        answer = self.core.dispatch(self.asked, version)
        self.assertNoResult(answer.pieces)
        self.core.authorizer.asked.clear()
        return answer

    def told(self, answer: Any, version: int = 12) -> tuple[int, int]:
        """Its error and bytes, once the time is up; nothing that was looked at in vain stays open."""
        self.core.clock.advance(1)
        response = self.core.decode(self.asked, version, self.successResultOf(answer.pieces))
        part = response.responses[0].partitions[0]
        closed = [each.closed for each in self.core.log.slices]
        self.assertEqual([True] * (len(closed) - 1), closed[:-1])
        self.assertEqual(not part.records, closed[-1])
        return part.error_code, len(part.records or b"")

    def change(self, **security: Any) -> None:
        """The metadata say something else of security."""
        image = self.core.feed.image
        self.core.feed.image = replace(image, security=replace(image.security, **security))

    def test_taken_away(self) -> None:
        """It is answered without records, and the next one too."""
        for version in (12, 13):
            answer = self.begin(version)
            self.core.authorizer.refused.add(self.READ)
            self.change(acls=frozenset({version}))
            self.assertEqual((ErrorCode.TOPIC_AUTHORIZATION_FAILED, 0), self.told(answer, version))
            self.assertEqual(ErrorCode.TOPIC_AUTHORIZATION_FAILED, self.code())
            self.core.authorizer.refused.clear()
            self.core.log.slices.clear()

    def test_by_role(self) -> None:
        """A role that changed counts as well; while it was asked about, another change may come, and counts too."""
        answer = self.begin()
        self.change(roles={"one": None})
        self.core.authorizer.held = []
        self.core.clock.advance(1)
        self.core.authorizer.refused.add(self.READ)
        self.change(roles={"two": None})
        held, self.core.authorizer.held = self.core.authorizer.held, None
        held[0].callback(None)
        self.assertEqual((ErrorCode.TOPIC_AUTHORIZATION_FAILED, 0), self.told(answer))

    def test_not_taken_away(self) -> None:
        """Where something else changed, records are told; and where nothing of access did, nobody is asked."""
        answer = self.begin()
        self.change(acls=frozenset({1}))
        self.assertEqual((ErrorCode.NONE, 20), self.told(answer))
        self.assertEqual([self.READ], self.core.authorizer.asked)
        self.core.log.slices.clear()
        answer = self.begin()
        self.change(scram={("SCRAM-SHA-256", "a"): None})
        self.assertEqual((ErrorCode.NONE, 20), self.told(answer))
        self.assertEqual([], self.core.authorizer.asked)

    def test_nobody_who_decides(self) -> None:
        """An authorizer that fails refuses, and nothing stays open."""
        answer = self.begin()
        self.change(acls=frozenset({1}))
        self.core.authorizer.held = []
        self.core.clock.advance(1)
        self.core.authorizer.held[0].errback(OSError("policy service"))
        response = self.core.decode(self.asked, 12, self.successResultOf(answer.pieces))
        self.assertEqual(ErrorCode.UNKNOWN_SERVER_ERROR, response.error_code)
        self.assertTrue(all(each.closed for each in self.core.log.slices))
        self.flushLoggedErrors(OSError)


class RefusalTest(FetchCase):
    """Every documented error."""

    def test_errors(self) -> None:
        """Each with its code, no records, and no watermark."""
        self.assertEqual(self.code(index=4), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.code(offset=6), ErrorCode.OFFSET_OUT_OF_RANGE)
        self.core.log.start_offset = 2
        self.assertEqual(self.code(offset=1), ErrorCode.OFFSET_OUT_OF_RANGE)
        self.assertEqual(self.code(offset=2, current_leader_epoch=2), ErrorCode.FENCED_LEADER_EPOCH)
        self.assertEqual(self.code(offset=2, current_leader_epoch=4), ErrorCode.UNKNOWN_LEADER_EPOCH)

    def test_failed_disk(self) -> None:
        """Clients before version 6 do not know what a storage error is: they look for another leader."""
        self.core.partition.failed(self.core.log, OSError("disk"))
        for version in VERSIONS:
            code = ErrorCode.KAFKA_STORAGE_ERROR if version >= 6 else ErrorCode.NOT_LEADER_OR_FOLLOWER
            self.assertEqual(self.answered(self.request(version), version).error_code, code)

    def test_unknown_id(self) -> None:
        """From version 13 on topics come by id."""
        self.assertEqual(self.answered(self.request(13, topic_id=b"?" * 16), 13).error_code, ErrorCode.UNKNOWN_TOPIC_ID)

    def test_not_allowed(self) -> None:
        """It is said to who may know of the topic; by id it does not exist for whoever may not."""
        read, describe = (Action(operation, ResourceType.TOPIC, "t") for operation in (Operation.READ, Operation.DESCRIBE))
        self.core.authorizer.refused = {read}
        self.assertEqual(self.code(), ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.answered(self.request(13), 13).error_code, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.core.authorizer.refused = {read, describe}
        self.assertEqual(self.code(), ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.answered(self.request(13), 13).error_code, ErrorCode.UNKNOWN_TOPIC_ID)

    def test_sessions_that_were_never_granted(self) -> None:
        """A session id that this broker did not give is not found; the client begins anew without one."""
        request = self.request(session_id=5, session_epoch=1)
        response = self.core.decode(request, 12, self.successResultOf(self.core.dispatch(request, 12).pieces))
        self.assertEqual((response.error_code, response.session_id), (ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0))

    def test_closing_a_session_that_was_never_granted(self) -> None:
        """Whoever closes a session names all that it wants, and is served, whatever session it names (kafka-go: -1)."""
        for session_id in (-1, 5):
            part = self.answered(self.request(session_id=session_id, session_epoch=-1))
            self.assertEqual((self.response.session_id, part.error_code, len(part.records)), (0, ErrorCode.NONE, 50))

    def test_who_is_no_replica(self) -> None:
        """A broker that keeps no replica of a partition gets nothing of it."""
        self.assertEqual(self.answered(self.request(replica_id=2)).error_code, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def test_followers_are_brokers(self) -> None:
        """Who may read a topic may not follow it: that takes CLUSTER_ACTION."""
        self.core.authorizer.refused = {Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)}
        self.assertEqual(self.answered(self.request(replica_id=2)).error_code, ErrorCode.TOPIC_AUTHORIZATION_FAILED)

    def test_a_moved_partition_names_its_leader(self) -> None:
        """From version 16 on with the address too (KIP-951)."""
        self.core.partitions.error = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        part = self.answered(self.request(16), 16)
        self.assertEqual((part.current_leader.leader_id, part.current_leader.leader_epoch), (1, 3))
        self.assertEqual([(n.node_id, n.host) for n in self.response.node_endpoints], [(1, "10.0.0.1")])

    def test_zstd_before_version_10(self) -> None:
        """A client too old for zstd is refused instead of given what it cannot read; newer ones get it."""
        batch = build_batch([NewRecord(None, b"v" * 100, 1)], Codec.ZSTD)

        class ZstdSlice:
            size = len(batch)
            base_offset = 0
            closed = False

            def __len__(self) -> int:
                return self.size

            def read(self, start: int, count: int) -> bytes:
                return batch[start : start + count]

            def file_range(self) -> None:
                return None

            def close(self) -> None:
                self.closed = True

        from twisted.internet.defer import succeed

        given: list[ZstdSlice] = []

        def read(*asked: Any) -> Any:
            given.append(ZstdSlice())
            return succeed(given[-1])

        self.core.log.read = read  # type: ignore[method-assign]
        self.assertEqual(self.answered(self.request(9), 9).error_code, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
        self.assertTrue(given[0].closed)
        self.assertEqual(bytes(self.answered(self.request(10), 10).records), batch)

"""What idempotent producers send after a batch that was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol import messages as m
from chronik.record.build import NewRecord, build_batch
from chronik.server.sequences import REFUSED_MAX, RefusedSequences
from chronik.storage.interfaces import ProducerSummary
from tests.server.memory_broker import MemoryBroker
from tests.server.requests import GrantedRequests


def batch(sequence: int, producer_id: int = 7, epoch: int = 0) -> bytes:
    """A record of an idempotent producer."""
    return build_batch([NewRecord(None, b"value", 1)], producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)


class RefusedSequencesTest(SynchronousTestCase):
    """One connection's."""

    def setUp(self) -> None:
        """Sequence 5 of producer 7 was refused."""
        self.refused = RefusedSequences()
        self.refused.note("t", 0, batch(5))

    def passes(self, records: bytes, topic: str = "t", partition: int = 0, known: Iterable[int] = ()) -> bool:
        """Whether a batch passes now."""
        producers = [ProducerSummary(producer_id, 0, 0, 0, -1, -1) for producer_id in known]
        try:
            self.refused.check(topic, partition, records, lambda: producers)
        except KafkaError as error:
            self.assertEqual(error.code, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
            return False
        return True

    def sent(self, number: int) -> bool:
        """Whether a batch passes; if not, that is noted, as for any refusal."""
        passes = self.passes(batch(number))
        if not passes:
            self.refused.note("t", 0, batch(number))
        return passes

    def test_what_comes_after_waits(self) -> None:
        """Until the refused one came again; so does what comes after what waits."""
        self.assertEqual([self.sent(number) for number in (6, 7, 8, 9, 4, 5, 6, 9)], [False] * 4 + [True] * 4)
        self.assertEqual(len(self.refused), 0)

    def test_refused_again(self) -> None:
        """Each time anew."""
        self.assertEqual([self.sent(number) for number in (6, 7, 5)], [False, False, True])
        self.refused.note("t", 0, batch(5))
        self.assertEqual([self.sent(number) for number in (6, 7, 8)], [False] * 3)

    def test_appended_elsewhere(self) -> None:
        """Nobody sends what comes much later, or what was refused behind another one, unless another leader took that one."""
        for later in (7, 9, 1_000_000):
            self.refused.note("t", 0, batch(5))
            self.assertTrue(self.passes(batch(later)))
            self.assertEqual(len(self.refused), 0)
        self.refused.note("t", 0, batch(5))
        self.assertEqual([self.sent(number) for number in (6, 7, 6, 7, 8)], [False, False, True, True, True])

    def test_refused_after_others_were_appended_elsewhere(self) -> None:
        """It is this one that has to come again."""
        self.refused.note("t", 0, batch(20))
        self.assertEqual([self.passes(batch(number)) for number in (21, 20, 21)], [False, True, True])

    def test_of_its_producer_and_partition_alone(self) -> None:
        """Others, and batches without sequences, are not held up."""
        others = [("t", 1, batch(6)), ("u", 0, batch(6)), ("t", 0, batch(6, producer_id=8)), ("t", 0, batch(-1, -1, -1)), ("t", 0, b"nonsense")]
        self.assertEqual([self.passes(records, topic, partition) for topic, partition, records in others], [True] * 5)
        self.assertFalse(self.passes(batch(6)))

    def test_an_epoch_of_its_own(self) -> None:
        """A producer that begins a new epoch has given up what was refused; one of an epoch before does not give up the new one's."""
        self.assertTrue(self.passes(batch(0, epoch=1)))
        self.assertTrue(self.passes(batch(6)))
        self.refused.note("t", 0, batch(0, epoch=1))
        self.refused.note("t", 0, batch(3))
        self.assertEqual([self.passes(batch(4)), self.passes(batch(1, epoch=1))], [True, False])

    def test_the_first_of_several(self) -> None:
        """The lowest refused one has to come first, in whichever order they were refused."""
        self.refused.note("t", 0, batch(6))
        self.refused.note("t", 0, batch(4))
        self.assertEqual([self.passes(batch(number)) for number in (7, 4, 5, 6, 7)], [False, True, True, True, True])

    def test_after_the_highest_comes_0(self) -> None:
        """Sequences go round."""
        self.refused.note("t", 1, batch(2**31 - 1))
        self.assertEqual([self.passes(batch(number), partition=1) for number in (0, 2**31 - 2, 0, 2**31 - 1, 0)], [False, True, False, True, True])

    def test_the_log_knows_better(self) -> None:
        """A producer that the log knows went on elsewhere: the log knows what comes next."""
        self.assertFalse(self.passes(batch(6), known=(8,)))
        self.assertTrue(self.passes(batch(6), known=(8, 7)))
        self.assertEqual(len(self.refused), 0)

    def test_memory_is_bounded(self) -> None:
        """The oldest is forgotten."""
        for producer_id in range(100, 100 + REFUSED_MAX):
            self.refused.note("t", 0, batch(5, producer_id))
        self.assertEqual(len(self.refused), REFUSED_MAX)
        self.assertEqual([self.passes(batch(6)), self.passes(batch(6, 100)), self.passes(batch(6, 99 + REFUSED_MAX))], [True, False, False])


class RefusedProduceTest(SynchronousTestCase):
    """Through the dispatcher: an unknown producer's second batch does not become its first."""

    def started(self, settings: Mapping[str, str] | None = None) -> MemoryBroker:
        """A broker with nothing of before."""
        broker = MemoryBroker(settings)
        broker.start(self)
        self.granted = GrantedRequests(broker, self.successResultOf)
        return broker

    def produce(self, version: int, sequence: int, acks: int = -1) -> ErrorCode:
        """One batch to the partition, and the error."""
        part = m.ProduceRequest.PartitionProduceData(index=0, records=batch(sequence))
        name: Any = {"topic_id": self.granted.topic_id} if version >= 13 else {"name": "t"}
        topic = m.ProduceRequest.TopicProduceData(**name, partition_data=(part,))
        response, _ = self.granted.ask(m.ProduceRequest(acks=acks, timeout_ms=1_000, topic_data=(topic,)), version)
        return ErrorCode(response.responses[0].partition_responses[0].error_code)

    def test_in_order_after_a_refusal(self) -> None:
        """What was refused for a moment is appended first, in each version, and what came after it then."""
        for version in range(3, 14):
            broker = self.started()
            self.assertEqual(self.produce(version, 0, acks=7), ErrorCode.INVALID_REQUIRED_ACKS)
            outcomes = [self.produce(version, sequence) for sequence in (1, 2, 0, 1, 2, 1)]
            late = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
            self.assertEqual(outcomes, [late, late, ErrorCode.NONE, ErrorCode.NONE, ErrorCode.NONE, ErrorCode.NONE])
            partition = broker.partitions.get("t", 0)
            self.assertEqual(partition.end_offset, 4, "the record that was there, and three more")

    def test_another_connection(self) -> None:
        """A producer that connects anew begins with what was not acknowledged: nothing is held up there."""
        broker = self.started()
        self.assertEqual(self.produce(9, 0, acks=7), ErrorCode.INVALID_REQUIRED_ACKS)
        broker.session.sequences = None
        self.assertEqual(self.produce(9, 5), ErrorCode.NONE)

    def test_what_another_leader_took(self) -> None:
        """What was refused here was appended elsewhere, and is removed: its producer goes on where the log begins, and nothing is held up."""
        for version in range(3, 14):
            broker = self.started()
            self.assertEqual(self.produce(version, 0, acks=7), ErrorCode.INVALID_REQUIRED_ACKS)
            self.assertEqual([self.produce(version, sequence) for sequence in (5, 6)], [ErrorCode.NONE] * 2)
            self.assertEqual(broker.partitions.get("t", 0).end_offset, 3)

    def test_topic_that_is_not_there_yet(self) -> None:
        """The first batch came before the topic did."""
        broker = self.started({"auto.create.topics.enable": "false"})
        self.successResultOf(broker.controller.delete_topics(["t"]))
        self.assertEqual(self.produce(9, 0), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.successResultOf(broker.controller.create_topics([NewTopic("t")]))
        outcomes = [self.produce(9, sequence) for sequence in (1, 0, 1)]
        self.assertEqual(outcomes, [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.NONE, ErrorCode.NONE])

"""A broker whose wall clock is set by hours while clients are connected: nobody is waited for longer, nor given up sooner."""

from __future__ import annotations

from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.protocol import messages as m
from chronik.record.build import NewRecord, build_batch
from tests.fuzz.scene import Scene

TOPIC: Final = "events"
HOUR: Final = 3600.0
SESSION_SECONDS: Final = 6.0


class SetClockTests(SynchronousTestCase):
    """One broker, and a member of a group of either protocol."""

    def setUp(self) -> None:
        """Start it."""
        self.scene = Scene("clocks")
        self.assertTrue(self.scene.start(), self.scene.said)
        self.client = self.scene.client
        self.scene.do(self._create())

    async def _create(self) -> None:
        config = m.CreateTopicsRequest.CreatableTopicConfig(name="message.timestamp.type", value="LogAppendTime")
        topic = m.CreateTopicsRequest.CreatableTopic(name=TOPIC, num_partitions=1, replication_factor=1, configs=(config,))
        await self.client.refresh([])
        response = await self.client.ask_controller(m.CreateTopicsRequest(topics=(topic,), timeout_ms=3000))
        assert not response.topics[0].error_code, response
        await self.client.refresh([TOPIC])

    def ask(self, group: str, message: m.Message, field: str = "error_code") -> Any:
        """A coordinator's answer, once it has loaded."""

        async def asked() -> Any:
            while True:
                response = await self.client.ask_coordinator(group, message)
                if getattr(response, field) not in (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR):
                    return response
                await self.client.backoff()

        return self.scene.do(asked())

    def join_classic(self) -> str:
        """Be the only member of ``classic``, in its first generation; the member's id."""
        protocol = m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
        names = {"group_id": "classic", "protocol_type": "consumer", "protocols": (protocol,)}
        times = {"session_timeout_ms": int(SESSION_SECONDS * 1000), "rebalance_timeout_ms": 3_000}
        member_id: str = self.ask("classic", m.JoinGroupRequest(member_id="", **names, **times)).member_id
        self.assertEqual(0, self.ask("classic", m.JoinGroupRequest(member_id=member_id, **names, **times)).error_code)
        names = {"group_id": "classic", "protocol_type": "consumer", "protocol_name": "range"}
        self.assertEqual(0, self.ask("classic", m.SyncGroupRequest(generation_id=1, member_id=member_id, assignments=(), **names)).error_code)
        return member_id

    def beat_classic(self, member_id: str) -> ErrorCode:
        """What a heartbeat is answered."""
        return ErrorCode(self.ask("classic", m.HeartbeatRequest(group_id="classic", generation_id=1, member_id=member_id)).error_code)

    def beat_modern(self, epoch: int) -> tuple[ErrorCode, int]:
        """What a heartbeat of the newer protocol is answered, and the member's epoch."""
        topics, timeout = ((TOPIC,), 30_000) if epoch == 0 else (None, -1)
        beat = m.ConsumerGroupHeartbeatRequest(
            group_id="modern", member_id="m", member_epoch=epoch, rebalance_timeout_ms=timeout, subscribed_topic_names=topics,
            topic_partitions=() if epoch == 0 else None,
        )  # fmt: skip
        response = self.ask("modern", beat)
        return ErrorCode(response.error_code), response.member_epoch

    def test_members_stay(self) -> None:
        """They keep their places, whatever time of day it is, and lose them when they are silent for as long as they may be."""
        member_id, (_, epoch) = self.join_classic(), self.beat_modern(0)
        for hours in (5, -11, 9, 0.001):
            self.scene.broker.set_clock(hours * HOUR)
            self.scene.pass_time(0.7 * SESSION_SECONDS)
            self.assertEqual((ErrorCode.NONE, (ErrorCode.NONE, epoch)), (self.beat_classic(member_id), self.beat_modern(epoch)))
        self.scene.broker.set_clock(-7 * HOUR)
        self.scene.pass_time(1.1 * SESSION_SECONDS)
        self.assertEqual(ErrorCode.UNKNOWN_MEMBER_ID, self.beat_classic(member_id))

    def test_fetches_end(self) -> None:
        """One that waits for records is answered when its time is up, and no sooner."""

        async def fetch() -> float:
            leader, _, topic_id = await self.client.leader(TOPIC, 0)
            part = m.FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
            topic = m.FetchRequest.FetchTopic(topic=TOPIC, topic_id=topic_id, partitions=(part,))
            began = self.client.reactor.seconds()
            self.client.reactor.callLater(0.5, self.scene.broker.set_clock, hours * HOUR)
            await self.client.ask(leader, m.FetchRequest(max_bytes=1 << 20, max_wait_ms=1_000, min_bytes=1, topics=(topic,)))
            return self.client.reactor.seconds() - began

        for hours in (5, -11):
            self.assertLess(abs(self.scene.do(fetch()) - 1.0), 0.1)

    def test_records_have_the_time_of_day(self) -> None:
        """Of ``LogAppendTime`` the broker's, as it is at the moment."""

        async def produce() -> int:
            leader, _, topic_id = await self.client.leader(TOPIC, 0)
            part = m.ProduceRequest.PartitionProduceData(index=0, records=build_batch([NewRecord(None, b"", 0)]))
            topic = m.ProduceRequest.TopicProduceData(name=TOPIC, topic_id=topic_id, partition_data=(part,))
            response = await self.client.ask(leader, m.ProduceRequest(acks=-1, timeout_ms=3000, topic_data=(topic,)))
            return int(response.responses[0].partition_responses[0].log_append_time_ms)

        first = self.scene.do(produce())
        self.scene.broker.set_clock(5 * HOUR)
        self.assertLess(abs(self.scene.do(produce()) / 1000 - first / 1000 - 5 * HOUR), 5.0)
        self.scene.broker.set_clock(-11 * HOUR)
        self.assertLess(abs(self.scene.do(produce()) / 1000 - first / 1000 + 6 * HOUR), 5.0)

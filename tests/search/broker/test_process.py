"""The service with a real search process over real indexes, a fake broker behind it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

import chronik
from chronik.defer import deferred
from chronik.record.batch import with_crc
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.search.broker_interfaces import SearchConfig
from chronik.search.service import SearchService
from tests.search.broker.fakes import FakeBroker, FakePartition

TANTIVY = "chronik.search.backends.tantivy.store:TantivyBackend"

WAIT_S = 20.0
"""The longest any of these waits; a second is the rule."""


class ProcessCase(TestCase):
    """A running service."""

    timeout = 30
    limits: ClassVar[dict[str, int | float]] = {}

    def setUp(self) -> None:
        """Start it."""
        self.root = os.path.abspath(self.mktemp())
        os.makedirs(self.root)
        self.broker = FakeBroker()
        self.start_service()

    def start_service(self) -> None:
        """A broker on the same directory."""
        config = SearchConfig(backend=TANTIVY, limits=self.limits)
        self.service = SearchService(reactor, self.broker.adopter(reactor), self.broker, self.broker, [self.root], config)  # type: ignore[arg-type]
        self.service.startService()

    def tearDown(self) -> Deferred[None]:
        """Stop it."""
        return self.stop_service()

    @deferred
    async def stop_service(self) -> None:
        """Stop it; its process and sessions are gone then."""
        await self.service.stopService()
        while self.broker.sessions:
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]

    async def ask(self, action: str, topics: list[str], body: Any = None, **params: str) -> tuple[int, Any]:
        """Status and parsed answer."""
        data = b"" if body is None else json.dumps(body).encode()
        answer = await self.service.search(action, topics, params, data)
        return answer.status, json.loads(answer.body)

    async def search(self, *topics: str, **params: str) -> Any:
        """A search of all that is committed."""
        status, answer = await self.ask("search", list(topics), wait_for_offset="end", wait_timeout=f"{WAIT_S}s", **params)
        self.assertEqual((status, answer.get("timed_out")), (200, False), answer)
        return answer

    async def until_gone(self, pid: int) -> None:
        """Until the service's process is another one."""
        while self.service.status().pid in (pid, None) or not self.service.status().ready:
            await deferLater(reactor, 0.02)  # type: ignore[arg-type]


def logs(partition: FakePartition, count: int, batch: int = 50, codec: Codec = Codec.NONE) -> None:
    """Append JSON log lines, one in ten an error."""
    end = partition.end_offset
    for base in range(end, end + count, batch):
        values = [json.dumps({"level": "info" if n % 10 else "error", "n": n}).encode() for n in range(base, min(base + batch, end + count))]
        partition.append(values, codec)


def damage_files(path: str) -> int:
    """Write over a few bytes of every index file; how many there were."""
    damaged = 0
    for directory, _, names in os.walk(path):
        for name in names:
            if name.endswith((".idx", ".fast", ".term", ".pos")):
                with open(os.path.join(directory, name), "r+b") as file:
                    file.seek(20)
                    file.write(b"\xff\x00\xff")
                    damaged += 1
    return damaged


class SearchTests(ProcessCase):
    """Answers."""

    @deferred
    async def test_search(self) -> None:
        """Records of several partitions and codecs are found, newest first, with exact totals and where they are."""
        first, second = self.broker.create("logs", 2)
        logs(first, 300, codec=Codec.ZSTD)
        logs(second, 200, codec=Codec.GZIP)
        answer = await self.search("logs", q="level:error", size="3")
        self.assertEqual(answer["hits"]["total"], {"value": 50, "relation": "eq"})
        self.assertEqual([h["_id"] for h in answer["hits"]["hits"]], ["logs:0:290", "logs:0:280", "logs:0:270"])
        self.assertEqual(answer["hits"]["hits"][0]["_source"]["value"], {"level": "error", "n": 290})
        self.assertEqual(answer["hits"]["hits"][0]["_index"], "logs")
        self.assertEqual(answer["searched_through"], {"logs": {"0": 299, "1": 199}})
        self.assertEqual(answer["_shards"], {"total": 2, "successful": 2, "skipped": 0, "failed": 0})
        self.assertNotIn("lagging", answer)

    @deferred
    async def test_pages(self) -> None:
        """Pages over partitions and topics follow one another without a gap."""
        for name in ("b", "a", "c"):
            for partition in self.broker.create(name, 2):
                logs(partition, 40)
        whole = [h["_id"] for h in (await self.search("a", "b", "c", size="240"))["hits"]["hits"]]
        paged = []
        for start in range(0, 240, 60):
            paged += [h["_id"] for h in (await self.search("a", "b", "c", size="60", **{"from": str(start)}))["hits"]["hits"]]
        self.assertEqual((len(set(whole)), paged), (240, whole))
        self.assertEqual(whole[:4], ["a:0:39", "a:1:39", "b:0:39", "b:1:39"])
        answer = await self.search("a", "b", "c", q="topic:b", size="0")
        self.assertEqual((answer["hits"]["total"]["value"], answer["hits"]["hits"]), (80, []))

    @deferred
    async def test_count_document_coverage(self) -> None:
        """The other actions."""
        (partition,) = self.broker.create("logs")
        logs(partition, 100)
        self.assertEqual((await self.ask("count", ["logs"], {"query": {"match": {"level": "error"}}}, wait_for_offset="end"))[1]["count"], 10)
        status, answer = await self.ask("doc", ["logs"], id="logs:0:42")
        self.assertEqual((status, answer["found"], answer["_source"]["value"]["n"]), (200, True, 42))
        for missing in ("logs:0:100", "logs:1:0", "other:0:1", "logs:0:x", "42", ""):
            status, answer = await self.ask("doc", ["logs"], id=missing)
            self.assertEqual((status, answer), (404, {"_index": "logs", "_id": missing, "found": False}))
        status, answer = await self.ask("coverage", ["logs"])
        expected = {"log_start": 0, "committed_end": 100, "indexed_through": 99, "indexed": 100, "skipped": {}, "missing": 0, "complete": True}
        self.assertEqual((status, answer), (200, {"topic": "logs", "complete": True, "partitions": {"0": expected}}))

    @deferred
    async def test_errors(self) -> None:
        """Unknown topics, search turned off, and what cannot be understood, in Elasticsearch's shape."""
        self.broker.create("logs")
        self.broker.create("off", configs={"search.mode": "off"})
        for topics, params, status, kind in (
            (["nothing"], {}, 404, "index_not_found_exception"),
            (["off"], {}, 400, "illegal_argument_exception"),
            (["logs"], {"highlight": "x"}, 400, "illegal_argument_exception"),
            (["logs"], {"q": "level:("}, 400, "parsing_exception"),
            (["logs"], {"wait_for_offset": "7:1"}, 400, "illegal_argument_exception"),
            (["logs"], {"size": "10001"}, 400, "illegal_argument_exception"),
        ):
            found, answer = await self.ask("search", topics, **params)
            self.assertEqual((found, answer["status"], answer["error"]["type"]), (status, status, kind), answer)
            self.assertEqual(answer["error"]["root_cause"][0]["reason"], answer["error"]["reason"])

    @deferred
    async def test_open_transaction(self) -> None:
        """What an open transaction holds back is told; a wait that cannot be met ends and says so."""
        (partition,) = self.broker.create("logs")
        logs(partition, 10)
        self.broker.log.stables[partition.key] = 10
        partition.append([b'{"level": "error"}'])
        answer = await self.search("logs")
        self.assertEqual(answer["lagging"], {"logs": {"0": {"behind": 1, "reason": "open transaction"}}})
        status, answer = await self.ask("search", ["logs"], wait_for_offset="0:10", wait_timeout="50ms")
        self.assertEqual((status, answer["timed_out"]), (200, True))

    @deferred
    async def test_bad_batches(self) -> None:
        """A batch that cannot be decoded is counted with its reason, one whose CRC does not fit with another, and indexing goes on."""
        (partition,) = self.broker.create("logs")
        logs(partition, 10)
        good = build_batch([NewRecord(None, b"x", 1)] * 5, base_offset=10, leader_epoch=0)
        partition.append_batch(10, 14, bytes(with_crc(bytearray(good[:61] + bytes(len(good) - 61)))))
        marker = [NewRecord(b"\x00\x00\x00\x01", b"\x00" * 6, 1)]
        control = build_batch(marker, base_offset=15, producer_id=1, producer_epoch=0, transactional=True, control=True)
        partition.append_batch(15, 15, control)
        damaged = build_batch([NewRecord(None, b"x", 1)] * 2, base_offset=16, leader_epoch=0)
        partition.append_batch(16, 17, damaged[:-1] + b"!")
        logs(partition, 10)
        _, answer = await self.ask("coverage", ["logs"], wait_for_offset="end")
        row = answer["partitions"]["0"]
        self.assertEqual((row["indexed"], row["skipped"], row["complete"]), (20, {"undecodable": 5, "control": 1, "damaged": 2}, True))

    @deferred
    async def test_topics_come_and_go(self) -> None:
        """Topics created, switched off and on, and deleted while we run."""
        (partition,) = self.broker.create("logs")
        logs(partition, 10)
        self.assertEqual((await self.search("logs"))["hits"]["total"]["value"], 10)
        self.broker.configure("logs", {"search.mode": "off"})
        self.assertEqual((await self.ask("search", ["logs"]))[0], 400)
        self.broker.configure("logs", {"search.mode": "text"})
        self.assertEqual((await self.search("logs", q="error"))["hits"]["total"]["value"], 1)
        self.broker.delete("logs")
        self.assertEqual((await self.ask("search", ["logs"]))[0], 404)

    @deferred
    async def test_fresh_without_asking(self) -> None:
        """A record is found soon after its commit by searches that wait for nothing."""
        (partition,) = self.broker.create("logs")
        logs(partition, 10)
        await self.search("logs")
        partition.append([b"needle"])
        while not (await self.ask("search", ["logs"], q="needle"))[1]["hits"]["hits"]:
            await deferLater(reactor, 0.005)  # type: ignore[arg-type]


class OrphanTests(TestCase):
    """A broker that is killed."""

    timeout = 30

    @deferred
    async def test_dies_with_the_broker(self) -> None:
        """After a kill -9 of the broker alone its search process is gone too."""
        root = os.path.dirname(os.path.dirname(chronik.__file__))
        lone = Lone()
        arguments = [sys.executable, "-m", "tests.search.broker.lone_broker", TANTIVY, os.path.abspath(self.mktemp())]
        process = reactor.spawnProcess(lone, sys.executable, arguments, {**os.environ, "PYTHONPATH": root})  # type: ignore[attr-defined]
        pid = int(await lone.printed)
        os.kill(pid, 0)
        process.signalProcess("KILL")
        await lone.gone
        while alive(pid):
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]


class Lone(ProcessProtocol):
    """Another broker's output and end."""

    def __init__(self) -> None:
        self._line = b""
        self.printed: Deferred[bytes] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        """A line, which may come in pieces."""
        self._line += data
        if self._line.endswith(b"\n") and not self.printed.called:
            self.printed.callback(self._line)

    def processExited(self, reason: Failure) -> None:
        """Its end."""
        self.gone.callback(None)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and is not collected yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class RestartTests(ProcessCase):
    """Death, damage and restarts, over shards on disk."""

    limits: ClassVar[dict[str, int | float]] = {
        "hot_lag_min": 500,
        "partition_tail_documents_max": 400,
        "shard_documents_max": 2_000,
        "audit_interval_s": 0.2,
    }

    async def assert_complete(self, count: int) -> None:
        """Everything is found and accounted for."""
        answer = await self.search("logs", size="0")
        self.assertEqual(answer["hits"]["total"]["value"], count)
        _, answer = await self.ask("coverage", ["logs"])
        self.assertTrue(answer["complete"], answer)

    def shard_directory(self) -> str:
        """The partition's directory."""
        (topic,) = os.listdir(f"{self.root}/.search")
        return f"{self.root}/.search/{topic}/0"

    @deferred
    async def test_killed(self) -> None:
        """A killed process is replaced, uses what it had on disk, and reads only the rest; a search in between waits for it."""
        (partition,) = self.broker.create("logs")
        logs(partition, 5_000)
        await self.assert_complete(5_000)
        pid = self.service.status().pid
        assert pid is not None
        self.broker.log.wanted.clear()
        os.kill(pid, signal.SIGKILL)
        logs(partition, 100)
        await self.assert_complete(5_100)
        status = self.service.status()
        self.assertNotEqual(status.pid, pid)
        self.assertEqual(status.restarts, 1)

    @deferred
    async def test_killed_while_indexing(self) -> None:
        """Killed again and again in the middle of work, everything is complete and nothing double in the end."""
        (partition,) = self.broker.create("logs")
        for n in range(3):
            logs(partition, 3_000)
            await self.ask("search", ["logs"], wait_for_offset=f"0:{3_000 * n + 1_000}", wait_timeout=f"{WAIT_S}s")
            pid = self.service.status().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await self.until_gone(pid)
        await self.assert_complete(9_000)

    @deferred
    async def test_broker_restart(self) -> None:
        """A new broker's process resumes; what the log does not agree with is indexed anew."""
        (partition,) = self.broker.create("logs")
        logs(partition, 5_000)
        await self.assert_complete(5_000)
        await self.stop_service()
        del self.broker.log.batches[partition.key][80:]
        partition.epoch_ends[0] = 4_000
        for _ in range(20):
            partition.append([b'{"level": "new"}'] * 50, epoch=1)
        self.start_service()
        await self.assert_complete(5_000)
        self.assertEqual((await self.search("logs", q="level:new", size="0"))["hits"]["total"]["value"], 1_000)

    @deferred
    async def test_corrupted_before_a_restart(self) -> None:
        """A changed byte in a shard is found at the start, and the shard built again."""
        (partition,) = self.broker.create("logs")
        logs(partition, 5_000)
        await self.assert_complete(5_000)
        await self.stop_service()
        self.assertGreater(damage_files(self.shard_directory()), 3)
        self.start_service()
        await self.assert_complete(5_000)

    @deferred
    async def test_deleted_while_running(self) -> None:
        """A deleted directory is built again."""
        (partition,) = self.broker.create("logs")
        logs(partition, 5_000)
        await self.assert_complete(5_000)
        directory = self.shard_directory()
        shutil.rmtree(f"{self.root}/.search", ignore_errors=True)
        while not os.path.exists(f"{directory}/manifest.json"):
            await deferLater(reactor, 0.05)  # type: ignore[arg-type]
        await self.assert_complete(5_000)

    @deferred
    async def test_growing_while_searched(self) -> None:
        """While records move from the tail to shards, each search's total is what it says it searched."""
        (partition,) = self.broker.create("logs")
        for _ in range(60):
            logs(partition, 40, 20)
            answer = await self.search("logs", size="5")
            self.assertEqual(answer["hits"]["total"]["value"], answer["searched_through"]["logs"]["0"] + 1)
            self.assertEqual(len(answer["hits"]["hits"]), 5)
        await self.assert_complete(2_400)
        self.assertGreater(len(os.listdir(self.shard_directory())), 1)

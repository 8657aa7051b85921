"""One broker in memory that is sent whatever there is, and a client beside that must not notice."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from struct import pack
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.network.connection import KafkaConnection
from chronik.network.limits import ConnectionLimits
from chronik.network.listener import ConnectionFactory, RequestBudget
from chronik.protocol import messages as m
from chronik.protocol.apis import ApiKey, api_name, response_class
from chronik.protocol.header import parse_response_header
from chronik.protocol.primitives import DecodeError
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.security.interfaces import Action, Principal
from chronik.server.table import api_table
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.records import batch_of
from tests.fuzz.mutation import Sample
from tests.network.fakes import PushTransport
from tests.server.core import FakeAuthorizer
from tests.server.memory_broker import MemoryBroker
from tests.server.requests import GrantedRequests, errors

CALM: Final = "calm"
"""The topic and the group that nobody else may touch."""

CALM_HOST: Final = "10.0.0.9"

BUSY_SECONDS_MAX: Final = 1.0
"""Processor time that one frame may take in this process, which shares its garbage with everything else."""

LOGS: Final = (ApiKey.CREATE_TOPICS, ApiKey.CREATE_PARTITIONS, ApiKey.DELETE_TOPICS)
"""APIs whose requests make or remove thousands of logs, which without threads and a disk to wait for is done at one stretch."""

LOGS_SECONDS_MAX: Final = 8.0

VERSIONS: Final = {api.key: range(api.versions[0], api.versions[1] + 1) for api in api_table()}

WAITING: Final = frozenset({ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.JOIN_GROUP, ApiKey.SYNC_GROUP})
"""APIs whose requests may rightly wait as long as they say, or get no answer at all."""

PATIENCE_SECONDS: Final = 60.0
"""All others are answered by then."""

ENDED, SILENT = "ended", "silent"

Outcome = tuple[str, int, str]
"""An API, a version, and what came of it: names of error codes, or that the connection was ended, or that there was no answer yet."""


class Guard(FakeAuthorizer):
    """Allows everybody everything, but what is :data:`CALM` only the one to whom it belongs."""

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide."""
        self.refused = set() if host == CALM_HOST else {action for action in actions if action.name == CALM}
        self.asked.clear()
        return super().authorize(principal, host, actions)


class Fixture:
    """Stands where a test case would: takes what a Deferred has, and undoes what was begun."""

    def __init__(self) -> None:
        self._cleanups: list[Callable[[], Any]] = []

    def addCleanup(self, function: Callable[[], Any]) -> None:
        """Call it at the end."""
        self._cleanups.append(function)

    def successResultOf(self, deferred: Deferred[Any]) -> Any:
        """What it fired with.

        :raises AssertionError: it did not fire.
        """
        found: list[Any] = []
        deferred.addBoth(found.append)
        if not found:
            raise AssertionError("no answer")
        result = found[0]
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def close(self) -> None:
        """Undo everything."""
        for function in reversed(self._cleanups):
            function()


@dataclass
class Report:
    """What happened so far.

    :ivar findings: what must not happen, with the frames after which it did.
    :ivar outcomes: how often each was seen.
    :ivar examples: the shortest frame of each.
    :ivar slowest: the longest time in s that a frame took, and which.
    """

    frames: int = 0
    findings: list[tuple[str, bytes]] = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    examples: dict[Outcome, bytes] = field(default_factory=dict)
    slowest: tuple[float, bytes] = (0.0, b"")


def samples() -> list[Sample]:
    """A valid request of every API in every version, for a broker that was prepared by :class:`Target`."""
    target = Target(Report())
    made = target.granted.requests()
    found = []
    for api in api_table():
        for version in range(api.versions[0], api.versions[1] + 1):
            found.append(Sample(api.key, version, made[api.name](version)))
            target.granted.ask(found[-1].message, version)
    target.close()
    return found


class Target:
    """A broker with its topics and groups, always the same ones, and a calm client.

    :param report: where everything is written down.
    :ivar factory: makes the attackers' connections.
    :ivar promised: the values that the calm client was told are there, in the order of their offsets from 0 on.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self._fixture = Fixture()
        self._clock = Clock()
        self._budget = RequestBudget()
        self.factory = ConnectionFactory("PLAINTEXT", self._clock, ConnectionLimits(), 100 << 20, self._budget)
        self.broker = self._start(None)
        self._clock.advance(self.broker.clock.seconds())
        self.granted = GrantedRequests(self.broker, self._fixture.successResultOf)
        self.promised: list[bytes] = []
        self._last = b""
        fixed = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete", "max.message.bytes": "1000000"}
        self._fixture.successResultOf(self.broker.controller.create_topics([NewTopic(CALM, configs=fixed)]))
        globalLogPublisher.addObserver(self._observe)
        self._fixture.addCleanup(lambda: globalLogPublisher.removeObserver(self._observe))

    def _start(self, disk: MemoryFileSystem | None) -> MemoryBroker:
        broker = MemoryBroker(disk=disk, random=Random(7).randbytes, authorizer=Guard(), file_metadata=True, files_max=50)
        broker.start(self._fixture)  # type: ignore[arg-type]
        self.factory.dispatcher = broker.dispatcher
        return broker

    def close(self) -> None:
        """Let everything go."""
        self._fixture.close()

    def restart(self) -> None:
        """Kill the broker, and start another over what it left: what was stored can be read, and what was promised is there."""
        self._last = b""
        try:
            self.broker = self._start(self.broker.die())
            self.check()
        except Exception as error:  # noqa: BLE001  nothing that requests store may keep a broker from starting
            self._found(f"no broker starts over what these requests stored: {error!r}")

    def _observe(self, event: LogEvent) -> None:
        level = event.get("log_level")
        if "log_failure" in event or (level is not None and level >= LogLevel.error):
            failure = event.get("log_failure")
            trace = "" if failure is None else f": {failure.getBriefTraceback()}"
            self._found(f"logged {formatEvent(event)}{trace}")

    def _found(self, what: str) -> None:
        self.report.findings.append((what, self._last))

    # -- the attacker -------------------------------------------------------------------------------------------------

    def send(self, frames: Sequence[bytes], seconds: float = 0.0) -> list[str]:
        """Send frames over a connection of their own, which is closed at the end; what came of each.

        :param seconds: how long to wait for answers.
        """
        transport = PushTransport()
        connection = self.factory.buildProtocol(transport.getPeer())
        assert isinstance(connection, KafkaConnection)
        connection.makeConnection(transport)
        for number, frame in enumerate(frames):
            self._give(connection, transport, frame[:4] + pack(">i", number) + frame[8:])
        self.pass_time(seconds)
        self._drain(transport)
        outcomes = list(self._outcomes(frames, transport))
        if seconds >= PATIENCE_SECONDS and SILENT in outcomes:
            self._check_silence(frames[: outcomes.index(SILENT) + 1])
        connection.connectionLost(Failure(ConnectionDone()))
        self.pass_time(0.0)
        if self._budget.held or self._budget.unfinished:
            self._found(f"{self._budget.held} bytes are still held of a connection that is gone")
            self._budget = self.factory._budget = RequestBudget()
        return outcomes

    def _drain(self, transport: PushTransport) -> None:
        """Read all that is sent, as a peer does that wants its answers."""
        sent = -1
        while transport.producer is not None and len(transport.value()) != sent:
            sent = len(transport.value())
            transport.drain()
            self._clock.advance(0)

    def _give(self, connection: KafkaConnection, transport: PushTransport, frame: bytes) -> None:
        self.report.frames += 1
        self._last = frame
        began = time.thread_time()
        if not transport.aborted:
            connection.dataReceived(pack(">i", len(frame)) + frame)
        took = time.thread_time() - began
        if took > self.report.slowest[0]:
            self.report.slowest = took, frame
        if took > (LOGS_SECONDS_MAX if int.from_bytes(frame[:2], "big") in LOGS else BUSY_SECONDS_MAX):
            self._found(f"took {took:.2f} s")

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self._clock.advance(seconds)
        self.broker.clock.advance(seconds)
        self._clock.advance(0)

    def _check_silence(self, frames: Sequence[bytes]) -> None:
        """The last of these frames was not answered; perhaps because one before it waits."""
        if not any(int.from_bytes(frame[:2], "big") in WAITING for frame in frames):
            self._last = frames[-1]
            self._found("is never answered")

    def _outcomes(self, frames: Sequence[bytes], transport: PushTransport) -> Iterator[str]:
        data, at = transport.value(), 0
        for number, frame in enumerate(frames):
            size = int.from_bytes(data[at : at + 4], "big")
            if data[at + 4 : at + 8] == pack(">i", number):
                outcome = self._judged(frame, data[at + 4 : at + 4 + size])
                at += 4 + size
            else:
                outcome = ENDED if transport.aborted else SILENT
            yield outcome
            key = int.from_bytes(frame[:2], "big")
            if key in VERSIONS:
                self._note((api_name(key), int.from_bytes(frame[2:4], "big", signed=True), outcome), frame)
        if at != len(data):
            self._found(f"{len(data) - at} bytes were sent that answer nothing")

    def _note(self, outcome: Outcome, frame: bytes) -> None:
        self.report.outcomes[outcome] += 1
        known = self.report.examples.get(outcome)
        if known is None or len(frame) < len(known):
            self.report.examples[outcome] = frame

    def _judged(self, frame: bytes, answer: bytes) -> str:
        """The error codes of an answer, which is one that a client can read."""
        key, version = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:4], "big", signed=True)
        if version not in VERSIONS[key]:
            version = 0
        self._last = frame
        try:
            _, start = parse_response_header(answer, key, version)
            response, end = response_class(key).decode(answer, version, start, elements_max=1 << 30)
        except DecodeError as error:
            self._found(f"the answer cannot be read: {error}")
            return "unreadable"
        if end != len(answer):
            self._found(f"{len(answer) - end} bytes follow the answer")
        codes = sorted(set(errors(response)))
        if ErrorCode.UNKNOWN_SERVER_ERROR in codes:
            self._found(f"answered UNKNOWN_SERVER_ERROR: {str(response)[:600]}")
        return ",".join(ErrorCode(code).name for code in codes) or "NONE"

    # -- the calm client ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Let the calm client produce, and read all that it ever was told is there."""
        try:
            self._produce()
            self._read()
        except Exception as error:  # noqa: BLE001  whatever it is, the calm client did not get what it asked for
            self._found(f"the calm client: {error!r}")

    def _ask(self, request: Any, version: int) -> Any:
        return self._fixture.successResultOf(self.broker.send(request, version))

    def _produce(self) -> None:
        value = b"%d" % len(self.promised)
        part = m.ProduceRequest.PartitionProduceData(index=0, records=batch_of(value))
        topic = m.ProduceRequest.TopicProduceData(name=CALM, partition_data=(part,))
        response = self._ask(m.ProduceRequest(acks=-1, timeout_ms=1000, topic_data=(topic,)), 9)
        (answer,) = response.responses[0].partition_responses
        if answer.error_code or answer.base_offset != len(self.promised):
            raise AssertionError(f"produced at {answer.base_offset}: {ErrorCode(answer.error_code).name} {answer.error_message}")
        self.promised.append(value)

    def _read(self) -> None:
        values: list[bytes] = []
        while len(values) < len(self.promised):
            part = m.FetchRequest.FetchPartition(partition=0, fetch_offset=len(values), partition_max_bytes=1 << 20)
            topic = m.FetchRequest.FetchTopic(topic=CALM, partitions=(part,))
            response = self._ask(m.FetchRequest(max_bytes=1 << 20, topics=(topic,)), 11)
            (answer,) = response.responses[0].partitions
            if answer.error_code or not answer.records:
                raise AssertionError(f"fetched at {len(values)}: {ErrorCode(answer.error_code).name}")
            for _, batch in whole_batches(bytes(answer.records)):
                values += [bytes(record.value or b"") for record in decode_records(batch)]
        if values != self.promised:
            raise AssertionError(f"has {values[:5]}..., not {self.promised[:5]}...")


ROUND_FRAMES: Final = 500
"""Frames that one broker is sent; then another takes its place, so that any finding can be repeated with few."""


WAITS: Final = (0.0,) * 30 + (0.01,) * 10 + (0.5,) * 9 + (PATIENCE_SECONDS,)
"""Seconds that pass until a connection is closed whose requests may not be answered yet, each as likely as another."""


def attack(report: Report, frames: Callable[[Random], bytes], seed: int, count: int, check_every: int = 100) -> None:
    """Send so many frames to brokers, one after the other, and look after the calm client now and then.

    :param frames: makes one frame.
    """
    for number in range(-(-count // ROUND_FRAMES)):
        random = Random(f"{seed} {number}")
        target = Target(report)
        left = min(ROUND_FRAMES, count - number * ROUND_FRAMES)
        checked = left
        while left > 0:
            burst = [frames(random) for _ in range(min(left, random.choice((1, 1, 1, 1, 2, 5))))]
            target.send(burst, random.choice(WAITS))
            left -= len(burst)
            if checked - left >= check_every:
                checked = left
                target.pass_time(random.choice((0.1, 1.0, 20.0)))
                target.check()
        target.check()
        target.restart()
        target.close()
        gc.collect()

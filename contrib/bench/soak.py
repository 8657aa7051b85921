"""Half of what a broker can take, for a long time: whether memory, descriptors or latency grow.

``python contrib/bench/soak.py --minutes 30`` finds out how many records a second are acknowledged at most, puts half as many on the broker for so
long, while a group reads them, searches ask for them and connections come and go, and prints by how much each figure grew. It ends with status 1 when
one grew more than it may. The topic keeps a few MB, so that segments are rolled and deleted all the while.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from tests.integration import wire
from tests.integration.clients import SECONDS, consumer, create, producer
from tests.integration.harness import Broker, children, eventually, resident_bytes

PARTITIONS = 4
CAPACITY_SECONDS = 15.0
SAMPLE_SECONDS = 5.0
WARM_UP_SHARE = 0.25
"""Of the samples; those are not looked at: caches fill, and what was allocated once is used again."""

SAMPLES_MAX = 400
"""More are thinned out, for slopes are taken between any two."""

QUEUED_MAX = 20_000
RETENTION = {"retention_bytes": 4 << 20, "segment_bytes": 1 << 20, "file_delete_delay_ms": 1000}
BROKER_SETTINGS = {"log.retention.check.interval.ms": "5000"}


@dataclass(frozen=True, slots=True)
class Limit:
    """By how much a figure may grow while it is looked at.

    :ivar share: of its median.
    :ivar least: in its unit, where its share is less.
    """

    share: float
    least: float


LIMITS = {
    "broker, resident (MB)": Limit(0.05, 8.0),
    "search, resident (MB)": Limit(0.10, 20.0),
    "broker, descriptors": Limit(0.0, 8.0),
    "search, descriptors": Limit(0.0, 8.0),
    "acknowledged, p50 (ms)": Limit(0.5, 5.0),
    "acknowledged, p99 (ms)": Limit(0.5, 20.0),
}


def growth(times: Sequence[float], values: Sequence[float]) -> float:
    """By how much values grew from the first time to the last: the median of the slopes between any two (Theil and Sen), which no outlier moves."""
    step = -(-len(times) // SAMPLES_MAX)
    points = list(zip(times, values, strict=True))[::step]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return statistics.median(slopes) * (times[-1] - times[0]) if slopes else 0.0


class Pressure:
    """Producers, readers, searchers and strangers, each in a thread, until told to stop.

    :param rate: records a second; None for as many as are acknowledged.
    :ivar acknowledged: how many were.
    :ivar failed: what must not have been.
    """

    def __init__(self, broker: Broker, topic: str, rate: float | None) -> None:
        self._broker = broker
        self._topic = topic
        self._rate = rate
        self._over = threading.Event()
        self._latencies: list[float] = []
        self.acknowledged = 0
        self.failed: list[str] = []
        works: list[Callable[[], None]] = [self._produce, self._consume, self._search, self._connect]
        self._threads = [threading.Thread(target=self._guarded, args=(work,)) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS * 2)

    def take_latencies(self) -> list[float]:
        """Seconds until acknowledged, of each record since this was asked last; sorted."""
        taken, self._latencies = self._latencies, []
        return sorted(taken)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  a thread's error is the soak's
            self.failed.append(repr(error))

    def _produce(self) -> None:
        client = producer(self._broker, acks="all", enable_idempotence=True, linger_ms=5, queue_buffering_max_messages=QUEUED_MAX * 2)
        began, number = time.perf_counter(), 0
        while not self._over.is_set():
            due = QUEUED_MAX if self._rate is None else int((time.perf_counter() - began) * self._rate) - number
            for _ in range(min(due, QUEUED_MAX - len(client))):
                number += 1
                value = json.dumps({"number": number, "level": "error" if number % 10 == 0 else "info", "message": f"request {number} took a while"})
                at = time.perf_counter()
                client.produce(self._topic, value, on_delivery=lambda error, _, at=at: self._told(error, at))
            client.poll(0.002)
        if client.flush(SECONDS):
            self.failed.append("some records were not answered")

    def _told(self, error: object, at: float) -> None:
        if error is not None:
            self.failed.append(str(error))
            return
        self.acknowledged += 1
        self._latencies.append(time.perf_counter() - at)

    def _consume(self) -> None:
        client = consumer(self._broker, "soakers", auto_offset_reset="latest")
        client.subscribe([self._topic])
        read = committed = 0
        while not self._over.is_set():
            read += len(client.consume(5_000, 0.1))
            if read > committed + 10_000:
                client.commit(asynchronous=True)
                committed = read
        client.close()

    def _search(self) -> None:
        while not self._over.wait(0.5):
            status, answer = self._broker.http(f"/{self._topic}/_search?q=level:error&size=5")
            if status != 200:
                self.failed.append(f"a search was answered {status} {str(answer)[:200]}")

    def _connect(self) -> None:
        while not self._over.wait(0.2):
            with self._broker.connect(10) as connection:
                connection.sendall(wire.API_VERSIONS_REQUEST)
                wire.response(connection)


def descriptors(pid: int) -> int:
    """How many a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def sample(broker: Broker, search: int, pressure: Pressure) -> dict[str, float]:
    """All figures of now; none of latency where nothing was acknowledged."""
    took = pressure.take_latencies() or [float("nan")]
    return {
        "broker, resident (MB)": resident_bytes(broker.pid) / 1e6,
        "search, resident (MB)": resident_bytes(search) / 1e6,
        "broker, descriptors": descriptors(broker.pid),
        "search, descriptors": descriptors(search),
        "acknowledged, p50 (ms)": took[len(took) // 2] * 1e3,
        "acknowledged, p99 (ms)": took[len(took) * 99 // 100] * 1e3,
    }


def capacity(broker: Broker, topic: str) -> float:
    """Records a second that are acknowledged at most, under everything else that goes on."""
    pressure = Pressure(broker, topic, None)
    time.sleep(CAPACITY_SECONDS / 3)
    before, began = pressure.acknowledged, time.monotonic()
    time.sleep(CAPACITY_SECONDS)
    rate = (pressure.acknowledged - before) / (time.monotonic() - began)
    pressure.stop()
    return rate


def soak(broker: Broker, topic: str, rate: float, seconds: float) -> tuple[list[float], list[dict[str, float]], list[str]]:
    """Put a load on it for so long: when samples were taken, the samples, and what failed."""
    (search,) = eventually(lambda: children(broker.pid), what="a search process")
    pressure = Pressure(broker, topic, rate)
    times: list[float] = []
    samples: list[dict[str, float]] = []
    began = time.monotonic()
    while time.monotonic() < began + seconds and not pressure.failed:
        time.sleep(SAMPLE_SECONDS)
        times.append(time.monotonic() - began)
        samples.append(sample(broker, search, pressure))
    pressure.stop()
    print(f"{pressure.acknowledged} records acknowledged at {rate:.0f} a second, {len(samples)} samples", flush=True)
    if children(broker.pid) != [search]:
        pressure.failed.append("the search process is another")
    return times, samples, pressure.failed


def judge(times: Sequence[float], samples: Sequence[dict[str, float]]) -> bool:
    """Print a line for each figure; whether one grew more than it may."""
    first = int(len(samples) * WARM_UP_SHARE)
    broken = False
    print(f"{'':<26} {'first':>9} {'median':>9} {'last':>9} {'grew by':>9} {'an hour':>9} {'may':>9}")
    for name, limit in LIMITS.items():
        points = [(at, each[name]) for at, each in zip(times[first:], samples[first:], strict=True) if each[name] == each[name]]
        when, values = [at for at, _ in points], [value for _, value in points]
        grew = growth(when, values)
        allowed = max(limit.least, limit.share * statistics.median(values))
        hourly = grew / max(when[-1] - when[0], 1e-9) * 3600
        line = " ".join(f"{figure:>9.1f}" for figure in (values[0], statistics.median(values), values[-1], grew, hourly, allowed))
        print(f"{name:<26} {line}{' GROWS' if grew > allowed else ''}", flush=True)
        broken = broken or grew > allowed
    return broken


def main() -> int:
    """Measure and print; 1 when something grew, or failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the load lasts")
    parser.add_argument("--rate", type=float, help="records a second, in the place of half of what it can take")
    options = parser.parse_args()
    broker = Broker(BROKER_SETTINGS)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", flush=True)
    try:
        broker.start()
        topic = create(broker, "soak", PARTITIONS, **RETENTION)
        rate = options.rate or capacity(broker, topic) / 2
        times, samples, failed = soak(broker, topic, rate, options.minutes * 60)
        broken = judge(times, samples) if samples else True
    finally:
        broker.close()
    for what in failed[:5]:
        print(f"FAILED: {what}")
    return int(broken or bool(failed))


if __name__ == "__main__":
    sys.exit(main())

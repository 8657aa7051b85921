"""How long after its acknowledgement a record is found, at a steady rate, each record by a word that no other has."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from typing import Any, Final

from confluent_kafka import Message

from tests.integration.clients import SECONDS, producer
from tests.integration.harness import Broker

PATIENCE_SECONDS: Final = 30.0
"""How long after the last acknowledgement the last record is looked for."""


class Seeker:
    """Looks for all records that were acknowledged and not found yet, in one search after the other.

    :ivar seconds: of each record that was found, from its acknowledgement until the answer with it had come.
    """

    def __init__(self, broker: Broker, topic: str) -> None:
        self._path = f"/{topic}/_search"
        self._connection = http.client.HTTPConnection("127.0.0.1", broker.http_port, timeout=SECONDS)
        self._headers = broker.access.headers
        self._pending: dict[str, tuple[str, float]] = {}
        self.seconds: list[float] = []

    def acknowledged(self, message: Message, word: str) -> None:
        """Look for this record from now on."""
        self._pending[f"{message.topic()}:{message.partition()}:{message.offset()}"] = (word, time.perf_counter())

    def look(self) -> None:
        """Search once, if anything is missing."""
        pending = dict(self._pending)
        if not pending:
            time.sleep(0.001)
            return
        words = [word for word, _ in pending.values()]
        body = {"query": {"terms": {"word.keyword": words}}, "size": len(words), "_source": False, "track_total_hits": False}
        self._connection.request("POST", self._path, json.dumps(body), {"Content-Type": "application/json", **self._headers})
        answer: Any = json.loads(self._connection.getresponse().read())
        now = time.perf_counter()
        for hit in answer["hits"]["hits"]:
            self.seconds.append(now - pending[hit["_id"]][1])
            del self._pending[hit["_id"]]

    @property
    def missing(self) -> int:
        """How many records are looked for."""
        return len(self._pending)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def freshness(broker: Broker, topic: str, records: int, rate: float) -> list[float]:
    """Produce so many records at so many a second, acks=all, while looking for them: the sorted seconds until each was found.

    :raises AssertionError: some were not acknowledged, or not found.
    """
    seeker, over, failed = Seeker(broker, topic), threading.Event(), list[str]()

    def produce() -> None:
        client = producer(broker, acks="all")
        began = time.perf_counter()
        for number in range(records):
            word = uuid.uuid4().hex
            while (left := began + number / rate - time.perf_counter()) > 0:
                client.poll(min(left, 0.001))
            client.produce(topic, json.dumps({"word": word, "number": number}), on_delivery=told(word))
        if client.flush(SECONDS):
            failed.append("some records were not answered")
        over.set()

    def told(word: str) -> Any:
        return lambda error, message: failed.append(str(error)) if error is not None else seeker.acknowledged(message, word)

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        while not over.is_set():
            seeker.look()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while seeker.missing and time.monotonic() < deadline:
            seeker.look()
    finally:
        thread.join()
        seeker.close()
    if failed or len(seeker.seconds) != records:
        raise AssertionError(f"{len(seeker.seconds)} of {records} records were found; {failed[:3]}")
    return sorted(seeker.seconds)

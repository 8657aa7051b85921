"""What several tests do with Kafka's clients."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.integration.harness import Broker

SECONDS = 30.0

_numbers = itertools.count()


def unused_name(prefix: str) -> str:
    """A topic's or group's name that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def producer(broker: Broker, **config: Any) -> Producer:
    """A producer of confluent-kafka; underscores in keys stand for dots."""
    return Producer({**broker.confluent, "linger.ms": 0, "message.timeout.ms": 30_000, **dotted(config)})


def admin(broker: Broker) -> AdminClient:
    """An admin client of confluent-kafka."""
    return AdminClient({**broker.confluent, "log_level": 3})


def dotted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as configuration keys; librdkafka's log_level and the names of callbacks are spelled as they are."""
    return {key if key == "log_level" or key.endswith("_cb") else key.replace("_", "."): value for key, value in config.items()}


def create(broker: Broker, name: str, partitions: int = 1, **config: Any) -> str:
    """Create a topic; its name."""
    texts = {key: str(value) for key, value in dotted(config).items()}
    client = admin(broker)  # kept until the answer is there: it ends with its last reference
    client.create_topics([NewTopic(name, partitions, 1, config=texts)])[name].result(SECONDS)
    return name


def produce(broker: Broker, topic: str, values: Iterable[bytes | None], **config: Any) -> list[Message]:
    """Produce values and wait until all are acknowledged; the messages as acknowledged."""
    client = producer(broker, **config)
    acknowledged: list[Message] = []
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            acknowledged.append(message)
        else:
            failed.append(error)

    for value in values:
        client.produce(topic, value, on_delivery=delivered)
        client.poll(0)
    left = client.flush(SECONDS)
    if failed or left:
        raise AssertionError(f"{left} records left, {len(failed)} failed: {failed[:3]}")
    return acknowledged


def consumer(broker: Broker, group: str | None = None, **config: Any) -> Consumer:
    """A consumer of confluent-kafka that begins at the beginning."""
    settings = {
        **broker.confluent,
        "group.id": group or unused_name("alone"),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 100,
        **dotted(config),
    }
    return Consumer(settings)


def take(client: Consumer, count: int, seconds: float = SECONDS) -> list[Message]:
    """The next messages of a consumer.

    :raises AssertionError: there were fewer in the time.
    """
    taken: list[Message] = []
    deadline = time.monotonic() + seconds
    while len(taken) < count:
        for message in client.consume(min(count - len(taken), 10_000), 0.1):
            error = message.error()
            if error is not None:
                raise AssertionError(f"the consumer was told {error}")
            taken.append(message)
        if time.monotonic() > deadline:
            raise AssertionError(f"{len(taken)} of {count} messages came in {seconds} s")
    return taken


def consume(broker: Broker, topic: str, count: int, partitions: Sequence[int] = (0,), **config: Any) -> list[Message]:
    """The first messages of partitions."""
    client = consumer(broker, **config)
    try:
        client.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        return take(client, count)
    finally:
        client.close()


def end_offset(broker: Broker, topic: str, partition: int = 0) -> int:
    """Where a partition ends."""
    client = consumer(broker)
    try:
        return int(client.get_watermark_offsets(TopicPartition(topic, partition), SECONDS)[1])
    finally:
        client.close()

"""One Produce request with a record for each of many partitions, as Kafka's Java client sends it; librdkafka makes one request of each."""

from __future__ import annotations

import socket
import struct
import time

from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import ProduceRequest, ProduceResponse
from chronik.record.build import NewRecord, build_batch

VERSION = 9
_HEADER = struct.Struct(">hhihB")
_TIMEOUT_SECONDS = 30


def milliseconds(port: int, topic: str, partitions: int) -> float:
    """How long it takes until every partition's record is acknowledged, acks=all.

    :raises RuntimeError: a partition refused its record.
    """
    batch = build_batch([NewRecord(None, bytes(100), int(time.time() * 1000))])
    parts = tuple(ProduceRequest.PartitionProduceData(index=index, records=batch) for index in range(partitions))
    request = ProduceRequest(acks=-1, timeout_ms=10000, topic_data=(ProduceRequest.TopicProduceData(name=topic, partition_data=parts),))
    frame = _HEADER.pack(ApiKey.PRODUCE, VERSION, 1, -1, 0) + request.encode(VERSION)
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection, connection.makefile("rb") as answers:
        began = time.perf_counter()
        connection.sendall(struct.pack(">i", len(frame)) + frame)
        answer = answers.read(struct.unpack(">i", answers.read(4))[0])
        took = time.perf_counter() - began
    response = ProduceResponse.decode(answer, VERSION, start=5)[0]
    refused = [part for part in response.responses[0].partition_responses if part.error_code]
    if refused:
        raise RuntimeError(f"{len(refused)} of {partitions} partitions refused, the first with error {refused[0].error_code}")
    return took * 1e3

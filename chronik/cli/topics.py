"""``chronik topics``: list, create, describe and delete."""

from __future__ import annotations

import argparse
from typing import Any, Final

from chronik.cli.cluster import Cluster, error_text
from chronik.cli.offsets import EARLIEST, LATEST, listed
from chronik.cli.security import client_security
from chronik.errors import ChronikError
from chronik.protocol import messages

TIMEOUT_MS: Final = 20_000
TOPIC_RESOURCE: Final = 2
TOPIC_SOURCE: Final = 1
"""Where DescribeConfigs says a setting is from that was made for the topic itself."""


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        await {"list": _list, "create": _create, "describe": _describe, "delete": _delete}[options.action](cluster, options)
    finally:
        cluster.close()


async def _list(cluster: Cluster, options: argparse.Namespace) -> None:
    response = await cluster.metadata(None)
    for topic in sorted(response.topics, key=lambda each: each.name or ""):
        print(f"{topic.name}\t{len(topic.partitions)}")


async def _create(cluster: Cluster, options: argparse.Namespace) -> None:
    await cluster.metadata(())
    request = messages.CreateTopicsRequest
    configs = tuple(request.CreatableTopicConfig(name=name, value=value) for name, value in options.config)
    topic = request.CreatableTopic(
        name=options.name, num_partitions=options.partitions, replication_factor=options.replication_factor, assignments=(), configs=configs
    )
    response: messages.CreateTopicsResponse = await cluster.request(request(topics=(topic,), timeout_ms=TIMEOUT_MS), cluster.controller_id)
    _check(options.name, response.topics[0].error_code, response.topics[0].error_message)
    print(f"created {options.name}")


async def _delete(cluster: Cluster, options: argparse.Namespace) -> None:
    await cluster.metadata(())
    request = messages.DeleteTopicsRequest
    message = request(topics=(request.DeleteTopicState(name=options.name),), topic_names=(options.name,), timeout_ms=TIMEOUT_MS)
    response: messages.DeleteTopicsResponse = await cluster.request(message, cluster.controller_id)
    _check(options.name, response.responses[0].error_code, response.responses[0].error_message)
    print(f"deleted {options.name}")


async def _describe(cluster: Cluster, options: argparse.Namespace) -> None:
    found = (await cluster.metadata((options.name,))).topics[0]
    _check(options.name, found.error_code, None)
    topic = await cluster.topic(options.name)
    first = await listed(cluster, topic, topic.leaders, EARLIEST)
    end = await listed(cluster, topic, topic.leaders, LATEST)
    print(f"{options.name}: {len(topic.leaders)} partitions")
    for row in sorted(found.partitions, key=lambda each: each.partition_index):
        number = row.partition_index
        replicas = f"leader {row.leader_id}, replicas {_ids(row.replica_nodes)}, in sync {_ids(row.isr_nodes)}"
        print(f"  partition {number}: {replicas}, offsets {first[number]} to {end[number]}")
    for name, value in await _configs(cluster, options.name):
        print(f"  {name}={value}")


async def _configs(cluster: Cluster, name: str) -> list[tuple[str, str | None]]:
    request = messages.DescribeConfigsRequest
    resource = request.DescribeConfigsResource(resource_type=TOPIC_RESOURCE, resource_name=name, configuration_keys=None)
    response: messages.DescribeConfigsResponse = await cluster.request(request(resources=(resource,)))
    result = response.results[0]
    _check(name, result.error_code, result.error_message)
    return [(config.name, config.value) for config in result.configs if config.config_source == TOPIC_SOURCE]


def _ids(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _check(name: str, code: int, message: str | None) -> None:
    if code:
        raise ChronikError(f"topic {name}: {error_text(code, message)}")

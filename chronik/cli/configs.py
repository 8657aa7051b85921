"""``chronik configs``: describe, set and delete dynamic configuration and quotas."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from chronik.cli.cluster import Cluster, check_code
from chronik.cli.security import client_security
from chronik.errors import ChronikError
from chronik.protocol import messages

TOPIC: Final = 2
BROKER: Final = 4
LOGGERS: Final = 8
CLIENT_METRICS: Final = 16
GROUP: Final = 32
"""Kinds of resources; codes of the Kafka protocol."""

SET: Final = 0
DELETE: Final = 1
"""Operations on a key; codes of the Kafka protocol (KIP-339)."""

EXACT: Final = 0
DEFAULT: Final = 1
"""How a quota's entity is asked for; codes of the Kafka protocol (KIP-546)."""

OWN_SOURCES: Final = frozenset({1, 2, 3, 6, 7, 8})
"""Sources of values that were set at run time, as DescribeConfigs tells them."""

_SOURCES: Final = {
    1: "topic",
    2: "broker",
    3: "all brokers",
    4: "started with",
    5: "default",
    6: "logger",
    7: "client metrics",
    8: "group",
}


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        await cluster.metadata(())
        entity = _entity(options)
        if entity:
            await {"describe": _describe_quotas, "set": _alter_quotas, "delete": _alter_quotas}[options.action](cluster, options, entity)
        else:
            await {"describe": _describe, "set": _alter, "delete": _alter}[options.action](cluster, options, *_resource(options))
    finally:
        cluster.close()


def _entity(options: argparse.Namespace) -> dict[str, str | None]:
    """The parts of a quota's entity; a name that is empty stands for whoever has no quota of their own."""
    named = {"user": options.quota_user, "client-id": options.quota_client_id, "ip": options.quota_ip}
    return {kind: name or None for kind, name in named.items() if name is not None}


def _resource(options: argparse.Namespace) -> tuple[int, str]:
    named = (
        (TOPIC, options.topic),
        (BROKER, options.broker),
        (BROKER, "" if options.all_brokers else None),
        (LOGGERS, options.loggers),
        (GROUP, options.group),
        (CLIENT_METRICS, options.client_metrics),
    )
    for kind, name in named:
        if name is not None:
            return kind, str(name)
    raise ChronikError(
        "say whose configuration: --topic, --broker, --all-brokers, --loggers, --group, --client-metrics, "
        "--quota-user, --quota-client-id or --quota-ip"
    )


def _node(kind: int, name: str) -> int | None:
    """Which broker to ask: what belongs to one broker only that one knows."""
    return int(name) if kind in (BROKER, LOGGERS) and name else None


async def _describe(cluster: Cluster, options: argparse.Namespace, kind: int, name: str) -> None:
    request = messages.DescribeConfigsRequest
    resource = request.DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=options.keys or None)
    message = request(resources=(resource,), include_synonyms=False, include_documentation=options.explain)
    response: messages.DescribeConfigsResponse = await cluster.request(message, _node(kind, name))
    result = response.results[0]
    check_code(result.error_code, result.error_message)
    unknown = sorted(set(options.keys) - {config.name for config in result.configs})
    for config in sorted(result.configs, key=lambda each: each.name):
        if options.all or options.keys or config.config_source in OWN_SOURCES:
            print(f"{config.name}={_value(config)}\t{_SOURCES.get(config.config_source, '?')}{', read-only' if config.read_only else ''}")
            if options.explain and config.documentation:
                print(f"  {config.documentation}")
    if unknown:
        raise ChronikError(f"not known, or not set: {', '.join(unknown)}")
    if not any(options.all or options.keys or config.config_source in OWN_SOURCES for config in result.configs):
        print("nothing is set at run time; --all shows every key", file=sys.stderr)


def _value(config: Any) -> str:
    if config.is_sensitive:
        return "(hidden)"
    return "" if config.value is None else str(config.value)


async def _alter(cluster: Cluster, options: argparse.Namespace, kind: int, name: str) -> None:
    request = messages.IncrementalAlterConfigsRequest
    edits: Sequence[tuple[str, str | None]] = options.settings if options.action == "set" else [(key, None) for key in options.keys]
    configs = tuple(
        request.AlterableConfig(name=key, config_operation=DELETE if value is None else SET, value=value) for key, value in edits
    )
    resource = request.AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)
    message = request(resources=(resource,), validate_only=options.dry_run)
    node = _node(kind, name)
    response: messages.IncrementalAlterConfigsResponse = await cluster.request(message, cluster.controller_id if node is None else node)
    check_code(response.responses[0].error_code, response.responses[0].error_message)
    _say(options)


async def _describe_quotas(cluster: Cluster, options: argparse.Namespace, entity: dict[str, str | None]) -> None:
    request = messages.DescribeClientQuotasRequest
    components = tuple(
        request.ComponentData(entity_type=kind, match_type=DEFAULT if name is None else EXACT, match=name) for kind, name in entity.items()
    )
    response: messages.DescribeClientQuotasResponse = await cluster.request(request(components=components, strict=True))
    check_code(response.error_code, response.error_message)
    for entry in response.entries or ():
        for value in entry.values:
            if not options.keys or value.key in options.keys:
                print(f"{value.key}={value.value:.15g}")


async def _alter_quotas(cluster: Cluster, options: argparse.Namespace, entity: dict[str, str | None]) -> None:
    request = messages.AlterClientQuotasRequest
    if options.action == "set":
        ops = tuple(request.OpData(key=key, value=_number(key, text), remove=False) for key, text in options.settings)
    else:
        ops = tuple(request.OpData(key=key, value=0.0, remove=True) for key in options.keys)
    parts = tuple(request.EntityData(entity_type=kind, entity_name=name) for kind, name in entity.items())
    message = request(entries=(request.EntryData(entity=parts, ops=ops),), validate_only=options.dry_run)
    response: messages.AlterClientQuotasResponse = await cluster.request(message, cluster.controller_id)
    check_code(response.entries[0].error_code, response.entries[0].error_message)
    _say(options)


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ChronikError(f"{key}={text}: a quota is a number") from None


def _say(options: argparse.Namespace) -> None:
    names: Iterable[str] = (key for key, _ in options.settings) if options.action == "set" else options.keys
    print(f"{'could be changed' if options.dry_run else 'changed'}: {', '.join(names)}")

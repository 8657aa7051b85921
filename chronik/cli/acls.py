"""``chronik acls``: list, add and remove."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from chronik.cli.acl_options import grants, line, resources, uses
from chronik.cli.cluster import Cluster, check_code, error_text
from chronik.cli.security import client_security
from chronik.errors import ChronikError
from chronik.protocol import messages
from chronik.security.acl.words import Wrong, entry_words, read_acl, read_filter
from chronik.security.interfaces import AclBinding, AclFilter
from chronik.server.acl_messages import creations, deleted, deletion, described, description


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        await {"list": _list, "add": _add, "remove": _remove}[options.action](cluster, options)
    finally:
        cluster.close()


async def _list(cluster: Cluster, options: argparse.Namespace) -> None:
    found: dict[AclBinding, None] = {}
    for wanted in _filters(options):
        response: messages.DescribeAclsResponse = await cluster.request(description(wanted))
        check_code(response.error_code, response.error_message)
        found.update(dict.fromkeys(_known(described(response))))
    _print(found)


async def _add(cluster: Cluster, options: argparse.Namespace) -> None:
    acls = _wanted(options)
    response: messages.CreateAclsResponse = await cluster.request(creations(acls))
    for acl, result in zip(acls, response.results, strict=True):
        if result.error_code:
            raise ChronikError(f"{line(entry_words(acl))}: {error_text(result.error_code, result.error_message)}")
    _print(acls)


def _wanted(options: argparse.Namespace) -> Sequence[AclBinding]:
    """The entries that the options say."""
    if not options.allow and not options.deny:
        raise ChronikError("say whom: --allow PRINCIPAL or --deny PRINCIPAL")
    acls = []
    for permission, principals in (("allow", options.allow), ("deny", options.deny)):
        for principal in principals:
            given = uses(options, permission) if options.producer or options.consumer else grants(options, permission)
            for words in given:
                try:
                    acls.append(read_acl({"principal": principal, **words}))
                except Wrong as problem:
                    raise ChronikError(str(problem)) from None
    return list(dict.fromkeys(acls))


async def _remove(cluster: Cluster, options: argparse.Namespace) -> None:
    filters = _filters(options)
    if filters == [AclFilter()] and not options.all:
        raise ChronikError("say which entries to remove, by resource, principal, host, operation or permission; --all removes every one")
    response: messages.DeleteAclsResponse = await cluster.request(deletion(filters))
    gone: dict[AclBinding, None] = {}
    for result in response.filter_results:
        check_code(result.error_code, result.error_message)
        for acl in result.matching_acls:
            check_code(acl.error_code, acl.error_message)
        gone.update(dict.fromkeys(_known(deleted(result))))
    _print(gone)


def _filters(options: argparse.Namespace) -> Sequence[AclFilter]:
    """One for each resource that is named, one for all without."""
    words = {key: value for key in ("principal", "host", "operation", "permission") if (value := getattr(options, key)) is not None}
    words["pattern"] = options.pattern
    named = [{"resource": kind, "name": name, **words} for kind, name in resources(options)]
    return [read_filter(each) for each in named or [words]]


def _known(acls: Iterable[AclBinding]) -> Iterable[AclBinding]:
    try:
        yield from acls
    except ValueError as error:
        raise ChronikError(f"the broker tells of something newer than this command: {error}") from None


def _print(acls: Iterable[AclBinding]) -> None:
    for acl in acls:
        print(line(entry_words(acl)))

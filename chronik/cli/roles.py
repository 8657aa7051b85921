"""``chronik roles``: list, show, change and delete; over HTTP, since Kafka's protocol knows no roles."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from chronik.cli.acl_options import grants, line
from chronik.cli.http_client import ask
from chronik.errors import ChronikError
from chronik.security.acl.words import Wrong, entry_words, read_grant


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    actions = {"list": _list, "show": _show, "grant": _grant, "revoke": _revoke, "bind": _bind, "unbind": _bind, "delete": _delete}
    await actions[options.action](reactor, options)


async def _list(reactor: Any, options: argparse.Namespace) -> None:
    _, roles = await ask(reactor, options, "GET", "_security/role")
    for name in roles:
        print(name)


async def _show(reactor: Any, options: argparse.Namespace) -> None:
    role = await _role(reactor, options)
    if role is None:
        raise ChronikError(f"there is no role {options.name}")
    for grant in role["grants"]:
        print(line(grant))
    for principal in role["principals"]:
        print(f"bound to {principal}")
    for group in role["groups"]:
        print(f"bound to group {group}")


async def _grant(reactor: Any, options: argparse.Namespace) -> None:
    role = await _role(reactor, options) or {"grants": [], "principals": [], "groups": []}
    role["grants"] += [grant for grant in _grants(options) if grant not in role["grants"]]
    await _put(reactor, options, role)


async def _revoke(reactor: Any, options: argparse.Namespace) -> None:
    role = await _role(reactor, options)
    unwanted = _grants(options)
    missing = next((grant for grant in unwanted if role is None or grant not in role["grants"]), None)
    if role is None or missing is not None:
        raise ChronikError(f"role {options.name} has no: {line(missing or {})}" if role is not None else f"there is no role {options.name}")
    role["grants"] = [grant for grant in role["grants"] if grant not in unwanted]
    await _put(reactor, options, role)


async def _bind(reactor: Any, options: argparse.Namespace) -> None:
    if not options.principal and not options.group:
        raise ChronikError("say whom: --principal PRINCIPAL or --group GROUP")
    role = await _role(reactor, options)
    if role is None:
        if options.action == "unbind":
            raise ChronikError(f"there is no role {options.name}")
        role = {"grants": [], "principals": [], "groups": []}
    for field, members in (("principals", options.principal), ("groups", options.group)):
        known = set(role[field])
        role[field] = sorted(known | set(members) if options.action == "bind" else known - set(members))
    await _put(reactor, options, role)


async def _delete(reactor: Any, options: argparse.Namespace) -> None:
    status, _ = await ask(reactor, options, "DELETE", _path(options))
    if status == 404:
        raise ChronikError(f"there is no role {options.name}")
    print(f"deleted {options.name}")


async def _role(reactor: Any, options: argparse.Namespace) -> Any:
    """The role as it is now, None if there is none."""
    _, found = await ask(reactor, options, "GET", _path(options))
    return found.get(options.name)


async def _put(reactor: Any, options: argparse.Namespace, role: dict[str, Any]) -> None:
    await ask(reactor, options, "PUT", _path(options), role)
    await _show(reactor, options)


def _grants(options: argparse.Namespace) -> Sequence[dict[str, str]]:
    """What the options say, as the broker would tell it."""
    try:
        return [entry_words(read_grant(words)) for words in grants(options, "deny" if options.denied else "allow")]
    except Wrong as problem:
        raise ChronikError(str(problem)) from None


def _path(options: argparse.Namespace) -> str:
    return f"_security/role/{quote(options.name, safe='')}"

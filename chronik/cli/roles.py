"""``chronik roles``: list, show, change and delete; over HTTP, since Kafka's protocol knows no roles."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from chronik.cli.acl_options import grants, line
from chronik.cli.http_client import ask
from chronik.errors import ChronikError
from chronik.security.acl.words import Wrong, entry_words, read_grant

ATTEMPTS_MAX: Final = 10
"""How often a change is made anew because somebody else was faster."""

_Role: TypeAlias = dict[str, Any]


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    actions = {"list": _list, "show": _show, "grant": _grant, "revoke": _revoke, "bind": _bind, "unbind": _bind, "delete": _delete}
    await actions[options.action](reactor, options)


async def _list(reactor: Any, options: argparse.Namespace) -> None:
    for name in (await ask(reactor, options, "GET", "_security/role")).document:
        print(name)


async def _show(reactor: Any, options: argparse.Namespace) -> None:
    role, _ = await _role(reactor, options)
    if role is None:
        raise ChronikError(f"there is no role {options.name}")
    for grant in role["grants"]:
        print(line(grant))
    for principal in role["principals"]:
        print(f"bound to {principal}")
    for group in role["groups"]:
        print(f"bound to group {group}")


async def _grant(reactor: Any, options: argparse.Namespace) -> None:
    wanted = _grants(options)

    def change(role: _Role | None) -> _Role:
        role = role or _empty()
        role["grants"] += [grant for grant in wanted if grant not in role["grants"]]
        return role

    await _change(reactor, options, change)


async def _revoke(reactor: Any, options: argparse.Namespace) -> None:
    unwanted = _grants(options)

    def change(role: _Role | None) -> _Role:
        if role is None:
            raise ChronikError(f"there is no role {options.name}")
        missing = next((grant for grant in unwanted if grant not in role["grants"]), None)
        if missing is not None:
            raise ChronikError(f"role {options.name} has no: {line(missing)}")
        role["grants"] = [grant for grant in role["grants"] if grant not in unwanted]
        return role

    await _change(reactor, options, change)


async def _bind(reactor: Any, options: argparse.Namespace) -> None:
    if not options.principal and not options.group:
        raise ChronikError("say whom: --principal PRINCIPAL or --group GROUP")

    def change(role: _Role | None) -> _Role:
        if role is None and options.action == "unbind":
            raise ChronikError(f"there is no role {options.name}")
        role = role or _empty()
        for field, members in (("principals", options.principal), ("groups", options.group)):
            known = set(role[field])
            role[field] = sorted(known | set(members) if options.action == "bind" else known - set(members))
        return role

    await _change(reactor, options, change)


async def _delete(reactor: Any, options: argparse.Namespace) -> None:
    if (await ask(reactor, options, "DELETE", _path(options))).status == 404:
        raise ChronikError(f"there is no role {options.name}")
    print(f"deleted {options.name}")


def _empty() -> _Role:
    return {"grants": [], "principals": [], "groups": []}


async def _role(reactor: Any, options: argparse.Namespace) -> tuple[_Role | None, str]:
    """The role as it is now, and its tag; None if there is none."""
    found = await ask(reactor, options, "GET", _path(options))
    return found.document.get(options.name), found.tag


async def _change(reactor: Any, options: argparse.Namespace, change: Callable[[_Role | None], _Role]) -> None:
    """Make a role what it is to be, from what it is; again where somebody else changes it at the same time, so that neither change is lost."""
    for _ in range(ATTEMPTS_MAX):
        role, tag = await _role(reactor, options)
        condition = ("If-None-Match", "*") if role is None else ("If-Match", tag)
        if (await ask(reactor, options, "PUT", _path(options), change(role), condition)).status != 412:
            await _show(reactor, options)
            return
    raise ChronikError(f"others change role {options.name} all the time: try again")


def _grants(options: argparse.Namespace) -> Sequence[dict[str, str]]:
    """What the options say, as the broker would tell it."""
    try:
        return [entry_words(read_grant(words)) for words in grants(options, "deny" if options.denied else "allow")]
    except Wrong as problem:
        raise ChronikError(str(problem)) from None


def _path(options: argparse.Namespace) -> str:
    return f"_security/role/{quote(options.name, safe='')}"

"""Options that say which entries of access control are meant, for ``chronik acls`` and ``chronik roles``."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from chronik.errors import ChronikError
from chronik.security.acl.words import FILTER_PATTERNS, OPERATIONS, PATTERNS, PERMISSIONS
from chronik.security.interfaces import CLUSTER_NAME

_RESOURCES: Final[Mapping[str, str]] = {
    "topic": "topic",
    "group": "group",
    "transactional_id": "transactional_id",
    "delegation_token": "delegation_token",
    "user_principal": "user",
}
"""Types of resources that have names, by the option that names one; kafka-acls calls them so too."""

PRODUCER: Final = ("write", "describe", "create")
"""What a producer needs of its topic."""

CONSUMER: Final = ("read", "describe")
"""What a consumer needs of its topic, beside reading by its group."""


def add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], kafka: argparse.ArgumentParser, http: argparse.ArgumentParser
) -> None:
    """Add ``acls`` and ``roles``.

    :param kafka: options of commands that connect to Kafka listeners.
    :param http: of those that connect to HTTP listeners.
    """
    _acls(commands.add_parser("acls", help="list, add and remove entries of the access control list"), kafka)
    _roles(commands.add_parser("roles", help="list, change and delete roles: named sets of permissions"), http)


def _acls(parser: argparse.ArgumentParser, kafka: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[kafka], help="allow or deny somebody something")
    add.add_argument("--allow", action="append", default=[], metavar="PRINCIPAL", help="as in User:alice, User:*; may be repeated")
    add.add_argument("--deny", action="append", default=[], metavar="PRINCIPAL", help="may be repeated; a denial wins over all that is allowed")
    _add_grant(add)
    use = add.add_mutually_exclusive_group()
    use.add_argument("--producer", action="store_true", help=f"all that a producer needs of the topics: {', '.join(PRODUCER)}")
    use.add_argument("--consumer", action="store_true", help=f"all that a consumer needs: {', '.join(CONSUMER)} of topics, read of groups")
    for action, text in (("list", "what there is"), ("remove", "remove what is meant; what is not said is open")):
        given = actions.add_parser(action, parents=[kafka], help=text)
        _add_resources(given, "append")
        given.add_argument("--pattern", choices=[*FILTER_PATTERNS], default="any", help="match: all that counts for a resource of this name")
        given.add_argument("--principal", metavar="PRINCIPAL", help="as in User:alice")
        given.add_argument("--host", metavar="HOST")
        given.add_argument("--operation", type=_word, choices=[*OPERATIONS], metavar="OPERATION")
        given.add_argument("--permission", choices=[*PERMISSIONS])
        if action == "remove":
            given.add_argument("--all", action="store_true", help="remove everything, where nothing else is said")


def _roles(parser: argparse.ArgumentParser, http: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[http], help="names")
    actions.add_parser("show", parents=[http], help="what a role grants, and to whom").add_argument("name")
    for action, text in (("grant", "let a role allow something, and make it if it is not there"), ("revoke", "take something out of a role")):
        given = actions.add_parser(action, parents=[http], help=text)
        given.add_argument("name")
        _add_grant(given)
        given.add_argument("--denied", action="store_true", help="what is denied by the role, not what is allowed")
    for action, text in (("bind", "give a role to somebody, and make it if it is not there"), ("unbind", "take it from somebody")):
        given = actions.add_parser(action, parents=[http], help=text)
        given.add_argument("name")
        given.add_argument("--principal", action="append", default=[], metavar="PRINCIPAL", help="as in User:alice; may be repeated")
        given.add_argument("--group", action="append", default=[], metavar="GROUP", help="whoever belongs to it; may be repeated")
    actions.add_parser("delete", parents=[http], help="delete a role").add_argument("name")


def _add_grant(parser: argparse.ArgumentParser) -> None:
    _add_resources(parser, "append")
    parser.add_argument(
        "--operation",
        type=_word,
        action="append",
        default=[],
        choices=[*OPERATIONS],
        metavar="OPERATION",
        help=f"{', '.join(OPERATIONS)}; may be repeated",
    )
    parser.add_argument("--pattern", choices=[*PATTERNS], default="literal", help="literal (default), or prefixed: names that begin so")
    parser.add_argument("--host", action="append", default=[], metavar="HOST", help="an address, or a network as in 10.0.0.0/8; default: every one")


def _add_resources(parser: argparse.ArgumentParser, how: str) -> None:
    for option in _RESOURCES:
        parser.add_argument(f"--{option.replace('_', '-')}", dest=f"on_{option}", action=how, default=[], metavar="NAME", help="may be repeated")
    parser.add_argument("--cluster", action="store_true", help="the cluster itself")


def _word(text: str) -> str:
    return text.lower().replace("-", "_")


def resources(options: argparse.Namespace) -> Sequence[tuple[str, str]]:
    """Types and names of the resources that the options name."""
    named = [(kind, name) for option, kind in _RESOURCES.items() for name in getattr(options, f"on_{option}")]
    return [*named, ("cluster", CLUSTER_NAME)] if options.cluster else named


def grants(options: argparse.Namespace, permission: str) -> Sequence[dict[str, str]]:
    """Every operation on every resource from every host that the options name, in words.

    :raises ChronikError: they name none.
    """
    named = resources(options)
    if not named:
        raise ChronikError("say on what: --topic NAME, --group NAME, --cluster, ...")
    if not options.operation:
        raise ChronikError(f"say what may be done: --operation, one of {', '.join(OPERATIONS)}")
    return [
        _entry(kind, name, operation, options.pattern, host, permission)
        for (kind, name), operation, host in itertools.product(named, dict.fromkeys(options.operation), options.host or ["*"])
    ]


def uses(options: argparse.Namespace, permission: str) -> Sequence[dict[str, str]]:
    """What a producer or a consumer of the resources needs, in words.

    :raises ChronikError: there is no topic, or a consumer has no group.
    """
    kinds = {kind for kind, _ in resources(options)}
    if "topic" not in kinds or (options.consumer and "group" not in kinds):
        raise ChronikError("a producer needs --topic" if options.producer else "a consumer needs --topic and --group")
    if options.operation or kinds - ({"topic"} if options.producer else {"topic", "group"}):
        raise ChronikError("--producer and --consumer say what may be done, on topics and, for a consumer, groups: leave the rest out")
    wanted = {"topic": PRODUCER if options.producer else CONSUMER, "group": ("read",)}
    return [
        _entry(kind, name, operation, options.pattern, host, permission)
        for kind, name in resources(options)
        for operation in wanted[kind]
        for host in options.host or ["*"]
    ]


def _entry(kind: str, name: str, operation: str, pattern: str, host: str, permission: str) -> dict[str, str]:
    pattern = "literal" if kind == "cluster" else pattern
    return {"resource": kind, "name": name, "operation": operation, "pattern": pattern, "host": host, "permission": permission}


def line(words: Mapping[str, str]) -> str:
    """An entry on one line."""
    who = f"{words['principal']} " if "principal" in words else ""
    where = "" if words["host"] == "*" else f" from {words['host']}"
    name = f"{words['name']}..." if words["pattern"] == "prefixed" else words["name"]
    return f"{words['permission']} {who}{words['operation']} {words['resource']} {name}{where}"

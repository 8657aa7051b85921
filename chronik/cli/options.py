"""The command line: subcommands and their options."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

import chronik
from chronik.cli import acl_options, security
from chronik.security.scram_keys import ITERATIONS, SCRAM_HASHES

DEFAULT_BOOTSTRAP: Final = "127.0.0.1:9092"
DEFAULT_HTTP: Final = "http://127.0.0.1:6092"

WAIT_SECONDS: Final = 2
"""A search waits so long for what was just produced; records are searchable a moment after they are acknowledged."""

LONG_WAIT_SECONDS: Final = 30

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")

BATCH_BYTES: Final = 512 << 10
"""Half of the default ``max.message.bytes``: a batch of it is accepted whatever its records' overhead."""


def parse(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> argparse.Namespace:
    """Read the command line; argparse exits with status 2 and a usage line when it cannot be understood.

    :param environ: ``CHRONIK_BOOTSTRAP``, ``CHRONIK_HTTP`` and ``CHRONIK_COMMAND_CONFIG`` are the defaults of ``--bootstrap``, ``--http`` and
        ``--command-config``.
    """
    parser = argparse.ArgumentParser(prog="chronik", description="Produce, consume and search records of a Chronik broker, and manage its topics.")
    parser.add_argument("--version", action="version", version=f"chronik {chronik.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    kafka = argparse.ArgumentParser(add_help=False)
    kafka.add_argument(
        "-b",
        "--bootstrap",
        type=address,
        default=environ.get("CHRONIK_BOOTSTRAP", DEFAULT_BOOTSTRAP),
        metavar="HOST:PORT",
        help="a broker to begin with (CHRONIK_BOOTSTRAP; default %(default)s)",
    )
    secured = argparse.ArgumentParser(add_help=False)
    for connecting in (secured, kafka):
        security.add_options(connecting, environ)
    _produce(commands.add_parser("produce", parents=[kafka], help="write lines to a topic, a record each"))
    _consume(commands.add_parser("consume", parents=[kafka], help="print the records of a topic"))
    _search(commands.add_parser("search", parents=[secured], help="find records by what is in them"), environ)
    _topics(commands.add_parser("topics", help="list, create, describe and delete topics"), kafka)
    _certs(commands.add_parser("certs", help="make a private CA, and certificates of a broker and of clients"))
    _users(commands.add_parser("users", help="list, add, set and delete users and their passwords"), kafka)
    _configs(commands.add_parser("configs", help="show and change dynamic configuration and quotas"), kafka)
    http = argparse.ArgumentParser(add_help=False, parents=[secured])
    http.add_argument("--http", default=environ.get("CHRONIK_HTTP", DEFAULT_HTTP), metavar="URL", help="CHRONIK_HTTP; default %(default)s")
    acl_options.add_commands(commands, kafka, http)
    return parser.parse_args(arguments)


def _certs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", default="chronik-certs", help="where they go; a CA that is there is used (default %(default)s)")
    parser.add_argument("--host", action="append", default=[], type=_host, metavar="NAME", help="a name or address of the broker; may be repeated")
    parser.add_argument(
        "--client", action="append", type=_file_name, metavar="NAME", help="make a certificate for this client; may be repeated (default client)"
    )
    parser.add_argument("--days", type=_positive, default=365, metavar="N", help="how long certificates are good for (default %(default)s)")
    parser.add_argument("--replace", action="store_true", help="make new certificates in place of those that are there; the CA stays")


def _produce(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files of lines; - or none for standard input")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key-separator", type=_separator, metavar="SEP", help=r"a line is key SEP value; \t is a tab")
    keys.add_argument("--json-key", metavar="FIELD", help="the key is this field of the line's JSON object")
    parser.add_argument("--header", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="a header of every record; may be repeated")
    parser.add_argument("--partition", type=_natural, metavar="N", help="all records go to this partition")
    parser.add_argument("--acks", choices=("all", "1", "0"), default="all", help="who must have a record before it counts (default %(default)s)")
    parser.add_argument("--compression", choices=CODECS, default="none", help="default %(default)s")
    parser.add_argument("--batch-bytes", type=_positive, default=BATCH_BYTES, metavar="N", help="batch size before compression (default %(default)s)")
    parser.add_argument("--null-marker", metavar="TEXT", help="a key or value that is this text is null")


def _consume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--from-beginning", dest="offset", action="store_const", const="earliest", help="the same as --offset earliest")
    start.add_argument(
        "--offset",
        metavar="WHERE",
        help="earliest, latest, an offset, -N for the last N of each partition, or @TIME (ISO 8601; UTC unless it says otherwise). "
        "Default: latest when following, else earliest; with --group what the group committed",
    )
    parser.add_argument("--partition", type=_natural, metavar="N", help="only this partition")
    parser.add_argument("--max", type=_natural, metavar="N", help="stop after N records")
    parser.add_argument(
        "--follow",
        "-f",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="go on when all is printed (default: when standard output is a terminal; else stop at the end as it is now)",
    )
    parser.add_argument(
        "--format",
        default="value",
        help=r"value, json, or a text with %%t topic, %%p partition, %%o offset, %%T time, %%k key, %%v value, %%h headers, \t, \n",
    )
    parser.add_argument(
        "--group",
        metavar="G",
        help="begin at this group's committed offsets and commit on exit; all partitions are read, none is shared with other members",
    )


def _search(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    parser.add_argument("topics", help="names or patterns, separated by commas; _all for every topic")
    parser.add_argument("query", help="for example: level:error AND timeout")
    parser.add_argument("--http", default=environ.get("CHRONIK_HTTP", DEFAULT_HTTP), metavar="URL", help="CHRONIK_HTTP; default %(default)s")
    parser.add_argument("--size", type=_natural, default=10, metavar="N", help="hits to print (default %(default)s)")
    parser.add_argument("--from", type=_natural, default=0, dest="start", metavar="N", help="hits to skip")
    parser.add_argument("--sort", metavar="FIELD:ORDER", help="default: newest first")
    parser.add_argument(
        "--wait",
        type=_natural,
        nargs="?",
        default=WAIT_SECONDS,
        const=LONG_WAIT_SECONDS,
        metavar="SECONDS",
        help="so long at most wait first until all that is committed can be searched (default %(default)s; %(const)s without a number)",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print each hit as the JSON that the broker answers")
    output.add_argument("--count", action="store_true", help="print only how many records match")


def _topics(parser: argparse.ArgumentParser, kafka: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[kafka], help="names and numbers of partitions")
    create = actions.add_parser("create", parents=[kafka], help="create a topic")
    create.add_argument("name")
    create.add_argument("--partitions", type=_positive, default=-1, metavar="N", help="default: the broker's num.partitions")
    create.add_argument("--replication-factor", type=_positive, default=-1, metavar="N", help="default: the broker's default.replication.factor")
    create.add_argument("--config", type=_pair, action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    for action, text in (("describe", "show partitions, offsets and settings"), ("delete", "delete a topic and its records")):
        actions.add_parser(action, parents=[kafka], help=text).add_argument("name")


def _users(parser: argparse.ArgumentParser, kafka: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[kafka], help="names, and by which mechanisms each can log in")
    for action, text in (("add", "add a user who does not exist"), ("set", "add a user, or give another password to one")):
        given = actions.add_parser(
            action, parents=[kafka], help=text, description="The password is asked for, or read from standard input where that is no terminal."
        )
        given.add_argument("name")
        given.add_argument("--new-password-file", metavar="FILE", help="a file with the password in its first line")
        given.add_argument(
            "--for-mechanism", dest="new_mechanism", action="append", choices=tuple(SCRAM_HASHES), help="may be repeated; default: both"
        )
        given.add_argument("--iterations", type=_positive, default=ITERATIONS, metavar="N", help="of the password's hash (default %(default)s)")
    actions.add_parser("delete", parents=[kafka], help="delete a user's passwords").add_argument("name")


def _configs(parser: argparse.ArgumentParser, kafka: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    whose = argparse.ArgumentParser(add_help=False)
    resource = whose.add_mutually_exclusive_group()
    resource.add_argument("--topic", metavar="T", help="keys of a topic")
    resource.add_argument("--broker", type=_natural, metavar="ID", help="keys of one broker")
    resource.add_argument("--all-brokers", action="store_true", help="keys of every broker")
    resource.add_argument("--loggers", type=_natural, metavar="ID", help="levels of one broker's loggers, until it ends")
    resource.add_argument("--group", metavar="G", help="keys of a group")
    resource.add_argument("--client-metrics", metavar="M", help="keys of a subscription to metrics of clients")
    quotas = whose.add_argument_group("quotas", "an empty name stands for whoever has no quota of their own")
    quotas.add_argument("--quota-user", metavar="U", help="quotas of a user; with --quota-client-id of that user's client")
    quotas.add_argument("--quota-client-id", metavar="C", help="quotas of clients of this id")
    quotas.add_argument("--quota-ip", metavar="A", help="quotas of an address")
    describe = actions.add_parser("describe", parents=[kafka, whose], help="show what is set at run time, and where it is from")
    describe.add_argument("keys", nargs="*", metavar="KEY", help="only these")
    describe.add_argument("--all", action="store_true", help="show every key, set or not")
    describe.add_argument("--explain", action="store_true", help="say what each is for")
    change = argparse.ArgumentParser(add_help=False)
    change.add_argument("--dry-run", action="store_true", help="only check whether it could be done")
    add = actions.add_parser("set", parents=[kafka, whose, change], help="set keys, all of them or none")
    add.add_argument("settings", nargs="+", type=_pair, metavar="KEY=VALUE")
    delete = actions.add_parser("delete", parents=[kafka, whose, change], help="unset keys: what is weaker counts again")
    delete.add_argument("keys", nargs="+", metavar="KEY")


_HOST: Final = re.compile(r"[^\s,:/@]+")
"""A name, or an address without colons."""

_INT_MAX: Final = 2**31 - 1
"""What the protocol has room for."""

_DIGITS_MAX: Final = 20


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``, ``[::1]:port``; port 9092 when there is none."""
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":") if not text.endswith("]") else (text, ":", "9092")
    else:
        host, port = text, "9092"
    host = host.strip("[]")
    if not (_HOST.fullmatch(host) or _is_ipv6(host)) or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, of one broker")
    return host, int(port)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _host(text: str) -> str:
    if not _HOST.fullmatch(text) and not _is_ipv6(text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a name nor an address")
    return text


_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def _file_name(text: str) -> str:
    if not _FILE_NAME.fullmatch(text) or text in ("ca", "ca-key", "broker"):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be a client: letters, digits, '.', '_' and '-', and not ca or broker")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _separator(text: str) -> bytes:
    if not text:
        raise argparse.ArgumentTypeError("the separator is empty")
    return text.replace("\\t", "\t").encode()


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX or int(text) > _INT_MAX:
        raise argparse.ArgumentTypeError(f"{text[:_DIGITS_MAX]!r} is not a number from 0 to {_INT_MAX}")
    return int(text)


def _positive(text: str) -> int:
    number = _natural(text)
    if not number:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number

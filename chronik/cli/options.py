"""The command line: subcommands and their options."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from chronik.cli import acl_options

DEFAULT_BOOTSTRAP: Final = "127.0.0.1:9092"
DEFAULT_HTTP: Final = "http://127.0.0.1:6092"
CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")

BATCH_BYTES: Final = 512 << 10
"""Half of the default ``max.message.bytes``: a batch of it is accepted whatever its records' overhead."""


def parse(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> argparse.Namespace:
    """Read the command line; argparse exits with status 2 and a usage line when it cannot be understood.

    :param environ: ``CHRONIK_BOOTSTRAP`` and ``CHRONIK_HTTP`` are the defaults of ``--bootstrap`` and ``--http``.
    """
    parser = argparse.ArgumentParser(prog="chronik", description="Produce, consume and search records of a Chronik broker, and manage its topics.")
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
    _produce(commands.add_parser("produce", parents=[kafka], help="write lines to a topic, a record each"))
    _consume(commands.add_parser("consume", parents=[kafka], help="print the records of a topic"))
    _search(commands.add_parser("search", help="find records by what is in them"), environ)
    _topics(commands.add_parser("topics", help="list, create, describe and delete topics"), kafka)
    http = argparse.ArgumentParser(add_help=False)
    http.add_argument("--http", default=environ.get("CHRONIK_HTTP", DEFAULT_HTTP), metavar="URL", help="CHRONIK_HTTP; default %(default)s")
    acl_options.add_commands(commands, kafka, http)
    return parser.parse_args(arguments)


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
    parser.add_argument("--wait", action="store_true", help="first wait until all that is committed can be searched")
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

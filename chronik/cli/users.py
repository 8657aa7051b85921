"""``chronik users``: list, add, set and delete users whose passwords the cluster's metadata proves."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from chronik.cli.cluster import Cluster, error_text
from chronik.cli.security import client_security, password_of
from chronik.errors import ChronikError, ErrorCode
from chronik.protocol import messages
from chronik.security.sasl.saslprep import saslprep
from chronik.security.scram_keys import SALT_BYTES, SCRAM_HASHES

_NAMES: Final = {kind.code: name for name, kind in SCRAM_HASHES.items()}


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Do what the action says."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        await cluster.metadata(())
        await {"list": _list, "add": _add, "set": _set, "delete": _delete}[options.action](cluster, options)
    finally:
        cluster.close()


async def _list(cluster: Cluster, options: argparse.Namespace) -> None:
    for user, found in sorted((await _described(cluster, None)).items()):
        print("\t".join((user, *(f"{_NAMES.get(code, code)} ({iterations} iterations)" for code, iterations in found))))


async def _add(cluster: Cluster, options: argparse.Namespace) -> None:
    if await _described(cluster, options.name):
        raise ChronikError(f"the user {options.name} exists; give another password with: chronik users set {options.name}")
    await _upsert(cluster, options)
    print(f"added {options.name}")


async def _set(cluster: Cluster, options: argparse.Namespace) -> None:
    await _upsert(cluster, options)
    print(f"set the password of {options.name}")


async def _upsert(cluster: Cluster, options: argparse.Namespace) -> None:
    """Only what is derived from the password leaves this process."""
    name, password = prepared(options.name, "name"), prepared(new_password(options), "password")
    request = messages.AlterUserScramCredentialsRequest
    upsertions = []
    for mechanism in dict.fromkeys(options.new_mechanism or SCRAM_HASHES):
        kind, salt = SCRAM_HASHES[mechanism], os.urandom(SALT_BYTES)
        salted = kind.salted(password, salt, options.iterations)
        upsertions.append(
            request.ScramCredentialUpsertion(name=name, mechanism=kind.code, iterations=options.iterations, salt=salt, salted_password=salted)
        )
    await _alter(cluster, request(upsertions=tuple(upsertions)), name)


async def _delete(cluster: Cluster, options: argparse.Namespace) -> None:
    found = (await _described(cluster, options.name)).get(options.name)
    if not found:
        raise ChronikError(f"there is no user {options.name}")
    request = messages.AlterUserScramCredentialsRequest
    deletions = tuple(request.ScramCredentialDeletion(name=options.name, mechanism=code) for code, _ in found)
    await _alter(cluster, request(deletions=deletions), options.name)
    print(f"deleted {options.name}")


async def _alter(cluster: Cluster, request: messages.AlterUserScramCredentialsRequest, name: str) -> None:
    response: messages.AlterUserScramCredentialsResponse = await cluster.request(request, cluster.controller_id)
    for result in response.results:
        if result.error_code:
            raise ChronikError(f"user {name}: {error_text(result.error_code, result.error_message)}")


async def _described(cluster: Cluster, name: str | None) -> dict[str, list[tuple[int, int]]]:
    """Mechanism and iterations of each credential, by user; empty for one that there is not."""
    request = messages.DescribeUserScramCredentialsRequest
    users = None if name is None else (request.UserName(name=name),)
    response: messages.DescribeUserScramCredentialsResponse = await cluster.request(request(users=users))
    if response.error_code:
        raise ChronikError(error_text(response.error_code, response.error_message))
    found: dict[str, list[tuple[int, int]]] = {}
    for result in response.results:
        if result.error_code not in (ErrorCode.NONE, ErrorCode.RESOURCE_NOT_FOUND):
            raise ChronikError(f"user {result.user}: {error_text(result.error_code, result.error_message)}")
        if result.credential_infos:
            found[result.user] = [(info.mechanism, info.iterations) for info in result.credential_infos]
    return found


def new_password(options: argparse.Namespace, ask: Callable[[str], str] = getpass.getpass) -> str:
    """The password to be: of a file, of standard input, or asked for twice at a terminal.

    :raises ChronikError: there is none, or the two are not the same.
    """
    if options.new_password_file:
        return password_of(options.new_password_file)
    if sys.stdin is None or not sys.stdin.isatty():
        return password_of("-")
    password = ask(f"New password of {options.name}: ")
    if not password:
        raise ChronikError("the password is empty")
    if ask("The same again: ") != password:
        raise ChronikError("the two passwords are not the same")
    return password


def prepared(text: str, what: str) -> str:
    """A name or password in the form in which it is compared (RFC 4013).

    :raises ChronikError: it cannot be one.
    """
    try:
        return saslprep(text)
    except ValueError as error:
        raise ChronikError(f"the {what} cannot be used: {error}") from None

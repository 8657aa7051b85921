"""The users that a new cluster begins with, of a file: ``alice = "password"``, or what is kept of one as Kafka's tools write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from twisted.logger import Logger

from chronik.config.files import read_settings
from chronik.config.secret_files import REFUSE, check_secret_file
from chronik.errors import ConfigurationError
from chronik.security.interfaces import ScramCredential
from chronik.security.sasl.saslprep import saslprep
from chronik.security.scram_keys import SCRAM_HASHES, new_credential, parse_credential, problem_of

_log = Logger()

USERS_MAX: Final = 30
"""Users of one file: they are made in one commit, together or not at all."""

_CREDENTIAL: Final = re.compile(r"(SCRAM-SHA-(?:256|512))=\[([^\]]*)\](?:,|$)")


def read_bootstrap_users(path: str, random: Callable[[int], bytes], permissions: str = REFUSE) -> Mapping[tuple[str, str], ScramCredential]:
    """Credentials by mechanism and user. Reads a file and computes for long: keep it off the reactor.

    :param random: gives that many random bytes.
    :param permissions: the value of ``secret.files.permissions``.
    :raises ConfigurationError: the file cannot be read, others can read it, or something in it is wrong; says which user's.
    """
    warning = check_secret_file(path, permissions, "users.bootstrap.file")
    if warning is not None:
        _log.warn("{problem}", problem=warning)
    users: dict[tuple[str, str], ScramCredential] = {}
    settings = read_settings(path)
    if len({setting.name for setting in settings}) > USERS_MAX:
        raise ConfigurationError(f"users.bootstrap.file {path} has more than {USERS_MAX} users: add the others with chronik users")
    for setting in settings:
        try:
            name = saslprep(setting.name)
            for mechanism, credential in _credentials(setting.text, random):
                users[mechanism, name] = credential
        except ValueError as problem:
            raise ConfigurationError(f"users.bootstrap.file {setting.origin}: user {setting.name}: {problem}") from None
    return users


def _credentials(text: str, random: Callable[[int], bytes]) -> Iterator[tuple[str, ScramCredential]]:
    """Those of a password, or those that the text is already.

    :raises ValueError: it is neither.
    """
    if not text:
        raise ValueError("there is no password")
    if not text.startswith("SCRAM-SHA-"):
        password = saslprep(text)
        for mechanism in SCRAM_HASHES:
            yield mechanism, new_credential(mechanism, password, random)
        return
    found = _CREDENTIAL.findall(text)
    if not found or len("".join(f"{mechanism}=[{fields}]," for mechanism, fields in found)) != len(text.rstrip(",")) + 1:
        raise ValueError("it is not SCRAM-SHA-256=[…],SCRAM-SHA-512=[…]")
    for mechanism, fields in found:
        credential = parse_credential(fields)
        problem = problem_of(credential, mechanism)
        if problem is not None:
            raise ValueError(problem)
        yield mechanism, credential

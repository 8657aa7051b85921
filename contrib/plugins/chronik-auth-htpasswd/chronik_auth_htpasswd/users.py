"""The users file: a line ``USER:{PBKDF2}ITERATIONS$SALT$HASH`` each."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ITERATIONS: Final = 200_000
_SCHEME: Final = "{PBKDF2}"


@dataclass(frozen=True, slots=True)
class Secret:
    """What a password is checked against."""

    iterations: int
    salt: bytes
    digest: bytes

    def matches(self, password: str) -> bool:
        """Whether this is the password; takes as long as the iterations make it."""
        return hmac.compare_digest(_derive(password, self.salt, self.iterations), self.digest)


NOBODY: Final = Secret(ITERATIONS, bytes(16), bytes(32))
"""Checked in place of an unknown user's, so that both take the same time."""


def user_line(user: str, password: str, salt: bytes) -> str:
    """The line of a user."""
    digest = _derive(password, salt, ITERATIONS)
    return f"{user}:{_SCHEME}{ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def parse_users(text: str) -> Mapping[str, Secret]:
    """The users of a file's text.

    :raises ValueError: a line cannot be understood; says which, and never repeats what may be a password.
    """
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, secret = line.strip().partition(":")
        try:
            iterations, salt, digest = secret.removeprefix(_SCHEME).split("$")
            users[user] = Secret(int(iterations), base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True))
            if not user or not secret.startswith(_SCHEME) or users[user].iterations < 1:
                raise ValueError(number)
        except ValueError:
            raise ValueError(f"line {number} is not USER:{_SCHEME}ITERATIONS$SALT$HASH") from None
    return users


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)

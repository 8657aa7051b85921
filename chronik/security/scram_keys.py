"""What SCRAM keeps of a password, and how it is derived (RFC 5802, section 3; RFC 7677)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from chronik.security.interfaces import ScramCredential


@dataclass(frozen=True, slots=True)
class ScramHash:
    """A mechanism's hash function.

    :ivar code: the mechanism's number in the Kafka protocol (KIP-554).
    :ivar algorithm: as :mod:`hashlib` calls it.
    :ivar size: of its digests, in bytes.
    """

    code: int
    algorithm: str
    size: int

    def hmac(self, key: bytes, text: bytes) -> bytes:
        """HMAC of a text."""
        return hmac.digest(key, text, self.algorithm)

    def digest(self, text: bytes) -> bytes:
        """Hash of a text."""
        return hashlib.new(self.algorithm, text).digest()

    def salted(self, password: str, salt: bytes, iterations: int) -> bytes:
        """``SaltedPassword``: takes long by intent, and leaves the interpreter to others meanwhile."""
        return hashlib.pbkdf2_hmac(self.algorithm, password.encode(), salt, iterations)


SCRAM_HASHES: Final[Mapping[str, ScramHash]] = {
    "SCRAM-SHA-256": ScramHash(1, "sha256", 32),
    "SCRAM-SHA-512": ScramHash(2, "sha512", 64),
}
"""By mechanism."""

ITERATIONS_MIN: Final = 4_096
"""RFC 7677 asks for no fewer."""

ITERATIONS_MAX: Final = 65_536
"""Some 30 ms of a core at every log-in by password: more would be a way to keep the broker busy."""

ITERATIONS: Final = 4_096
"""Where nobody says otherwise, as Kafka's own tools do."""

SALT_BYTES: Final = 16
SALT_BYTES_MAX: Final = 1024


def credential_of(salted: bytes, salt: bytes, iterations: int, kind: ScramHash) -> ScramCredential:
    """What to keep of a ``SaltedPassword``."""
    stored_key = kind.digest(kind.hmac(salted, b"Client Key"))
    return ScramCredential(salt, iterations, stored_key, kind.hmac(salted, b"Server Key"))


def new_credential(mechanism: str, password: str, random: Callable[[int], bytes] = os.urandom, iterations: int = ITERATIONS) -> ScramCredential:
    """What to keep of a new password, with a salt of its own. Takes long by intent: keep it off the reactor.

    :param password: prepared already, if it is to be.
    :param random: gives that many random bytes.
    """
    kind, salt = SCRAM_HASHES[mechanism], random(SALT_BYTES)
    return credential_of(kind.salted(password, salt, iterations), salt, iterations, kind)


def proves(credential: ScramCredential, mechanism: str, password: str) -> bool:
    """Whether this is the password. Takes long by intent: keep it off the reactor."""
    kind = SCRAM_HASHES[mechanism]
    found = credential_of(kind.salted(password, credential.salt, credential.iterations), credential.salt, credential.iterations, kind)
    return hmac.compare_digest(found.stored_key, credential.stored_key)


def problem_of(credential: ScramCredential, mechanism: str) -> str | None:
    """Why a credential must not be kept; None when it may be."""
    size = SCRAM_HASHES[mechanism].size
    if credential.iterations < ITERATIONS_MIN:
        return "Too few iterations"
    if credential.iterations > ITERATIONS_MAX:
        return "Too many iterations"
    if not 0 < len(credential.salt) <= SALT_BYTES_MAX:
        return f"The salt has between 1 and {SALT_BYTES_MAX} bytes"
    if len(credential.stored_key) != size or len(credential.server_key) != size:
        return f"The keys of {mechanism} have {size} bytes"
    return None


def format_credential(credential: ScramCredential) -> str:
    """Kafka's own text of a credential: ``salt=…,stored_key=…,server_key=…,iterations=…``, bytes in base64."""
    texts = (base64.b64encode(each).decode() for each in (credential.salt, credential.stored_key, credential.server_key))
    return "salt={},stored_key={},server_key={},iterations={}".format(*texts, credential.iterations)


def parse_credential(text: str) -> ScramCredential:
    """The credential that a text says.

    :raises ValueError: it says none; tells nothing of it.
    """
    fields = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        salt, stored_key, server_key = (base64.b64decode(fields[name], validate=True) for name in ("salt", "stored_key", "server_key"))
        return ScramCredential(salt, int(fields["iterations"]), stored_key, server_key)
    except (KeyError, ValueError, binascii.Error):
        raise ValueError("it is not salt=BASE64,stored_key=BASE64,server_key=BASE64,iterations=NUMBER") from None

"""The part of the image that is about security: access control lists, roles, credentials and tokens."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeVar

from chronik.metadata import security_keys as keys
from chronik.security.interfaces import AclBinding, DelegationToken, Role, ScramCredential, SecurityDelta, SecurityImage

K = TypeVar("K")
V = TypeVar("V")

FAMILIES: Final = frozenset({"acls", "roles", "scram", "tokens", "secrets"})
"""First words of keys that belong here."""


class SecurityBuilder:
    """Holds what was decoded so far; what did not change between two images is shared by them.

    :ivar image: the latest.
    """

    def __init__(self) -> None:
        self.image = SecurityImage()
        self._acls: set[AclBinding] = set()
        self._known_acls: set[str] = set()
        self._roles: dict[str, Role] = {}
        self._scram: dict[tuple[str, str], ScramCredential] = {}
        self._tokens: dict[str, DelegationToken] = {}
        self._scram_secret = b""
        self._touched_acls: set[AclBinding] = set()
        self._touched_roles: set[str] = set()
        self._touched_scram: set[tuple[str, str]] = set()
        self._touched_tokens: set[str] = set()

    def take(self, family: str, rest: str, value: bytes | None) -> None:
        """Take in a key of one of :data:`FAMILIES`.

        :param rest: of the key, after the family and a slash.
        :raises MalformedValue: it cannot be read; nothing is changed.
        """
        if family == "acls":
            self._take_acl(rest, value is not None)
        elif family == "roles":
            _take(self._roles, self._touched_roles, keys.role_name(rest), value, keys.decode_role)
        elif family == "scram":
            _take(self._scram, self._touched_scram, keys.scram_of(rest), value, lambda _, found: keys.decode_scram(found))
        elif family == "tokens":
            _take(self._tokens, self._touched_tokens, keys.token_id_of(rest), value, keys.decode_token)
        elif f"{family}/{rest}" == keys.SCRAM_SECRET:
            self._scram_secret = b"" if value is None else keys.decode_secret(value)

    def build(self) -> SecurityDelta:
        """Go to the next image, and tell what is different."""
        before = self.image
        added = frozenset(acl for acl in self._touched_acls if acl in self._acls and acl not in before.acls)
        removed = frozenset(acl for acl in self._touched_acls if acl not in self._acls and acl in before.acls)
        roles = frozenset(name for name in self._touched_roles if self._roles.get(name) != before.roles.get(name))
        scram = frozenset(user for user in self._touched_scram if self._scram.get(user) != before.scram.get(user))
        tokens = frozenset(token for token in self._touched_tokens if self._tokens.get(token) != before.tokens.get(token))
        delta = SecurityDelta(added, removed, roles, scram, tokens)
        for touched in (self._touched_acls, self._touched_roles, self._touched_scram, self._touched_tokens):
            touched.clear()
        if delta or self._scram_secret != before.scram_secret:
            self.image = SecurityImage(
                acls=frozenset(self._acls) if added or removed else before.acls,
                roles=MappingProxyType(dict(self._roles)) if roles else before.roles,
                scram=MappingProxyType(dict(self._scram)) if scram else before.scram,
                tokens=MappingProxyType(dict(self._tokens)) if tokens else before.tokens,
                scram_secret=self._scram_secret,
            )
        return delta

    def _take_acl(self, rest: str, there: bool) -> None:
        if there and rest in self._known_acls:
            return  # of a snapshot that tells of ten thousand again; a key says all, so it is as it was
        acl = keys.acl_of(rest)
        if there:
            self._known_acls.add(rest)
            self._acls.add(acl)
        else:
            self._known_acls.discard(rest)
            self._acls.discard(acl)
        self._touched_acls.add(acl)


def _take(values: dict[K, V], touched: set[K], key: K, value: bytes | None, decode: Callable[[K, bytes], V]) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = decode(key, value)
    touched.add(key)

"""How access control lists, roles, credentials and tokens are kept in the store; :mod:`chronik.metadata.keys` has the rest.

==================================================================================  ======================================
``acls/<type>/<pattern>/<name>/<principal>/<host>/<operation>/<permission>``        an object without fields: the key says all
``roles/<name>``                                                                    ``grants``, ``principals``, ``groups``
``scram/<mechanism>/<user>``                                                        ``salt``, ``iterations``, ``stored_key``, ``server_key``
``tokens/<token id>``                                                               ``owner``, ``requester``, ``renewers``, ``issue``, ``expiry``,
                                                                                    ``max``: milliseconds since 1970
``secrets/scram``                                                                   ``secret``: decides what unknown users are told
==================================================================================  ======================================

Names of people and resources are quoted as in URLs; types, patterns, operations and permissions are words in lower case. Bytes are base64.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from chronik.metadata.values import Fields, MalformedValue, encode_fields
from chronik.security.interfaces import (
    AclBinding,
    DelegationToken,
    Operation,
    PatternType,
    Permission,
    ResourceType,
    Role,
    RoleGrant,
    ScramCredential,
)

ACLS: Final = "acls/"
ROLES: Final = "roles/"
SCRAM: Final = "scram/"
TOKENS: Final = "tokens/"
SCRAM_SECRET: Final = "secrets/scram"

EMPTY: Final = encode_fields({})
"""The value of a key that says everything itself."""

_E = TypeVar("_E", bound=enum.IntEnum)

_KINDS: Final = (ResourceType, PatternType, Operation, Permission)
_MEMBERS: Final[Mapping[tuple[type[enum.IntEnum], str], enum.IntEnum]] = {(kind, each.name.lower()): each for kind in _KINDS for each in kind}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]+")


def acl_key(acl: AclBinding) -> str:
    """Where an entry of the access control list is."""
    which = f"{_quoted(acl.name)}/{_quoted(acl.principal)}/{_quoted(acl.host)}"
    return f"{ACLS}{_word(acl.resource_type)}/{_word(acl.pattern)}/{which}/{_word(acl.operation)}/{_word(acl.permission)}"


def acl_of(rest: str) -> AclBinding:
    """The entry of a key, without what all such keys begin with.

    :raises MalformedValue: it is none; so do the other decoders.
    """
    parts = [unquote(part) if "%" in part else part for part in rest.split("/")]
    if len(parts) != 7:
        raise MalformedValue("not the seven parts of an access control entry")
    kind, pattern, name, principal, host, operation, permission = parts
    return AclBinding(
        _member(ResourceType, kind),
        _member(PatternType, pattern),
        name,
        principal,
        host,
        _member(Operation, operation),
        _member(Permission, permission),
    )


def role_key(name: str) -> str:
    """Where a role is."""
    return ROLES + quote(name, safe="")


def role_name(rest: str) -> str:
    """The name of a role's key, without what all such keys begin with."""
    return unquote(rest)


def encode_role(role: Role) -> bytes:
    """A role's value."""
    return encode_fields(
        {"grants": [_grant_fields(grant) for grant in role.grants], "principals": sorted(role.principals), "groups": sorted(role.groups)}
    )


NO_ROLE: Final = ""
"""What stands for a role that does not exist where :func:`role_version` tells roles apart."""


def role_version(role: Role | None) -> str:
    """What is different of two roles of one name that say something different; :data:`NO_ROLE` of none."""
    return NO_ROLE if role is None else hashlib.sha256(encode_role(role)).hexdigest()[:32]


def decode_role(name: str, value: bytes) -> Role:
    """A role."""
    fields = Fields(value)
    return Role(name, tuple(map(_grant, fields.array("grants"))), frozenset(fields.strings("principals")), frozenset(fields.strings("groups")))


def scram_key(mechanism: str, user: str) -> str:
    """Where a user's credential for a mechanism is."""
    return f"{SCRAM}{mechanism}/{quote(user, safe='')}"


def scram_of(rest: str) -> tuple[str, str]:
    """Mechanism and user of a credential's key, without what all such keys begin with."""
    mechanism, _, user = rest.partition("/")
    return mechanism, unquote(user)


def encode_scram(credential: ScramCredential) -> bytes:
    """A credential's value."""
    return encode_fields(
        {
            "salt": _text(credential.salt),
            "iterations": credential.iterations,
            "stored_key": _text(credential.stored_key),
            "server_key": _text(credential.server_key),
        }
    )


def decode_scram(value: bytes) -> ScramCredential:
    """A credential."""
    fields = Fields(value)
    return ScramCredential(_bytes(fields, "salt"), fields.integer("iterations"), _bytes(fields, "stored_key"), _bytes(fields, "server_key"))


def encode_secret(secret: bytes) -> bytes:
    """A secret's value."""
    return encode_fields({"secret": _text(secret)})


def decode_secret(value: bytes) -> bytes:
    """A secret."""
    return _bytes(Fields(value), "secret")


def token_key(token_id: str) -> str:
    """Where a delegation token is."""
    return TOKENS + quote(token_id, safe="")


def token_id_of(rest: str) -> str:
    """The id of a token's key, without what all such keys begin with."""
    return unquote(rest)


def encode_token(token: DelegationToken) -> bytes:
    """A token's value."""
    return encode_fields(
        {
            "owner": token.owner,
            "requester": token.requester,
            "renewers": list(token.renewers),
            "issue": token.issue_ms,
            "expiry": token.expiry_ms,
            "max": token.max_ms,
        }
    )


def decode_token(token_id: str, value: bytes) -> DelegationToken:
    """A token."""
    fields = Fields(value)
    return DelegationToken(
        token_id,
        fields.text("owner"),
        fields.text("requester"),
        tuple(fields.strings("renewers")),
        fields.integer("issue"),
        fields.integer("expiry"),
        fields.integer("max"),
    )


def _grant_fields(grant: RoleGrant) -> dict[str, str]:
    return {
        "resource": _word(grant.resource_type),
        "pattern": _word(grant.pattern),
        "name": grant.name,
        "operation": _word(grant.operation),
        "permission": _word(grant.permission),
        "host": grant.host,
    }


def _grant(value: Any) -> RoleGrant:
    fields = Fields(value)
    return RoleGrant(
        _member(ResourceType, fields.text("resource")),
        _member(PatternType, fields.text("pattern")),
        fields.text("name"),
        _member(Operation, fields.text("operation")),
        _member(Permission, fields.text("permission")),
        fields.text("host"),
    )


def _quoted(text: str) -> str:
    """As in URLs; looking first whether it is so already is a quarter of the work, and there may be ten thousand entries."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


def _word(member: enum.IntEnum) -> str:
    return member.name.lower()


def _member(kind: type[_E], word: str) -> _E:
    found = _MEMBERS.get((kind, word))
    if isinstance(found, kind):
        return found
    raise MalformedValue(f"{word!r} is no {kind.__name__}")


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(fields: Fields, name: str) -> bytes:
    try:
        return base64.b64decode(fields.text(name), validate=True)
    except binascii.Error:
        raise MalformedValue(f"{name} is not base64") from None

"""Who somebody is, how they prove it, and what they may do. Names of resources and operations are Kafka's (KIP-11, KIP-290)."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from chronik.clocks import WallClock
    from chronik.config import Configuration
    from chronik.defer import IThreadPools
    from chronik.metadata.interfaces import IMetadataFeed


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is on the other end, as ``type:name``.

    :ivar groups: what a token's claims or a certificate's fields say they belong to; roles may be bound to these. Two principals of one type
        and name are equal whatever their groups.
    """

    kind: str
    name: str
    groups: AbstractSet[str] = field(default=frozenset(), compare=False)

    def __str__(self) -> str:
        """Kafka's spelling, ``User:alice``."""
        return f"{self.kind}:{self.name}"


ANONYMOUS: Final = Principal("User", "ANONYMOUS")
"""Whoever came without authentication."""

BROKER: Final = Principal("Broker", "self")
"""The broker's own children and services, on private sockets."""


class ResourceType(enum.IntEnum):
    """Kinds of things that are protected; codes of the Kafka protocol."""

    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class Operation(enum.IntEnum):
    """What may be done; codes of the Kafka protocol."""

    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


CLUSTER_NAME: Final = "kafka-cluster"
"""The name of the one resource of type CLUSTER."""


class Action(NamedTuple):
    """One operation on one named resource; a tuple, as it is made and hashed several times a request."""

    operation: Operation
    resource_type: ResourceType
    name: str


class _SomeName(str):
    """An empty name that equals no other: clients may send empty names, and must not mean this by them."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    __hash__ = object.__hash__


SOME: Final[str] = _SomeName()
"""As an action's name: whether the operation is allowed on at least one resource of the type (KIP-679)."""


class PatternType(enum.IntEnum):
    """How the name of an ACL is compared with a resource's; codes of the Kafka protocol (KIP-290)."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class Permission(enum.IntEnum):
    """What an ACL does; codes of the Kafka protocol."""

    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


@dataclass(frozen=True, slots=True, order=True)
class AclBinding:
    """One entry of the access control list. Two that are equal are one.

    :ivar name: of the resource; a literal ``*`` is every one.
    :ivar principal: ``Type:name``; the name may be ``*``.
    :ivar host: an address, a network in CIDR notation, or ``*``.
    """

    resource_type: ResourceType
    pattern: PatternType
    name: str
    principal: str
    host: str
    operation: Operation
    permission: Permission


@dataclass(frozen=True, slots=True)
class AclFilter:
    """Which entries are meant (KIP-290).

    :ivar resource_type: :attr:`ResourceType.ANY` for every one; the same goes for ``operation`` and ``permission``.
    :ivar pattern: :attr:`PatternType.ANY` compares names as they are written, :attr:`PatternType.MATCH` finds every pattern that the name
        matches as a resource's.
    :ivar name: None for every one; the same goes for ``principal`` and ``host``.
    """

    resource_type: ResourceType = ResourceType.ANY
    pattern: PatternType = PatternType.ANY
    name: str | None = None
    principal: str | None = None
    host: str | None = None
    operation: Operation = Operation.ANY
    permission: Permission = Permission.ANY


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """What a role allows or denies, on whatever its name matches."""

    resource_type: ResourceType
    pattern: PatternType
    name: str
    operation: Operation
    permission: Permission = Permission.ALLOW
    host: str = "*"


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions.

    :ivar principals: who has it, as ``Type:name``.
    :ivar groups: who belongs to one of these has it as well.
    """

    name: str
    grants: tuple[RoleGrant, ...]
    principals: AbstractSet[str] = frozenset()
    groups: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScramCredential:
    """What is kept of a password (RFC 5802, section 3): it proves the password, and does not tell it."""

    salt: bytes = field(repr=False)
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DelegationToken:
    """A token that stands for its owner (KIP-48). Times are in milliseconds since 1970. Its secret is made of its id, and is kept nowhere.

    :ivar owner: whom it stands for, as ``Type:name``.
    :ivar requester: who asked for it.
    :ivar renewers: who may renew it beside its owner, as ``Type:name``.
    :ivar expiry_ms: when it ends unless it is renewed.
    :ivar max_ms: when it ends in any case.
    """

    token_id: str
    owner: str
    requester: str
    renewers: tuple[str, ...]
    issue_ms: int
    expiry_ms: int
    max_ms: int


class IAuthorizer(Interface):
    """Decides. Asked once for a request with everything it wants to do."""

    def authorize(principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Whether each action is allowed, in the order asked. An action whose name is :data:`SOME` asks whether any resource will do.

        :param host: the peer's address as text.
        :returns: one boolean an action. A failure counts as a refusal of all.
        """

    def close() -> Deferred[None]:
        """Release what it holds."""


class IAclAuthorizer(IAuthorizer):
    """An authorizer that goes by the access control list and the roles of the metadata: changing those means something."""


class ICredentialStore(Interface):
    """Users and the secrets they prove themselves with."""

    def verify_password(user: str, password: str) -> Deferred[Principal | None]:
        """The principal when the password is right, else None; the time taken tells nothing about which part was wrong."""

    def close() -> Deferred[None]:
        """Release what it holds."""


class IScramCredentials(Interface):
    """A credential store that can also prove passwords without being told them."""

    def scram_credential(mechanism: str, user: str) -> Deferred[ScramCredential | None]:
        """What is kept of a user's password for ``SCRAM-SHA-256`` or ``SCRAM-SHA-512``; None for whoever has none."""

    def scram_sample(mechanism: str, number: int) -> Deferred[ScramCredential | None]:
        """Somebody's credential, by a number that chooses whose: what unknown users are told must look like it. None while there is none."""

    def scram_principal(user: str) -> Deferred[Principal]:
        """Whom a user's credential proves, with the groups they belong to; asked once it has."""


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """A delegation token as SCRAM proves it: its id is the user's name, its HMAC in base64 the password (KIP-48).

    :ivar owner: whom it stands for.
    :ivar expires: when it ends, in seconds since 1970.
    """

    credential: ScramCredential
    owner: Principal
    expires: float


class IScramTokens(Interface):
    """Knows delegation tokens that clients log in with by SCRAM and ``tokenauth=true``."""

    def token_credential(mechanism: str, token_id: str) -> Deferred[TokenCredential | None]:
        """What proves a token; None for one that does not exist or has ended."""


class InvalidToken(Exception):
    """A bearer token that proves nothing; says why, without the token."""


@dataclass(frozen=True, slots=True)
class ValidToken:
    """What a bearer token proves.

    :ivar expires: when it ends, in seconds since 1970.
    :ivar scopes: what it was issued for.
    """

    principal: Principal
    expires: float
    scopes: AbstractSet[str] = frozenset()


class ITokenValidator(Interface):
    """Knows which bearer tokens are good."""

    def validate(token: str) -> Deferred[ValidToken]:
        """What a token proves.

        :raises InvalidToken: nothing.
        """

    def close() -> Deferred[None]:
        """Release what it holds."""


@dataclass(frozen=True, slots=True)
class Login:
    """Whom an exchange proved.

    :ivar expires: when it must be proved again, in seconds since 1970; None for never.
    :ivar token_id: of the delegation token that was used, if one was.
    """

    principal: Principal
    expires: float | None = None
    token_id: str | None = None


class SaslFailure(Exception):
    """The exchange is over and nothing was proved; the message is told to the client, and tells nothing that it may not know.

    :ivar reason: for the log and the audit trail; without secrets.
    :ivar user: who was claimed, as far as that is known.
    """

    def __init__(self, message: str, reason: str = "", user: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        self.user = user


class ISaslExchange(Interface):
    """One client's exchange of messages: a state machine that sees neither sockets nor Kafka's frames."""

    def step(message: bytes) -> Deferred[tuple[bytes, Login | None]]:
        """Take the client's next message.

        :returns: the answer, and whom the exchange has proved once it is complete.
        :raises SaslFailure: it is over, and nothing was proved.
        """


class ISaslMechanism(Interface):
    """A way to prove who one is (RFC 4422). One may say by ``message_bytes_max`` that its messages are smaller than is configured."""

    name = Attribute("""Its registered name, as in ``SCRAM-SHA-256``.""")

    def begin(host: str = "") -> ISaslExchange:
        """A new exchange.

        :param host: the peer's address as text, for limits on failures.
        """


@dataclass(frozen=True, slots=True)
class AuthContext:
    """What an auth backend's maker is given.

    :ivar pools: where work goes that blocks, or that computes for long.
    :ivar reactor: connects, and times what lasts.
    :ivar wall_clock: the time of day, for what ends at one; see :mod:`chronik.clocks`.
    :ivar config: the broker's configuration as it is now, whenever it is called.
    :ivar feed: the metadata: access control lists, roles, credentials, tokens.
    :ivar random: gives that many random bytes, which nobody can guess.
    """

    pools: IThreadPools
    reactor: IReactorTime | Any
    wall_clock: WallClock
    config: Callable[[], Configuration]
    feed: IMetadataFeed
    random: Callable[[int], bytes] = os.urandom


@dataclass(frozen=True, slots=True)
class SecurityImage:
    """What the metadata says of security, at one revision.

    :ivar acls: the access control list.
    :ivar roles: by name.
    :ivar scram: credentials by mechanism and user.
    :ivar tokens: delegation tokens by id.
    :ivar scram_secret: what unknown users are told is made of it, so that every broker tells the same; empty while there are no users.
    """

    acls: AbstractSet[AclBinding] = frozenset()
    roles: Mapping[str, Role] = field(default_factory=dict)
    scram: Mapping[tuple[str, str], ScramCredential] = field(default_factory=dict)
    tokens: Mapping[str, DelegationToken] = field(default_factory=dict)
    scram_secret: bytes = field(default=b"", repr=False)

    def allows_as(self, other: SecurityImage) -> bool:
        """Whether access control list and roles are those of an earlier or later image: then nobody may do anything else. A look, no comparison."""
        return self.acls is other.acls and self.roles is other.roles


@dataclass(frozen=True, slots=True)
class SecurityDelta:
    """What is different between two security images.

    :ivar roles: names of roles that are new, different or gone.
    :ivar scram: mechanisms and users whose credentials are new, different or gone.
    :ivar tokens: ids of tokens that are new, different or gone.
    """

    acls_added: AbstractSet[AclBinding] = frozenset()
    acls_removed: AbstractSet[AclBinding] = frozenset()
    roles: AbstractSet[str] = frozenset()
    scram: AbstractSet[tuple[str, str]] = frozenset()
    tokens: AbstractSet[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.acls_added or self.acls_removed or self.roles or self.scram or self.tokens)

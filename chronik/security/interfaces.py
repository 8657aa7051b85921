"""Who may do what. Names of resources and operations are Kafka's (KIP-11, KIP-290)."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.defer import IThreadPools


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is on the other end, as ``type:name``."""

    kind: str
    name: str

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


class IAuthorizer(Interface):
    """Decides. Asked once for a request with everything it wants to do."""

    def authorize(principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Whether each action is allowed, in the order asked.

        :param host: the peer's address as text.
        :returns: one boolean an action. A failure counts as a refusal of all.
        """

    def close() -> Deferred[None]:
        """Release what it holds."""


class ICredentialStore(Interface):
    """Users and the secrets they prove themselves with."""

    def verify_password(user: str, password: str) -> Deferred[Principal | None]:
        """The principal when the password is right, else None; the time taken tells nothing about which part was wrong."""

    def close() -> Deferred[None]:
        """Release what it holds."""


@dataclass(frozen=True, slots=True)
class AuthContext:
    """What an auth backend's maker is given.

    :ivar pools: where work goes that blocks, or that computes for long.
    """

    pools: IThreadPools

"""Who a simulated client is, how it proves that, and whether it was answered as what it may do demands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, succeed

from chronik.errors import ErrorCode
from chronik.network.interfaces import ISaslClient
from chronik.protocol.apis import api_name
from chronik.protocol.message import Message, Struct
from chronik.security.interfaces import AclBinding, ResourceType
from chronik.security.sasl.client import PlainClient, ScramClient
from chronik.security.scram_keys import SCRAM_HASHES

REFUSALS: Final = frozenset(
    {ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.CLUSTER_AUTHORIZATION_FAILED}
)  # fmt: skip
"""What is told to who may not."""

_NAMES: Final = ("name", "topic", "topic_name", "topic_id", "resource_name")


class Certainty(NamedTuple):
    """What is certain of a fact at one broker.

    :ivar version: another one whenever the fact begins or ends to change.
    :ivar holds: None while nobody can tell.
    """

    version: int
    holds: bool | None


class Fact:
    """Something about an account that is changed now and then, and of which each broker hears in its time.

    While a change is under way nothing is certain; afterwards it is wherever the metadata are known up to the change's revision.
    """

    def __init__(self) -> None:
        self._version = 0
        self._holds: bool | None = None
        self._revision = 0

    def changing(self) -> None:
        """A change is about to be asked for."""
        self._version += 1
        self._holds = None

    def became(self, holds: bool, revision: int) -> None:
        """The change was answered.

        :param revision: of the metadata; it is in there.
        """
        self._version += 1
        self._holds, self._revision = holds, revision

    @property
    def holds(self) -> bool | None:
        """As whoever changes it knows."""
        return self._holds

    def at(self, revision: int) -> Certainty:
        """For a broker that knows the metadata up to a revision."""
        return Certainty(self._version, self._holds if revision >= self._revision else None)


@dataclass(slots=True, eq=False)
class Account:
    """A user of the cluster.

    :ivar mechanism: by which it proves itself.
    :ivar bindings: what it needs, and is given.
    :ivar role: whether it is given that by a role of its own.
    :ivar old: passwords that it had.
    :ivar proof: whether its password proves it.
    :ivar rights: whether it may do what it needs.
    :ivar taken: the resource that it has lost what it may do on, if any: type and name.
    """

    name: str
    password: str
    mechanism: str
    bindings: tuple[AclBinding, ...] = ()
    role: bool = False
    old: list[str] = field(default_factory=list)
    proof: Fact = field(default_factory=Fact)
    rights: Fact = field(default_factory=Fact)
    taken: tuple[ResourceType, str] | None = None
    _salted: dict[tuple[Any, ...], bytes] = field(default_factory=dict)

    @property
    def principal(self) -> str:
        """As entries name it."""
        return f"User:{self.name}"

    def client(self, random: Random, password: str | None = None) -> ISaslClient:
        """This side of a login.

        :param password: another one than its own, to see what comes of that.
        """
        used = self.password if password is None else password
        if self.mechanism not in SCRAM_HASHES:
            return PlainClient(self.name, used)
        return ScramClient(self.mechanism, self.name, used, self._compute, random.randbytes)

    def _compute(self, function: Callable[..., bytes], *args: Any) -> Deferred[bytes]:
        """Once for each salt, as clients may (RFC 5802, section 5.1)."""
        if args not in self._salted:
            self._salted[args] = function(*args)
        return succeed(self._salted[args])


class Standing(NamedTuple):
    """What was certain of an account when something was begun."""

    proof: Certainty
    rights: Certainty


class Identity:
    """One client's account, and what it must be told and must not.

    :param revision_of: up to which revision the broker at an address knows the metadata; -1 for one that knows none.
    :param finding: told of everything that must not be.
    :param invited: False for who asks for what it may not, and judges itself what it is told.
    """

    def __init__(
        self, account: Account, random: Random, revision_of: Callable[[str], int], finding: Callable[[str], None], invited: bool = True
    ) -> None:
        self.account = account
        self._random = random
        self._revision_of = revision_of
        self._finding = finding
        self._invited = invited

    def client(self) -> ISaslClient:
        """This side of a login, by the password as it is now."""
        return self.account.client(self._random)

    def standing(self, host: str) -> Standing:
        """What is certain at a broker now."""
        revision = self._revision_of(host)
        return Standing(self.account.proof.at(revision), self.account.rights.at(revision))

    def judge_login(self, before: Standing, host: str, refused: str) -> None:
        """A login ended.

        :param before: when it was begun.
        :param refused: why it came to nothing; empty where it did.
        """
        holds = before.proof.holds
        if before.proof == self.standing(host).proof and holds is not None and holds == bool(refused):
            what = f"was refused: {refused}" if refused else "logged in, though its user had been removed"
            self._finding(f"{self.account.name} {what}, at {host}")

    def judge(self, before: Standing, host: str, request: Message, response: Any, topic_ids: Callable[[str], bytes | None]) -> bool:
        """An answer came; whether it is a refusal.

        :param before: when the request was sent.
        :param topic_ids: the id of a topic by its name, as far as the client knows.
        """
        if not self._invited:
            return False
        told = list(codes(response))
        refusals = {ErrorCode(code).name for _, code in told if code in REFUSALS}
        sure = before.rights.holds if before.rights == self.standing(host).rights else None
        assert request.api_key is not None
        what = f"{self.account.name}: {api_name(request.api_key)} at {host}"
        if sure and refusals:
            self._finding(f"{what} was refused, which is allowed: {sorted(refusals)}")
        elif sure is False and self._was_given(request, told, topic_ids):
            self._finding(f"{what} was granted on {self.account.taken}, which had been taken away and was known there to be so")
        # Who may not describe a topic is told that there is none of its id.
        return bool(refusals) or (not sure and any(code == ErrorCode.UNKNOWN_TOPIC_ID for _, code in told))

    def _was_given(self, request: Message, told: list[tuple[tuple[Any, ...], int]], topic_ids: Callable[[str], bytes | None]) -> bool:
        """Whether an answer holds what the account has lost."""
        if self.account.taken is None:
            return False
        kind, name = self.account.taken
        if kind is ResourceType.TOPIC:
            wanted = {name, topic_ids(name)} - {None}
            return any(code == ErrorCode.NONE and not wanted.isdisjoint(names) for names, code in told)
        return name in _groups(request) and bool(told) and all(code == ErrorCode.NONE for _, code in told)


def codes(struct: Struct, names: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Every error code of an answer, with what it is about: the innermost ones, and those around them that are errors."""
    about = names + tuple(value for slot in _NAMES if (value := getattr(struct, slot, None)))
    is_inner = True
    for slot in struct.__slots__:
        value = getattr(struct, slot)
        for each in value if isinstance(value, (tuple, list)) else ():
            if isinstance(each, Struct):
                for found in codes(each, about):
                    is_inner = False
                    yield found
    code = getattr(struct, "error_code", None)
    if code is not None and (is_inner or code != ErrorCode.NONE):
        yield about, code


def _groups(request: Any) -> set[str | None]:
    """Groups that a request is about."""
    groups = {getattr(request, "group_id", None), *getattr(request, "coordinator_keys", ()), *getattr(request, "groups_names", ())}
    return groups | {getattr(group, "group_id", None) for group in getattr(request, "groups", ())}

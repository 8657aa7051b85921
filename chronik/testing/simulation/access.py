"""Authentication and authorization of a simulated cluster: who there is, what they may do, and how that changes while they are connected."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from chronik.errors import ErrorCode
from chronik.metadata.interfaces import Delete, IMetadataStore, Put
from chronik.metadata.security_keys import encode_role, role_key
from chronik.protocol.messages import AlterUserScramCredentialsRequest
from chronik.security.interfaces import CLUSTER_NAME, AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType, Role, RoleGrant
from chronik.security.scram_keys import ITERATIONS_MIN, SALT_BYTES, SCRAM_HASHES
from chronik.server.acl_messages import creations, deletion
from chronik.testing.simulation.audit import MetadataAudit
from chronik.testing.simulation.brokers import BROKERS_PORT, PORT, SimulatedBroker
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.identities import Account, Identity
from chronik.testing.simulation.needs import Need

ADMIN: Final = "admin"
"""A super user."""

CLIENTS: Final = "CLIENTS"
BROKERS: Final = "BROKERS"
"""The two listeners."""

_MECHANISM: Final = "SCRAM-SHA-256"
"""Of all credentials; the password of a user who has one proves it by PLAIN as well."""

_MODULES: Final = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    _MECHANISM: "org.apache.kafka.common.security.scram.ScramLoginModule",
}

_RETRIED: Final = frozenset({ErrorCode.NOT_CONTROLLER, ErrorCode.REQUEST_TIMED_OUT, ErrorCode.KAFKA_STORAGE_ERROR})


class Access:
    """Accounts of all clients and brokers, and their changes.

    :param random: decides how it is configured, and what changes.
    :param brokers: how many there are.
    :param scratch: a real directory, for the file that the first users come from.
    :param store: the cluster's metadata; None where the one broker keeps its own. Roles are written to it, as no API of Kafka's changes them.
    :param audit: knows the store's last revision.
    :param finding: told of everything that must not be.
    :ivar accounts: by name.
    :ivar session_seconds: for how long a login holds; 0 for ever.
    """

    def __init__(
        self,
        random: Random,
        brokers: int,
        scratch: str,
        store: IMetadataStore | None,
        audit: MetadataAudit | None,
        finding: Callable[[str], None],
    ) -> None:
        self._random = random
        self._store = store
        self._audit = audit
        self._finding = finding
        self._machines: Sequence[SimulatedBroker] = ()
        self._admin: ClusterClient | None = None
        self._number_of_brokers = brokers
        self._brokers_mechanism = random.choice(tuple(_MODULES))
        self._super_brokers = random.random() < 0.5
        self.session_seconds = random.choice((0, 3, 8))
        self._users_file = f"{scratch}/users.properties"
        self.accounts: dict[str, Account] = {}
        self._unmade: list[Account] = []
        self._passwords = 0
        self._write_users()

    # -- how brokers are configured -----------------------------------------------------------------------------------

    @property
    def _brokers_names(self) -> list[str]:
        return [f"broker-{number}" for number in range(1, self._number_of_brokers + 1)]

    def _write_users(self) -> None:
        """The users that a new cluster begins with: without them nobody could make any."""
        names = [ADMIN, *(self._brokers_names if self._brokers_mechanism == _MECHANISM else ())]
        descriptor = os.open(self._users_file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, "".join(f"{name}={name}-secret\n" for name in names).encode())
        os.close(descriptor)

    def settings(self) -> Mapping[str, str]:
        """Of every broker."""
        random = self._random
        superior = [ADMIN, *(self._brokers_names if self._super_brokers else ())]
        return {
            "authorizer": "acl",
            "super.users": ";".join(f"User:{name}" for name in superior),
            "listener.security.protocol.map": f"{CLIENTS}:SASL_PLAINTEXT,{BROKERS}:SASL_PLAINTEXT",
            "inter.broker.listener.name": BROKERS,
            "sasl.enabled.mechanisms": f"PLAIN,{_MECHANISM}",
            f"listener.name.{BROKERS.lower()}.sasl.enabled.mechanisms": self._brokers_mechanism,
            "sasl.mechanism.inter.broker.protocol": self._brokers_mechanism,
            "connections.max.reauth.ms": str(self.session_seconds * 1000),
            "connection.failed.authentication.delay.ms": str(random.choice((0, 100))),
            "authorizer.cache.max.entries": str(random.choice((5, 10_000))),
            "users.bootstrap.file": self._users_file,
            # Refusals come by the second here, and each record of them is replicated and indexed.
            "audit.destinations": random.choice(("file", "topic")),
            "audit.rate.per.second": "3",
            # Clients whose password was changed try and try; that is not what is to be looked at here.
            "login.failures.per.address.max": "1000000",
            "login.failures.per.user.max": "1000000",
        }

    def own(self, number: int, address: str) -> Mapping[str, str]:
        """Of one broker."""
        mechanism, name = self._brokers_mechanism, f"broker-{number}"
        options = {"username": name, "password": f"{name}-secret"}
        if mechanism == "PLAIN":
            options.update({f"user_{each}": f"{each}-secret" for each in self._brokers_names})
        text = " ".join(f'{option}="{value}"' for option, value in options.items())
        return {
            "listeners": f"{CLIENTS}://{address}:{PORT},{BROKERS}://{address}:{BROKERS_PORT}",
            f"listener.name.{BROKERS.lower()}.{mechanism.lower()}.sasl.jaas.config": f"{_MODULES[mechanism]} required {text};",
        }

    # -- who there is -------------------------------------------------------------------------------------------------

    def identity(self, name: str, needs: Sequence[Need], random: Random, invited: bool = True) -> Identity:
        """A new client's, who is to be given what it needs.

        :param random: the client's.
        :param invited: see :class:`Identity`.
        """
        account = self.accounts.get(name)
        if account is None:
            bindings = tuple(_binding(name, need) for need in needs)
            by_role = self._store is not None and self._random.random() < 0.3
            account = Account(name, f"{name}-secret", self._random.choice(tuple(_MODULES)), bindings, by_role)
            self.accounts[name] = account
            if name != ADMIN:
                self._unmade.append(account)
        return Identity(account, random, self.revision_of, self._finding, invited)

    def begin(self, machines: Sequence[SimulatedBroker], admin: ClusterClient) -> None:
        """The brokers are there.

        :param admin: asks as :data:`ADMIN`.
        """
        self._machines, self._admin = machines, admin

    async def make(self) -> None:
        """Make users of all accounts that are none yet, and give them what they need, however long it takes."""
        some, self._unmade = self._unmade, []
        bindings = [binding for account in some if not account.role for binding in account.bindings]
        if not self._super_brokers:
            needs = [Need(operation, ResourceType.CLUSTER, CLUSTER_NAME) for operation in (Operation.CLUSTER_ACTION, Operation.CREATE)]
            bindings += [_binding(name, need) for name in self._brokers_names for need in needs]
        await self._create(bindings)
        for account in some:
            if account.role:
                await self._set_role(account, True)
        await self._alter_users(some)
        revision = await self._revision()
        for account in some:
            account.proof.became(True, revision)
            account.rights.became(True, revision)

    # -- what changes -------------------------------------------------------------------------------------------------

    async def take_away(self, lasts: float) -> bool:
        """Take from somebody what it may do on one topic or group, and give it back a while later; False when there is nobody.

        :param lasts: how long, in seconds.
        """
        random = self._random
        some = [account for account in self.accounts.values() if account.rights.holds and _places(account)]
        if not some:
            return False
        account = random.choice(some)
        place = random.choice(_places(account))
        denied = not account.role and random.random() < 0.3
        mine = [binding for binding in account.bindings if (binding.resource_type, binding.name) == place]
        denial = [AclBinding(place[0], PatternType.LITERAL, place[1], account.principal, "*", Operation.ALL, Permission.DENY)]
        account.taken = place
        account.rights.changing()
        await (self._set_role(account, False) if account.role else self._create(denial) if denied else self._delete(mine))
        account.rights.became(False, await self._revision())
        await self._sleep(lasts)
        account.rights.changing()
        await (self._set_role(account, True) if account.role else self._delete(denial) if denied else self._create(mine))
        account.taken = None
        account.rights.became(True, await self._revision())
        return True

    async def change_password(self, lasts: float) -> bool:
        """Give somebody another password, or remove a user and make it again a while later; False when there is nobody.

        :param lasts: how long there is no such user, in seconds.
        """
        some = [account for account in self.accounts.values() if account.proof.holds]
        if not some:
            return False
        account = self._random.choice(some)
        account.proof.changing()
        if self._random.random() < 0.4:
            await self._alter_users([account], removing=True)
            account.proof.became(False, await self._revision())
            await self._sleep(lasts)
            account.proof.changing()
        self._passwords += 1
        account.old.append(account.password)
        account.password = f"{account.name}-secret-{self._passwords}"
        await self._alter_users([account])
        account.proof.became(True, await self._revision())
        return True

    # -- asking for it ------------------------------------------------------------------------------------------------

    async def _create(self, bindings: Sequence[AclBinding]) -> None:
        await self._until_done(lambda client: client.ask_anybody(creations(bindings)))

    async def _delete(self, bindings: Sequence[AclBinding]) -> None:
        wanted = [AclFilter(*_fields(binding)) for binding in bindings]
        await self._until_done(lambda client: client.ask_anybody(deletion(wanted)))

    async def _set_role(self, account: Account, given: bool) -> None:
        """A role of one account's own, without what was taken from it; as some broker would write it that was asked by HTTP."""
        assert self._store is not None
        kept = [binding for binding in account.bindings if given or (binding.resource_type, binding.name) != account.taken]
        grants = tuple(RoleGrant(binding.resource_type, binding.pattern, binding.name, binding.operation) for binding in kept)
        key = role_key(f"role of {account.name}")
        role = Role(f"role of {account.name}", grants, frozenset({account.principal}))
        await self._store.commit((), [Put(key, encode_role(role)) if grants else Delete(key)])

    async def _alter_users(self, accounts: Sequence[Account], removing: bool = False) -> None:
        request = AlterUserScramCredentialsRequest
        kind = SCRAM_HASHES[_MECHANISM]
        if removing:
            deletions = tuple(request.ScramCredentialDeletion(name=account.name, mechanism=kind.code) for account in accounts)
            await self._until_done(lambda client: client.ask_controller(request(deletions=deletions)), ErrorCode.RESOURCE_NOT_FOUND)
            return
        upsertions = []
        for account in accounts:
            salt = self._random.randbytes(SALT_BYTES)
            salted = kind.salted(account.password, salt, ITERATIONS_MIN)
            upsertions.append(
                request.ScramCredentialUpsertion(
                    name=account.name, mechanism=kind.code, iterations=ITERATIONS_MIN, salt=salt, salted_password=salted
                )
            )
        await self._until_done(lambda client: client.ask_controller(request(upsertions=tuple(upsertions))))

    async def _until_done(self, ask: Callable[[ClusterClient], Any], *accepted: ErrorCode) -> None:
        """Ask until everything that was asked for is done; doing it twice does no harm.

        :param accepted: what may be told where an attempt before had done it.
        """
        client = self._admin
        assert client is not None
        while True:
            try:
                response = await ask(client)
            except Unavailable:
                await client.backoff()
                continue
            told = {code for each in _results(response) if (code := client.error("access", each.error_code)) is not ErrorCode.NONE}
            if told <= set(accepted):
                return
            for code in told - {*accepted, *_RETRIED}:
                if not code.retriable:
                    self._finding(f"{client.name} could not change who may do what: {code.name}")
            client.controller_id = -1
            await client.backoff()

    def _sleep(self, seconds: float) -> Any:
        assert self._admin is not None
        return self._admin.sleep(seconds)

    # -- who knows of it ----------------------------------------------------------------------------------------------

    def revision_of(self, address: str) -> int:
        """Up to which revision the broker at an address knows the metadata; -1 where it knows none."""
        for machine in self._machines:
            if machine.address == address and machine.life is not None and machine.life.feed is not None:
                return int(machine.life.feed.image.revision)
        return -1

    async def _revision(self) -> int:
        """A revision that has everything that was answered up to now."""
        if self._audit is not None:
            return self._audit.latest
        while (known := self.revision_of(self._machines[0].address)) < 0:
            await self._sleep(0.02)
        return known


def _binding(name: str, need: Need) -> AclBinding:
    return AclBinding(need.resource_type, PatternType.LITERAL, need.name, f"User:{name}", "*", need.operation, Permission.ALLOW)


def _fields(binding: AclBinding) -> tuple[Any, ...]:
    return (
        binding.resource_type, binding.pattern, binding.name, binding.principal, binding.host, binding.operation, binding.permission
    )  # fmt: skip


def _places(account: Account) -> list[tuple[ResourceType, str]]:
    """Topics and groups that an account may do something on."""
    kinds = (ResourceType.TOPIC, ResourceType.GROUP)
    return list(dict.fromkeys((binding.resource_type, binding.name) for binding in account.bindings if binding.resource_type in kinds))


def _results(response: Any) -> Sequence[Any]:
    found: Sequence[Any] = response.filter_results if hasattr(response, "filter_results") else response.results
    return found

"""Who is nobody: clients that do not prove who they are, or no more, and must be answered nothing."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from chronik.network.channel import AuthenticationError, ChannelError, KafkaChannel
from chronik.protocol.messages import CreateTopicsRequest, FetchRequest, MetadataRequest
from chronik.security.sasl.client import PlainClient
from chronik.testing.simulation.access import Access
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.brokers import BROKERS_PORT, PORT, SimulatedBroker
from chronik.testing.simulation.client import Broker, ClusterClient
from chronik.testing.simulation.identities import Account
from chronik.testing.simulation.stage import Stage

SLACK: Final = 1.1
"""By how much longer than a session lasts whoever does not renew it waits: clocks run a little differently."""

ANSWER_SECONDS: Final = 2.0


class _Forgetful(KafkaChannel):
    """Does not prove anew who it is."""

    def _renew(self, client: Any, seconds: float) -> None:
        self._renewal = None


class Stranger(Admin):
    """Tries in many ways to be let in that should not let it in."""

    def __init__(self, stage: Stage, client: ClusterClient, access: Access, brokers: Sequence[SimulatedBroker], pause: float) -> None:
        super().__init__(stage, client, pause)
        self._access = access
        self._brokers = brokers
        self._random: Random = client.random

    async def work(self) -> None:
        """One attempt."""
        kind = self._random.random()
        if kind < 0.25:
            await self._say_nothing()
        elif kind < 0.5:
            await self._guess()
        elif kind < 0.8:
            await self._remember()
        elif self._access.session_seconds:
            await self._outstay()

    def _somewhere(self, ports: Sequence[int] = (PORT, BROKERS_PORT)) -> Broker:
        return Broker(self._random.choice(self._brokers).address, self._random.choice(ports))

    def _account(self, old: bool = False) -> Account | None:
        some = [account for account in self._access.accounts.values() if account.old or account.proof.holds is False or not old]
        return self._random.choice(some) if some else None

    # -- attempts -----------------------------------------------------------------------------------------------------

    async def _say_nothing(self) -> None:
        """Ask without having proved anything."""
        place = self._somewhere()
        channel = await self.client.connect(place)
        try:
            await self._must_fail(channel, f"{place} answered who proved nothing")
        finally:
            channel.close()

    async def _guess(self) -> None:
        """Log in with a password that is nobody's, or as nobody."""
        account, place = self._account(), self._somewhere()
        if account is None:
            return
        login = account.client(self._random, "guessed") if self._random.random() < 0.7 else PlainClient("nobody", "guessed")
        if await self._logs_in(place, login):
            self._finding(f"{place} let in who guessed at {account.name}'s password, or was nobody")

    async def _remember(self) -> None:
        """Log in with a password that was right once."""
        account, place = self._account(old=True), self._somewhere((PORT,))
        if account is None:
            return
        password = self._random.choice((*account.old, account.password))
        before = account.proof.at(self._access.revision_of(place.host))
        known_by = account.password
        entered = await self._logs_in(place, account.client(self._random, password))
        if before != account.proof.at(self._access.revision_of(place.host)) or before.holds is None:
            return
        if entered and (password != known_by or not before.holds):
            self._finding(f"{place} let {account.name} in by a password that was changed or removed")

    async def _outstay(self) -> None:
        """Log in, and ask once more when the session has ended."""
        account = self._account()
        if account is None:
            return
        broker = self._random.choice(self._brokers)
        channel = await self.client.connect(Broker(broker.address, PORT), _Forgetful)
        clock = broker.offset
        try:
            await channel.authenticate(lambda: account.client(self._random), ANSWER_SECONDS)
            await self.client.sleep(self._access.session_seconds * SLACK)
            if clock == broker.offset:
                await self._must_fail(channel, f"broker {broker.number} answered {account.name} after the end of the session")
        except ChannelError:
            pass
        finally:
            channel.close()

    # -- what comes of them -------------------------------------------------------------------------------------------

    async def _logs_in(self, place: Broker, login: Any) -> bool:
        channel = await self.client.connect(place)
        try:
            await channel.authenticate(lambda: login, ANSWER_SECONDS)
        except AuthenticationError:
            self.client.ledger.refused += 1
            return False
        except ChannelError:
            return False
        finally:
            channel.close()
        return True

    async def _must_fail(self, channel: KafkaChannel, finding: str) -> None:
        """A request over a connection on which nothing may be asked."""
        created = CreateTopicsRequest.CreatableTopic(name="stranger", num_partitions=1, replication_factor=1)
        message = self._random.choice((MetadataRequest(topics=None), FetchRequest(replica_id=1), CreateTopicsRequest(topics=(created,))))
        try:
            await channel.request(message, 11 if isinstance(message, FetchRequest) else None, ANSWER_SECONDS)
        except ChannelError:
            self.client.ledger.refused += 1
            return
        self._finding(finding)

    def _finding(self, what: str) -> None:
        self.stage.ledger.finding(f"{self.client.name}, who is nobody: {what}")

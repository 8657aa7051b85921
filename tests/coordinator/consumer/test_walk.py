"""Random walks of clients through joining, leaving, silence, lost answers, restarts and changing topics."""

from __future__ import annotations

import random
from typing import Final

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig, MigrationPolicy
from chronik.coordinator.group.consumer.group import ConsumerGroupState
from chronik.coordinator.group.consumer.member import ConsumerMember
from chronik.coordinator.group.interfaces import Committing, Leaving, OffsetCommit
from chronik.errors import KafkaError
from chronik.model import TopicId, TopicPartition
from tests.coordinator.consumer.consumers import ClassicClient, Client, ConsumerCase, T, U
from tests.lengths import length, seed

WALKS: Final = length(40, 400)
STEPS: Final = 120
MEMBERS_MAX: Final = 6


class Walk:
    """One walk: clients do what they may, in an order that a seed decides.

    :ivar zombies: clients that are silent: their sessions end while they still own partitions, until they notice.
    """

    def __init__(self, case: ConsumerCase, number: int, classics: bool = False) -> None:
        self.case = case
        self.classics = classics
        self.random = random.Random(number)
        self.clients: list[Client] = []
        self.count = 0
        self.sizes = {T: 4, U: 2}
        if classics:
            # Somebody of the newer protocol stays, or the first classic client would find an empty group and make it its own.
            self.clients.append(Client(case, "anchor", "tu"))
            self.clients[0].heartbeat()

    def step(self) -> None:
        """Something happens."""
        steps = [self.heartbeat] * 12 + [self.take] * 8 + [self.join, self.leave, self.lose, self.resubscribe, self.grow, self.restart, self.expire]
        self.random.choice(steps)()
        self.check()

    def heartbeat(self) -> None:
        """A client sends a heartbeat."""
        if self.clients:
            self.random.choice(self.clients).heartbeat()

    def lose(self) -> None:
        """A client's heartbeat arrives, but not the answer."""
        if self.clients:
            self.random.choice(self.clients).heartbeat(lost=True)

    def take(self) -> None:
        """A client does what it was last told to."""
        if self.clients:
            self.random.choice(self.clients).take()

    def join(self) -> None:
        """One more comes."""
        if len(self.clients) < MEMBERS_MAX:
            self.count += 1
            topics = self.random.choice(("t", "u", "tu", "tu"))
            if self.classics and self.clients and self.random.random() < 0.6:
                self.clients.append(ClassicClient(self.case, topics))
                return
            instance = f"i{self.count}" if self.random.random() < 0.3 else None
            self.clients.append(Client(self.case, f"m{self.count}", topics, instance))

    def leave(self) -> None:
        """One goes: it gives up everything, and says so."""
        if len(self.clients) > self.classics and self.random.random() < 0.4:
            client = self.clients.pop(self.random.randrange(self.classics, len(self.clients)))
            client.owns.clear()
            if isinstance(client, ClassicClient):
                self.case.coordinator.leave("g", [Leaving(client.member_id)]).addErrback(lambda failure: None)
                return
            if client.epoch:
                client.epoch = -1 if client.instance_id is None else -2
                client.heartbeat()
            if client.instance_id is not None and self.random.random() < 0.7:
                self.count += 1
                self.clients.append(Client(self.case, f"m{self.count}", client.topics, client.instance_id))

    def resubscribe(self) -> None:
        """One wants other topics: it stops to read what it does not want any more, or waits until it is told to."""
        if self.clients:
            client = self.random.choice(self.clients)
            client.topics = frozenset(self.random.choice(("t", "u", "tu", "")))
            client.says_topics = True
            if isinstance(client, ClassicClient):
                client.generation = -1
            wanted = {{"t": T, "u": U}[name] for name in client.topics}
            if self.random.random() < 0.5:
                client.owns = {place for place in client.owns if place[0] in wanted}
                client.told = {place for place in client.told if place[0] in wanted}
                client.says_owned = True

    def grow(self) -> None:
        """A topic gets a partition, or comes anew under its name."""
        if self.random.random() < 0.3:
            self.sizes[T] = min(self.sizes[T] + 1, 9)
            self.case.topics({"t": (T, self.sizes[T]), "u": (U, self.sizes[U])})

    def restart(self) -> None:
        """Another coordinator reads the log; everything is as it was."""
        if self.random.random() < 0.2:
            before = picture(self.case)
            self.case.reload()
            self.case.assertEqual(picture(self.case), before)

    def expire(self) -> None:
        """Everybody but one is silent until their sessions end; they notice only when they are heard again."""
        if self.clients and self.random.random() < 0.1:
            survivor = self.clients[0] if self.classics else self.random.choice(self.clients)
            for _ in range(5):
                self.case.clock.advance(10)
                survivor.heartbeat()
                survivor.take()
            # A client stops by itself when it could not reach the coordinator for as long as its session lasts.
            for client in self.clients:
                if client is not survivor:
                    client.abandon()

    def check(self) -> None:
        """No partition has two owners, and nobody reads what another holds by the group's books.

        But for a client that said what it owns, heard no answer, and then took what it had been told before: until it is heard again it may read what
        was given to another in between. It cannot commit there.
        """
        owners: dict[tuple[TopicId, int], str] = {}
        group = self.case.coordinator._shards[0].group("g")
        for client in self.clients:
            for place in client.owns:
                if client.unheard and self.is_given_away(client, place):
                    continue
                self.case.assertNotIn(place, owners, f"{place} is owned by {client.member_id} and {owners.get(place)}")
                owners[place] = client.member_id
        held: dict[tuple[TopicId, int], str] = {}
        for member in getattr(group, "members", {}).values():
            for place in member.held():
                self.case.assertNotIn(place, held)
                held[place] = member.member_id

    def is_given_away(self, client: Client, place: tuple[TopicId, int]) -> bool:
        """Whether a partition is not a client's any more by the group's books; its commits there are refused then."""
        members: dict[str, ConsumerMember] = getattr(self.case.coordinator._shards[0].group("g"), "members", {})
        if client.member_id in members and place in members[client.member_id].held():
            return False
        name = {T: "t", U: "u"}[place[0]]
        commit = Committing("g", client.said_epoch, client.member_id, None, {TopicPartition(name, place[1]): OffsetCommit(1, 0, "")})
        self.case.failureResultOf(self.case.coordinator.commit(commit), KafkaError)
        return True

    def settle(self) -> None:
        """Left alone, everybody comes to have what they should; who left for a while is given up when its session is over."""
        for _ in range(20):
            self.case.clock.advance(5)
            for client in self.clients:
                client.heartbeat()
                client.take()
            self.check()
        wanted = {T for client in self.clients if "t" in client.topics} | {U for client in self.clients if "u" in client.topics}
        owned = {place for client in self.clients for place in client.owns}
        self.case.assertEqual(owned, {(topic, number) for topic in wanted for number in range(self.sizes[topic])})
        if self.clients:
            self.case.assertIs(self.case.consumers.state, ConsumerGroupState.STABLE)


def picture(case: ConsumerCase) -> object:
    """Everything that a group's records say."""
    group = case.coordinator._shards[0].group("g")
    if group is None or group.kind != "consumer":
        return None
    fields = ("epoch", "metadata_hash", "assignment_epoch", "assignment_timestamp", "members", "static", "target", "patterns", "_holders")
    return {name: getattr(group, name) for name in fields}


class WalkTest(ConsumerCase):
    """Both assignors."""

    assignor = "uniform"
    classics = False

    def test_walks(self) -> None:
        """Whatever happens, a partition has at most one owner at any moment; left alone, all have exactly one."""
        first = seed(0)
        for number in range(first, first + WALKS):
            self.setUp()
            walk = Walk(self, number, self.classics)
            try:
                for _ in range(STEPS):
                    walk.step()
                walk.settle()
                before = picture(self)
                self.reload()
                self.assertEqual(picture(self), before)
            except BaseException as error:
                raise AssertionError(f"seed {number} ({self.assignor})") from error


class RangeWalkTest(WalkTest):
    """The assignor that keeps nothing moves the most."""

    config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0, assignors=("range",)))
    assignor = "range"


class MixedWalkTest(WalkTest):
    """With classic clients among them, in a group that stays what it is."""

    config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0, migration=MigrationPolicy.UPGRADE))
    classics = True

"""Fetching from leaders: one loop and one connection for each broker that leads what is followed here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, TopicId
from chronik.network.channel import ChannelError
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.replica.follower import Answer, Follower

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.config import Configuration
    from chronik.network.channel import KafkaChannel
    from chronik.network.interfaces import IBrokerChannels

FIRST_VERSION_WITH_REPLICA_STATE: Final = 15
"""Before it, a Fetch has no place for the follower's broker epoch (KIP-903)."""

ANSWER_SECONDS: Final = 10.0
"""How much longer than it was asked to wait a leader may take to answer; then the connection is given up."""

RACE_SECONDS: Final = 0.1
"""Pause where leader and follower have not heard of the same change yet, if it is shorter than the usual one."""

STRAGGLER_SECONDS: Final = 1.0
"""How long all partitions of a leader wait for what is done to the log of one: its disk may not answer at all, and others are on other disks."""

_RACES: Final = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_LEADER_EPOCH,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
)

_Key: TypeAlias = "tuple[TopicId, int]"


@dataclass(frozen=True, slots=True)
class FetcherConfig:
    """How followers fetch, by Kafka's keys.

    :ivar bytes_max: of one partition (``replica.fetch.max.bytes``).
    :ivar answer_bytes_max: of one answer (``replica.fetch.response.max.bytes``).
    :ivar min_bytes: an answer waits for so many (``replica.fetch.min.bytes``).
    :ivar wait_ms: but not longer (``replica.fetch.wait.max.ms``).
    :ivar backoff_seconds: pause after an error (``replica.fetch.backoff.ms``).
    """

    bytes_max: int = 1 << 20
    answer_bytes_max: int = 10 << 20
    min_bytes: int = 1
    wait_ms: int = 500
    backoff_seconds: float = 1.0

    @classmethod
    def of(cls, config: Configuration) -> FetcherConfig:
        """What the broker's configuration says."""
        return cls(
            config.get("replica.fetch.max.bytes"),
            config.get("replica.fetch.response.max.bytes"),
            config.get("replica.fetch.min.bytes"),
            config.get("replica.fetch.wait.max.ms"),
            config.get("replica.fetch.backoff.ms") / 1000,
        )


@dataclass(frozen=True, slots=True)
class Fetching:
    """What fetchers share.

    :ivar broker_id: this broker.
    :ivar broker_epoch: gives the epoch it is registered under now.
    """

    broker_id: int
    broker_epoch: Callable[[], int]
    channels: IBrokerChannels
    clock: IReactorTime
    config: FetcherConfig


class ReplicaFetcher:
    """Fetches from one leader.

    :param leader: its broker id.
    """

    _log = Logger()

    def __init__(self, fetching: Fetching, leader: int) -> None:
        self._fetching = fetching
        self._leader = leader
        self._followers: dict[_Key, Follower] = {}
        self._not_before: dict[_Key, float] = {}
        self._busy: set[Follower] = set()
        self._channel: KafkaChannel | None = None
        self._running: Deferred[None] | None = None
        self._told = ""

    def __len__(self) -> int:
        """How many partitions it fetches."""
        return len(self._followers)

    def add(self, follower: Follower) -> None:
        """Fetch a partition, instead of whoever followed it before."""
        key = _key(follower)
        self._followers[key] = follower
        self._not_before.pop(key, None)
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._run()).addErrback(self._broken)

    def remove(self, follower: Follower) -> None:
        """Fetch it no more; with the last one the connection ends."""
        key = _key(follower)
        if self._followers.get(key) is follower:
            del self._followers[key]
            self._not_before.pop(key, None)
        if not self._followers:
            self._hang_up()

    def _broken(self, failure: Any) -> None:
        self._running = None
        self._log.failure("fetching from broker {leader} ended, which it must not", failure, leader=self._leader)

    # -- the loop -----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Fetch until there is nothing to fetch."""
        # Not in the turn of whoever added the first one, who may be about to add more.
        await deferLater(self._fetching.clock, 0)
        while self._followers:
            try:
                await self._fetch()
            except (ChannelError, KafkaError) as error:
                self._hang_up()
                if not self._followers:
                    break
                self._tell(f"cannot be fetched from: {error}")
                await deferLater(self._fetching.clock, self._fetching.config.backoff_seconds)
            else:
                self._tell("")
        self._running = None
        self._hang_up()

    def _tell(self, state: str) -> None:
        """Log what changed, not every try."""
        if state != self._told:
            self._log.info("broker {leader} {state}", leader=self._leader, state=state or "is fetched from again")
        self._told = state

    def _hang_up(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    async def _fetch(self) -> None:
        followers = await self._ready()
        if not followers:
            await deferLater(self._fetching.clock, min(RACE_SECONDS, self._fetching.config.backoff_seconds))
            return
        channel = self._channel
        if channel is None:
            channel = await self._fetching.channels.connect(self._leader)
            if not self._followers:
                channel.close()
                return
            self._channel = channel
        config = self._fetching.config
        request = self._request(followers, channel.version_of(FetchRequest.api_key or 0))
        response: FetchResponse = await channel.request(request, seconds=config.wait_ms / 1000 + ANSWER_SECONDS)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(ErrorCode(response.error_code), "the fetch was refused")
        await self._take(response, {_key(follower): follower for follower in followers})

    async def _ready(self) -> Sequence[Follower]:
        """Those to ask for now, with what they have made safe; a different one first each time, for an answer has its limits."""
        now = self._fetching.clock.seconds()
        ready = []
        for key, follower in tuple(self._followers.items()):
            if follower.stopped:
                self.remove(follower)
            elif self._not_before.get(key, now) <= now and follower not in self._busy:
                ready.append(follower)
        await self._together({follower: self._made_safe(follower) for follower in ready})
        ready = [follower for follower in ready if not follower.stopped and follower not in self._busy]
        if ready:
            first = _key(ready[0])
            if first in self._followers:
                self._followers[first] = self._followers.pop(first)
        return ready

    async def _together(self, doing: Mapping[Follower, Coroutine[Any, Any, None]]) -> None:
        """Wait until each was done, but not long: whoever takes longer is not asked for until it has."""
        over: Deferred[None] = Deferred()
        left = set(doing)

        def ended(result: object, follower: Follower) -> None:
            self._busy.discard(follower)
            left.discard(follower)
            if not left and not over.called:
                over.callback(None)

        for follower, coroutine in doing.items():
            self._busy.add(follower)
            Deferred.fromCoroutine(coroutine).addBoth(ended, follower)
        if left:
            late = self._fetching.clock.callLater(STRAGGLER_SECONDS, over.callback, None)
            await over
            if late.active():
                late.cancel()

    async def _made_safe(self, follower: Follower) -> None:
        try:
            await follower.make_safe()
        except KafkaError as error:
            follower.stop()
            self._log.error("{partition} is not followed any more: {error}", partition=follower.topic_partition, error=str(error))
        except Exception:  # noqa: BLE001  the others are fetched in any case
            follower.stop()
            self._log.failure("{partition} is not followed any more", partition=follower.topic_partition)

    def _request(self, followers: Sequence[Follower], version: int) -> FetchRequest:
        fetching, config = self._fetching, self._fetching.config
        topics: dict[TopicId, list[Follower]] = {}
        for follower in followers:
            topics.setdefault(follower.topic_id, []).append(follower)
        named = version >= FIRST_VERSION_WITH_REPLICA_STATE
        return FetchRequest(
            replica_id=NO_EPOCH if named else fetching.broker_id,
            replica_state=FetchRequest.ReplicaState(replica_id=fetching.broker_id, replica_epoch=fetching.broker_epoch()),
            max_wait_ms=config.wait_ms,
            min_bytes=config.min_bytes,
            max_bytes=config.answer_bytes_max,
            session_id=0,
            session_epoch=-1,
            topics=tuple(
                FetchRequest.FetchTopic(
                    topic=each[0].topic_partition.topic,
                    topic_id=topic_id,
                    partitions=tuple(follower.wanted(config.bytes_max) for follower in each),
                )
                for topic_id, each in topics.items()
            ),
        )

    async def _take(self, response: FetchResponse, asked: Mapping[_Key, Follower]) -> None:
        """What was asked for somebody who follows no more, perhaps in another epoch of the same leader, is nobody's."""
        taking: dict[Follower, Coroutine[Any, Any, None]] = {}
        for topic in response.responses:
            for answer in topic.partitions:
                key = TopicId(topic.topic_id), answer.partition_index
                follower = self._followers.get(key)
                if follower is not None and follower is asked.get(key) and follower not in taking:
                    taking[follower] = self._take_one(follower, answer)
        await self._together(taking)

    async def _take_one(self, follower: Follower, answer: Answer) -> None:
        """What goes wrong with one partition keeps that one from being fetched for a while."""
        try:
            await follower.take(answer)
        except KafkaError as error:
            self._failed(follower, error)
        except Exception:  # noqa: BLE001  the others are fetched in any case
            self._log.failure("an answer for {partition} could not be taken", partition=follower.topic_partition)
            self._failed(follower, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "it failed here"))

    def _failed(self, follower: Follower, error: KafkaError) -> None:
        key, backoff = _key(follower), self._fetching.config.backoff_seconds
        if self._followers.get(key) is follower:
            pause = min(backoff, RACE_SECONDS) if error.code in _RACES else backoff
            self._not_before[key] = self._fetching.clock.seconds() + pause
            if not follower.stopped and pause == backoff:
                self._log.info("{partition} is fetched again later: {error}", partition=follower.topic_partition, error=str(error))


def _key(follower: Follower) -> _Key:
    return follower.topic_id, follower.topic_partition.partition


class ReplicaFetchers:
    """Fetchers by leader."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching
        self._fetchers: dict[int, ReplicaFetcher] = {}

    def add(self, follower: Follower) -> None:
        """Fetch a partition from its leader."""
        fetcher = self._fetchers.get(follower.leader)
        if fetcher is None:
            fetcher = self._fetchers[follower.leader] = ReplicaFetcher(self._fetching, follower.leader)
        fetcher.add(follower)

    def remove(self, follower: Follower) -> None:
        """Fetch it no more."""
        follower.stop()
        fetcher = self._fetchers.get(follower.leader)
        if fetcher is not None:
            fetcher.remove(follower)
            if not fetcher:
                del self._fetchers[follower.leader]

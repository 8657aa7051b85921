"""What the controller does of its own accord: it notices who is silent, and sees to it that partitions are led by somebody who is alive.

Silence is noticed here and decided in the metadata store: a broker that was declared dead and is not learns it by its next heartbeat, and whatever it
did as a leader meanwhile counts for nothing, for nobody follows it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.cluster.election import Rules, changed, ids, settled
from chronik.cluster.reassignment import completed
from chronik.cluster.registration import Membership, PartitionChange, registered
from chronik.cluster.writer import KeyView
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


@implementer(IImageObserver)
class ClusterKeeper:
    """Keeps the cluster in order while this broker is the controller.

    :param membership: writes as the controller.
    :param rules: what a topic asks of its leaders.
    :param session_seconds: silence after which a broker counts as dead (``broker.session.timeout.ms``).
    :param look_seconds: how often it looks (``broker.heartbeat.interval.ms``).
    """

    _log = Logger()

    def __init__(
        self,
        broker_id: int,
        membership: Membership,
        feed: IMetadataFeed,
        clock: IReactorTime,
        rules: Callable[[TopicImage], Rules],
        session_seconds: float,
        look_seconds: float,
    ) -> None:
        self._broker_id = broker_id
        self._membership = membership
        self._feed = feed
        self._clock = clock
        self._rules = rules
        self._session_seconds = session_seconds
        self._look_seconds = look_seconds
        self._looked_at = clock.seconds()
        self._heard: dict[int, float] = {}
        self._keeping = False
        self._settling = False
        self._again = False
        self._waiting: list[Deferred[None]] = []
        self._failing_since: float | None = None

    @property
    def failing_seconds(self) -> float:
        """For how long nothing could be written that had to be; 0 when all is well."""
        return 0.0 if self._failing_since is None else self._clock.seconds() - self._failing_since

    @property
    def keeping(self) -> bool:
        """Whether it does."""
        return self._keeping

    def begin(self) -> None:
        """This broker is the controller now; everyone gets a whole session to be heard of."""
        self._heard = {}
        self._looked_at = self._clock.seconds()
        self._failing_since = None
        if not self._keeping:
            self._keeping = True
            self._feed.observe(self)
        self.settle()

    def end(self) -> None:
        """It is not any more."""
        if self._keeping:
            self._keeping = False
            self._feed.unobserve(self)

    # -- who is alive -------------------------------------------------------------------------------------------------

    def heard(self, broker_id: int) -> None:
        """A broker has sent a heartbeat."""
        self._heard[broker_id] = self._clock.seconds()

    def look(self) -> None:
        """Declare dead who was silent for too long; called now and then.

        Where too long has passed since the last look, this broker stood still itself: what others sent meanwhile waits to be read.
        """
        now = self._clock.seconds()
        if now - self._looked_at > self._look_seconds + self._session_seconds / 2:
            self._heard = dict.fromkeys(self._heard, now)
        self._looked_at = now
        for broker_id, broker in self._feed.image.brokers.items():
            if broker.fenced or broker_id == self._broker_id:
                continue
            if now - self._heard.setdefault(broker_id, now) > self._session_seconds:
                self._log.warn("broker {broker_id} is silent: others take its place", broker_id=broker_id)
                fencing = Deferred.fromCoroutine(self._membership.set_fenced(broker_id, broker.epoch, True))
                fencing.addCallbacks(self._written, self._not_written)
        if self._again:
            self.settle()

    def _written(self, done: None) -> None:
        self._failing_since = None

    def _not_written(self, failure: Failure) -> None:
        """The next look tries again."""
        if self._failing_since is None:
            self._failing_since = self._clock.seconds()
        self._log.warn("the cluster cannot be kept in order: {why}", why=failure.getErrorMessage())

    # -- who leads ----------------------------------------------------------------------------------------------------

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Brokers came or went, or a topic allows other leaders."""
        if delta.brokers or delta.configs or delta.changed and self._unsettled(delta.changed):
            self.settle()

    def settle(self) -> Deferred[None]:
        """Give every partition the leader that it must have; fires when all have, or this must be tried again."""
        self._again = True
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        if not self._settling:
            self._settling = True
            Deferred.fromCoroutine(self._settle()).addCallbacks(self._written, self._not_written)
        return done

    async def _settle(self) -> None:
        try:
            while self._again and self._keeping:
                self._again = False
                await self._settle_once(self._unsettled(self._feed.image.topics))
        except KafkaError as error:
            # Tried again at the next look, if this broker is the controller then.
            self._again = error.code != ErrorCode.NOT_CONTROLLER
            raise
        finally:
            self._settling = False
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)

    def _unsettled(self, names: Iterable[str]) -> dict[str, Rules]:
        """The keys of partitions of these topics that must be changed."""
        image: MetadataImage = self._feed.image
        alive = frozenset(ids(image.brokers))
        found: dict[str, Rules] = {}
        for name in names:
            topic = image.topics.get(name)
            for number, state in enumerate(topic.partitions if topic is not None else ()):
                if topic is None or (state.leader in alive and alive.issuperset(state.isr) and not (state.elr or state.adding or state.removing)):
                    continue  # as nearly all are
                rules = self._rules(topic)
                if _kept(state, alive, rules) != state:
                    found[keys.partition_key(topic.topic_id, number)] = rules
        return found

    async def _settle_once(self, rules: Mapping[str, Rules]) -> None:
        """Change these partitions, by what the store says of brokers when each is written."""

        def after(view: KeyView) -> PartitionChange:
            alive = frozenset(ids(registered(view)))
            return lambda name, state: _kept(state, alive, rules[name])

        if rules:
            await self._membership.change_partitions(list(rules), after)


def _kept(state: PartitionState, alive: Collection[int], rules: Rules) -> PartitionState:
    """A partition as it must be: led by who is alive, and kept by whom it was given to."""
    return changed(state, completed(settled(state, alive, rules)))

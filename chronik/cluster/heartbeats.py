"""Heartbeats: each broker tells the controller that it is alive, and takes its place when nobody hears anything from it.

A heartbeat to a broker that is not the controller is a question: ``NOT_CONTROLLER`` says that this broker hears the controller, which keeps
the one who asks from taking its place; ``BROKER_NOT_AVAILABLE``, that it does not hear it either (compare KIP-996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.keys import ControllerValue
from chronik.model import NO_EPOCH
from chronik.network.channel import ChannelError
from chronik.network.peers import KeptChannel
from chronik.protocol.messages import BrokerHeartbeatRequest, BrokerHeartbeatResponse

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.network.interfaces import IBrokerChannels

VERSION: Final = 1
"""Of the heartbeats that brokers send each other; no client is told of this API."""

FENCED_PATIENCE: Final = 3
"""How many times as long a broker waits before it becomes the controller that was declared dead itself: it may be the one that nobody hears."""


@dataclass(frozen=True, slots=True)
class HeartbeatConfig:
    """How often, and how long silence is borne; seconds (``broker.heartbeat.interval.ms``, ``broker.session.timeout.ms``)."""

    interval: float
    session: float


class Beating(Protocol):
    """What heartbeats do to the broker that sends them; its controller."""

    @property
    def active(self) -> bool:
        """Whether it is the controller itself."""

    @property
    def broker_epoch(self) -> int:
        """The epoch it is registered under."""

    def look(self) -> Deferred[None]:
        """As the controller, look after the others."""

    def take_over(self, silent: ControllerValue) -> Deferred[None]:
        """Become the controller instead of a silent one."""

    def register_again(self) -> Deferred[None]:
        """The cluster has forgotten this broker."""

    def displaced(self) -> None:
        """Another broker uses this one's id."""


class Heartbeats:
    """The heartbeats of one broker.

    :ivar serving: it may count as alive.
    :ivar leaving: it wants to stop; then ``left`` tells whether the controller has let it go.
    """

    _log = Logger()

    def __init__(
        self, broker_id: int, feed: IMetadataFeed, channels: IBrokerChannels, clock: IReactorTime, config: HeartbeatConfig, beating: Beating
    ) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._channels = channels
        self._clock = clock
        self._config = config
        self._beating = beating
        self._kept = KeptChannel(channels)
        self._heard = clock.seconds()
        self._waiting_since = self._heard
        self._controller = ControllerValue(-1, NO_EPOCH)
        self.serving = False
        self.leaving = False
        self.left = False
        self._loop = LoopingCall(self.beat)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin."""
        self._heard = self._waiting_since = self._clock.seconds()
        ended: Deferred[Any] = self._loop.start(self._config.interval, now=True)
        ended.addErrback(lambda failure: self._log.failure("heartbeats ended, which they must not", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()
        self._kept.hang_up()

    @property
    def _holder(self) -> int:
        """The controller's broker id."""
        return self._controller.broker_id

    @property
    def hears_controller(self) -> bool:
        """Whether the controller, be it this broker itself, was heard of within a session."""
        return self._beating.active or self._clock.seconds() - self._heard <= self._config.session

    @deferred
    async def beat(self) -> None:
        """Send one, or do without; never fails."""
        try:
            await self._beat()
        except KafkaError as error:
            self._log.warn("broker {broker_id} cannot do its part in the cluster now: {why}", broker_id=self._broker_id, why=str(error))
        except Exception:  # noqa: BLE001  the next one must still come
            self._log.failure("a heartbeat failed here")

    async def _beat(self) -> None:
        image, now = self._feed.image, self._clock.seconds()
        controller = ControllerValue(image.controller_id, image.controller_epoch)
        if controller != self._controller:
            # A new one gets its time to begin, and one that took its own place again.
            self._controller, self._waiting_since = controller, now
            self._kept.hang_up()
        if self._beating.active:
            self._waiting_since = now
            await self._beating.look()
        elif self._holder in image.brokers and self._holder != self._broker_id:
            await self._send(self._holder)
        if self._clock.seconds() - self._waiting_since > self._patience() and not self.leaving and self.serving:
            self._waiting_since = self._clock.seconds()
            if not await self._anyone_hears():
                self._log.warn("the controller, broker {controller_id}, is silent", controller_id=self._holder)
                await self._beating.take_over(self._controller)

    async def _anyone_hears(self) -> bool:
        """Whether another broker that is alive hears the controller: then it is this one that has a problem."""
        brokers = self._feed.image.brokers
        others = [i for i, broker in brokers.items() if not broker.fenced and i not in (self._broker_id, self._holder)]
        answers = await gatherResults([Deferred.fromCoroutine(self._hears(other)) for other in others])
        return any(answers)

    async def _hears(self, broker_id: int) -> bool:
        try:
            channel = await self._channels.connect(broker_id)
        except ChannelError:
            return False
        try:
            answer: BrokerHeartbeatResponse = await channel.request(self._request(), VERSION, self._config.session)
        except ChannelError:
            return False
        finally:
            channel.close()
        return answer.error_code in (ErrorCode.NONE, ErrorCode.NOT_CONTROLLER)

    def _patience(self) -> float:
        """How long the controller may be silent; one broker after the other loses it."""
        image = self._feed.image
        alive = sorted(broker_id for broker_id, broker in image.brokers.items() if not broker.fenced and broker_id != self._holder)
        if self._broker_id not in alive:
            return self._config.session * FENCED_PATIENCE if alive else self._config.session
        turn = alive.index(self._broker_id) * self._config.interval
        gone = self._holder not in image.brokers or self._holder == self._broker_id
        return turn if gone else self._config.session + turn

    # -- one heartbeat ------------------------------------------------------------------------------------------------

    async def _send(self, controller_id: int) -> None:
        try:
            channel = await self._kept.to(controller_id)
            answer: BrokerHeartbeatResponse = await channel.request(self._request(), VERSION, self._config.session)
        except ChannelError:
            self._kept.hang_up()
            return
        await self._take(answer)

    def _request(self) -> BrokerHeartbeatRequest:
        return BrokerHeartbeatRequest(
            broker_id=self._broker_id,
            broker_epoch=self._beating.broker_epoch,
            current_metadata_offset=self._feed.image.revision,
            want_fence=not self.serving,
            want_shut_down=self.leaving,
        )

    async def _take(self, answer: BrokerHeartbeatResponse) -> None:
        code = ErrorCode(answer.error_code)
        if code is ErrorCode.NONE:
            self._heard = self._waiting_since = self._clock.seconds()
            self.left = answer.should_shut_down
        elif code is ErrorCode.BROKER_ID_NOT_REGISTERED:
            await self._beating.register_again()
        elif code is ErrorCode.STALE_BROKER_EPOCH:
            self._beating.displaced()
        # NOT_CONTROLLER: the image will tell who is. Anything else: the next one may fare better.


def refuse_unknown(epoch: int | None, wanted: int, broker_id: int) -> None:
    """Refuse a heartbeat of a broker that is not registered under the epoch that it says.

    :param epoch: the one it is registered under, None for not at all.
    :raises KafkaError: ``BROKER_ID_NOT_REGISTERED``; ``STALE_BROKER_EPOCH``; ``STALE_CONTROLLER_EPOCH`` where it is the image here that is old.
    """
    if epoch is None:
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"broker {broker_id} is not registered")
    if epoch < wanted:
        raise KafkaError(ErrorCode.STALE_CONTROLLER_EPOCH, f"broker {broker_id} is known here under epoch {epoch}, not {wanted} yet")
    if epoch > wanted:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, f"broker {broker_id} is registered under epoch {epoch}, not {wanted}")

"""A controller over a memory store."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.controller import Controller
from chronik.cluster.registration import Registration
from chronik.config import Configuration
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.image import BrokerImage, Endpoint, MetadataImage
from chronik.metadata.interfaces import Put
from chronik.metadata.memory import MemoryMetadataStore
from tests.metadata.passwords import make_encoder

ENDPOINTS = {"PLAINTEXT": Endpoint("", 9092)}


CONFIG = Configuration().with_values({"num.partitions": "3"})


class ControllerCase(SynchronousTestCase):
    """Tests of a started controller."""

    def setUp(self) -> None:
        """Start one, broker 1, over an empty store. Before secrets can be set, ``passwords`` has to be started, which takes its time."""
        self.clock = Clock()
        self.store = MemoryMetadataStore(self.clock)
        self.feed = MetadataFeed(self.store, self.clock)
        self.successResultOf(self.feed.start())
        self.passwords = make_encoder(password_encoder_secret="hard to guess")
        self.controller = self.start_controller()

    def start_controller(self, broker_id: int = 1, cluster_id: str | None = None) -> Controller:
        """Another one over the same store."""
        controller = Controller(self.store, self.feed, Registration(broker_id, ENDPOINTS), CONFIG, self.passwords, cluster_id)
        self.successResultOf(controller.start())
        return controller

    def add_broker(self, broker_id: int, fenced: bool = False) -> None:
        """Register another broker."""
        broker = BrokerImage(broker_id, 1, ENDPOINTS, None, fenced)
        self.successResultOf(self.store.commit([], [Put(keys.broker_key(broker_id), keys.encode_broker(broker))]))

    @property
    def image(self) -> MetadataImage:
        """The current one."""
        image: MetadataImage = self.feed.image
        return image

    def stored(self, prefix: str) -> list[str]:
        """The store's keys that begin so."""
        return sorted(key for key in self.successResultOf(self.store.snapshot()).entries if key.startswith(prefix))

    def codes(self, outcomes: Deferred[Any]) -> list[ErrorCode]:
        """The error code of each outcome."""
        return [outcome.code if isinstance(outcome, KafkaError) else ErrorCode.NONE for outcome in self.successResultOf(outcomes)]

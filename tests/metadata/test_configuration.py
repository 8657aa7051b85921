"""The configuration as of now, and who is told when it changes."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.config.interfaces import IConfigurations, IReconfigurable
from chronik.errors import ConfigurationError
from chronik.metadata.configuration import DynamicConfiguration
from chronik.metadata.image import ImageDelta, MetadataImage
from tests.replica.fakes import FakeFeed


@implementer(IReconfigurable)
class Part:
    """Refuses ten connections, and remembers what it is told."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.told: list[tuple[int, AbstractSet[str]]] = []

    def check_configuration(self, config: Configuration) -> None:
        """See above."""
        if config.get("max.connections") == 10:
            raise ConfigurationError("ten is too many")

    def configuration_changed(self, config: Configuration, changed: AbstractSet[str]) -> None:
        """Remember."""
        self.told.append((config.get("max.connections"), changed))
        if self.problem is not None:
            raise self.problem


class DynamicConfigurationTests(SynchronousTestCase):
    """:class:`DynamicConfiguration` of broker 1."""

    def setUp(self) -> None:
        """With one part that goes wrong, and one that does not."""
        self.feed = FakeFeed(MetadataImage(1, "cluster", 1))
        static = Configuration().with_values({"max.connections": "5", "secret.files.permissions": "refuse"})
        self.configuration = DynamicConfiguration(static, self.feed, 1)
        self.broken, self.part = Part(RuntimeError("no")), Part()
        self.configuration.observe(self.broken)
        self.configuration.observe(self.part)

    def change(self, **configs: dict[str, str]) -> None:
        """Set what brokers have; ``all`` stands for every one, ``b1`` for the first."""
        named = {"broker/" if name == "all" else f"broker/{name[1:]}": texts for name, texts in configs.items()}
        before = self.feed.image.configs
        changed = frozenset(name for name in before.keys() | named.keys() if before.get(name) != named.get(name))
        self.feed.become(replace(self.feed.image, configs=named), ImageDelta(configs=changed))

    def test_interface(self) -> None:
        """It is what parts are promised."""
        verifyObject(IConfigurations, self.configuration)
        verifyObject(IReconfigurable, self.part)

    def test_told(self) -> None:
        """A part is told of every change for this broker, and what it was; another part's trouble is logged and is not its own."""
        self.change(all={"max.connections": "6"})
        self.change(all={"max.connections": "6"}, b1={"max.connections": "7", "log.retention.ms": "1"})
        self.change(all={"max.connections": "6"}, b1={"max.connections": "7", "log.retention.ms": "1"}, b2={"max.connections": "9"})
        self.change(b1={"max.connections": "7", "log.retention.ms": "1"}, b2={"max.connections": "9"})
        self.change()
        names = frozenset({"max.connections", "log.retention.ms"})
        self.assertEqual([(6, frozenset({"max.connections"})), (7, names), (5, names)], self.part.told)
        self.assertEqual(self.part.told, self.broken.told)
        self.assertEqual(3, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(5, self.configuration().get("max.connections"))

    def test_asked_before(self) -> None:
        """A part may refuse what would come of a change; of this broker's own keys over those of all."""
        for resource in ("", "1"):
            self.successResultOf(self.configuration.check(resource, {"max.connections": "9"}))
            error = self.failureResultOf(self.configuration.check(resource, {"max.connections": "10"}), ConfigurationError)
            self.assertEqual("ten is too many", error.getErrorMessage())
        self.change(b1={"max.connections": "7"})
        self.successResultOf(self.configuration.check("", {"max.connections": "10"}))  # this broker has its own
        self.flushLoggedErrors(RuntimeError)

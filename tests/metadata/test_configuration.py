"""The configuration as of now, and who is told when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.config import Configuration, load
from chronik.config.interfaces import IConfigurations, IReconfigurable
from chronik.config.secrets import Secret
from chronik.errors import ConfigurationError
from chronik.metadata.configuration import DynamicConfiguration
from chronik.metadata.image import ImageDelta, MetadataImage
from tests.metadata.passwords import make_encoder
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
        self.configuration = DynamicConfiguration(static, self.feed, 1, make_encoder())
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


class SecretTests(SynchronousTestCase):
    """Secrets among what is set at run time."""

    KEY = "listener.name.inside.ssl.key.password"
    CANARY = "canary-4711"

    def setUp(self) -> None:
        """Broker 1, and what encrypts."""
        self.passwords = make_encoder(password_encoder_secret="hard to guess")
        self.successResultOf(self.passwords.start())
        self.feed = FakeFeed(MetadataImage(1, "cluster", 1))
        self.warnings: list[str] = []

    def started(self, **static: str) -> DynamicConfiguration:
        """It, with what it is started with; underscores stand for dots."""
        config = load({name.replace("_", "."): text for name, text in static.items()}, {})
        return DynamicConfiguration(config, self.feed, 1, self.passwords)

    def store(self, resource: str, texts: Mapping[str, str]) -> None:
        """What the metadata say of a broker."""
        self.feed.image = replace(self.feed.image, configs={f"broker/{resource}": self.passwords.sealed(resource, texts)})

    def file(self) -> str:
        """A file with a secret."""
        path = Path(os.path.abspath(self.mktemp()))
        path.write_text("of a file", encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def warned(self, configuration: DynamicConfiguration) -> list[str]:
        """What is logged when it is made anew."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        try:
            configuration()
        finally:
            globalLogPublisher.removeObserver(events.append)
        return [event["problem"] for event in events if "problem" in event]

    def test_decrypted(self) -> None:
        """They are encrypted in the image, and secrets in the configuration; a configuration does not show them."""
        self.store("1", {self.KEY: Secret(self.CANARY)})
        self.assertNotIn(self.CANARY, repr(self.feed.image))
        config = self.started()().for_listener("INSIDE")
        self.assertIsInstance(config.get("ssl.key.password"), Secret)
        self.assertEqual(self.CANARY, config.get("ssl.key.password"))
        self.assertNotIn(self.CANARY, repr(config))

    def test_of_another(self) -> None:
        """What was encrypted for another broker, or for another key, or not at all, counts as not set and is warned of, once."""
        other = dict(self.passwords.sealed("2", {self.KEY: Secret(self.CANARY)}))
        moved = dict(self.passwords.sealed("1", {"ssl.key.password": Secret(self.CANARY)}))
        for texts in (other, {self.KEY: moved["ssl.key.password"]}, {self.KEY: self.CANARY}):
            self.store("1", {**texts, "max.connections": "7"})
            configuration = self.started(ssl_key_password="old")
            (warning,) = self.warned(configuration)
            self.assertIn(self.KEY, warning)
            self.assertNotIn(self.CANARY, warning)
            self.assertEqual([], self.warned(configuration))
            self.assertEqual("old", configuration().for_listener("INSIDE").get("ssl.key.password"))
            self.assertEqual(7, configuration().get("max.connections"))

    def test_told(self) -> None:
        """A part is told of a secret that is another, and not of one that is only encrypted anew."""
        configuration = self.started()
        part = Part()
        configuration.observe(part)
        for secret in (self.CANARY, self.CANARY, "another"):
            configs = {"broker/1": self.passwords.sealed("1", {self.KEY: Secret(secret)})}
            self.feed.become(replace(self.feed.image, configs=configs), ImageDelta(configs=frozenset({"broker/1"})))
        self.assertEqual([frozenset({self.KEY})] * 2, [changed for _, changed in part.told])

    def test_asked_before(self) -> None:
        """A part is asked about new secrets as they would be, and about those that are stored."""
        seen: list[Any] = []

        @implementer(IReconfigurable)
        class Looking(Part):
            def check_configuration(self, config: Configuration) -> None:
                seen.append((config.for_listener("INSIDE").get("ssl.key.password"), config.for_listener("OUTSIDE").get("ssl.key.password")))

        outside = self.KEY.replace("inside", "outside")
        self.store("1", {self.KEY: Secret("stored")})
        configuration = self.started()
        configuration.observe(Looking())
        self.successResultOf(configuration.check("1", {**self.feed.image.configs["broker/1"], outside: Secret(self.CANARY)}))
        self.assertEqual([("stored", self.CANARY)], seen)

    def test_both(self) -> None:
        """A secret and its file are one too many, in whatever places they are set."""
        file = self.file()
        listeners = {"listeners": "INSIDE://127.0.0.1:0", "listener_security_protocol_map": "INSIDE:SSL"}
        of_file = {"listener_name_inside_ssl_key_password_file": file, **listeners}
        of_text = {"listener_name_inside_ssl_key_password": "x", **listeners}
        new = {self.KEY: Secret(self.CANARY)}
        for static, texts in ((of_file, new), (of_text, {f"{self.KEY}.file": file}), (listeners, {**new, f"{self.KEY}.file": file})):
            refused = self.failureResultOf(self.started(**static).check("1", texts), ConfigurationError).getErrorMessage()
            self.assertEqual(f"{self.KEY} and {self.KEY}.file are both set: set one of them", refused)
        self.successResultOf(self.started(**of_text).check("1", new))
        self.store("1", new)
        configuration = self.started(**of_file)  # the file was configured after the secret had been set at run time
        self.assertEqual([f"{self.KEY} and {self.KEY}.file are both set: set one of them"], self.warned(configuration))
        stored = self.feed.image.configs["broker/1"]
        self.successResultOf(configuration.check("1", {**stored, "max.connections": "5"}))  # which has nothing to do with it
        self.failureResultOf(configuration.check("1", {**stored, **new}), ConfigurationError)
        self.assertEqual(self.CANARY, configuration().for_listener("INSIDE").get("ssl.key.password"))

"""The broker's configuration as of now: what the metadata says over what the broker was started with."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.config import Configuration
from chronik.config.interfaces import IConfigurations, IPasswordEncoder, IReconfigurable
from chronik.config.secret_settings import PERMISSIONS_KEY, resolve, set_twice
from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed

if TYPE_CHECKING:
    from chronik.metadata.image import ImageDelta, MetadataImage

EVERY_BROKER: Final = "broker/"
"""What the image calls what is set for every broker; with an id after it, for one."""


@implementer(IConfigurations, IImageObserver)
class DynamicConfiguration:
    """Made anew only when what is set for this broker or for all of them changes.

    :param static: flags, environment, file and defaults.
    :param passwords: decrypts the secrets among what the metadata say.
    """

    _log = Logger()

    def __init__(self, static: Configuration, feed: IMetadataFeed, broker_id: int, passwords: IPasswordEncoder) -> None:
        self._static = static
        self._feed = feed
        self._broker_id = str(broker_id)
        self._own = f"{EVERY_BROKER}{broker_id}"
        self._passwords = passwords
        self._dynamic: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
        self._current = static
        self._parts: list[IReconfigurable] = []
        self._told = static
        feed.observe(self)

    def __call__(self) -> Configuration:
        """The configuration as of now; see :meth:`IConfigurations.__call__`."""
        configs = self._feed.image.configs
        dynamic = (configs.get(EVERY_BROKER, {}), configs.get(self._own, {}))
        if dynamic != self._dynamic:
            self._dynamic = dynamic
            self._current = self._with(*dynamic)
            twice = (problem for texts in dynamic for problem in set_twice(texts, self._static.texts()))
            for problem in (*self._current.warnings, *twice):
                self._log.warn("{problem}", problem=problem)
        return self._current

    def _with(self, cluster: Mapping[str, str], broker: Mapping[str, str]) -> Configuration:
        """What the broker was started with, and over it what is stored, or would be."""
        every, own = self._passwords.opened("", cluster), self._passwords.opened(self._broker_id, broker)
        made = self._static.with_dynamic(every.texts, own.texts)
        return replace(made, warnings=(*own.warnings, *every.warnings, *made.warnings))

    def observe(self, part: IReconfigurable) -> None:
        """Tell a part; see :meth:`IConfigurations.observe`. It is expected to go by the configuration as of now."""
        self._parts.append(part)

    @deferred
    async def check(self, resource: str, texts: Mapping[str, str]) -> None:
        """Ask every part; see :meth:`IConfigurations.check`."""
        resolve(texts, self().get(PERMISSIONS_KEY))
        configs = self._feed.image.configs
        stored, other = configs.get(self._own, {}), configs.get(EVERY_BROKER, {})
        if not resource:
            stored, other = other, stored
        new = {name: text for name, text in texts.items() if stored.get(name) != text}
        twice = next(set_twice(new, {**self._static.texts(), **other}), None)
        if twice is not None:
            raise ConfigurationError(twice)
        changed = self._with(other, texts) if resource else self._with(texts, other)
        for part in self._parts:
            checking = part.check_configuration(changed)
            if checking is not None:
                await checking

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Tell the parts what is different for this broker."""
        if not {EVERY_BROKER, self._own} & delta.configs:
            return
        before, after = self._told, self()
        self._told = after
        changed = changed_names(before, after)
        for part in self._parts if changed else ():
            try:
                part.configuration_changed(after, changed)
            except Exception:  # noqa: BLE001  one part's trouble is not the others'
                self._log.failure("a part of the broker could not take a changed configuration, and goes by the old one")


def changed_names(before: Configuration, after: Configuration) -> AbstractSet[str]:
    """Names of keys that two configurations set differently."""
    old, new = before.texts(), after.texts()
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))

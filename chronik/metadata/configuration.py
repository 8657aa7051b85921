"""The broker's configuration as of now: what the metadata says over what the broker was started with."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.config import Configuration
from chronik.config.interfaces import IConfigurations, IReconfigurable
from chronik.config.secret_settings import PERMISSIONS_KEY, resolve
from chronik.defer import deferred
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed

if TYPE_CHECKING:
    from chronik.metadata.image import ImageDelta, MetadataImage

EVERY_BROKER: Final = "broker/"
"""What the image calls what is set for every broker; with an id after it, for one."""


@implementer(IConfigurations, IImageObserver)
class DynamicConfiguration:
    """Made anew only when what is set for this broker or for all of them changes.

    :param static: flags, environment, file and defaults.
    """

    _log = Logger()

    def __init__(self, static: Configuration, feed: IMetadataFeed, broker_id: int) -> None:
        self._static = static
        self._feed = feed
        self._own = f"{EVERY_BROKER}{broker_id}"
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
            self._current = self._static.with_dynamic(*dynamic)
            for problem in self._current.warnings:
                self._log.warn("{problem}", problem=problem)
        return self._current

    def observe(self, part: IReconfigurable) -> None:
        """Tell a part; see :meth:`IConfigurations.observe`. It is expected to go by the configuration as of now."""
        self._parts.append(part)

    @deferred
    async def check(self, resource: str, texts: Mapping[str, str]) -> None:
        """Ask every part; see :meth:`IConfigurations.check`."""
        resolve(texts, self().get(PERMISSIONS_KEY))
        configs = self._feed.image.configs
        if resource:
            changed = self._static.with_dynamic(configs.get(EVERY_BROKER, {}), texts)
        else:
            changed = self._static.with_dynamic(texts, configs.get(self._own, {}))
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

"""Configuration that changes while the broker runs: who has it, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.config.configuration import Configuration


class IReconfigurable(Interface):
    """A part that goes by keys which can change while it runs (KIP-226)."""

    def check_configuration(config: Configuration) -> Deferred[None] | None:
        """Whether the part could go by this configuration of the broker; asked before a change is stored, on the broker that it was asked of.

        It says nothing of keys that the part has no use for, and changes nothing. What takes long is done elsewhere.

        :returns: None, or what fires once it is known.
        :raises ConfigurationError: it could not, or fails so; the message is told to whoever wants the change.
        """

    def configuration_changed(config: Configuration, changed: AbstractSet[str]) -> None:
        """Go by this configuration from now on. What turns out unusable after all is logged and leaves the part as it was.

        :param changed: names of keys whose texts are different, listener-prefixed ones as they were set.
        """


class IConfigurations(Interface):
    """The broker's configuration as of now: what is set in the metadata over what it was started with."""

    def __call__() -> Configuration:
        """It. Views of one listener: :meth:`~chronik.config.Configuration.for_listener`."""

    def observe(part: IReconfigurable) -> None:
        """Ask ``part`` before changes from now on, and tell it of them, in the order of observe calls."""

    def check(resource: str, texts: Mapping[str, str]) -> Deferred[None]:
        """Whether this broker could go by a change.

        :param resource: the broker's id; empty for what is set for every broker.
        :param texts: all that would be set there.
        :raises ConfigurationError: it could not: a part says so, or a secret's file cannot be used.
        """

"""Configuration that changes while the broker runs: who has it, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.config.configuration import Configuration
    from chronik.config.secret_settings import Resolved


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


class IPasswordEncoder(Interface):
    """Secrets that are set at run time: encrypted where they are stored, and nowhere else."""

    def opened(resource: str, texts: Mapping[str, str]) -> Resolved:
        """What is stored, with its secrets decrypted. One that cannot be is not there, and a warning says why; one that is not encrypted yet stays.

        :param resource: the broker's id; empty for what is set for every broker.
        """

    def sealed(resource: str, texts: Mapping[str, str]) -> Mapping[str, str]:
        """What is to be stored: each :class:`~chronik.config.secrets.Secret` encrypted. :meth:`prepare` must have fired."""

    def prepare(validate_only: bool = False) -> Deferred[None]:
        """See to it that there is something to encrypt with; it is made, durably, where none was needed before.

        :param validate_only: make nothing.
        :raises KafkaError: ``INVALID_REQUEST`` when there is none and it has to be configured, ``KAFKA_STORAGE_ERROR`` when it cannot be kept.
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
        :param texts: all that would be set there; new secrets as :class:`~chronik.config.secrets.Secret`, others as they are stored.
        :raises ConfigurationError: it could not: a part says so, a secret's file cannot be used, or a secret and its file are both set.
        """

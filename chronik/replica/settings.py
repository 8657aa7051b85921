"""A topic's effective configuration: its own keys over the broker's dynamic ones over the static ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chronik.config import Configuration, Value
from chronik.metadata.image import TopicImage
from chronik.storage.config import LogConfig


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """What the layers of the data path need of a topic's configuration."""

    log_config: LogConfig
    min_insync_replicas: int
    unclean_leader_election: bool
    search_mode: str
    search_fast: bool

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> TopicSettings:
        """The settings that these effective values mean.

        :param values: every topic key.
        """
        return cls(
            log_config=LogConfig.of(values),
            min_insync_replicas=int(values["min.insync.replicas"] or 1),  # type: ignore[arg-type]
            unclean_leader_election=bool(values["unclean.leader.election.enable"]),
            search_mode=str(values["search.mode"]),
            search_fast=bool(values["search.fast"]),
        )


class EffectiveSettings:
    """Computes and remembers topics' settings; topics configured alike share them.

    :param configuration: the broker's own as of now, dynamic values included.
    """

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._for: Configuration | None = None
        self._known: dict[tuple[tuple[str, str], ...], TopicSettings] = {}

    def __call__(self, topic: TopicImage) -> TopicSettings:
        """The settings of a topic."""
        configuration = self._configuration()
        if configuration is not self._for:
            self._for = configuration
            self._known = {}
        key = tuple(sorted(topic.configs.items()))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = TopicSettings.of(configuration.topic_values(topic.configs))
        return found

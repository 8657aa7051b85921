"""What the broker's side of search needs from above, and what it offers there.

The protocols are kept by :mod:`chronik.replica`'s partitions; they are declared here because search is the lower package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.model import TopicId, TopicPartition
    from chronik.storage.interfaces import IPartitionLog

NO_BACKEND: Final = "none"
"""The index backend that is none: search is off for all topics, and no process runs."""

Adopt = Callable[[int], Any]
"""Serve a connected socket as a private Kafka session. It takes its own copy of the descriptor; the caller closes the one it gave."""


class CommittedLog(Protocol):
    """A partition that this broker hosts."""

    @property
    def topic_partition(self) -> TopicPartition:
        """Its name."""

    @property
    def start_offset(self) -> int:
        """First offset there is."""

    @property
    def high_watermark(self) -> int:
        """One past the last committed offset."""

    @property
    def last_stable_offset(self) -> int:
        """What read_committed readers see no further than."""

    @property
    def log(self) -> IPartitionLog:
        """Its log."""

    def add_listener(self, listener: Any) -> None:
        """Call the listener's ``committed(partition)`` when more may be read."""

    def remove_listener(self, listener: Any) -> None:
        """Stop; an unknown one is fine."""


class CommittedLogs(Protocol):
    """The partitions that this broker hosts."""

    def get_by_id(self, topic_id: TopicId, partition: int) -> Any:
        """A :class:`CommittedLog`.

        :raises KafkaError: it is not hosted here.
        """

    def ready(self, topic_id: TopicId) -> Deferred[None]:
        """Fires once every partition of the topic that belongs here can be used."""


class ISearch(Interface):
    """Searches, handed to the search processes; provided by :class:`~chronik.search.service.SearchService`."""

    def search(action: str, topics: Sequence[str], params: Mapping[str, str], body: bytes, deadline: float | None = None) -> Deferred[SearchAnswer]:
        """Answer a search over topics that the caller may read; never fails, errors are answers in Elasticsearch's shape.

        :param action: ``search``, ``count``, ``doc`` (its id in ``params["id"]``) or ``coverage``.
        :param topics: names, with wildcards expanded.
        :param params: of the URL.
        :param deadline: on the reactor's clock in seconds, None for the configured limit.
        """

    def searched(topics: Sequence[str]) -> frozenset[str]:
        """Those of these topics that exist and whose search is not off."""

    def status() -> SearchStatus:
        """How search is doing, for ``/health`` and metrics."""


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """The broker's settings for search.

    :ivar mode: ``search.mode`` of topics that do not set it: ``off``, ``text`` or ``json``.
    :ivar fast: ``search.fast`` of topics that do not set it.
    :ivar backend: name of the index backend, or ``module:Class`` of one that is not registered.
    :ivar options: the backend's options, ``plugin.index.<name>.*`` without that prefix.
    :ivar limits: members of :class:`~chronik.search.worker.limits.IndexLimits` that differ from its defaults.
    :ivar timeout_s: how long a search may take when it does not say.
    :ivar python: the interpreter that search processes run.
    :ivar broker_id: whose own dynamic configuration counts.
    """

    mode: str = "json"
    fast: bool = True
    backend: str = "tantivy"
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Mapping[str, int | float] = field(default_factory=dict)
    timeout_s: float = 30.0
    python: str = sys.executable
    broker_id: int = -1


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What HTTP passes on as it is."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PartitionSearchStatus:
    """How far one partition is searchable.

    :ivar through: one past the last searchable offset.
    :ivar lag: committed records behind it.
    :ivar records: indexed by the current process.
    :ivar freshness_ms: commit of the newest searchable record to when it became searchable, -1 when unknown.
    :ivar state: empty, or why it does not go on.
    """

    topic: str
    partition: int
    through: int
    committed: int
    lag: int
    records: int
    freshness_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class SearchStatus:
    """The state of search on this broker.

    :ivar pid: of the search process, None while there is none.
    :ivar ready: it answers searches.
    :ivar restarts: how often it was started again.
    :ivar memory_bytes: resident, as the process last said.
    :ivar calls: searches being answered.
    """

    pid: int | None
    ready: bool
    restarts: int
    memory_bytes: int
    calls: int
    partitions: Sequence[PartitionSearchStatus]

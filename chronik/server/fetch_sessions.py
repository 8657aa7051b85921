"""Fetch sessions (KIP-227): what a consumer fetches is kept here, so that it names only what changes, and is told only what changed.

A session costs what its busy partitions cost. A partition that had nothing to tell is *armed*: it is looked at again when a commit, a deletion of
records, a new epoch or its end says so. That listener is gone at the first such event, so that a session nobody uses any more costs one call a
partition, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from zope.interface import implementer

from chronik.model import NO_OFFSET, TopicId
from chronik.replica.interfaces import ICommitListener, IPartition

if TYPE_CHECKING:
    from chronik.replica.purgatory import Waiter
    from chronik.security.interfaces import Principal

NO_SESSION: Final = 0
"""As a session id: none."""

INITIAL_EPOCH: Final = 0
"""Asks for a new session."""

FINAL_EPOCH: Final = -1
"""Ends a session and asks for none."""

EVICTION_MS: Final = 120_000
"""A session unused for so long makes room for any other; one that is younger for none (Kafka's constant)."""

_EPOCH_MAX: Final = 2**31 - 1

Topic: TypeAlias = tuple[str, TopicId]
"""A topic as it was asked for: by name, with the zero id, or by id, with an empty name."""


def next_epoch(epoch: int) -> int:
    """What a client says next; it never comes back to 0."""
    return 1 if epoch == _EPOCH_MAX else epoch + 1


@implementer(ICommitListener)
class FetchPartition:
    """A partition that is fetched, and how.

    :ivar log_start_offset: where the log of the follower begins that asks; -1 for a consumer.
    :ivar high_watermark: what the client was told last, -1 when it must be told again; likewise ``start_offset``.
    """

    __slots__ = (
        "_armed",
        "high_watermark",
        "last_fetched_epoch",
        "leader_epoch",
        "log_start_offset",
        "max_bytes",
        "number",
        "offset",
        "session",
        "start_offset",
        "topic",
    )

    def __init__(
        self, topic: Topic, number: int, offset: int, max_bytes: int, leader_epoch: int, last_fetched_epoch: int, log_start_offset: int = NO_OFFSET
    ) -> None:
        self.topic = topic
        self.number = number
        self.high_watermark = NO_OFFSET
        self.start_offset = NO_OFFSET
        self.session: FetchSession | None = None
        self._armed: IPartition | None = None
        self.ask(offset, max_bytes, leader_epoch, last_fetched_epoch, log_start_offset)

    def ask(self, offset: int, max_bytes: int, leader_epoch: int, last_fetched_epoch: int, log_start_offset: int) -> None:
        """What the client wants of it from now on."""
        self.offset = offset
        self.max_bytes = max_bytes
        self.leader_epoch = leader_epoch
        self.last_fetched_epoch = last_fetched_epoch
        self.log_start_offset = log_start_offset

    def committed(self, partition: IPartition) -> None:
        """There may be something to tell; see :meth:`ICommitListener.committed`."""
        if self.session is not None:
            self.session.changed(self)

    def arm(self, partition: IPartition) -> None:
        """Hear of the next change."""
        self._armed = partition
        partition.add_listener(self)

    def disarm(self) -> None:
        """Hear of none."""
        if self._armed is not None:
            self._armed.remove_listener(self)
            self._armed = None


class FetchSession:
    """One consumer's partitions.

    :ivar session_id: its id, never 0.
    :ivar by_id: whether topics are named by their ids; a client cannot change that.
    :ivar privileged: whether it is a follower's.
    :ivar owner: who opened it; nobody else may use it.
    :ivar epoch: what the next request must say.
    :ivar created_ms: when it began.
    :ivar used_ms: when it was used last.
    :ivar closed: whether it made room for another, or was ended.
    :ivar pending: the partitions to look at, those that waited longest first.
    :ivar changes: how often a partition became pending.
    """

    __slots__ = (
        "_parts",
        "_topics",
        "_waiters",
        "by_id",
        "changes",
        "closed",
        "created_ms",
        "epoch",
        "owner",
        "pending",
        "privileged",
        "session_id",
        "used_ms",
    )

    def __init__(
        self, session_id: int, by_id: bool, privileged: bool, now_ms: float, parts: Iterable[FetchPartition], owner: Principal | None = None
    ) -> None:
        self.session_id = session_id
        self.by_id = by_id
        self.privileged = privileged
        self.owner = owner
        self.created_ms = self.used_ms = now_ms
        self.epoch = next_epoch(INITIAL_EPOCH)
        self.closed = False
        self.changes = 0
        self.pending: dict[FetchPartition, None] = {}
        self._parts: dict[tuple[Topic, int], FetchPartition] = {}
        self._topics: dict[Topic, int] = {}
        self._waiters: dict[Waiter, None] = {}
        for part in parts:
            self._add(part)

    def __len__(self) -> int:
        """How many partitions it has."""
        return len(self._parts)

    @property
    def topics(self) -> Iterable[Topic]:
        """The topics of its partitions."""
        return self._topics

    def update(self, parts: Iterable[FetchPartition], forgotten: Iterable[tuple[Topic, int]]) -> None:
        """Take what a request says: partitions that are new or asked for in another way, then those that are fetched no more."""
        for part in parts:
            known = self._parts.get((part.topic, part.number))
            if known is None:
                self._add(part)
            else:
                known.ask(part.offset, part.max_bytes, part.leader_epoch, part.last_fetched_epoch, part.log_start_offset)
                self.changed(known)
        for key in forgotten:
            gone = self._parts.pop(key, None)
            if gone is not None:
                gone.disarm()
                self.pending.pop(gone, None)
                self._count(gone.topic, -1)

    def _add(self, part: FetchPartition) -> None:
        if (part.topic, part.number) not in self._parts:
            part.session = self
            self._parts[part.topic, part.number] = part
            self._count(part.topic, 1)
            self.pending[part] = None

    def _count(self, topic: Topic, by: int) -> None:
        count = self._topics.get(topic, 0) + by
        if count:
            self._topics[topic] = count
        else:
            self._topics.pop(topic, None)

    def changed(self, part: FetchPartition) -> None:
        """A partition must be looked at."""
        part.disarm()
        self.pending.setdefault(part, None)
        self.changes += 1
        for waiter in tuple(self._waiters):
            waiter.wake()

    def sent_records(self, part: FetchPartition) -> None:
        """A partition had its turn: the others come first next time."""
        if part in self.pending:
            del self.pending[part]
            self.pending[part] = None

    def quiet(self, part: FetchPartition, partition: IPartition) -> None:
        """There is nothing more to tell of a partition until it changes."""
        if not self.closed and part in self.pending:
            del self.pending[part]
            part.arm(partition)

    def add_waiter(self, waiter: Waiter) -> None:
        """Wake it when a partition becomes pending."""
        self._waiters[waiter] = None

    def remove_waiter(self, waiter: Waiter) -> None:
        """Do not."""
        self._waiters.pop(waiter, None)

    def close(self) -> None:
        """Listen to nothing any more."""
        self.closed = True
        for part in self._parts.values():
            part.disarm()


class FetchSessionCache:
    """The sessions there are, so many at most.

    :param slots: how many; 0 for none (``max.incremental.fetch.session.cache.slots``).
    :param random: gives a number from 1 up to the one given, for ids.
    :ivar evictions: sessions that made room for others.
    """

    def __init__(self, slots: int, random: Callable[[int], int]) -> None:
        self._slots = slots
        self._random = random
        self._sessions: dict[int, FetchSession] = {}
        self.evictions = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._sessions)

    @property
    def partitions(self) -> int:
        """How many partitions all sessions have together."""
        return sum(map(len, self._sessions.values()))

    def get(self, session_id: int) -> FetchSession | None:
        """The session of this id."""
        return self._sessions.get(session_id)

    def open(
        self, parts: Iterable[FetchPartition], by_id: bool, now_ms: float, privileged: bool = False, owner: Principal | None = None
    ) -> FetchSession | None:
        """A new session of these partitions, None when there is no room.

        :param privileged: of a follower, which may take the place of any consumer's.
        """
        session = FetchSession(NO_SESSION, by_id, privileged, now_ms, parts, owner)
        if len(self._sessions) >= self._slots and not self._evict(session, now_ms):
            return None
        session.session_id = self._new_id()
        self._sessions[session.session_id] = session
        return session

    def close(self, session_id: int) -> None:
        """End a session; an unknown one is fine."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            session.close()

    def _new_id(self) -> int:
        while True:
            session_id = self._random(_EPOCH_MAX)
            if session_id not in self._sessions:
                return session_id

    def _evict(self, newcomer: FetchSession, now_ms: float) -> bool:
        """Whether a session made room. It was unused for long, or is old and smaller, or, for a follower, a consumer's."""
        oldest = min(self._sessions.values(), key=_last_used, default=None)
        if oldest is not None and now_ms - oldest.used_ms > EVICTION_MS:
            victim: FetchSession | None = oldest
        else:
            victim = min((each for each in self._sessions.values() if self._evictable(each, newcomer, now_ms)), key=_value, default=None)
            if victim is not None and _value(newcomer) <= _value(victim):
                victim = None
        if victim is None:
            return False
        self.evictions += 1
        self.close(victim.session_id)
        return True

    def _evictable(self, session: FetchSession, newcomer: FetchSession, now_ms: float) -> bool:
        return now_ms - session.created_ms > EVICTION_MS or (newcomer.privileged and not session.privileged)


def _last_used(session: FetchSession) -> float:
    return session.used_ms


def _value(session: FetchSession) -> tuple[bool, int]:
    return session.privileged, len(session)

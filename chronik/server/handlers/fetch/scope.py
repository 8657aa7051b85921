"""Which partitions a request is about: those it names, or those of its session (KIP-227)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from chronik.errors import ErrorCode, KafkaError
from chronik.model import ZERO_TOPIC_ID, TopicId
from chronik.protocol.messages import FetchRequest
from chronik.server.fetch_sessions import FINAL_EPOCH, INITIAL_EPOCH, NO_SESSION, FetchPartition, FetchSession, FetchSessionCache, Topic, next_epoch
from chronik.server.handlers.fetch.reading import Look

if TYPE_CHECKING:
    from chronik.replica.purgatory import Waiter
    from chronik.security.interfaces import Principal

FIRST_VERSION_WITH_TOPIC_IDS: Final = 13


class NamedScope:
    """Exactly what the request names; every partition is answered."""

    def __init__(self, parts: Sequence[FetchPartition]) -> None:
        self._parts = parts

    @property
    def empty(self) -> bool:
        """Whether there is nothing to wait for."""
        return not self._parts

    @property
    def changes(self) -> int:
        """How often a partition was added to what is to be looked at."""
        return 0

    def pending(self) -> Sequence[FetchPartition]:
        """What to look at now."""
        return self._parts

    def add_waiter(self, waiter: Waiter) -> None:
        """Wake it when there is more to look at: never."""

    def remove_waiter(self, waiter: Waiter) -> None:
        """Do not."""

    def settle(self, looks: Sequence[Look]) -> tuple[int, Sequence[Look]]:
        """The session id to answer, and what is told of what was seen."""
        return NO_SESSION, looks

    def throttled(self) -> int:
        """The session id to answer when nothing is told, for the client must wait."""
        return NO_SESSION


class FullScope(NamedScope):
    """The same, and a session is wanted for what comes next."""

    def __init__(self, parts: Sequence[FetchPartition], cache: FetchSessionCache, by_id: bool, now_ms: float, owner: Principal) -> None:
        super().__init__(parts)
        self._owner = owner
        self._cache = cache
        self._by_id = by_id
        self._now_ms = now_ms

    def settle(self, looks: Sequence[Look]) -> tuple[int, Sequence[Look]]:
        """Open the session if there is room; see :meth:`NamedScope.settle`."""
        for look in looks:
            _note(look)
        session = self._cache.open(self._parts, self._by_id, self._now_ms, owner=self._owner)
        return NO_SESSION if session is None else session.session_id, looks


class SessionScope:
    """What a session has to tell; the rest of its partitions is left out."""

    def __init__(self, session: FetchSession, committed_only: bool) -> None:
        self._session = session
        self._committed_only = committed_only
        self._epoch = session.epoch

    @property
    def empty(self) -> bool:
        """Never: it waits for its partitions to change."""
        return False

    @property
    def changes(self) -> int:
        """How often one did."""
        return self._session.changes

    def pending(self) -> Sequence[FetchPartition]:
        """What to look at now."""
        return tuple(self._session.pending)

    def add_waiter(self, waiter: Waiter) -> None:
        """Wake it when there is more to look at."""
        self._session.add_waiter(waiter)

    def remove_waiter(self, waiter: Waiter) -> None:
        """Do not."""
        self._session.remove_waiter(waiter)

    def settle(self, looks: Sequence[Look]) -> tuple[int, Sequence[Look]]:
        """What is news to the client.

        :raises KafkaError: ``INVALID_FETCH_SESSION_EPOCH``: another request of the session overtook this one.
        """
        session_id = self.throttled()
        told = []
        for look in looks:
            news = _note(look)
            self._keep_or_arm(look)
            if news:
                told.append(look)
            elif look.result is not None:
                look.result.records.close()
        return session_id, told

    def throttled(self) -> int:
        """The session id to answer when nothing is told; see :meth:`settle`."""
        session = self._session
        if session.epoch != self._epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH, f"another request used fetch session {session.session_id} meanwhile")
        return session.session_id

    def _keep_or_arm(self, look: Look) -> None:
        """A partition that has records, told or not for want of room, or an error, or that moved since, is looked at by the next request too."""
        result, partition = look.result, look.partition
        if result is None or partition is None:
            return
        if result.records.size:
            self._session.sent_records(look.part)
        elif (
            look.part.offset >= (result.last_stable_offset if self._committed_only else result.high_watermark)
            and partition.high_watermark == result.high_watermark
            and partition.last_stable_offset == result.last_stable_offset
            and partition.start_offset == result.log_start_offset
        ):
            self._session.quiet(look.part, partition)


def _note(look: Look) -> bool:
    """Take what was seen as told; whether it is news to the client."""
    part, result = look.part, look.result
    if result is None:
        part.high_watermark = -1
        return True
    news = bool(result.records.size) or (part.high_watermark, part.start_offset) != (result.high_watermark, result.log_start_offset)
    part.high_watermark, part.start_offset = result.high_watermark, result.log_start_offset
    return news


Scope = NamedScope | SessionScope


def scope_of(request: FetchRequest, version: int, cache: FetchSessionCache, now_ms: float, owner: Principal) -> Scope:
    """What a request is about; its session is brought up to date.

    :param owner: who asks; to whom it does not belong there is no session.
    :raises KafkaError: ``FETCH_SESSION_ID_NOT_FOUND``, ``INVALID_FETCH_SESSION_EPOCH``, ``FETCH_SESSION_TOPIC_ID_ERROR``.
    """
    by_id = version >= FIRST_VERSION_WITH_TOPIC_IDS
    wanted = (_wanted(_topic(topic, by_id), part) for topic in request.topics for part in topic.partitions)
    # What is named again and again is fetched once, as it was asked for last (as in Kafka): all of them are read again at each commit.
    parts = tuple({(part.topic, part.number): part for part in wanted}.values())
    session = cache.get(request.session_id)
    if session is not None and session.owner != owner:
        session = None
    if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
        if session is not None:
            cache.close(request.session_id)
        return NamedScope(parts) if request.session_epoch == FINAL_EPOCH else FullScope(parts, cache, by_id, now_ms, owner)
    if session is None:
        raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, f"there is no fetch session {request.session_id}")
    if session.epoch != request.session_epoch:
        why = f"fetch session {session.session_id} is at epoch {session.epoch}, {request.session_epoch} was sent"
        raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH, why)
    if session.by_id != by_id:
        raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR, f"fetch session {session.session_id} names topics the other way")
    session.update(parts, [(_topic(topic, by_id), number) for topic in request.forgotten_topics_data for number in topic.partitions])
    if not len(session):
        cache.close(session.session_id)
        return NamedScope(parts)
    session.used_ms = now_ms
    session.epoch = next_epoch(session.epoch)
    return SessionScope(session, request.isolation_level == 1)


def topics_of(request: FetchRequest, cache: FetchSessionCache) -> Iterable[Topic]:
    """Every topic whose records the answer may hold."""
    for topic in request.topics:
        yield topic.topic, TopicId(topic.topic_id)
    session = cache.get(request.session_id) if request.session_epoch > 0 else None
    if session is not None:
        yield from session.topics


def _topic(topic: Any, by_id: bool) -> Topic:
    return ("", TopicId(topic.topic_id)) if by_id else (topic.topic, ZERO_TOPIC_ID)


def _wanted(topic: Topic, part: FetchRequest.FetchPartition) -> FetchPartition:
    return FetchPartition(
        topic,
        part.partition,
        part.fetch_offset,
        part.partition_max_bytes,
        part.current_leader_epoch,
        part.last_fetched_epoch,
        part.log_start_offset,
    )

"""The moves of a store: which logs are on their way, and what a start finds of moves that were interrupted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.defer import Pool, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.storage.interfaces import LogUsage
from chronik.storage.moving import FREEZE_BYTES, FUTURE_SUFFIX, MOVED, ROUND_BYTES, LogMove

if TYPE_CHECKING:
    from chronik.storage.directory import LogDirectory
    from chronik.storage.store import SegmentLogStore

NAME_BYTES_MAX: Final = 255
"""The longest name that file systems take."""


class LogMoves:
    """Moves logs between the directories of one store.

    :ivar freeze_bytes: see :class:`~chronik.storage.moving.LogMove`; likewise ``round_bytes``.
    """

    _log = Logger()

    def __init__(self, store: SegmentLogStore) -> None:
        self._store = store
        self.freeze_bytes, self.round_bytes = FREEZE_BYTES, ROUND_BYTES
        self._moves: dict[TopicPartition, LogMove] = {}
        self._futures: dict[str, tuple[LogDirectory, str]] = {}
        self._moved: dict[str, tuple[LogDirectory, str]] = {}

    # -- moving -------------------------------------------------------------------------------------------------------

    @deferred
    async def begin(self, topic_partition: TopicPartition, topic_id: TopicId, path: str) -> None:
        """Begin to move a log; see :meth:`ILogStore.move`."""
        target = self._store.directory_of(path)
        if target is None:
            raise KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, f"{path} is none of the log directories")
        log = self._store.log_of(topic_partition, topic_id)
        if log is None:
            raise KafkaError(ErrorCode.REPLICA_NOT_AVAILABLE, f"{topic_partition} is not here")
        name = f"{topic_partition}.{self._store.random_text()}{FUTURE_SUFFIX}"
        if len(name) > NAME_BYTES_MAX:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"the name of {topic_partition} is too long for a log that moves")
        before = self._moves.get(topic_partition)
        if before is not None and before.target is target:
            return
        if before is not None:
            before.cancelled = True
            del self._moves[topic_partition]
        if log.directory is target:
            return
        move = LogMove(log, target, os.path.join(target.path, name), self.freeze_bytes, self.round_bytes)
        self._moves[topic_partition] = move
        self._log.info("moving {partition} from {source} to {target}", partition=topic_partition, source=log.directory.path, target=target.path)
        Deferred.fromCoroutine(self._carry_out(move)).addErrback(self._failed, move)

    async def _carry_out(self, move: LogMove) -> None:
        log, store = move.log, self._store
        source = log.directory
        try:
            while await self._catches_up(move):
                if await store.alone(log.topic_partition, lambda: Deferred.fromCoroutine(self._complete(move, source))):
                    break
        except OSError as error:
            self._log.error("{partition} stays where it is, it cannot be moved: {error}", partition=log.topic_partition, error=error)
            move.cancelled = True
        except KafkaError:
            # The log failed, and said so. A start finds out which copy it is; both are whole.
            return
        finally:
            if self._moves.get(log.topic_partition) is move:
                del self._moves[log.topic_partition]
        if log.directory is source:
            if not store.closing:
                await move.abandon()
            return
        self._log.info("moved {partition} to {target}", partition=log.topic_partition, target=move.target.path)

    async def _complete(self, move: LogMove, source: LogDirectory) -> bool:
        done = await move.log.undisturbed(move.complete)
        if done:
            await self._store.relocated(move.log, source)
        return done

    async def _catches_up(self, move: LogMove) -> bool:
        move.cancelled |= self._store.closing
        return not move.ended and await move.catch_up(lambda: self._store.closing)

    def _failed(self, failure: Failure, move: LogMove) -> None:
        self._log.failure("the move of {partition} failed", failure, partition=move.log.topic_partition)

    def arriving(self, directory: LogDirectory) -> list[LogUsage]:
        """Copies that grow in a directory."""
        return [
            LogUsage(topic_partition, move.size_bytes, move.log.end_offset - move.end_offset, is_future=True)
            for topic_partition, move in self._moves.items()
            if move.target is directory
        ]

    # -- what a start finds -------------------------------------------------------------------------------------------

    def found(self, directory: LogDirectory, path: str, name: str) -> bool:
        """In a thread: whether what is found there belongs to a move that was interrupted."""
        if name.endswith(FUTURE_SUFFIX):
            self._futures[name.rpartition(".")[0]] = (directory, path)
            return True
        if directory.file_system.exists(os.path.join(path, MOVED)):
            self._moved[name] = (directory, path)
            return True
        return False

    async def finish_interrupted(self) -> None:
        """Finish those that were decided, and forget the others."""
        for name, (directory, path) in self._moved.items():
            await directory.pools.run(Pool.BACKGROUND, self._finish, name, directory, path)
        self._store.doom([path for _, path in self._futures.values()])
        self._moved, self._futures = {}, {}

    def _finish(self, name: str, source: LogDirectory, path: str) -> None:
        """In a thread."""
        target, future = self._futures.pop(name, (None, ""))
        if target is not None and not self._store.knows(name):
            final = os.path.join(target.path, name)
            target.file_system.rename(future, final)
            target.file_system.sync_directory(target.path)
            self._store.adopt(target, final, name)
        elif target is not None:
            self._futures[name] = (target, future)
        if self._store.knows(name):
            self._store.doom([self._store.put_away(source, path, name)])
            return
        self._log.error("{path} was moved to a directory that is not there: what it had then is used, what came later is missing", path=path)
        source.file_system.unlink(os.path.join(path, MOVED))
        self._store.adopt(source, path, name)


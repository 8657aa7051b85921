"""Changes of the access control list. Entries do not depend on each other: any broker may write them, and the last one to do so is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from twisted.logger import Logger

from chronik.cluster.writer import OPERATIONS_PER_PLAN_MAX, KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import Delete, IMetadataFeed, Put
from chronik.metadata.security_keys import EMPTY, acl_key
from chronik.security.acl.filters import filter_problem, in_order, matching
from chronik.security.acl.validation import acl_problem
from chronik.security.interfaces import AclBinding, AclFilter

KEY_BYTES_OF_PLAN_MAX: Final = 1 << 20
"""Of all keys of one commit, which takes 1.5 MiB."""


class AclPlans:
    """Carries changes of the access control list out.

    :param writer: of this broker's own, which needs no controller.
    :param feed: knows which entries there are.
    """

    _log = Logger()

    def __init__(self, writer: Writer, feed: IMetadataFeed) -> None:
        self._writer = writer
        self._feed = feed

    async def create(self, acls: Sequence[AclBinding]) -> Sequence[KafkaError | None]:
        """Add entries; see :meth:`~chronik.cluster.interfaces.IController.create_acls`."""
        problems = [acl_problem(acl) for acl in acls]
        wanted = {acl_key(acl) for acl, problem in zip(acls, problems, strict=True) if problem is None}
        failed = await self._write(wanted, lambda view, key: None if view.get(key) is not None else Put(key, EMPTY))
        return [
            failed.get(acl_key(acl)) if problem is None else KafkaError(ErrorCode.INVALID_REQUEST, problem)
            for acl, problem in zip(acls, problems, strict=True)
        ]

    async def delete(self, filters: Sequence[AclFilter]) -> Sequence[Sequence[AclBinding] | KafkaError]:
        """Remove entries; see :meth:`~chronik.cluster.interfaces.IController.delete_acls`."""
        there = self._feed.image.security.acls
        found: list[Sequence[AclBinding] | KafkaError] = []
        for wanted in filters:
            problem = filter_problem(wanted)
            found.append(in_order(matching(wanted, there)) if problem is None else KafkaError(ErrorCode.INVALID_REQUEST, problem))
        every = {acl_key(acl) for outcome in found if not isinstance(outcome, KafkaError) for acl in outcome}
        failed = await self._write(every, lambda view, key: Delete(key) if view.get(key) is not None else None)
        if not failed:
            return found
        return [outcome if isinstance(outcome, KafkaError) else _first_failure(outcome, failed) or outcome for outcome in found]

    async def _write(self, names: Iterable[str], operation: Callable[[KeyView, str], Put | Delete | None]) -> dict[str, KafkaError]:
        """Change keys, some with each commit.

        :returns: those that could not be changed.
        """
        failed: dict[str, KafkaError] = {}
        changed = 0
        for some in _pieces(names):

            def plan(view: KeyView, some: Sequence[str] = some) -> Plan:
                return Plan((), [found for key in some if (found := operation(view, key)) is not None])

            try:
                await self._writer.write(plan)
                changed += len(some)
            except KafkaError as error:
                failed.update(dict.fromkeys(some, error))
        if changed:
            self._log.info("The access control list was changed: {entries} entries were added or removed", entries=changed)
        return failed


def _first_failure(acls: Iterable[AclBinding], failed: dict[str, KafkaError]) -> KafkaError | None:
    return next((failed[key] for acl in acls if (key := acl_key(acl)) in failed), None)


def _pieces(names: Iterable[str]) -> Iterable[Sequence[str]]:
    """As many keys at a time as one commit may change."""
    piece: list[str] = []
    size = 0
    for key in sorted(names):
        if len(piece) == OPERATIONS_PER_PLAN_MAX or size + len(key) > KEY_BYTES_OF_PLAN_MAX:
            yield piece
            piece, size = [], 0
        piece.append(key)
        size += len(key)
    if piece:
        yield piece

"""Changes of the access control list. Entries do not depend on each other: any broker may write them, and the last one to do so is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from twisted.logger import Logger

from chronik.cluster.writer import OPERATIONS_PER_PLAN_MAX, KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.security_keys import EMPTY, acl_key
from chronik.security.acl.filters import filter_problem, in_order, matching
from chronik.security.acl.validation import acl_problem
from chronik.security.interfaces import AclBinding, AclFilter

KEY_BYTES_OF_PLAN_MAX: Final = 1 << 20
"""Of all keys of one commit, which takes 1.5 MiB."""


class AclPlans:
    """Carries changes of the access control list out.

    :param writer: of this broker's own, which needs no controller; it knows which entries there are.
    """

    _log = Logger()

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def create(self, acls: Sequence[AclBinding]) -> Sequence[KafkaError | None]:
        """Add entries; see :meth:`~chronik.cluster.interfaces.IController.create_acls`."""
        failed: dict[AclBinding, KafkaError] = {}
        good = (acl for acl in dict.fromkeys(acls) if not _is_wrong(acl, failed))
        await self._write(good, failed, lambda view, key: None if view.get(key) is not None else Put(key, EMPTY))
        return [failed.get(acl) for acl in acls]

    async def delete(self, filters: Sequence[AclFilter]) -> Sequence[Sequence[AclBinding] | KafkaError]:
        """Remove entries; see :meth:`~chronik.cluster.interfaces.IController.delete_acls`."""
        try:
            # Not as this broker has heard: an entry that another one has added must not be missed.
            there = (await self._writer.current_image()).security.acls
        except KafkaError as error:
            return [error] * len(filters)
        found: list[Sequence[AclBinding] | KafkaError] = []
        for wanted in filters:
            problem = filter_problem(wanted)
            found.append(in_order(matching(wanted, there)) if problem is None else KafkaError(ErrorCode.INVALID_REQUEST, problem))
        failed: dict[AclBinding, KafkaError] = {}
        every = dict.fromkeys(acl for outcome in found if not isinstance(outcome, KafkaError) for acl in outcome)
        await self._write(every, failed, lambda view, key: Delete(key) if view.get(key) is not None else None)
        if not failed:
            return found
        return [outcome if isinstance(outcome, KafkaError) else _first_failure(outcome, failed) or outcome for outcome in found]

    async def _write(
        self, acls: Iterable[AclBinding], failed: dict[AclBinding, KafkaError], operation: Callable[[KeyView, str], Put | Delete | None]
    ) -> None:
        """Change entries, some with each commit; what is worked out for one is worked out when it is its turn.

        :param failed: takes those that could not be changed, and why.
        """
        changed = 0
        for some in _pieces(acls):

            def plan(view: KeyView, some: Mapping[str, AclBinding] = some) -> Plan:
                return Plan((), [found for key in some if (found := operation(view, key)) is not None])

            try:
                await self._writer.write(plan)
                changed += len(some)
            except KafkaError as error:
                failed.update(dict.fromkeys(some.values(), error))
        if changed:
            self._log.info("The access control list was changed: {entries} entries were added or removed", entries=changed)


def _is_wrong(acl: AclBinding, failed: dict[AclBinding, KafkaError]) -> bool:
    problem = acl_problem(acl)
    if problem is not None:
        failed[acl] = KafkaError(ErrorCode.INVALID_REQUEST, problem)
    return problem is not None


def _first_failure(acls: Iterable[AclBinding], failed: Mapping[AclBinding, KafkaError]) -> KafkaError | None:
    return next((failed[acl] for acl in acls if acl in failed), None)


def _pieces(acls: Iterable[AclBinding]) -> Iterable[Mapping[str, AclBinding]]:
    """As many entries at a time, by their keys, as one commit may change."""
    piece: dict[str, AclBinding] = {}
    size = 0
    for acl in acls:
        key = acl_key(acl)
        if len(piece) == OPERATIONS_PER_PLAN_MAX or size + len(key) > KEY_BYTES_OF_PLAN_MAX:
            yield piece
            piece, size = {}, 0
        piece[key] = acl
        size += len(key)
    if piece:
        yield piece

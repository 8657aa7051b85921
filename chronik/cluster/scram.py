"""Changes of SCRAM credentials (KIP-554), and the users of a new cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from chronik.cluster.interfaces import ScramChange
from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import security_keys as keys
from chronik.metadata.interfaces import Compare, Delete, Put
from chronik.security.interfaces import ScramCredential
from chronik.security.scram_keys import SCRAM_HASHES, problem_of

_SECRET_BYTES: Final = 32


class ScramPlans:
    """Carries changes of credentials out.

    :param random: gives that many random bytes.
    """

    def __init__(self, writer: Writer, random: Callable[[int], bytes] = os.urandom) -> None:
        self._writer = writer
        self._random = random

    async def alter(self, user: str, changes: Sequence[ScramChange]) -> None:
        """Change the credentials of one user, all or none.

        :raises KafkaError: ``UNACCEPTABLE_CREDENTIAL``, ``UNSUPPORTED_SASL_MECHANISM``, ``DUPLICATE_RESOURCE``, ``RESOURCE_NOT_FOUND``, or the
            writer's.
        """
        _check(user, changes)

        def plan(view: KeyView) -> Plan:
            compares: list[Compare] = []
            operations: list[Put | Delete] = []
            for change in changes:
                key = keys.scram_key(change.mechanism, user)
                compares.append(view.unchanged(key))
                if change.credential is None:
                    if view.get(key) is None:
                        raise KafkaError(ErrorCode.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist")
                    operations.append(Delete(key))
                else:
                    operations.append(Put(key, keys.encode_scram(change.credential)))
            return self._with_secret(view, compares, operations)

        # A deletion whose answer was lost is not to find that there is nothing to delete.
        await self._writer.write(_recognising(plan))

    async def bootstrap(self, users: Mapping[tuple[str, str], ScramCredential]) -> bool:
        """Make the first users, unless there are some.

        :param users: credentials by mechanism and user.
        :returns: whether they were made.
        :raises KafkaError: ``UNACCEPTABLE_CREDENTIAL``, or the writer's.
        """
        for (mechanism, user), credential in users.items():
            _check(user, [ScramChange(user, mechanism, credential)])
        made = False

        def plan(view: KeyView) -> Plan:
            nonlocal made
            if view.under(keys.SCRAM):
                return Plan()
            made = True
            compares = [view.unchanged(keys.scram_key(*whose)) for whose in users]
            return self._with_secret(view, compares, [Put(keys.scram_key(*whose), keys.encode_scram(found)) for whose, found in users.items()])

        await self._writer.write(plan)
        return made

    def _with_secret(self, view: KeyView, compares: list[Compare], operations: list[Put | Delete]) -> Plan:
        """The plan, which also makes the cluster's secret where there is none yet: what unknown users are told is made of it."""
        if view.get(keys.SCRAM_SECRET) is None:
            compares.append(view.unchanged(keys.SCRAM_SECRET))
            operations.append(Put(keys.SCRAM_SECRET, keys.encode_secret(self._random(_SECRET_BYTES))))
        return Plan(compares, operations)


def _recognising(plan: Callable[[KeyView], Plan]) -> Callable[[KeyView], Plan]:
    """A planner that takes it for its own work when what it planned is there already."""
    planned: Plan | None = None

    def again(view: KeyView) -> Plan:
        nonlocal planned
        if planned is not None and all(view.value(each.key) == (each.value if isinstance(each, Put) else None) for each in planned.operations):
            return Plan()
        planned = plan(view)
        return planned

    return again


def _check(user: str, changes: Sequence[ScramChange]) -> None:
    if not user:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if len({change.mechanism for change in changes}) < len(changes):
        raise KafkaError(ErrorCode.DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request")
    for change in changes:
        if change.mechanism not in SCRAM_HASHES:
            raise KafkaError(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
        problem = None if change.credential is None else problem_of(change.credential, change.mechanism)
        if problem is not None:
            raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, problem)

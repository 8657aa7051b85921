"""Changes of roles. They do not depend on each other: any broker may write them, and the last one to do so is right, unless it says what it means to
replace."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import Compare, Delete, Put
from chronik.metadata.security_keys import decode_role, encode_role, role_key, role_version
from chronik.security.acl.validation import role_problem
from chronik.security.interfaces import Role


class RolePlans:
    """Carries changes of roles out.

    :param writer: of this broker's own, which needs no controller.
    """

    _log = Logger()

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def put(self, role: Role, replaces: str | None = None) -> None:
        """Make or replace a role; see :meth:`~chronik.cluster.interfaces.IController.put_role`."""
        problem = role_problem(role)
        if problem is not None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
        key, value = role_key(role.name), encode_role(role)

        def plan(view: KeyView) -> Plan:
            if view.value(key) == value:
                return Plan()
            return Plan(_compares(view, role.name, replaces), [Put(key, value)])

        await self._writer.write(plan)
        self._log.info("Role {role} has {grants} grants now", role=role.name, grants=len(role.grants))

    async def delete(self, name: str, replaces: str | None = None) -> None:
        """Remove a role; see :meth:`~chronik.cluster.interfaces.IController.delete_role`."""
        key = role_key(name)
        was_there = False

        def plan(view: KeyView) -> Plan:
            nonlocal was_there
            if view.get(key) is not None:
                was_there = True
                return Plan(_compares(view, name, replaces), [Delete(key)])
            if was_there:
                return Plan()
            raise KafkaError(ErrorCode.RESOURCE_NOT_FOUND, f"There is no role {name}.")

        await self._writer.write(plan)
        self._log.info("Role {role} is gone", role=name)


def _compares(view: KeyView, name: str, replaces: str | None) -> Sequence[Compare]:
    """What must hold when a role is changed that is to be replaced in one version alone.

    :raises KafkaError: ``INVALID_UPDATE_VERSION``: it is another one already.
    """
    if replaces is None:
        return ()
    key = role_key(name)
    value = view.value(key)
    if role_version(None if value is None else decode_role(name, value)) != replaces:
        raise KafkaError(ErrorCode.INVALID_UPDATE_VERSION, f"Somebody else changed role {name} meanwhile: read it again.")
    return [view.unchanged(key)]

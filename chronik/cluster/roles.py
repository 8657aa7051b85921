"""Changes of roles. They do not depend on each other: any broker may write them, and the last one to do so is right."""

from __future__ import annotations

from twisted.logger import Logger

from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.security_keys import encode_role, role_key
from chronik.security.acl.validation import role_problem
from chronik.security.interfaces import Role


class RolePlans:
    """Carries changes of roles out.

    :param writer: of this broker's own, which needs no controller.
    """

    _log = Logger()

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def put(self, role: Role) -> None:
        """Make or replace a role; see :meth:`~chronik.cluster.interfaces.IController.put_role`."""
        problem = role_problem(role)
        if problem is not None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
        key, value = role_key(role.name), encode_role(role)

        def plan(view: KeyView) -> Plan:
            return Plan() if view.value(key) == value else Plan((), [Put(key, value)])

        await self._writer.write(plan)
        self._log.info("Role {role} has {grants} grants now", role=role.name, grants=len(role.grants))

    async def delete(self, name: str) -> None:
        """Remove a role; see :meth:`~chronik.cluster.interfaces.IController.delete_role`."""
        key = role_key(name)
        if self._writer.view.get(key) is None:
            raise KafkaError(ErrorCode.RESOURCE_NOT_FOUND, f"There is no role {name}.")

        def plan(view: KeyView) -> Plan:
            return Plan() if view.get(key) is None else Plan((), [Delete(key)])

        await self._writer.write(plan)
        self._log.info("Role {role} is gone", role=name)

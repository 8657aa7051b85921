"""The deadlines of members of consumer groups: their sessions, and what they must do within their rebalance timeouts."""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import partial

from chronik.coordinator.group.timers import Deadline, Timers


class Wait(enum.Enum):
    """What is waited for; the values say what is wrong when it does not come."""

    LIFE = "it gave no sign of life in its session"
    REVOCATION = "it did not give up partitions within its rebalance timeout"
    JOIN = "it did not join again within its rebalance timeout"
    SYNC = "it did not sync within its rebalance timeout"


class MemberClocks:
    """Deadlines by group, member and what is waited for.

    :param expired: called with those three when one has passed.
    """

    def __init__(self, timers: Timers, expired: Callable[[str, str, Wait], None]) -> None:
        self._timers = timers
        self._expired = expired
        self._clocks: dict[str, dict[str, dict[Wait, Deadline]]] = {}

    def set(self, group_id: str, member_id: str, wait: Wait, ms: int) -> None:
        """Wait so long from now, and not as long as was said before."""
        clocks = self._clocks.setdefault(group_id, {}).setdefault(member_id, {})
        deadline = clocks.get(wait)
        if deadline is None:
            deadline = clocks[wait] = Deadline(partial(self._expired, group_id, member_id, wait))
        self._timers.set(deadline, ms)

    def set_if_unset(self, group_id: str, member_id: str, wait: Wait, ms: int) -> None:
        """Wait so long from now, unless it is waited for already."""
        deadline = self._clocks.get(group_id, {}).get(member_id, {}).get(wait)
        if deadline is None or deadline.due is None:
            self.set(group_id, member_id, wait, ms)

    def end(self, group_id: str, member_id: str, wait: Wait) -> None:
        """It came."""
        deadline = self._clocks.get(group_id, {}).get(member_id, {}).get(wait)
        if deadline is not None:
            self._timers.call_off(deadline)

    def forget(self, group_id: str, member_id: str) -> None:
        """Nothing is waited for of a member any more."""
        members = self._clocks.get(group_id, {})
        for deadline in members.pop(member_id, {}).values():
            self._timers.call_off(deadline)
        if not members:
            self._clocks.pop(group_id, None)

    def forget_group(self, group_id: str) -> None:
        """Nothing is waited for of a whole group any more."""
        for member_id in tuple(self._clocks.get(group_id, ())):
            self.forget(group_id, member_id)

    def forget_all(self) -> None:
        """Nothing is waited for any more."""
        for group_id in tuple(self._clocks):
            self.forget_group(group_id)

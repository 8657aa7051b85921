"""What must come about once nobody does anything any more: groups whose members are gone are empty, and configurations are in force."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Final

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol.messages import DeleteGroupsRequest
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.client import Unavailable
from chronik.testing.simulation.members import SESSION_MS, Member

EMPTY_SECONDS: Final = 5 * SESSION_MS / 1000
"""Members that left are gone at once, those that said nothing once their sessions are over; then others may still have to join again."""

FORCE_SECONDS: Final = 10.0
"""A broker that can be reached follows the metadata within so long."""

SHARED_SECONDS: Final = 40.0
"""Who has vanished comes again within ten seconds; then others may still wait for it in a rebalance."""

SHARED_LOOK_SECONDS: Final = 0.1

PAUSE_SECONDS: Final = 0.5


async def shared_out(admin: Admin, members: Sequence[Member], topic: str, partitions: int) -> None:
    """While members neither leave nor vanish, each group has every partition of its topic with one of them before long."""
    clock, wanted = admin.client.reactor.timeline, [(topic, number) for number in range(partitions)]
    groups = {group: [member for member in members if member.group == group] for group in sorted({member.group for member in members})}
    until = clock.now + SHARED_SECONDS
    admin.stage.steady = True
    while groups and clock.now < until:
        await admin.client.sleep(SHARED_LOOK_SECONDS)
        for group, ours in tuple(groups.items()):
            if sorted(place for member in ours for place in member.positions) == wanted:
                del groups[group]
    admin.stage.steady = False
    for group, ours in groups.items():
        has = {member.client.name: sorted(number for _, number in member.positions) for member in ours}
        admin.stage.ledger.finding(f"{SHARED_SECONDS} s after everything was put right the partitions of {topic} are so shared by {group}: {has}")


async def lose_power(admin: Admin, brokers: Sequence[SimulatedBroker], groups: Sequence[str]) -> None:
    """All brokers at once: what was acknowledged before is there after it, and groups that were deleted are not."""
    for broker in brokers:
        broker.cut_power()
    for group in groups:
        # Whoever has read what there is says whether there was anything to delete.
        answer, told = await _delete(admin, group, (ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.NONE, ErrorCode.NON_EMPTY_GROUP))
        if answer is None:
            admin.stage.ledger.finding(f"{EMPTY_SECONDS} s after all brokers had lost their power nobody says whether {group} is there: {told}")
        elif answer is not ErrorCode.GROUP_ID_NOT_FOUND:
            admin.stage.ledger.finding(f"the group {group}, which was deleted, is there again after all brokers had lost their power")


async def delete_groups(admin: Admin, groups: Sequence[str]) -> None:
    """Delete groups that have no members any more: whoever left or vanished is forgotten, by whichever coordinator."""
    for group in groups:
        answer, told = await _delete(admin, group, (ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND))
        if answer is None:
            admin.stage.ledger.finding(f"{EMPTY_SECONDS} s after its last member left the group {group} could not be deleted: {told}")


async def _delete(admin: Admin, group: str, awaited: Collection[ErrorCode]) -> tuple[ErrorCode | None, str]:
    """Ask a group's coordinator to delete it, until the answer is one of those that are awaited.

    :returns: that answer, None where none came in :data:`EMPTY_SECONDS`, and what was told last.
    """
    client, told = admin.client, ""
    until = client.reactor.timeline.now + EMPTY_SECONDS
    while client.reactor.timeline.now < until:
        try:
            response = await client.ask_coordinator(group, DeleteGroupsRequest(groups_names=(group,)))
            error = client.error("DeleteGroups", response.results[0].error_code)
            told = error.name
            if error in awaited:
                return error, told
            if error is not ErrorCode.NON_EMPTY_GROUP:
                client.forget_coordinator(group)
        except Unavailable as problem:
            told = str(problem)
        await client.sleep(PAUSE_SECONDS)
    return None, told


async def keep(admin: Admin, brokers: Sequence[SimulatedBroker], topic: str) -> None:
    """Remove nothing of a topic any more because it is old: whoever reads it from here on finds the same from its beginning to its end."""

    async def look() -> Sequence[str]:
        await admin.configure(topic, "retention.ms", "-1")
        return list(_others(brokers, admin.client.topics[topic].topic_id, "retention_ms", -1))

    await _settled(admin, topic, look)


async def compare_configurations(admin: Admin, brokers: Sequence[SimulatedBroker], topic: str) -> None:
    """What a topic is configured to be is what the logs of all brokers go by."""

    async def look() -> Sequence[str]:
        wanted = await admin.configured(topic)
        return [] if wanted is None else list(_others(brokers, admin.client.topics[topic].topic_id, "retention_bytes", wanted))

    await _settled(admin, topic, look)


async def _settled(admin: Admin, topic: str, look: Callable[[], Awaitable[Sequence[str]]]) -> None:
    """Look until nothing is wrong with a topic any more, or tell what is.

    :param look: what is wrong now; raises :class:`Unavailable` where that cannot be found out.
    """
    client = admin.client
    until = client.reactor.timeline.now + FORCE_SECONDS
    problems: Sequence[str] = ["nobody says how it is configured"]
    while problems and client.reactor.timeline.now < until:
        try:
            problems = await look()
        except Unavailable as problem:
            problems = [str(problem)]
        if problems:
            await client.sleep(PAUSE_SECONDS)
    for what in problems:
        admin.stage.ledger.finding(f"{FORCE_SECONDS} s after everything was written, of {topic}: {what}")


def _others(brokers: Sequence[SimulatedBroker], topic_id: TopicId, setting: str, wanted: int) -> Iterator[str]:
    for broker in brokers:
        for (of, number), log in broker.life.logs.items() if broker.life is not None else ():
            found = getattr(log.config, setting)
            if of == topic_id and not log.closed and found != wanted:
                yield f"broker {broker.number} goes by {setting} {found} for partition {number}, configured is {wanted}"

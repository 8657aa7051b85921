"""What must come about once nobody does anything any more: groups whose members are gone are empty, and configurations are in force."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol.messages import DeleteGroupsRequest
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.client import Unavailable
from chronik.testing.simulation.members import SESSION_MS

EMPTY_SECONDS: Final = 5 * SESSION_MS / 1000
"""Members that left are gone at once, those that said nothing once their sessions are over; then others may still have to join again."""

FORCE_SECONDS: Final = 10.0
"""A broker that can be reached follows the metadata within so long."""

PAUSE_SECONDS: Final = 0.5


async def delete_groups(admin: Admin, groups: Sequence[str]) -> None:
    """Delete groups that have no members any more: whoever left or vanished is forgotten, by whichever coordinator."""
    client = admin.client
    for group in groups:
        until = client.reactor.timeline.now + EMPTY_SECONDS
        told = ""
        while client.reactor.timeline.now < until:
            try:
                response = await client.ask_coordinator(group, DeleteGroupsRequest(groups_names=(group,)))
                error = client.error("DeleteGroups", response.results[0].error_code)
                if error in (ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND):
                    break
                told = error.name
                if error is not ErrorCode.NON_EMPTY_GROUP:
                    client.forget_coordinator(group)
            except Unavailable as problem:
                told = str(problem)
            await client.sleep(PAUSE_SECONDS)
        else:
            admin.stage.ledger.finding(f"{EMPTY_SECONDS} s after its last member left the group {group} could not be deleted: {told}")


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

"""What a decision of ``auth:acl`` costs, and what a change of the access control list does, with few entries and with many.

Run from the project's root: ``python contrib/bench/decisions.py``. The sizes are gone through in turn, several times, and the fastest round
counts: other work on the machine only ever makes it slower.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import Clock

from chronik.config import Configuration
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.memory import MemoryMetadataStore
from chronik.metadata.security_keys import EMPTY, acl_key
from chronik.security.acl.authorizer import AclAuthorizer
from chronik.security.interfaces import SOME, AclBinding, Action, Operation, PatternType, Permission, Principal, ResourceType
from chronik.testing.auth import auth_context

SIZES = (10, 1_000, 10_000)
ROUNDS = 7
REPEATS = 2_000

ALICE = Principal("User", "alice")
MANY = Principal("User", "many")


def acl(number: int, pattern: PatternType, principal: str) -> AclBinding:
    """One of many, alike ones of one principal and of others; prefixes of forty lengths."""
    name = f"team-{number % 97}-" + "x" * (number % 40) + f"-{number}"
    return AclBinding(ResourceType.TOPIC, pattern, name, principal, "*", Operation.READ, Permission.ALLOW)


def entries(count: int) -> Sequence[AclBinding]:
    """A list of this size: a third literal and a third prefixed of one principal, a third of many principals."""
    literal, prefixed = PatternType.LITERAL, PatternType.PREFIXED
    kinds = ((literal, "User:many"), (prefixed, "User:many"))
    made = [acl(n, *kinds[n % 3]) if n % 3 < 2 else acl(n, literal, f"User:user-{n}") for n in range(count - 3)]
    own = (("orders", literal), ("logs-", prefixed))
    fixed = [AclBinding(ResourceType.TOPIC, kind, name, "User:alice", "*", Operation.READ, Permission.ALLOW) for name, kind in own]
    return [*made, *fixed, AclBinding(ResourceType.GROUP, literal, "*", "User:*", "10.0.0.0/8", Operation.READ, Permission.ALLOW)]


class Subject:
    """An authorizer over a store with this many entries."""

    def __init__(self, count: int, cached: bool) -> None:
        clock = Clock()
        self.store = MemoryMetadataStore(clock)
        self.feed = MetadataFeed(self.store, clock)
        self.entries = entries(count)
        for start in range(0, count, 100):
            self.store.commit([], [Put(acl_key(each), EMPTY) for each in self.entries[start : start + 100]])
        self.feed.start()
        config = Configuration().with_values({"authorizer.cache.max.entries": "10000" if cached else "0"})
        began = time.perf_counter()
        self.authorizer = AclAuthorizer(auth_context(clock=clock, config=config, feed=self.feed))
        self.built_ms = (time.perf_counter() - began) * 1e3

    def decisions(self, principal: Principal, action: Action) -> Callable[[], Any]:
        """One decision."""
        asked = (action,)
        return lambda: self.authorizer.authorize(principal, "10.1.2.3", asked)

    def change(self, whole: bool) -> Callable[[], Any]:
        """One entry more, and one less: the index alone, or everything from the store's notice on."""
        extra = AclBinding(ResourceType.TOPIC, PatternType.PREFIXED, "extra-", "User:many", "*", Operation.WRITE, Permission.ALLOW)
        index, key = self.authorizer._index, acl_key(extra)

        def alone() -> None:
            index.add(extra)
            index.remove(extra)

        def noticed() -> None:
            self.store.commit([], [Put(key, EMPTY)])
            self.store.commit([], [Delete(key)])

        return noticed if whole else alone


def microseconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """What it takes once."""
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - began) / repeats * 1e6


def main() -> None:
    """Measure and print."""
    topic, read = ResourceType.TOPIC, Operation.READ
    asked = {
        "literal, allowed": (ALICE, Action(read, topic, "orders")),
        "prefixed, allowed": (ALICE, Action(read, topic, "logs-web-7")),
        "wildcard and network, allowed": (ALICE, Action(read, ResourceType.GROUP, "g")),
        "refused": (ALICE, Action(read, topic, "other-topic-of-somebody")),
        "of the principal with most entries": (MANY, Action(read, topic, "team-3-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-2000000")),
        "any topic (KIP-679)": (MANY, Action(read, topic, SOME)),
    }
    rows: dict[str, dict[int, float]] = {}
    for cached in (False, True):
        subjects = {count: Subject(count, cached) for count in SIZES}
        works = {
            f"{name}{', remembered' if cached else ''}": {count: subject.decisions(*each) for count, subject in subjects.items()}
            for name, each in asked.items()
        }
        if not cached:
            works["a change and its undoing, in the index"] = {count: subject.change(False) for count, subject in subjects.items()}
            works["a change and its undoing, from the store on"] = {count: subject.change(True) for count, subject in subjects.items()}
            rows["making the index, ms"] = {count: subject.built_ms for count, subject in subjects.items()}
        for _ in range(ROUNDS):
            for name, by_count in works.items():
                for count, work in by_count.items():
                    taken = microseconds(work, 50 if "store" in name else REPEATS)
                    known = rows.setdefault(name, {})
                    known[count] = min(taken, known.get(count, taken))
    print(f"{'microseconds, with entries:':50}" + "".join(f"{count:>10,}" for count in SIZES))
    for name, taken_by in rows.items():
        print(f"{name:50}" + "".join(f"{taken_by[count]:10.2f}" for count in SIZES))


if __name__ == "__main__":
    main()

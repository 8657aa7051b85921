"""A process with a search service, to be killed by a test; prints its search process's id when that answers."""

from __future__ import annotations

import sys

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from chronik.search.broker_interfaces import SearchConfig
from chronik.search.service import SearchService
from tests.search.broker.fakes import FakeBroker


def main(clock: object) -> Deferred[None]:
    """Run for ever."""
    broker = FakeBroker()
    config = SearchConfig(backend=sys.argv[1])
    service = SearchService(reactor, broker.adopter(reactor), broker, broker, [sys.argv[2]], config)  # type: ignore[arg-type]
    broker.create("logs")
    service.startService()
    answered = service.search("count", ["logs"], {}, b"")
    answered.addCallback(lambda _: print(service.status().pid, flush=True))
    return Deferred()


if __name__ == "__main__":
    task.react(main)

"""How the brokers of a simulated cluster are configured: small, quick, and in every way that a seed can choose."""

from __future__ import annotations

import os
from random import Random
from typing import Final

from chronik.testing.simulation.members import SESSION_MS

EVERYWHERE: Final = dict(pair.split("=", 1) for pair in os.environ.get("CHRONIK_TEST_SET", "").split())
"""Settings of every broker, whatever the seed says: ``authorizer=acl allow.everyone.if.no.acl.found=true`` runs with authorization on."""


def settings_of(random: Random, brokers: int) -> dict[str, str]:
    """What every broker of a cluster is configured to be.

    :param random: of the seed.
    :param brokers: how many there are.
    """
    session = str(SESSION_MS)
    return {
        "offsets.topic.num.partitions": "3",
        "log.roll.ms": str(random.choice((300, 3_000, 100_000_000))),
        "log.index.interval.bytes": str(random.choice((100, 1_000, 4_096))),
        "log.flush.offset.checkpoint.interval.ms": str(random.choice((500, 3_000))),
        "log.retention.check.interval.ms": "3000",
        "log.scrub.interval.ms": "1000",
        # Clocks are set back by hours: to such a broker, producers are from the future.
        "log.message.timestamp.after.max.ms": str(2**63 - 1),
        "log.segment.delete.delay.ms": str(random.choice((0, 500))),
        "auto.create.topics.enable": "false",
        "offsets.retention.check.interval.ms": str(random.choice((1_000, 600_000))),
        "group.consumer.session.timeout.ms": session,
        "group.consumer.min.session.timeout.ms": session,
        "group.consumer.heartbeat.interval.ms": "500",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.assignment.interval.ms": str(random.choice((0, 300))),
        "default.replication.factor": str(min(3, brokers)),
        "offsets.topic.replication.factor": str(min(3, brokers)),
        "min.insync.replicas": str(random.choice((1, min(2, brokers)))),
        "max.incremental.fetch.session.cache.slots": str(random.choice((2, 1000))),
        "broker.session.timeout.ms": str(random.choice((700, 2_000))),
        "broker.heartbeat.interval.ms": str(random.choice((150, 300))),
        "replica.lag.time.max.ms": str(random.choice((600, 2_000, 30_000))),
        "replica.fetch.wait.max.ms": str(random.choice((100, 500))),
        "replica.fetch.backoff.ms": str(random.choice((100, 500))),
        **EVERYWHERE,
    }

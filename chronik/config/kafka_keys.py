"""Names of Kafka 4.3's broker keys that mean nothing here: each gets one warning and is otherwise left alone.

Source: Kafka's broker configuration page, release 4.3, and the internal keys that its own tests and images set. A word ending in a dot
is a prefix for the words in braces' place; the lists are packed by their common beginnings to be readable at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_PACKED: Final[Mapping[str, str]] = {
    "": (
        "alter.config.policy.class.name auto.leader.rebalance.enable background.threads controlled.shutdown.enable cordoned.log.dirs "
        "create.topic.policy.class.name early.start.listeners kafka.metrics.polling.interval.secs kafka.metrics.reporters "
        "metric.reporters num.io.threads num.network.threads "
        "num.replica.alter.log.dirs.threads num.replica.fetchers offsets.load.buffer.size offsets.topic.compression.codec "
        "principal.builder.class process.roles queued.max.request.bytes queued.max.requests request.timeout.ms telemetry.max.bytes "
        "client.quota.callback.class config.providers security.providers "
        "share.fetch.purgatory.purge.interval.requests socket.connection.setup.timeout.max.ms "
        "socket.connection.setup.timeout.ms initial.broker.registration.timeout.ms internal.segment.bytes transactional.id.expiration.ms "
        "follower.fetch.last.tiered.offset.enable"
    ),
    "add.partitions.to.txn.": "retry.backoff.max.ms retry.backoff.ms",
    "alter.log.dirs.replication.quota.": "window.num window.size.seconds",
    "controller.": "socket.timeout.ms",
    "controller.quorum.": (
        "append.linger.ms auto.join.enable bootstrap.servers election.backoff.max.ms election.timeout.ms fetch.max.bytes "
        "fetch.snapshot.max.bytes fetch.timeout.ms request.timeout.ms retry.backoff.ms voters"
    ),
    "delete.records.purgatory.": "purge.interval.requests",
    "fetch.purgatory.": "purge.interval.requests",
    "producer.": "purgatory.purge.interval.requests",
    "follower.replication.": "throttled.rate",
    "group.consumer.": "assignor.offload.enable",
    "group.coordinator.": "append.linger.ms background.threads cached.buffer.max.bytes threads new.enable",
    "group.share.": (
        "assignor.offload.enable assignors enable initialize.retry.interval.ms max.groups max.share.sessions max.size persister.class.name"
    ),
    "group.streams.": "assignor.offload.enable max.size",
    "leader.": "imbalance.check.interval.seconds imbalance.per.broker.percentage replication.throttled.rate",
    "log.": "dir.failure.timeout.ms initial.task.delay.ms",
    "log.cleaner.": "backoff.ms dedupe.buffer.size io.buffer.load.factor io.buffer.size io.max.bytes.per.second threads",
    "metadata.": "log.dir max.idle.interval.ms max.retention.bytes max.retention.ms",
    "metadata.log.": "max.record.bytes.between.snapshots max.snapshot.interval.ms segment.bytes segment.ms segment.min.bytes",
    "metrics.": "num.samples recording.level sample.window.ms",
    "remote.": "fetch.max.wait.ms list.offsets.request.timeout.ms",
    "remote.log.": (
        "index.file.cache.total.size.bytes metadata.custom.metadata.max.bytes reader.max.pending.tasks reader.threads "
        "storage.manager.class.name storage.manager.class.path storage.manager.impl.prefix storage.system.enable"
    ),
    "remote.log.manager.": (
        "copier.thread.pool.size copy.max.bytes.per.second copy.quota.window.num copy.quota.window.size.seconds "
        "expiration.thread.pool.size fetch.max.bytes.per.second fetch.quota.window.num fetch.quota.window.size.seconds "
        "follower.thread.pool.size task.interval.ms thread.pool.size"
    ),
    "remote.log.metadata.manager.": "class.name class.path impl.prefix listener.name",
    "replica.": (
        "alter.log.dirs.io.max.bytes.per.second high.watermark.checkpoint.interval.ms selector.class socket.receive.buffer.bytes "
        "socket.timeout.ms"
    ),
    "replication.quota.": "window.num window.size.seconds",
    "sasl.": (
        "client.callback.handler.class jaas.config mechanism.controller.protocol server.callback.handler.class"
    ),
    "sasl.kerberos.": ("kinit.cmd min.time.before.relogin principal.to.local.rules service.name ticket.renew.jitter ticket.renew.window.factor"),
    "sasl.login.": (
        "callback.handler.class class connect.timeout.ms read.timeout.ms refresh.buffer.seconds refresh.min.period.seconds "
        "refresh.window.factor refresh.window.jitter retry.backoff.max.ms retry.backoff.ms"
    ),
    "sasl.oauthbearer.": (
        "jwt.retriever.class jwt.validator.class"
    ),
    "sasl.oauthbearer.assertion.": (
        "algorithm claim.aud claim.exp.seconds claim.iss claim.jti.include claim.nbf.seconds claim.sub file private.key.file "
        "private.key.passphrase template.file"
    ),
    "share.coordinator.": (
        "append.linger.ms cached.buffer.max.bytes load.buffer.size snapshot.update.records.per.snapshot "
        "state.topic.compression.codec state.topic.min.isr state.topic.num.partitions state.topic.replication.factor "
        "state.topic.segment.bytes threads write.timeout.ms"
    ),
    "ssl.": (
        "allow.dn.changes allow.san.changes engine.factory.class keymanager.algorithm protocol provider secure.random.implementation "
        "trustmanager.algorithm"
    ),
    "transaction.": (
        "abort.timed.out.transaction.cleanup.interval.ms max.timeout.ms partition.verification.enable "
        "remove.expired.transaction.cleanup.interval.ms two.phase.commit.enable"
    ),
    "transaction.state.log.": "load.buffer.size min.isr num.partitions replication.factor segment.bytes",
}

_UNTIL_4_0: Final = frozenset(
    [
        "broker.id.generation.enable",
        "control.plane.listener.name",
        "inter.broker.protocol.version",
        "log.message.format.version",
        "reserved.broker.max.id",
    ]
)
"""What Kafka knew as long as it had ZooKeeper, beside ``zookeeper.*``; configurations of older brokers have it."""

_PREFIXES: Final = ("listener.name.", "rlmm.config.", "rsm.config.", "config.providers.", "unstable.", "zookeeper.")
"""Families of keys whose names end freely."""


def _unpack() -> Iterator[str]:
    for prefix, rest in _PACKED.items():
        for name in rest.split():
            yield prefix + name


KAFKA_ONLY: Final = frozenset(_unpack())
"""Broker keys that Kafka 4.3 knows and that change nothing here."""


CLASSES: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(
        ("create.topic.policy.class.name", "alter.config.policy.class.name", "client.quota.callback.class", "config.providers"), frozenset()
    ),
    "principal.builder.class": frozenset({"org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"}),
}
"""Keys that name classes of Java which decide what is allowed, who somebody is or what a secret is, with the values that change nothing.
Left alone, any other would leave a broker open that is meant to be closed."""


def is_kafka_only(name: str) -> bool:
    """Whether Kafka knows this key and it means nothing here."""
    return name in KAFKA_ONLY or name in _UNTIL_4_0 or name.startswith(_PREFIXES)

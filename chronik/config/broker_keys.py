"""The configuration of a broker: Kafka's keys that mean something here, and ours.

Names, ranges and defaults: Kafka's broker configuration page, release 4.3; :data:`DIFFERENCES` lists every default that is not Kafka's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.config.audit_keys import AUDIT_KEYS
from chronik.config.authorization_keys import AUTHORIZATION_KEYS
from chronik.config.broker_group_keys import CONSUMER_GROUP_KEYS, SHARE_GROUP_KEYS, STREAMS_GROUP_KEYS
from chronik.config.broker_log_keys import LOG_KEYS
from chronik.config.key import ConfigKey, Effect, Importance, Scope, UpdateMode
from chronik.config.registry import boolean, integer, items, long, password, registry, short, string
from chronik.config.sasl_keys import SASL_KEYS
from chronik.config.sasl_token_keys import SASL_TOKEN_KEYS
from chronik.config.secret_files import PERMISSIONS, REFUSE
from chronik.config.tls_keys import TLS_KEYS
from chronik.config.topic_keys import SEGMENT_BYTES_MIN
from chronik.config.validators import (
    ADDRESS_COUNTS,
    ADVERTISED_LISTENERS,
    HTTP_LISTENERS,
    LISTENERS,
    NON_EMPTY,
    PROTOCOL_MAP,
    any_of,
    at_least,
    one_of,
    only,
)
from chronik.config.values import INT_MAX

_HIGH: Final = Importance.HIGH
_LOW: Final = Importance.LOW
_CLUSTER: Final = UpdateMode.CLUSTER_WIDE

_BROKER = (
    integer("node.id", 1, "This broker's id.", importance=_HIGH, validator=at_least(0)),
    string("broker.rack", None, "Where this broker stands; replicas are spread over racks."),
)

_LISTENERS = (
    items("listeners", ("PLAINTEXT://127.0.0.1:9092",), "Where Kafka clients are listened for.", importance=_HIGH, validator=LISTENERS),
    items(
        "advertised.listeners",
        None,
        "What clients are told to connect to. When it is not set, each is told the address it reached the broker on.",
        importance=_HIGH,
        validator=ADVERTISED_LISTENERS,
    ),
    string(
        "listener.security.protocol.map",
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "The security protocol of each listener name: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.",
        importance=_LOW,
        validator=PROTOCOL_MAP,
    ),
    items(
        "controller.listener.names",
        (),
        "Names of listeners that Kafka's controllers would use. Listeners of these names are not opened: a broker is its own controller.",
        importance=_LOW,
    ),
    items(
        "http.listeners",
        ("HTTP://127.0.0.1:6092",),
        "Where search, health and metrics are served over HTTP; HTTPS://host:port is encrypted, by ssl.* as set for the listener https.",
        importance=_HIGH,
        validator=HTTP_LISTENERS,
    ),
    items(
        "http.allowed.hosts",
        (),
        "Names, beside addresses and localhost, that HTTP requests may call this broker by. A web page must not reach it by a name of its own.",
    ),
)

# password.encoder.* are Kafka's names of before it had KRaft.
_SECRETS = (
    password(
        "password.encoder.secret",
        None,
        "What secrets that are set at run time are encrypted with in the metadata; the same on every broker. A broker that has the metadata for "
        "itself makes one where none is set, and keeps it in a file beside them.",
        validator=NON_EMPTY,
    ),
    password(
        "password.encoder.old.secret",
        None,
        "The earlier password.encoder.secret: what it encrypted is decrypted with it, and encrypted anew with the one that is set now.",
        validator=NON_EMPTY,
    ),
    string(
        "secret.files.permissions",
        REFUSE,
        "What comes of a file with secrets that others than the broker's user may read or change: refuse does not use it, warn says so.",
        validator=one_of(*PERMISSIONS),
    ),
)

_CONNECTIONS = (
    integer("max.connections", INT_MAX, "Most connections at a time; those that come then wait.", mode=_CLUSTER, validator=at_least(0)),
    integer(
        "max.connections.per.ip",
        INT_MAX,
        "Most connections at a time from one address; those that come then are closed.",
        mode=_CLUSTER,
        validator=at_least(0),
    ),
    items(
        "max.connections.per.ip.overrides",
        (),
        "The same for some IP addresses, as address:count.",
        mode=_CLUSTER,
        validator=ADDRESS_COUNTS,
    ),
    integer(
        "max.connection.creation.rate", INT_MAX, "Most new connections a second; those that come then wait.", mode=_CLUSTER, validator=at_least(1)
    ),
    long("connections.max.idle.ms", 600_000, "Silence after which a connection is closed.", validator=at_least(1)),
    integer("socket.request.max.bytes", 100 << 20, "Largest request.", importance=_HIGH, validator=at_least(1)),
    integer("socket.send.buffer.bytes", -1, "Send buffer of a connection's socket; -1 leaves it to the system.", validator=at_least(-1)),
    integer("socket.receive.buffer.bytes", -1, "Receive buffer of a connection's socket; -1 leaves it to the system.", validator=at_least(-1)),
    integer("socket.listen.backlog.size", 1024, "Connections that may wait to be accepted.", validator=at_least(1)),
    integer("fetch.max.bytes", 55 << 20, "Most bytes of records in one answer to a Fetch.", validator=at_least(1024)),
    integer("max.request.partition.size.limit", 2_000, "Most partitions in one answer to a DescribeTopicPartitions.", validator=at_least(1)),
    integer("max.incremental.fetch.session.cache.slots", 1_000, "Consumers whose partitions are remembered between Fetches.", validator=at_least(0)),
)

_QUOTAS = (
    integer("quota.window.num", 11, "Windows over which the use of client quotas is averaged.", importance=_LOW, validator=at_least(1)),
    integer("quota.window.size.seconds", 1, "Length of each such window.", importance=_LOW, validator=at_least(1)),
    integer("controller.quota.window.num", 11, "Windows whose changes of topics may come at once.", importance=_LOW, validator=at_least(1)),
    integer("controller.quota.window.size.seconds", 1, "Length of each such window.", importance=_LOW, validator=at_least(1)),
)

_TOPICS = (
    boolean("auto.create.topics.enable", True, "Whether a topic that a client asks for comes into being.", importance=_HIGH),
    boolean("delete.topic.enable", True, "Whether topics may be deleted.", importance=_HIGH),
    integer("num.partitions", 1, "Partitions of a topic created without a number.", validator=at_least(1)),
    integer("default.replication.factor", 1, "Replicas of a topic created without a number.", validator=at_least(1)),
)

_REPLICATION = (
    string("inter.broker.listener.name", None, "The listener that brokers use among themselves; the first of listeners where it is not set."),
    string(
        "security.inter.broker.protocol",
        None,
        "The same by protocol: the listener that has its name and speaks it.",
        validator=one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    ),
    integer("broker.heartbeat.interval.ms", 500, "How often a broker tells that it is alive.", importance=_HIGH, validator=at_least(1)),
    integer("broker.session.timeout.ms", 2_000, "Silence after which a broker counts as dead.", importance=_HIGH, validator=at_least(1)),
    long("replica.lag.time.max.ms", 30_000, "How long a replica may be behind and count as in sync.", importance=_HIGH, validator=at_least(1)),
    integer("replica.fetch.max.bytes", 1 << 20, "Most bytes of one partition in a follower's fetch.", validator=at_least(1)),
    integer("replica.fetch.response.max.bytes", 10 << 20, "Most bytes in the answer to a follower's fetch.", validator=at_least(1)),
    integer("replica.fetch.min.bytes", 1, "Bytes that the answer to a follower's fetch waits for.", importance=_HIGH, validator=at_least(0)),
    integer("replica.fetch.wait.max.ms", 500, "How long it waits for them.", importance=_HIGH, validator=at_least(0)),
    integer("replica.fetch.backoff.ms", 1_000, "Pause of a follower after an error.", validator=at_least(0)),
)

_GROUPS = (
    integer("group.initial.rebalance.delay.ms", 0, "How long a new group waits for more members before its first assignment.", validator=at_least(0)),
    integer("group.min.session.timeout.ms", 6_000, "Shortest session timeout a member may ask for.", validator=at_least(1)),
    integer("group.max.session.timeout.ms", 1_800_000, "Longest session timeout a member may ask for.", validator=at_least(1)),
    integer("group.max.size", INT_MAX, "Most members of a group.", validator=at_least(1)),
    integer("offset.metadata.max.bytes", 4096, "Longest text stored with a committed offset.", importance=_HIGH, validator=at_least(0)),
    integer(
        "offsets.commit.timeout.ms",
        5_000,
        "How long a commit waits for replicas. Kept for clusters of several brokers: here it waits for the disk.",
        importance=_HIGH,
        effect=Effect.STORED,
        validator=at_least(1),
    ),
    integer(
        "offsets.retention.minutes",
        10_080,
        "How long offsets are kept after a group became empty, or, without members, after their last commit.",
        importance=_HIGH,
        validator=at_least(1),
    ),
    long("offsets.retention.check.interval.ms", 600_000, "Time between two searches for expired offsets.", importance=_HIGH, validator=at_least(1)),
    integer("offsets.topic.num.partitions", 50, "Partitions of the topic that holds groups and offsets.", importance=_HIGH, validator=at_least(1)),
    short("offsets.topic.replication.factor", 1, "Replicas of the topic that holds groups and offsets.", importance=_HIGH, validator=at_least(1)),
    integer(
        "offsets.topic.segment.bytes",
        100 << 20,
        "segment.bytes of the topic that holds groups and offsets.",
        importance=_HIGH,
        validator=at_least(SEGMENT_BYTES_MIN),
    ),
    items(
        "group.coordinator.rebalance.protocols",
        ("classic", "consumer"),
        "Group protocols that are served; classic always is.",
        validator=any_of("classic", "consumer", "share", "streams"),
    ),
)

_SEARCH = (
    string("search.backend", "tantivy", "Which index backend keeps what is searched; none switches search off altogether.", validator=NON_EMPTY),
    long(
        "search.disk.reserve.bytes",
        256 << 20,
        "Free space that search always leaves to the log: with less, indexes are not written to until there is more again.",
        validator=at_least(0),
    ),
    integer("search.processes", 1, "Processes that index and search.", validator=only(1, "one process indexes and searches yet")),
)

_PLUGINS = (
    string("log.store", "segment", "Which storage backend keeps the log.", validator=NON_EMPTY),
    string("metadata.store", "file", "Which metadata backend keeps topics and their configuration.", validator=NON_EMPTY),
    string("authorizer", "allow-all", "Which auth backend says who may do what.", validator=NON_EMPTY),
    string(
        "credential.store",
        None,
        "Which auth backend knows users and checks passwords. Where it is not set, the authorizer's if that knows users, else metadata.",
        validator=NON_EMPTY,
    ),
)

BROKER_KEYS: Final[Mapping[str, ConfigKey]] = registry(
    Scope.BROKER,
    {
        "Broker": _BROKER,
        "Listeners": _LISTENERS,
        "TLS": TLS_KEYS,
        "SASL": SASL_KEYS,
        "Tokens": SASL_TOKEN_KEYS,
        "Authorization": AUTHORIZATION_KEYS,
        "Secrets": _SECRETS,
        "Audit": AUDIT_KEYS,
        "Connections": _CONNECTIONS,
        "Quotas": _QUOTAS,
        "Topics": _TOPICS,
        "Replication": _REPLICATION,
        "Groups": _GROUPS,
        "Groups of the consumer protocol": CONSUMER_GROUP_KEYS,
        "Share groups": SHARE_GROUP_KEYS,
        "Streams groups": STREAMS_GROUP_KEYS,
        "Log": LOG_KEYS,
        "Search": _SEARCH,
        "Backends": _PLUGINS,
    },
)
"""Every key of a broker, by name."""

ALIASES: Final[Mapping[str, str]] = {"log.dir": "log.dirs", "broker.id": "node.id"}
"""Kafka's older names; each counts as the newer one where that is not set."""

DIFFERENCES: Final[Mapping[str, tuple[str, str]]] = {
    "listeners": ("PLAINTEXT://:9092", "a broker without authentication must not be reachable from elsewhere unasked"),
    "sasl.enabled.mechanisms": ("GSSAPI", "Kerberos is not served, and PLAIN tells the password to whoever listens on an unencrypted connection"),
    "sasl.mechanism.inter.broker.protocol": ("GSSAPI", "Kerberos is not served"),
    "node.id": ("none, it is required", "a first broker starts without a file"),
    "log.dirs": ("/tmp/kafka-logs", "data does not belong where the system cleans up"),
    "ssl.keystore.type": ("JKS", "a JKS file is read by Java alone"),
    "ssl.truststore.type": ("JKS", "a JKS file is read by Java alone"),
    "security.inter.broker.protocol": ("PLAINTEXT", "brokers use the first of listeners where nothing is said"),
    "advertised.listeners": ("the value of listeners", "each client is told the address it used, which it can reach"),
    "group.initial.rebalance.delay.ms": ("3000", "three seconds of nothing at every first start of a consumer"),
    "group.coordinator.rebalance.protocols": ("classic,consumer,streams", "groups of Kafka Streams' own protocol are not served yet"),
    "offsets.topic.replication.factor": ("3", "one broker is a cluster of one"),
    "socket.send.buffer.bytes": ("102400", "the system sizes buffers by what each connection needs"),
    "socket.receive.buffer.bytes": ("102400", "the system sizes buffers by what each connection needs"),
    "socket.listen.backlog.size": ("50", "thousands of clients that come back after a restart are not turned away"),
    "broker.heartbeat.interval.ms": ("2000", "a dead broker is to be noticed sooner"),
    "broker.session.timeout.ms": ("9000", "a dead broker's partitions are to be led by another within two seconds"),
    "log.flush.interval.messages": ("never flushes by itself", "with write.caching=false every record is flushed before it is acknowledged"),
}
"""Defaults that are not Kafka's: Kafka's own, and why ours is another."""

"""The tables of keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import BROKER_KEYS, CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS, ConfigKey, Effect
from chronik.config.broker_keys import ALIASES, DIFFERENCES
from chronik.config.kafka_keys import KAFKA_ONLY
from chronik.config.values import ConfigType, format_value, parse_value
from chronik.errors import ConfigurationError

KAFKA_TOPIC_KEYS = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
]
"""Kafka 4.3's topic configuration page."""

EVERY = [*BROKER_KEYS.values(), *TOPIC_KEYS.values(), *GROUP_KEYS.values(), *CLIENT_METRICS_KEYS.values()]


class RegistryTests(SynchronousTestCase):
    """Every key is whole."""

    def test_every_kafka_topic_key(self) -> None:
        """A topic of Kafka 4.3 can be described here without a gap."""
        self.assertEqual(set(), set(KAFKA_TOPIC_KEYS) - set(TOPIC_KEYS))

    def test_only_known_extras(self) -> None:
        """Topic keys beyond Kafka's documented ones are ours, its tests', or refused as removed."""
        extra = {name for name, key in TOPIC_KEYS.items() if name not in KAFKA_TOPIC_KEYS and key.effect is not Effect.REFUSED}
        self.assertEqual({"search.mode", "search.fast", "write.caching", "record.validation", "internal.segment.bytes"}, extra)

    def test_defaults_keep_their_own_rules(self) -> None:
        """The text of each default is one that the key takes."""
        for key in EVERY:
            if key.default is not None:
                text = key.default_text
                assert text is not None
                self.assertEqual(key.default, key.parse(text), key.name)

    def test_documented(self) -> None:
        """Each says what it does in a sentence."""
        for key in EVERY:
            self.assertTrue(key.doc.endswith((".", "out")), key.name)

    def test_synonyms_exist(self) -> None:
        """The broker keys that give topics their defaults are there, of a type that fits."""
        for key in TOPIC_KEYS.values():
            for synonym in key.synonyms:
                self.assertIn(synonym.name, BROKER_KEYS, key.name)

    def test_no_key_is_both_meaningful_and_not(self) -> None:
        """A key of the registry is not in the list of those that mean nothing."""
        self.assertEqual(set(), (set(BROKER_KEYS) | set(ALIASES)) & KAFKA_ONLY)

    def test_differences_are_of_keys(self) -> None:
        """The table of other defaults names real keys."""
        self.assertEqual(set(), set(DIFFERENCES) - set(BROKER_KEYS))

    def test_stored_keys_say_so(self) -> None:
        """A key without effect says in its text that it is kept."""
        for key in EVERY:
            if key.effect is Effect.STORED:
                self.assertIn("ept", key.doc, key.name)


class RangeTests(SynchronousTestCase):
    """Kafka's ranges, at their edges."""

    def check(self, key: ConfigKey, good: str, bad: str) -> None:
        """Some texts a key takes and some it does not; both lists are separated by spaces."""
        for text in good.split():
            key.parse(text)
        for text in bad.split():
            error = self.assertRaises(ConfigurationError, key.parse, text)
            self.assertIn(key.name, str(error))
            self.assertIn(text, str(error))

    def test_topic_ranges(self) -> None:
        """The last value that is taken and the first that is not."""
        for name, good, bad in (
            ("segment.bytes", "1048576 2147483647", "1048575 2147483648 1e9 x"),
            ("segment.ms", "1", "0"),
            ("segment.index.bytes", "4", "3"),
            ("retention.ms", "-1 0", "-2"),
            ("retention.bytes", "-1 9223372036854775807", "9223372036854775808"),
            ("min.insync.replicas", "1", "0 -1"),
            ("cleanup.policy", "delete compact compact,delete delete,compact", "none delete,delete delete;compact"),
            ("compression.type", "producer uncompressed zstd lz4 snappy gzip", "none brotli GZIP"),
            ("compression.gzip.level", "-1 1 9", "0 10 -2"),
            ("compression.lz4.level", "1 17", "0 18"),
            ("compression.zstd.level", "-131072 22", "-131073 23"),
            ("min.cleanable.dirty.ratio", "0 1 0.5", "-0.1 1.1"),
            ("message.timestamp.type", "CreateTime LogAppendTime", "createtime"),
            ("leader.replication.throttled.replicas", "* 0:1 0:1,1:2", "x 0 0:a *,0:1"),
            ("local.retention.ms", "-2", "-3"),
            ("remote.storage.enable", "false", "true"),
            ("preallocate", "true FALSE", "yes 1"),
            ("search.mode", "off text json", "on"),
            ("record.validation", "header full", "none"),
        ):
            self.check(TOPIC_KEYS[name], good, bad)

    def test_broker_ranges(self) -> None:
        """The same for a broker."""
        for name, good, bad in (
            ("listeners", "PLAINTEXT://:9092 A://h:1,B://[::1]:0", "9092 PLAINTEXT://:65536 PLAINTEXT://::1:9092 http//x:1"),
            ("listener.security.protocol.map", "A:PLAINTEXT,B:sasl_ssl", "A A:TLS"),
            ("offsets.topic.replication.factor", "1 32767", "0 32768"),
            ("fetch.max.bytes", "1024", "1023"),
            ("log.segment.bytes", "1048576", "1048575"),
            ("node.id", "0", "-1"),
        ):
            self.check(BROKER_KEYS[name], good, bad)

    def test_empty_cleanup_policy(self) -> None:
        """Since Kafka 4.2 no policy at all keeps everything."""
        self.assertEqual((), TOPIC_KEYS["cleanup.policy"].parse(""))

    def test_empty_log_dirs(self) -> None:
        """There must be a directory."""
        self.assertRaises(ConfigurationError, BROKER_KEYS["log.dirs"].parse, " , ")

    def test_removed_keys(self) -> None:
        """What Kafka 4 removed is refused with that reason."""
        for name in ("message.format.version", "message.downconversion.enable"):
            self.assertIn("removed in Kafka 4.0", str(self.assertRaises(ConfigurationError, TOPIC_KEYS[name].parse, "x")))


class ValueTests(SynchronousTestCase):
    """Texts of values."""

    def test_spaces_do_not_count(self) -> None:
        """As people write them."""
        self.assertEqual(5, parse_value(ConfigType.INT, " 5 "))
        self.assertEqual(("a", "b"), parse_value(ConfigType.LIST, " a , b ,"))

    def test_odd_numbers(self) -> None:
        """Numbers that only Python would take are none."""
        for text in ("1_000", "٣", "0x10", "1.0", ""):
            self.assertRaises(ValueError, parse_value, ConfigType.LONG, text)

    @given(st.one_of(st.booleans().map(lambda v: (ConfigType.BOOLEAN, v)), st.integers(-(2**63), 2**63 - 1).map(lambda v: (ConfigType.LONG, v))))
    def test_round_trip(self, typed: tuple[ConfigType, bool | int]) -> None:
        """A value's text is that value."""
        kind, value = typed
        self.assertEqual(value, parse_value(kind, format_value(value) or ""))

    @given(st.floats(allow_nan=False))
    def test_doubles(self, value: float) -> None:
        """Doubles too, the largest included."""
        self.assertEqual(value, parse_value(ConfigType.DOUBLE, format_value(value) or ""))

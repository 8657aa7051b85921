"""Layers, topic defaults, dynamic changes, descriptions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import (
    BROKER_KEYS,
    GROUP_KEYS,
    TOPIC_KEYS,
    ConfigSource,
    ConfigType,
    Configuration,
    Effect,
    Scope,
    check_configs,
    list_value,
    load,
)
from chronik.config.describing import DescribedConfig, describe_broker, describe_dynamic_defaults, describe_group, describe_topic
from chronik.config.group_keys import check_group_limits
from chronik.config.listeners import parse_listener
from chronik.config.values import LONG_MAX
from chronik.errors import ConfigurationError, ErrorCode, KafkaError

HOUR_MS = 3_600_000


class TopicDefaultTests(SynchronousTestCase):
    """Broker keys give topics their defaults."""

    def default(self, name: str, **sets: str) -> object:
        """What a topic has under a broker with these settings; underscores stand for dots."""
        return load({key.replace("_", "."): value for key, value in sets.items()}, {}).topic_defaults()[name]

    def test_every_topic_key_has_one(self) -> None:
        """Without settings each topic key has its own default."""
        defaults = Configuration().topic_defaults()
        for name, key in TOPIC_KEYS.items():
            self.assertEqual(key.default, defaults[name], name)

    def test_units(self) -> None:
        """The finest unit that is set counts."""
        self.assertEqual(2 * HOUR_MS, self.default("retention.ms", log_retention_hours="2"))
        self.assertEqual(180_000, self.default("retention.ms", log_retention_hours="2", log_retention_minutes="3"))
        self.assertEqual(5, self.default("retention.ms", log_retention_hours="2", log_retention_minutes="3", log_retention_ms="5"))
        self.assertEqual(HOUR_MS, self.default("segment.ms", log_roll_hours="1"))

    def test_for_ever_in_any_unit(self) -> None:
        """Minus one hour is for ever, not an hour ago."""
        self.assertEqual(-1, self.default("retention.ms", log_retention_hours="-1"))

    def test_flush(self) -> None:
        """The scheduler's interval counts where the topic's own is not set."""
        self.assertEqual(LONG_MAX, self.default("flush.ms"))
        self.assertEqual(7, self.default("flush.ms", log_flush_scheduler_interval_ms="7"))

    def test_other_names(self) -> None:
        """Names that differ by more than a prefix."""
        self.assertEqual(5, self.default("max.message.bytes", message_max_bytes="5"))
        self.assertEqual("text", self.default("search.mode", search_mode="text"))

    def test_topic_values(self) -> None:
        """A topic's own settings win."""
        values = load({"log.retention.ms": "5"}, {}).topic_values({"retention.ms": "6"})
        self.assertEqual(6, values["retention.ms"])
        self.assertEqual(1, values["min.insync.replicas"])


class LayerTests(SynchronousTestCase):
    """Dynamic over static over default."""

    def test_dynamic(self) -> None:
        """One broker's value wins over all brokers', that over the file's."""
        static = load({"message.max.bytes": "1"}, {})
        self.assertEqual(2, static.with_dynamic({"message.max.bytes": "2"}, {}).get("message.max.bytes"))
        both = static.with_dynamic({"message.max.bytes": "2"}, {"message.max.bytes": "3"})
        self.assertEqual((3, ConfigSource.DYNAMIC_BROKER), (both.get("message.max.bytes"), both.source("message.max.bytes")))
        self.assertEqual(1, both.with_dynamic({}, {}).get("message.max.bytes"))
        self.assertEqual(3, both.topic_defaults()["max.message.bytes"])

    def test_with_values(self) -> None:
        """Replaced values are checked, and the original stays as it was."""
        config = Configuration()
        self.assertEqual(3, config.with_values({"num.partitions": "3"}).get("num.partitions"))
        self.assertEqual(1, config.get("num.partitions"))
        self.assertRaises(ConfigurationError, config.with_values, {"num.partitions": "0"})

    def test_unknown_key(self) -> None:
        """A program that asks for a key nobody has is wrong."""
        self.assertRaises(KeyError, Configuration().get, "nope")


class ListenerTests(SynchronousTestCase):
    """Addresses."""

    def test_parts(self) -> None:
        """Name, host and port; brackets around IPv6 come and go."""
        for text, host, port in (("PLAINTEXT://:9092", "", 9092), ("a://h.example:0", "h.example", 0), ("A://[::1]:80", "::1", 80)):
            listener = parse_listener(text)
            self.assertEqual((host, port), (listener.host, listener.port))
            self.assertEqual(text.upper(), str(listener).upper())

    def test_reach(self) -> None:
        """Which addresses other machines reach."""
        for host, wildcard, loopback in (("", True, False), ("0.0.0.0", True, False), ("[::]", True, False), ("127.0.0.1", False, True)):
            listener = parse_listener(f"A://{host}:1")
            self.assertEqual((wildcard, loopback), (listener.wildcard, listener.loopback), host)
        self.assertTrue(parse_listener("A://localhost:1").loopback)


class DynamicTests(SynchronousTestCase):
    """Whole sets of dynamic configuration."""

    def check(self, scope: Scope, after: dict[str, str], before: dict[str, str] | None = None, resource: str = "r") -> tuple[str, ...]:
        """The warnings of a change."""
        return check_configs(scope, resource, before or {}, after, Configuration())

    def refused(self, code: ErrorCode, scope: Scope, after: dict[str, str], resource: str = "r") -> str:
        """The message of a change that is refused."""
        error = self.assertRaises(KafkaError, self.check, scope, after, None, resource)
        self.assertEqual(code, error.code)
        return str(error.message)

    def test_topic(self) -> None:
        """Good values pass silently."""
        self.assertEqual((), self.check(Scope.TOPIC, {"retention.ms": "1000", "cleanup.policy": "delete", "search.mode": "off"}))

    def test_unknown(self) -> None:
        """Each scope has its own keys; the nearest is suggested."""
        self.assertIn("retention.ms", self.refused(ErrorCode.INVALID_CONFIG, Scope.TOPIC, {"retention.mss": "1"}))
        self.refused(ErrorCode.INVALID_CONFIG, Scope.TOPIC, {"log.retention.ms": "1"})
        self.refused(ErrorCode.INVALID_CONFIG, Scope.GROUP, {"retention.ms": "1"})
        self.refused(ErrorCode.INVALID_CONFIG, Scope.BROKER, {"retention.ms": "1"})

    def test_wrong_value(self) -> None:
        """Key, value and what it takes."""
        message = self.refused(ErrorCode.INVALID_CONFIG, Scope.TOPIC, {"segment.bytes": "5"})
        for part in ("segment.bytes", "5", "1048576"):
            self.assertIn(part, message)

    def test_order_of_pairs(self) -> None:
        """Two keys that contradict each other."""
        self.refused(ErrorCode.INVALID_CONFIG, Scope.TOPIC, {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "9"})
        self.refused(ErrorCode.INVALID_CONFIG, Scope.TOPIC, {"min.compaction.lag.ms": str(LONG_MAX), "max.compaction.lag.ms": str(LONG_MAX - 1)})
        # Nothing is kept elsewhere, so what of it is kept here contradicts nothing.
        self.check(Scope.TOPIC, {"local.retention.ms": str(LONG_MAX), "local.retention.bytes": "5"})

    def test_stored_warns_when_changed(self) -> None:
        """A stored key warns when it is set, and not again when something else is."""
        (warning,) = self.check(Scope.TOPIC, {"preallocate": "true"})
        self.assertIn("preallocate", warning)
        self.assertEqual((), self.check(Scope.TOPIC, {"preallocate": "true", "retention.ms": "5"}, {"preallocate": "true"}))
        self.assertEqual((), self.check(Scope.TOPIC, {}, {"preallocate": "true"}))

    def test_read_only(self) -> None:
        """A key that needs a restart is refused as Kafka does."""
        self.assertIn("node.id", self.refused(ErrorCode.INVALID_REQUEST, Scope.BROKER, {"node.id": "2"}))

    def test_internal_keys_only_where_set(self) -> None:
        """Kafka's tools show them for no topic that does not set them."""
        set_here = {"internal.segment.bytes": "1000"}
        described = {each.name: each.value for each in describe_topic(Configuration(), set_here)}
        self.assertEqual("1000", described["internal.segment.bytes"])

    def test_broker(self) -> None:
        """A cluster-wide key may be set for one broker or all."""
        for resource in ("", "1"):
            self.check(Scope.BROKER, {"log.retention.ms": "5"}, resource=resource)

    def test_list_values(self) -> None:
        """What appending begins from."""
        config = load({"log.cleanup.policy": "compact"}, {})
        self.assertEqual("compact", list_value(Scope.TOPIC, "cleanup.policy", config))
        self.assertEqual("delete", list_value(Scope.TOPIC, "cleanup.policy", Configuration()))
        self.assertEqual("compact", list_value(Scope.BROKER, "log.cleanup.policy", config))
        for name in ("retention.ms", "nope"):
            self.assertEqual(ErrorCode.INVALID_CONFIG, self.assertRaises(KafkaError, list_value, Scope.TOPIC, name, config).code)


class DescribingTests(SynchronousTestCase):
    """What DescribeConfigs answers."""

    def topic(self, name: str, config: Configuration, **configs: str) -> DescribedConfig:
        """One key of a topic; underscores stand for dots."""
        every = describe_topic(config, {key.replace("_", "."): value for key, value in configs.items()})
        return next(each for each in every if each.name == name)

    def test_default(self) -> None:
        """Nobody set it."""
        found = self.topic("retention.ms", Configuration())
        self.assertEqual(("604800000", ConfigSource.DEFAULT, True), (found.value, found.source, found.is_default))
        self.assertEqual(ConfigType.LONG, found.type)
        self.assertFalse(found.read_only)

    def test_own(self) -> None:
        """The topic's value, then where it would come from otherwise."""
        found = self.topic("retention.ms", load({"log.retention.ms": "6"}, {}), retention_ms="5")
        self.assertEqual(("5", ConfigSource.DYNAMIC_TOPIC, False), (found.value, found.source, found.is_default))
        self.assertEqual(
            [("retention.ms", "5", ConfigSource.DYNAMIC_TOPIC), ("log.retention.ms", "6", ConfigSource.STATIC_BROKER)],
            [(each.name, each.value, each.source) for each in found.synonyms],
        )

    def test_in_the_keys_own_unit(self) -> None:
        """Hours of the broker are milliseconds of the topic."""
        found = self.topic("retention.ms", load({"log.retention.hours": "1"}, {}))
        self.assertEqual((str(HOUR_MS), ConfigSource.STATIC_BROKER), (found.value, found.source))
        self.assertEqual("log.retention.hours", found.synonyms[0].name)

    def test_every_key_but_the_refused(self) -> None:
        """Tools see all keys there are, and none that cannot be set."""
        shown = {name for name, key in TOPIC_KEYS.items() if key.effect is not Effect.REFUSED and not name.startswith("internal.")}
        self.assertEqual(shown, {each.name for each in describe_topic(Configuration(), {})})
        self.assertEqual(set(BROKER_KEYS), {each.name for each in describe_broker(Configuration())})
        self.assertEqual(set(GROUP_KEYS), {each.name for each in describe_group(Configuration(), {})})

    def test_broker(self) -> None:
        """Layers are the synonyms, read-only says what needs a restart."""
        config = load({"message.max.bytes": "1"}, {}).with_dynamic({"message.max.bytes": "2"}, {})
        every = {each.name: each for each in describe_broker(config)}
        self.assertEqual("2", every["message.max.bytes"].value)
        self.assertEqual(["2", "1", "1048588"], [each.value for each in every["message.max.bytes"].synonyms])
        self.assertTrue(every["node.id"].read_only)
        self.assertFalse(every["message.max.bytes"].read_only)
        self.assertIsNone(every["broker.rack"].value)

    def test_defaults_of_all_brokers(self) -> None:
        """Only what is set."""
        (found,) = describe_dynamic_defaults({"message.max.bytes": "2"})
        self.assertEqual(("2", ConfigSource.DYNAMIC_DEFAULT_BROKER), (found.value, found.source))

    def test_group(self) -> None:
        """A group's own value and the default below."""
        configs = {"consumer.session.timeout.ms": "50000"}
        found = next(each for each in describe_group(Configuration(), configs) if each.name == "consumer.session.timeout.ms")
        self.assertEqual(("50000", ConfigSource.GROUP), (found.value, found.source))
        self.assertEqual(["50000", "45000"], [each.value for each in found.synonyms])


class GroupLimitsTest(SynchronousTestCase):
    """What may be set on a group, and what the broker's own values must be (KIP-848)."""

    def refused(self, **values: str) -> str:
        """Why a group may not be configured so; empty when it may."""
        configs = {f"consumer.{name.replace('_', '.')}.ms": value for name, value in values.items()}
        try:
            check_configs(Scope.GROUP, "g", {}, configs, Configuration())
        except KafkaError as error:
            self.assertIs(error.code, ErrorCode.INVALID_CONFIG)
            return error.message
        return ""

    def test_of_a_group(self) -> None:
        """Within the broker's limits, sessions longer than the time between heartbeats; the words are Kafka's."""
        self.assertEqual("", self.refused(session_timeout="50000", heartbeat_interval="6000", assignment_interval="0"))
        low = "consumer.heartbeat.interval.ms must be greater than or equal to group.consumer.min.heartbeat.interval.ms"
        self.assertEqual(low, self.refused(heartbeat_interval="4999"))
        high = "consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms"
        self.assertEqual(high, self.refused(session_timeout="60001"))
        wide = load({"group.consumer.max.heartbeat.interval.ms": "99999"}, {})
        configs = {"consumer.heartbeat.interval.ms": "45000"}
        error = self.assertRaises(KafkaError, check_configs, Scope.GROUP, "g", {}, configs, wide)
        self.assertEqual("consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms", error.message)

    def test_of_kinds_that_are_not_served(self) -> None:
        """Share and streams groups have limits too, though what is set on them is only kept."""
        config = load({"group.streams.max.heartbeat.interval.ms": "55000", "group.share.max.delivery.count.limit": "6"}, {})
        for name, value, words in (
            ("streams.session.timeout.ms", "1", "must be greater than or equal to group.streams.min.session.timeout.ms"),
            ("streams.heartbeat.interval.ms", "100000", "must be less than or equal to group.streams.max.heartbeat.interval.ms"),
            ("streams.num.standby.replicas", "3", "must be less than or equal to group.streams.max.standby.replicas"),
            ("share.delivery.count.limit", "7", "must be less than or equal to group.share.max.delivery.count.limit"),
        ):
            error = self.assertRaises(KafkaError, check_configs, Scope.GROUP, "g", {}, {name: value}, config)
            self.assertEqual((ErrorCode.INVALID_CONFIG, f"{name} {words}"), (error.code, error.message))
        error = self.assertRaises(KafkaError, check_configs, Scope.GROUP, "g", {}, {"streams.heartbeat.interval.ms": "50000"}, config)
        self.assertEqual("streams.session.timeout.ms must be greater than streams.heartbeat.interval.ms", error.message)
        (warning,) = check_configs(Scope.GROUP, "g", {}, {"streams.num.standby.replicas": "2"}, config)
        self.assertIn("has no effect", warning)

    def test_compaction(self) -> None:
        """Whoever asks for it is told that it is not done, when it is asked for; for internal topics nobody did."""
        policy = {"cleanup.policy": "compact,delete"}
        (warning,) = check_configs(Scope.TOPIC, "t", {}, policy, Configuration())
        self.assertIn("cleanup.policy=compact,delete of topic t: compaction is not done yet", warning)
        (warning,) = check_configs(Scope.BROKER, "", {}, {"log.cleanup.policy": "compact"}, Configuration())
        self.assertIn("compaction is not done yet", warning)
        (warning,) = load({"log.cleanup.policy": "compact"}, {}).warnings
        self.assertIn("compaction is not done yet", warning)
        for name, before in (("t", policy), ("__consumer_offsets", {})):
            self.assertEqual((), check_configs(Scope.TOPIC, name, before, policy, Configuration()))
        self.assertEqual((), check_configs(Scope.TOPIC, "t", policy, {"cleanup.policy": "delete"}, Configuration()))

    def test_of_the_broker_at_run_time(self) -> None:
        """The interval between assignments may change while the broker runs, within its limits."""
        name = "group.consumer.assignment.interval.ms"
        for resource in ("", "1"):
            self.assertEqual((), check_configs(Scope.BROKER, resource, {}, {name: "15000"}, Configuration()))
            error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, resource, {}, {name: "15001"}, Configuration())
            self.assertEqual(ErrorCode.INVALID_CONFIG, error.code)

    def test_of_the_broker(self) -> None:
        """Limits in order, and the values within them."""
        check_group_limits(Configuration())
        for texts, words in (
            ({"group.consumer.max.session.timeout.ms": "40000"}, "must be greater than or equal to"),
            ({"group.consumer.session.timeout.ms": "44999"}, "must be between"),
            ({"group.streams.num.standby.replicas": "3"}, "must not be more than"),
            ({"group.consumer.min.session.timeout.ms": "1", "group.consumer.session.timeout.ms": "5000"}, "must be less than"),
        ):
            error = self.assertRaises(ConfigurationError, check_group_limits, load(texts, {}))
            self.assertIn(words, str(error))

    def test_inherited(self) -> None:
        """A group has the broker's value, and DescribeConfigs says where it is from."""
        config = load({"group.consumer.session.timeout.ms": "46000"}, {})
        found = next(each for each in describe_group(config, {}) if each.name == "consumer.session.timeout.ms")
        self.assertEqual(("46000", ConfigSource.STATIC_BROKER), (found.value, found.source))
        self.assertEqual(["group.consumer.session.timeout.ms"] * 2, [each.name for each in found.synonyms])
        kept = next(each for each in describe_group(config, {}) if each.name == "streams.num.standby.replicas")
        self.assertEqual([("group.streams.num.standby.replicas", "0", ConfigSource.DEFAULT)], [(s.name, s.value, s.source) for s in kept.synonyms])

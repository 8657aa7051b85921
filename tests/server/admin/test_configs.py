"""DescribeConfigs, AlterConfigs and IncrementalAlterConfigs: sources, synonyms, permissions and refusals, in every version."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.config import ConfigSource
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest
from chronik.server.handlers.admin import alter_configs, describe_configs
from tests.metadata.passwords import make_encoder
from tests.server.admin.fixture import AdminCase, deny

(DESCRIBE,) = describe_configs.APIS
ALTER, INCREMENTAL = alter_configs.APIS
TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
CANARY = "canary-4711"

Described = DescribeConfigsRequest.DescribeConfigsResource
Resource = AlterConfigsRequest.AlterConfigsResource
Config = AlterConfigsRequest.AlterableConfig
Edits = IncrementalAlterConfigsRequest.AlterConfigsResource
Edit = IncrementalAlterConfigsRequest.AlterableConfig


class ConfigsCase(AdminCase):
    """With a topic."""

    def setUp(self) -> None:
        """Create it."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("t", configs={"retention.ms": "5"})]))

    def describe(self, version: int, kind: int, name: str, *keys: str, **fields: Any) -> Any:
        """Describe one resource."""
        resource = Described(resource_type=kind, resource_name=name, configuration_keys=keys or None)
        return self.ask(DESCRIBE, version, DescribeConfigsRequest(resources=(resource,), **fields)).results[0]

    def value(self, kind: int, name: str, key: str) -> tuple[str | None, int]:
        """A key's value and source."""
        (config,) = self.describe(4, kind, name, key).configs
        return config.value, config.config_source

    def edit(self, kind: int, name: str, *edits: tuple[int, str, str | None], version: int = 1, **fields: Any) -> ErrorCode:
        """Alter one resource key by key."""
        configs = tuple(Edit(config_operation=operation, name=key, value=value) for operation, key, value in edits)
        request = IncrementalAlterConfigsRequest(resources=(Edits(resource_type=kind, resource_name=name, configs=configs),), **fields)
        (response,) = self.ask(INCREMENTAL, version, request).responses
        self.assertEqual([response.resource_type, response.resource_name], [kind, name])
        self.assertEqual(bool(response.error_message), bool(response.error_code))
        return ErrorCode(response.error_code)

    def replace(self, kind: int, name: str, version: int = 2, **configs: str | None) -> ErrorCode:
        """Alter one resource as a whole; underscores in keys stand for dots."""
        given = tuple(Config(name=key.replace("_", "."), value=value) for key, value in configs.items())
        request = AlterConfigsRequest(resources=(Resource(resource_type=kind, resource_name=name, configs=given),))
        return ErrorCode(self.ask(ALTER, version, request).responses[0].error_code)


class DescribeConfigsTests(ConfigsCase):
    """DescribeConfigs."""

    def test_the_same_resource_again_and_again(self) -> None:
        """A resource is described once, however often it is named: a small request must not ask for a huge answer."""
        resource = Described(resource_type=TOPIC, resource_name="t")
        some = Described(resource_type=TOPIC, resource_name="t", configuration_keys=("retention.ms",))
        results = self.ask(DESCRIBE, 4, DescribeConfigsRequest(resources=(resource, some) * 1_000)).results
        self.assertEqual([True, False], [len(result.configs) > 1 for result in results])

    def test_many_resources(self) -> None:
        """Others have their turn while many resources are described."""
        count = 2 * describe_configs.RESOURCES_OF_A_TURN + 1
        resources = tuple(Described(resource_type=TOPIC, resource_name=f"none-{n}") for n in range(count))
        answer = self.begin(DESCRIBE, 4, DescribeConfigsRequest(resources=resources))
        self.assertNoResult(answer)
        self.clock.advance(0)
        self.assertEqual(count, len(self.successResultOf(answer).results))

    def test_every_version(self) -> None:
        """Each version tells value and source; types and documentation come with version 3."""
        for version in self.every_version(DESCRIBE):
            fields = {"include_documentation": True} if version >= 3 else {}
            result = self.describe(version, TOPIC, "t", **fields)
            self.assertEqual([result.error_code, result.error_message], [0, None])
            configs = {config.name: config for config in result.configs}
            own, inherited = configs["retention.ms"], configs["retention.bytes"]
            self.assertEqual([own.value, own.config_source, own.read_only, own.is_sensitive], ["5", 1, False, False])
            self.assertEqual([inherited.value, inherited.config_source], ["-1", 5])
            self.assertEqual([own.synonyms, own.config_type], [(), 5 if version >= 3 else 0])
            self.assertEqual(bool(own.documentation), version >= 3)

    def test_synonyms(self) -> None:
        """When asked for, every place that has a value is told, strongest first."""
        self.assertEqual(self.edit(BROKER, "1", (SET, "log.retention.ms", "7")), ErrorCode.NONE)
        (config,) = self.describe(4, TOPIC, "t", "retention.ms", include_synonyms=True).configs
        told = [(synonym.name, synonym.value, synonym.source) for synonym in config.synonyms]
        self.assertEqual(told[:2], [("retention.ms", "5", 1), ("log.retention.ms", "7", 2)])

    def test_keys_asked_for(self) -> None:
        """Only keys that are named are told; unknown ones are left out."""
        result = self.describe(4, TOPIC, "t", "retention.ms", "nothing")
        self.assertEqual([config.name for config in result.configs], ["retention.ms"])

    def test_broker(self) -> None:
        """This broker's keys, with dynamic values over static ones; what cannot change at run time is read-only."""
        self.assertEqual(self.value(BROKER, "1", "num.partitions"), ("3", 4))
        (fixed,) = self.describe(4, BROKER, "1", "auto.create.topics.enable").configs
        self.assertTrue(fixed.read_only)
        self.assertEqual(self.edit(BROKER, "", (SET, "log.retention.ms", "7")), ErrorCode.NONE)
        self.assertEqual(self.value(BROKER, "1", "log.retention.ms"), ("7", 3))
        self.assertEqual(self.edit(BROKER, "1", (SET, "log.retention.ms", "8")), ErrorCode.NONE)
        self.assertEqual(self.value(BROKER, "1", "log.retention.ms"), ("8", 2))

    def test_every_broker(self) -> None:
        """The broker without a name has only what is set for all."""
        self.assertEqual(self.describe(4, BROKER, "").configs, ())
        self.edit(BROKER, "", (SET, "log.retention.ms", "7"))
        self.assertEqual([(config.name, config.value) for config in self.describe(4, BROKER, "").configs], [("log.retention.ms", "7")])

    def test_default_replication_factor_is_told(self) -> None:
        """Tools read it before they create topics."""
        self.assertEqual(self.value(BROKER, "1", "default.replication.factor"), ("1", 5))

    def test_group(self) -> None:
        """A group's keys, set or not, whether or not the group exists."""
        self.assertEqual(self.value(GROUP, "g", "consumer.session.timeout.ms"), ("45000", 5))
        self.edit(GROUP, "g", (SET, "consumer.session.timeout.ms", "50000"))
        self.assertEqual(self.value(GROUP, "g", "consumer.session.timeout.ms"), ("50000", 8))

    def test_client_metrics(self) -> None:
        """A subscription's keys, set or not; what clients match is checked."""
        self.assertEqual(self.value(METRICS, "m", "interval.ms"), ("300000", 5))
        edits = (SET, "metrics", "org.apache"), (SET, "match", "client_id=a.*,client_software_name=Java")
        self.assertEqual(self.edit(METRICS, "m", *edits), ErrorCode.NONE)
        self.assertEqual(self.value(METRICS, "m", "metrics"), ("org.apache", 7))
        for key, text in (("interval.ms", "99"), ("match", "client=x"), ("match", "client_id"), ("match", "client_id=("), ("nothing", "1")):
            self.assertEqual(self.edit(METRICS, "m", (SET, key, text)), ErrorCode.INVALID_CONFIG, (key, text))

    def test_errors(self) -> None:
        """Each resource that cannot be described says why, and keeps its name."""
        errors = {
            (TOPIC, "none"): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            (TOPIC, "a b"): ErrorCode.INVALID_TOPIC_EXCEPTION,
            (BROKER, "2"): ErrorCode.INVALID_REQUEST,
            (BROKER, "x"): ErrorCode.INVALID_REQUEST,
            (GROUP, ""): ErrorCode.INVALID_REQUEST,
            (LOGGER, "2"): ErrorCode.INVALID_REQUEST,
            (LOGGER, ""): ErrorCode.INVALID_REQUEST,
            (METRICS, ""): ErrorCode.INVALID_REQUEST,
            (99, "x"): ErrorCode.INVALID_REQUEST,
        }
        resources = tuple(Described(resource_type=kind, resource_name=name, configuration_keys=None) for kind, name in errors)
        results = self.ask(DESCRIBE, 4, DescribeConfigsRequest(resources=resources)).results
        self.assertEqual({(result.resource_type, result.resource_name): result.error_code for result in results}, errors)
        self.assertTrue(all(result.error_message for result in results))

    def test_permissions(self) -> None:
        """DESCRIBE_CONFIGS is needed, on the topic, the group, or for brokers the cluster."""
        self.denied = deny("DESCRIBE_CONFIGS")
        codes = [self.describe(4, kind, name).error_code for kind, name in ((TOPIC, "t"), (TOPIC, "none"), (GROUP, "g"), (BROKER, "1"))]
        topic, group, cluster = (ErrorCode[f"{kind}_AUTHORIZATION_FAILED"] for kind in ("TOPIC", "GROUP", "CLUSTER"))
        self.assertEqual(codes, [topic, topic, group, cluster])

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each resource."""
        request = DescribeConfigsRequest(resources=(Described(resource_type=TOPIC, resource_name="t"),))
        for version in self.every_version(DESCRIBE):
            answer: Any = DESCRIBE.refusal(request, version, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "why"))
            (result,) = type(answer).decode(answer.encode(version), version, 0)[0].results
            self.assertEqual([result.error_code, result.error_message, result.resource_name], [-1, "why", "t"])


class AlterConfigsTests(ConfigsCase):
    """Both APIs."""

    def test_incremental(self) -> None:
        """Each version changes what is named and leaves the rest."""
        for version in self.every_version(INCREMENTAL):
            self.assertEqual(self.edit(TOPIC, "t", (SET, "retention.bytes", f"{version}"), version=version), ErrorCode.NONE)
            self.assertEqual(dict(self.image.topics["t"].configs), {"retention.ms": "5", "retention.bytes": f"{version}"})
        self.assertEqual(self.edit(TOPIC, "t", (APPEND, "cleanup.policy", "compact"), (DELETE, "retention.bytes", None)), ErrorCode.NONE)
        self.assertEqual(dict(self.image.topics["t"].configs), {"retention.ms": "5", "cleanup.policy": "delete,compact"})
        self.assertEqual(self.edit(TOPIC, "t", (SUBTRACT, "cleanup.policy", "delete")), ErrorCode.NONE)
        self.assertEqual(self.image.topics["t"].configs["cleanup.policy"], "compact")

    def test_replace(self) -> None:
        """Each version of the older API forgets what is not named."""
        for version in self.every_version(ALTER):
            self.assertEqual(self.replace(TOPIC, "t", version, retention_bytes=f"{version}"), ErrorCode.NONE)
            self.assertEqual(dict(self.image.topics["t"].configs), {"retention.bytes": f"{version}"})

    def test_validate_only(self) -> None:
        """Validation changes nothing, and refuses what would be refused."""
        self.assertEqual(self.edit(TOPIC, "t", (SET, "retention.ms", "9"), validate_only=True), ErrorCode.NONE)
        self.assertEqual(self.edit(TOPIC, "t", (SET, "retention.ms", "x"), validate_only=True), ErrorCode.INVALID_CONFIG)
        self.assertEqual(dict(self.image.topics["t"].configs), {"retention.ms": "5"})

    def test_errors(self) -> None:
        """Each change that cannot be made has its code."""
        one = (SET, "retention.ms", "1")
        self.assertEqual(self.edit(TOPIC, "none", one), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.edit(TOPIC, "t", (SET, "nothing", "1")), ErrorCode.INVALID_CONFIG)
        self.assertEqual(self.edit(TOPIC, "t", (APPEND, "retention.ms", "1")), ErrorCode.INVALID_CONFIG)
        self.assertEqual(self.edit(TOPIC, "t", (SET, "retention.ms", None)), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(TOPIC, "t", one, one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(TOPIC, "t", (9, "retention.ms", "1")), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(BROKER, "1", (SET, "auto.create.topics.enable", "false")), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(BROKER, "1", (SET, "security.inter.broker.protocol", "PLAINTEXT")), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(BROKER, "2", (SET, "log.retention.ms", "1")), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.edit(99, "x", one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.replace(TOPIC, "t", retention_ms=None), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.replace(GROUP, "g", nothing="1"), ErrorCode.INVALID_CONFIG)
        self.assertEqual(dict(self.image.topics["t"].configs), {"retention.ms": "5"})

    def test_delete_of_what_is_not_set(self) -> None:
        """Deleting a key that is not set is fine, also one that does not exist."""
        self.assertEqual(self.edit(TOPIC, "t", (DELETE, "nothing", None)), ErrorCode.NONE)

    def test_resource_twice(self) -> None:
        """A resource named twice is refused both times; others go through."""
        twice = Edits(resource_type=TOPIC, resource_name="t", configs=(Edit(name="retention.ms", value="1"),))
        other = Edits(resource_type=GROUP, resource_name="g", configs=(Edit(name="consumer.session.timeout.ms", value="50000"),))
        responses = self.ask(INCREMENTAL, 1, IncrementalAlterConfigsRequest(resources=(twice, other, twice))).responses
        self.assertEqual([response.error_code for response in responses], [ErrorCode.INVALID_REQUEST, 0, ErrorCode.INVALID_REQUEST])

    def test_permissions(self) -> None:
        """ALTER_CONFIGS is needed, on the topic, the group, or for brokers the cluster."""
        self.denied = deny("ALTER_CONFIGS")
        self.assertEqual(self.edit(TOPIC, "t", (SET, "retention.ms", "1")), ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.edit(GROUP, "g", (SET, "x", "1")), ErrorCode.GROUP_AUTHORIZATION_FAILED)
        self.assertEqual(self.replace(BROKER, "1", log_retention_ms="1"), ErrorCode.CLUSTER_AUTHORIZATION_FAILED)

    SECRET = "listener.name.inside.ssl.keystore.password"

    def test_secrets(self) -> None:
        """Each API stores a secret, encrypted; it is described without its value, and as unset once it is deleted."""
        self.successResultOf(self.passwords.start())
        for alter in (
            lambda: self.edit(BROKER, "1", (SET, self.SECRET, CANARY)),
            lambda: self.replace(BROKER, "1", **{self.SECRET.replace(".", "_"): CANARY}),
        ):
            self.assertEqual(alter(), ErrorCode.NONE)
            stored = self.image.configs["broker/1"][self.SECRET]
            self.assertEqual(self.passwords.opened("1", {self.SECRET: stored}).texts, {self.SECRET: CANARY})
            self.assertNotIn(CANARY, repr(self.successResultOf(self.store.snapshot()).entries))
            (config,) = self.describe(4, BROKER, "1", self.SECRET, include_synonyms=True).configs
            told = (config.value, config.config_source, config.is_sensitive, config.read_only)
            self.assertEqual(told, (None, ConfigSource.DYNAMIC_BROKER, True, False))
            self.assertEqual([synonym.value for synonym in config.synonyms], [None])
            self.assertEqual(self.edit(BROKER, "1", (DELETE, self.SECRET, None)), ErrorCode.NONE)
            self.assertEqual(self.describe(4, BROKER, "1", self.SECRET).configs, ())
            self.assertNotIn("broker/1", self.image.configs)

    def test_stored_secrets_stay(self) -> None:
        """A change of another key leaves a stored secret as it is, also one that cannot be decrypted."""
        self.successResultOf(self.passwords.start())
        self.assertEqual(self.edit(BROKER, "1", (SET, self.SECRET, CANARY)), ErrorCode.NONE)
        stored = self.image.configs["broker/1"][self.SECRET]
        self.passwords = make_encoder()
        self.assertEqual(self.edit(BROKER, "1", (SET, "log.retention.ms", "5")), ErrorCode.NONE)
        self.assertEqual(dict(self.image.configs["broker/1"]), {self.SECRET: stored, "log.retention.ms": "5"})
        self.assertEqual(self.edit(BROKER, "1", (DELETE, self.SECRET, None)), ErrorCode.NONE)

    def test_secrets_refused(self) -> None:
        """Without a secret to encrypt with, for all listeners or brokers at once, or as a list, none is taken; no refusal tells it."""
        for validate_only in (False, True):
            self.assertEqual(self.edit(BROKER, "1", (SET, self.SECRET, CANARY), validate_only=validate_only), ErrorCode.INVALID_REQUEST)
            self.assertIn("set password.encoder.secret, or password.encoder.secret.file", self.answer.responses[0].error_message)
        self.successResultOf(self.passwords.start())
        self.assertEqual(self.edit(BROKER, "1", (SET, self.SECRET, CANARY), validate_only=True), ErrorCode.NONE)
        for name, key, operation, code in (
            ("1", "ssl.keystore.password", SET, ErrorCode.INVALID_REQUEST),
            ("", self.SECRET, SET, ErrorCode.INVALID_REQUEST),
            ("1", "password.encoder.secret", SET, ErrorCode.INVALID_REQUEST),
            ("1", self.SECRET, APPEND, ErrorCode.INVALID_CONFIG),
            ("1", self.SECRET, SUBTRACT, ErrorCode.INVALID_CONFIG),
            ("2", self.SECRET, SET, ErrorCode.INVALID_REQUEST),
        ):
            self.assertEqual(self.edit(BROKER, name, (operation, key, CANARY)), code)
            self.assertNotIn(CANARY, self.answer.responses[0].error_message)
        both = ((SET, self.SECRET, CANARY), (SET, f"{self.SECRET}.file", "/nowhere/secret"))
        self.assertEqual(self.edit(BROKER, "1", *both), ErrorCode.INVALID_CONFIG)
        self.assertIn("are both set", self.answer.responses[0].error_message)
        self.assertEqual({}, dict(self.image.configs))

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each resource."""
        error = KafkaError(ErrorCode.NOT_CONTROLLER, "why")
        for api, request in (
            (ALTER, AlterConfigsRequest(resources=(Resource(resource_type=TOPIC, resource_name="t"),))),
            (INCREMENTAL, IncrementalAlterConfigsRequest(resources=(Edits(resource_type=TOPIC, resource_name="t"),))),
        ):
            for version in self.every_version(api):
                answer: Any = api.refusal(request, version, error)
                (response,) = type(answer).decode(answer.encode(version), version, 0)[0].responses
                self.assertEqual([response.error_code, response.error_message, response.resource_name], [41, "why", "t"])

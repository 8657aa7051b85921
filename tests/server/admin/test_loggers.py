"""Levels of loggers as Kafka's kafka-configs describes and alters them."""

from __future__ import annotations

from chronik.errors import ErrorCode
from chronik.server.handlers.admin import loggers
from tests.server.admin.fixture import deny
from tests.server.admin.test_configs import APPEND, DELETE, LOGGER, SET, ConfigsCase

CONTROLLER = "chronik.cluster.controller.Controller"


class LoggerTests(ConfigsCase):
    """DescribeConfigs and IncrementalAlterConfigs of a broker's loggers."""

    def test_describe(self) -> None:
        """Every logger with its level, as a source of its own."""
        configs = {config.name: config for config in self.describe(4, LOGGER, "1").configs}
        self.assertLess(20, len(configs))
        told = configs[CONTROLLER]
        self.assertEqual(("INFO", 6, False, False, 2), (told.value, told.config_source, told.read_only, told.is_sensitive, told.config_type))
        self.assertEqual(("INFO", 6), self.value(LOGGER, "1", "root"))

    def test_alter(self) -> None:
        """A level counts at once for the logger and all below; taken away, that of what is above counts again."""
        self.assertEqual(ErrorCode.NONE, self.edit(LOGGER, "1", (SET, "chronik.cluster", "DEBUG"), (SET, "root", "WARN")))
        self.assertEqual("DEBUG", self.log_levels.level(CONTROLLER))
        self.assertEqual([("DEBUG", 6), ("WARN", 6)], [self.value(LOGGER, "1", name) for name in (CONTROLLER, "root")])
        self.assertEqual(ErrorCode.NONE, self.edit(LOGGER, "1", (DELETE, "chronik.cluster", None)))
        self.assertEqual("WARN", self.log_levels.level(CONTROLLER))

    def test_refused(self) -> None:
        """What cannot be done has Kafka's code, and nothing of the request is done."""
        for edit, code in (
            ((SET, "nobody", "DEBUG"), ErrorCode.INVALID_CONFIG),
            ((DELETE, "nobody", None), ErrorCode.INVALID_CONFIG),
            ((SET, CONTROLLER, "LOUD"), ErrorCode.INVALID_CONFIG),
            ((SET, CONTROLLER, "debug"), ErrorCode.INVALID_CONFIG),
            ((SET, CONTROLLER, None), ErrorCode.INVALID_REQUEST),
            ((DELETE, "root", None), ErrorCode.INVALID_REQUEST),
            ((APPEND, CONTROLLER, "DEBUG"), ErrorCode.INVALID_REQUEST),
        ):
            self.assertEqual(code, self.edit(LOGGER, "1", (SET, "chronik.storage", "OFF"), edit), edit)
        self.assertEqual("INFO", self.log_levels.level("chronik.storage"))
        for name in ("2", ""):
            self.assertEqual(ErrorCode.INVALID_REQUEST, self.edit(LOGGER, name, (SET, "root", "OFF")))
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.replace(LOGGER, "1", root="OFF"))
        many = tuple((SET, f"chronik.x{number}", "OFF") for number in range(loggers.EDITS_MAX + 1))
        self.assertIn(self.edit(LOGGER, "1", *many), (ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_CONFIG))
        self.assertEqual("INFO", self.log_levels.level("root"))

    def test_validate_only(self) -> None:
        """Checked, not done."""
        self.assertEqual(ErrorCode.NONE, self.edit(LOGGER, "1", (SET, "root", "OFF"), validate_only=True))
        self.assertEqual("INFO", self.log_levels.level("root"))

    def test_permissions(self) -> None:
        """Both need the cluster's permission."""
        self.denied = deny("ALTER_CONFIGS")
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.edit(LOGGER, "1", (SET, "root", "OFF")))
        self.assertEqual("INFO", self.log_levels.level("root"))
        self.denied = deny("DESCRIBE_CONFIGS")
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.describe(4, LOGGER, "1").error_code)

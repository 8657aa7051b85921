"""Kafka's error codes."""

from __future__ import annotations

from kafka import errors as client
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import MESSAGE_CHARS_MAX, ChronikError, ConfigurationError, ErrorCode, KafkaError


class ErrorTests(SynchronousTestCase):
    """Codes and the exceptions that carry them."""

    def test_no_gaps(self) -> None:
        """Codes run from -1 without a gap."""
        self.assertEqual(list(range(-1, len(ErrorCode) - 1)), [int(code) for code in ErrorCode])

    def test_retriable(self) -> None:
        """A client's own table agrees on what may be retried, for the codes that both have always had."""
        for code in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_ENOUGH_REPLICAS):
            self.assertTrue(code.retriable)
            self.assertTrue(client.for_code(code).retriable, code)
        for code in (ErrorCode.INVALID_CONFIG, ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.NONE, ErrorCode.UNKNOWN_SERVER_ERROR):
            self.assertFalse(code.retriable)

    def test_exception(self) -> None:
        """An exception shows code and message, or the code alone."""
        error = KafkaError(ErrorCode.INVALID_CONFIG, "x is wrong")
        self.assertEqual(("INVALID_CONFIG: x is wrong", False), (str(error), error.retriable))
        self.assertEqual("REQUEST_TIMED_OUT", str(KafkaError(ErrorCode.REQUEST_TIMED_OUT)))
        self.assertTrue(issubclass(ConfigurationError, ChronikError))

    def test_long_message(self) -> None:
        """A message that quotes much is cut, so that it fits into every answer whatever its characters."""
        error = KafkaError(ErrorCode.INVALID_CONFIG, "\U0001f600" * 32_767)
        self.assertEqual((MESSAGE_CHARS_MAX, "…"), (len(error.message), error.message[-1]))
        self.assertLess(len(error.message.encode()), 1 << 15)
        self.assertEqual("x" * MESSAGE_CHARS_MAX, KafkaError(ErrorCode.INVALID_CONFIG, "x" * MESSAGE_CHARS_MAX).message)

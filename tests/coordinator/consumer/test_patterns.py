"""Subscriptions by regular expression."""

from __future__ import annotations

import time
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.consumer.interfaces import HeartbeatAnswer
from chronik.coordinator.group.consumer.patterns import PATTERNS_MAX, PatternMatcher, compile_pattern
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId
from tests.coordinator.consumer.consumers import ConsumerCase, T, U, partitions

TOPICS: Final = ("t", "u", "new", "t2")
ALL: Final = dict.fromkeys(TOPICS, True)
NEW = TopicId(b"n" * 16)


class MatcherTest(SynchronousTestCase):
    """RE2 and what is remembered of it."""

    def test_whole_names(self) -> None:
        """The expression has to match all of the name, as with Kafka."""
        matcher = PatternMatcher()
        names = ("orders", "orders-2", "my-orders", "Orders")
        for pattern, expected in (
            ("orders", {"orders"}),
            ("orders.*", {"orders", "orders-2"}),
            ("^orders$|.*2", {"orders", "orders-2"}),
            ("(?i)ORDERS", {"orders", "Orders"}),
            (r"\Qorders\E", {"orders"}),
            ("[^a-z].*", {"Orders"}),
            ("(?P<name>my)-.*", {"my-orders"}),
            ("", set()),
        ):
            self.assertEqual(matcher.matches(pattern, names), expected, pattern)

    def test_invalid(self) -> None:
        """What RE2 does not know, does not take or would need too much for is refused, with the reason."""
        for pattern in ("(", "[", "*", "a**", "(?=a)", "(?<!a)b", r"(a)\1", "a{1001}", "((a{100}){100}){100}", "[z-a]", r"\pX", "\ud800"):
            error = self.assertRaises(KafkaError, compile_pattern, pattern)
            self.assertEqual(error.code, ErrorCode.INVALID_REGULAR_EXPRESSION, pattern)
        self.assertIn("missing ): (", self.assertRaises(KafkaError, compile_pattern, "(").message)
        self.assertEqual(PatternMatcher().matches("(", ["("]), frozenset())

    def test_no_catastrophe(self) -> None:
        """Expressions that backtracking never comes to an end with take a moment, with the longest name there is."""
        begun = time.process_time()
        for pattern in ("(a*)*b", "(a|a)*b", "(a|aa)+$b", "(.*a){20}b", "((a?){50}a{50}){1}b"):
            self.assertEqual(PatternMatcher().matches(pattern, ["a" * 249]), frozenset())
        self.assertLess(time.process_time() - begun, 1.0)

    def test_remembered(self) -> None:
        """Names are matched once, until they are forgotten; so are expressions, the oldest first."""
        matcher = PatternMatcher()
        names = ["a", "b"]
        self.assertEqual(matcher.matches("a", names), {"a"})
        self.assertEqual(matcher._verdicts, {"a": {"a": True, "b": False}})
        matcher.forget_names(["a", "z"])
        self.assertEqual(matcher._verdicts, {"a": {"b": False}})
        for number in range(PATTERNS_MAX):
            matcher.matches(str(number), names)
        self.assertEqual(len(matcher._verdicts), PATTERNS_MAX)
        self.assertNotIn("a", matcher._verdicts)


class SubscriptionTest(ConsumerCase):
    """Expressions in a group."""

    def names(self, pattern: str | None = None) -> list[str]:
        """Which topics a heartbeat has to say something about."""
        return list(self.coordinator.topics_to_describe("g", pattern))

    def test_at_once(self) -> None:
        """What it matches is assigned with the first heartbeat."""
        self.assertEqual(self.names("t|x"), ["t"])
        answer = self.enter(topics=None, pattern="t|x", describable={"t": True})
        self.assertEqual(answer, HeartbeatAnswer("m", 2, 5_000, partitions(T, 0, 1, 2, 3)))
        self.assertEqual(self.names(), [])

    def test_only_what_it_may_describe(self) -> None:
        """A topic that is not the member's to see is as if it were not there."""
        answer = self.enter(topics=None, pattern=".*", describable={"t": True, "u": False, "__consumer_offsets": False})
        self.assertEqual(answer.assignment, partitions(T, 0, 1, 2, 3))

    def test_with_names(self) -> None:
        """Both count."""
        answer = self.enter("m", "u", pattern="t", describable=ALL)
        self.assertEqual(answer.assignment, {**partitions(T, 0, 1, 2, 3), **partitions(U, 0, 1)})

    def test_new_topics(self) -> None:
        """They are found ten seconds after the last look at the earliest."""
        self.enter(topics=None, pattern="t|n.*", describable=ALL)
        self.topics({"t": (T, 4), "u": (U, 2), "new": (NEW, 1)})
        self.assertEqual((self.names(), self.beat("m", 2).epoch), ([], 2))
        self.clock.advance(10.1)
        self.assertEqual(self.names(), ["new", "t"])
        self.assertEqual(self.beat("m", 2, describable=ALL), HeartbeatAnswer("m", 3, 5_000, {**partitions(T, 0, 1, 2, 3), **partitions(NEW, 0)}))
        self.clock.advance(30)
        self.assertEqual(self.names(), [])

    def test_new_topics_before_a_restart(self) -> None:
        """A topic that came between the last look and a restart is found as soon as it would have been without; once is enough."""
        self.enter(topics=None, pattern="t|n.*", describable=ALL)
        self.topics({"t": (T, 4), "u": (U, 2), "new": (NEW, 1)})
        self.reload()
        self.assertEqual(self.names(), [])
        self.clock.advance(10.1)
        self.assertEqual(self.names(), ["new", "t"])
        self.assertEqual(self.beat("m", 2, describable=ALL).epoch, 3)
        self.clock.advance(30)
        self.assertEqual(self.names(), [])

    def test_now_and_then(self) -> None:
        """Permissions change without a sign: everything is looked at anew after ten minutes."""
        self.enter(topics=None, pattern="t|u", describable={"t": True, "u": False})
        for _ in range(21):
            self.clock.advance(30)
            names = self.names()
            answer = self.beat("m", 2, describable=dict.fromkeys(names, True))
        self.assertEqual(answer.epoch, 3)
        self.assertEqual(answer.assignment, {**partitions(T, 0, 1, 2, 3), **partitions(U, 0, 1)})

    def test_clock_steps_back(self) -> None:
        """What was looked at in a time that is still to come is looked at anew, once."""
        self.enter(topics=None, pattern="t|n.*", describable=ALL)
        self.topics({"t": (T, 4), "u": (U, 2), "new": (NEW, 1)})
        self.clock.rightNow -= 3_600
        self.assertEqual(self.names(), ["new", "t"])
        self.assertEqual(self.beat("m", 2, describable=ALL).epoch, 3)
        self.assertEqual(self.names(), [])

    def test_topic_that_came_meanwhile(self) -> None:
        """One that the member was not asked about yet is left out, and looked at again soon."""
        self.enter(topics=None, pattern="t|u", describable={"t": True})
        self.clock.advance(5)
        self.assertEqual(self.names(), [])
        self.clock.advance(6)
        self.topics({"t": (T, 4), "u": (U, 2), "t2": (NEW, 1)})
        self.assertEqual(self.names(), ["t", "u"])
        self.assertEqual(self.beat("m", 2, describable=ALL).epoch, 3)

    def test_another_expression(self) -> None:
        """The old one is forgotten with its last subscriber; the new one begins an epoch."""
        self.enter("m", topics=None, pattern="t", describable=ALL)
        self.enter("n", topics=None, pattern="t", describable=ALL)
        self.assertEqual(self.beat("m", 2, pattern="u", owned=partitions(T, 0, 1), describable=ALL).epoch, 2)
        self.assertEqual(set(self.consumers.patterns), {"t", "u"})
        self.beat("n", -1)
        self.assertEqual(set(self.consumers.patterns), {"u"})
        self.assertEqual(self.consumers.subscribed_topics(), {"u"})

    def test_no_expression_any_more(self) -> None:
        """An empty one means: only names."""
        self.enter(topics=None, pattern="t", describable=ALL)
        self.assertEqual(self.beat("m", 2, pattern="", topics=frozenset("u"), owned={}).assignment, partitions(U, 0, 1))
        self.assertEqual(self.consumers.patterns, {})

    def test_invalid(self) -> None:
        """Refused before anything changes; the member goes on with what it has."""
        self.enter()
        self.assertEqual(self.refused(epoch=2, pattern="(", owned=None), ErrorCode.INVALID_REGULAR_EXPRESSION)
        self.assertEqual(self.names("("), [])
        self.assertEqual(self.beat("m", 2).epoch, 2)

"""Levels of the log, and changing them."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.logger import FilteringLogObserver, Logger, LogLevel, LogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from chronik.logs import LEVELS, STRANGERS_LINES_A_SECOND, LogLevels, LogRation


class LogLevelsTests(SynchronousTestCase):
    """What passes."""

    def setUp(self) -> None:
        """A log that is filtered."""
        self.levels = LogLevels()
        self.out = io.StringIO()
        self.publisher = LogPublisher(FilteringLogObserver(textFileLogObserver(self.out), [self.levels]))

    def logged(self, namespace: str) -> list[str]:
        """Log at every level; the words that were written."""
        self.out.seek(0)
        self.out.truncate()
        logger = Logger(namespace, observer=self.publisher)
        for level in LogLevel.iterconstants():
            logger.emit(level, level.name)
        return [line.split()[-1] for line in self.out.getvalue().splitlines()]

    def test_every_level(self) -> None:
        """Each of Kafka's levels lets pass what is as urgent; OFF nothing at all."""
        passed = []
        for level in LEVELS:
            self.levels.set("a.b", level)
            passed.append(len(self.logged("a.b")))
        self.assertEqual([0, 1, 2, 3, 4, 5, 5], passed)
        self.assertRaises(ValueError, self.levels.set, "a.b", "LOUD")

    def test_inheritance(self) -> None:
        """The longest name that has a level counts; a name is no part of a longer word."""
        self.assertEqual(["info", "warn", "error", "critical"], self.logged("a.b.C"))
        self.levels.set("a", "ERROR")
        self.assertEqual(["error", "critical"], self.logged("a.b.C"))
        self.levels.set("a.b", "DEBUG")
        self.assertEqual((5, 2, 4), tuple(len(self.logged(name)) for name in ("a.b.C", "a.c", "a2.b")))
        self.levels.unset("a.b")
        self.assertEqual(["error", "critical"], self.logged("a.b.C"))

    def test_root(self) -> None:
        """The root's level is what the process was started with, until it is set, and again after."""
        self.levels.start_with(LogLevel.warn)
        self.assertEqual("WARN", self.levels.level("x"))
        self.levels.set("root", "TRACE")
        self.assertEqual(("TRACE", 5), (self.levels.level("x"), len(self.logged("x"))))
        self.levels.unset("root")
        self.assertEqual(["warn", "error", "critical"], self.logged("x"))

    def test_described(self) -> None:
        """Every class of ours that logs is told, the root, Twisted, and what has a level of its own; packages are known as well."""
        self.levels.set("chronik.cluster", "ERROR")
        told = self.levels.described()
        self.assertEqual(list(told), sorted(told))
        import chronik.cluster.controller

        self.assertEqual("ERROR", self.levels.described()[f"{chronik.cluster.controller.__name__}.Controller"])
        self.assertEqual(("INFO", "ERROR"), (told["root"], told["chronik.cluster"]))
        for name in ("root", "chronik", "chronik.cluster", "chronik.cluster.controller", "chronik.cluster.controller.Controller", "twisted"):
            self.assertTrue(self.levels.known(name), name)
        for name in ("", "chro", "chronik.cluster.controller.Contr", "nobody"):
            self.assertFalse(self.levels.known(name), name)


class LogRationTests(SynchronousTestCase):
    """How many lines a second."""

    def test_more_than_there_are_lines_for(self) -> None:
        """Past so many a second they are counted, and the number is told with the first of a later second; each second has its own."""
        clock, more = Clock(), list[int]()
        clock.advance(1000.5)
        ration = LogRation(clock.seconds, more.append)
        self.assertEqual([True] * STRANGERS_LINES_A_SECOND + [False] * 7, [ration.take() for _ in range(STRANGERS_LINES_A_SECOND + 7)])
        self.assertEqual([], more)
        clock.advance(0.5)
        self.assertTrue(ration.take())
        self.assertEqual([7], more)
        clock.advance(5)
        self.assertTrue(ration.take())
        self.assertEqual([7], more)

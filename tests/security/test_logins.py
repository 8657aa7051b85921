"""Limits on failed logins, and passwords that need not be checked again."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import IImageObserver
from chronik.security.interfaces import SecurityDelta
from chronik.security.logins import (
    CACHE_SECONDS,
    CHECKS_WAITING_MAX,
    KNOWN_SECONDS,
    REMEMBERED_MAX,
    WRONG_TIMES,
    FailedLogins,
    LoginsRefused,
    PasswordLogins,
)
from tests.security.sasl.users import ALICE, PASSWORD, Users


class FailedLoginsTests(SynchronousTestCase):
    """Who may try."""

    def setUp(self) -> None:
        """Six failures a minute from an address, three for a user."""
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.failures = FailedLogins(self.clock, lambda: 6, lambda: 3)

    def fail_from(self, host: str, user: str, times: int) -> None:
        """Fail so often."""
        for _ in range(times):
            self.failures.failed(host, user)

    def refused(self, host: str, user: str) -> int:
        """For how many seconds somebody is refused; 0 for not."""
        try:
            self.failures.check(host, user)
        except LoginsRefused as refusal:
            return refusal.seconds
        return 0

    def test_user(self) -> None:
        """A user who failed too often is refused from everywhere, for as long as it is told, and another one is not."""
        self.fail_from("10.0.0.1", "alice", 3)
        wait = self.refused("10.0.0.2", "alice")
        self.assertEqual((20, 0), (wait, self.refused("10.0.0.2", "bob")))
        self.clock.advance(wait)
        self.assertEqual(0, self.refused("10.0.0.2", "alice"))

    def test_spellings(self) -> None:
        """A user is the same however the name is written."""
        self.fail_from("10.0.0.1", "al\u00adice", 3)
        self.assertEqual([20] * 3, [self.refused("10.0.0.2", name) for name in ("alice", "ali\u200bce", "\u00aalice")])

    def test_address(self) -> None:
        """So is an address, whatever names it tries; another one is not."""
        for number in range(6):
            self.fail_from("10.0.0.1", f"user{number}", 1)
        self.assertEqual((10, 0), (self.refused("10.0.0.1", "new"), self.refused("10.0.0.2", "new")))

    def test_networks(self) -> None:
        """An IPv6 network of 64 bits is one address, and an IPv4 address in IPv6 is itself."""
        self.fail_from("2001:db8::1", "a", 6)
        self.assertTrue(self.refused("2001:db8::ffff", "b"))
        self.assertFalse(self.refused("2001:db8:0:1::1", "b"))
        self.fail_from("::ffff:10.0.0.1", "a", 6)
        self.assertTrue(self.refused("10.0.0.1", "b"))

    def test_known(self) -> None:
        """Who logged in from an address is let in again there whatever others do, unless that user fails there; and not for ever."""
        self.failures.succeeded("10.0.0.1", "alice")
        self.fail_from("10.0.0.9", "alice", 100)
        self.fail_from("10.0.0.1", "bob", 100)
        self.assertEqual((False, True), (bool(self.refused("10.0.0.1", "alice")), bool(self.refused("10.0.0.2", "alice"))))
        self.fail_from("10.0.0.1", "alice", 3)
        self.assertTrue(self.refused("10.0.0.1", "alice"))
        self.failures.succeeded("10.0.0.1", "alice")
        self.clock.advance(KNOWN_SECONDS)
        self.fail_from("10.0.0.9", "alice", 100)
        self.assertTrue(self.refused("10.0.0.1", "alice"))

    def test_bounded(self) -> None:
        """However many names and addresses there are, only so many are remembered, and no more of a long name than of a short one."""
        for number in range(REMEMBERED_MAX):
            self.failures.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"{number}" + "x" * 100)
            self.failures.succeeded(f"host{number}", f"{number}")
        self.assertLessEqual(len(self.failures), 2 * REMEMBERED_MAX)
        self.assertLessEqual(max(len(part) for key in self.failures._counts for part in key), 64)


class PasswordLoginsTests(SynchronousTestCase):
    """What is checked, and when."""

    def setUp(self) -> None:
        """Users, and logins of them."""
        self.clock, self.users = Clock(), Users()
        self.failures = FailedLogins(self.clock, lambda: 1000, lambda: 3)
        self.logins = PasswordLogins(self.users, self.failures, self.clock, b"secret")

    def verify(self, user: str, password: str) -> Any:
        """What comes of a login."""
        return self.successResultOf(self.logins.verify(user, password, "10.0.0.1"))

    def test_checked_once(self) -> None:
        """The same right password is not computed again for a while; a wrong one is, and so is another's."""
        for _ in range(5):
            self.assertEqual(ALICE, self.verify("alice", PASSWORD))
        self.assertEqual(["alice"], self.users.asked)
        self.assertIsNone(self.verify("alic", "e" + PASSWORD))
        self.clock.advance(CACHE_SECONDS)
        self.assertEqual(ALICE, self.verify("alice", PASSWORD))
        self.assertEqual(["alice", "alic", "alice"], self.users.asked)

    def test_passwords_are_not_kept(self) -> None:
        """What is remembered of a password is not it."""
        self.verify("alice", PASSWORD)
        self.assertNotIn(PASSWORD, repr(vars(self.logins)))

    def test_changed(self) -> None:
        """Once passwords have changed, nothing that was right before counts, not even a check that was under way."""
        self.verify("alice", PASSWORD)
        self.logins.forget()
        self.users.held = []
        checking = self.logins.verify("alice", PASSWORD, "10.0.0.1")
        self.logins.forget()
        self.users.held.pop().callback(None)
        self.successResultOf(checking)
        self.users.held = None
        self.verify("alice", PASSWORD)
        self.assertEqual(3, len(self.users.asked))

    def test_image(self) -> None:
        """A change of credentials in the metadata is one; a change of anything else is none."""
        verifyObject(IImageObserver, self.logins)
        self.verify("alice", PASSWORD)
        self.logins.image_changed(MetadataImage(), ImageDelta(configs=frozenset({"broker/"})))
        self.verify("alice", PASSWORD)
        self.assertEqual(1, len(self.users.asked))
        self.logins.image_changed(MetadataImage(), ImageDelta(security=SecurityDelta(scram=frozenset({("SCRAM-SHA-256", "alice")}))))
        self.verify("alice", PASSWORD)
        self.assertEqual(2, len(self.users.asked))

    def test_limits(self) -> None:
        """After too many failures nothing is checked."""
        for _ in range(3):
            self.assertIsNone(self.verify("alice", "wrong"))
        refusal = self.failureResultOf(self.logins.verify("alice", PASSWORD, "10.0.0.1"), LoginsRefused).value
        self.assertEqual((20, 3), (refusal.seconds, len(self.users.asked)))
        self.assertNotIn("alice", str(refusal))

    def test_one_at_a_time(self) -> None:
        """A flood is checked one after the other, so many wait, and the rest is sent away unchecked."""
        self.users.held = []
        failures = FailedLogins(self.clock, lambda: 100_000, lambda: 100_000)
        self.logins = PasswordLogins(self.users, failures, self.clock, b"secret")
        flood = [self.logins.verify("alice", f"guess {number}", "10.0.0.1") for number in range(CHECKS_WAITING_MAX + 10)]
        self.assertEqual(1, len(self.users.held))
        for late in flood[CHECKS_WAITING_MAX + 1 :]:
            self.failureResultOf(late, LoginsRefused)
        done = 0
        while self.users.held:
            self.users.held.pop().callback(None)
            done += 1
            self.assertLessEqual(len(self.users.held), 1)
        self.assertEqual(CHECKS_WAITING_MAX + 1, done)

    def test_limits_while_waiting(self) -> None:
        """Whoever waits when a limit is reached is not checked either: guesses made at once are no more than those made in a row."""
        self.users.held = []
        guesses = [self.logins.verify("alice", f"guess {number}", "10.0.0.1") for number in range(100)]
        while self.users.held:
            self.users.held.pop().callback(None)
        self.assertEqual(3, len(self.users.asked))
        for late in guesses[3:]:
            self.failureResultOf(late, LoginsRefused)

    def test_pauses(self) -> None:
        """Where others need the processor, the next password waits, and the answer to the one before does not; remembered ones wait for nothing."""
        self.users.held = []
        took: list[float] = []

        def pause(seconds: float) -> float:
            took.append(seconds)
            return 3.0

        self.logins = PasswordLogins(self.users, self.failures, self.clock, b"secret", pause)
        first = self.logins.verify("alice", PASSWORD, "10.0.0.1")
        second = self.logins.verify("alice", "wrong", "10.0.0.1")
        self.clock.advance(1.5)
        self.users.held.pop().callback(None)
        self.assertEqual((ALICE, [1.5]), (self.successResultOf(first), took))
        self.clock.advance(2)
        self.assertEqual([], self.users.held)
        self.assertEqual(ALICE, self.verify("alice", PASSWORD))
        self.clock.advance(1)
        self.clock.advance(0.5)
        self.users.held.pop().callback(None)
        self.assertIsNone(self.successResultOf(second))
        self.assertEqual(WRONG_TIMES * 0.5, took[-1])

    def test_pause_after_a_failure_of_the_store(self) -> None:
        """What cannot be checked is not wrong."""
        took: list[float] = []
        self.users.held = []
        self.logins = PasswordLogins(self.users, self.failures, self.clock, b"secret", lambda seconds: took.append(seconds) or 0.0)
        asking = self.logins.verify("alice", PASSWORD, "10.0.0.1")
        self.clock.advance(1)
        self.users.held.pop().errback(ValueError("the database is away"))
        self.failureResultOf(asking, ValueError)
        self.assertEqual([1.0], took)

    def test_same_at_once(self) -> None:
        """Many requests with one right password cost one check."""
        self.users.held = []
        many = [self.logins.verify("alice", PASSWORD, "10.0.0.1") for _ in range(CHECKS_WAITING_MAX + 1)]
        self.users.held.pop().callback(None)
        self.assertEqual([ALICE] * len(many), [self.successResultOf(each) for each in many])
        self.assertEqual(1, len(self.users.asked))
        self.users.held = None
        self.assertIsNone(self.verify("bob", "wrong"))

    def test_nobody(self) -> None:
        """Without a store nobody is anybody."""
        self.logins = PasswordLogins(None, self.failures, self.clock, b"secret")
        self.assertFalse(self.logins.known)
        self.assertIsNone(self.verify("alice", PASSWORD))

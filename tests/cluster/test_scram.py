"""Changes of credentials, when things go wrong, and the first users of a cluster."""

from __future__ import annotations

from chronik.cluster.interfaces import ScramChange
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.memory import Fault
from chronik.security.bootstrap_users import USERS_MAX
from chronik.security.interfaces import ScramCredential
from chronik.security.scram_keys import SCRAM_HASHES
from tests.cluster.fixture import ControllerCase

CREDENTIAL = ScramCredential(b"salt", 4096, bytes(32), bytes(32))


class AlterTests(ControllerCase):
    """Changes."""

    def alter(self, *changes: ScramChange) -> dict[str, KafkaError | None]:
        """Make them."""
        outcomes: dict[str, KafkaError | None] = self.successResultOf(self.controller.alter_scram(changes))
        return outcomes

    def test_lost_answers(self) -> None:
        """A change whose answer was lost is done once, and a deletion does not find that it has nothing to do."""
        change = ScramChange("alice", "SCRAM-SHA-256", CREDENTIAL)
        for wanted in (change, ScramChange("alice", "SCRAM-SHA-256", None)):
            self.store.faults.append(Fault.UNKNOWN_MADE)
            self.assertEqual({"alice": None}, self.alter(wanted))
        self.assertEqual({}, dict(self.image.security.scram))

    def test_kept(self) -> None:
        """What is kept is read again as it was, by another broker."""
        self.alter(ScramChange("a/b", "SCRAM-SHA-256", CREDENTIAL))
        secret = self.image.security.scram_secret
        self.assertEqual({("SCRAM-SHA-256", "a/b"): CREDENTIAL}, dict(self.image.security.scram))
        self.start_controller(cluster_id=self.image.cluster_id)
        self.assertEqual(secret, self.image.security.scram_secret)


class BootstrapTests(ControllerCase):
    """The first users."""

    def users(self, count: int) -> dict[tuple[str, str], ScramCredential]:
        """So many, with both mechanisms."""
        sized = {name: ScramCredential(b"salt", 4096, bytes(kind.size), bytes(kind.size)) for name, kind in SCRAM_HASHES.items()}
        return {(name, f"user{number}"): credential for number in range(count) for name, credential in sized.items()}

    def test_made_once(self) -> None:
        """They are made where there is nobody, all at once, and never again."""
        users = self.users(USERS_MAX)
        self.assertTrue(self.successResultOf(self.controller.bootstrap_users(users)))
        self.assertEqual(users, dict(self.image.security.scram))
        self.assertTrue(self.image.security.scram_secret)
        self.assertFalse(self.successResultOf(self.controller.bootstrap_users({("SCRAM-SHA-256", "late"): CREDENTIAL})))
        self.assertEqual(users, dict(self.image.security.scram))

    def test_refused(self) -> None:
        """What could not be kept of a user is not made."""
        weak = {("SCRAM-SHA-256", "weak"): ScramCredential(b"s", 1, bytes(32), bytes(32))}
        error = self.failureResultOf(self.controller.bootstrap_users(weak), KafkaError).value
        self.assertEqual(ErrorCode.UNACCEPTABLE_CREDENTIAL, error.code)

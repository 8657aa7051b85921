"""DescribeUserScramCredentials and AlterUserScramCredentials."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.protocol import messages as m
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.security.scram_keys import SCRAM_HASHES, proves
from tests.server.memory_broker import MemoryBroker

Alter, Describe = m.AlterUserScramCredentialsRequest, m.DescribeUserScramCredentialsRequest
NONE = ErrorCode.NONE
SALT = bytes(range(16))


def upsertion(name: str, mechanism: int = 1, iterations: int = 4096, **fields: Any) -> Any:
    """What makes or changes a credential, of the password ``p``."""
    kind = next((kind for kind in SCRAM_HASHES.values() if kind.code == mechanism), SCRAM_HASHES["SCRAM-SHA-256"])
    given = {"salt": SALT, "salted_password": kind.salted("p", SALT, iterations), **fields}
    return Alter.ScramCredentialUpsertion(name=name, mechanism=mechanism, iterations=iterations, **given)


def deletion(name: str, mechanism: int = 1) -> Any:
    """What deletes one."""
    return Alter.ScramCredentialDeletion(name=name, mechanism=mechanism)


class ScramCase(SynchronousTestCase):
    """One broker."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = MemoryBroker()
        self.broker.start(self)

    def alter(self, *upsertions: Any, deletions: tuple[Any, ...] = ()) -> dict[str, int]:
        """Change credentials; the error of each user."""
        answer = self.successResultOf(self.broker.send(Alter(upsertions=upsertions, deletions=deletions), 0))
        return {result.user: result.error_code for result in answer.results}

    def describe(self, *names: str) -> Any:
        """What is told of users; of all without names."""
        users = tuple(Describe.UserName(name=name) for name in names) or None
        return self.successResultOf(self.broker.send(Describe(users=users), 0))

    def refuse(self, operation: Operation) -> None:
        """Do not allow an operation on the cluster."""
        self.broker.authorizer.refused.add(Action(operation, ResourceType.CLUSTER, CLUSTER_NAME))


class AlterTests(ScramCase):
    """What is changed, and what is refused."""

    def test_made_and_changed(self) -> None:
        """A credential proves the password from at once; another one takes its place."""
        self.assertEqual({"alice": NONE, "bob": NONE}, self.alter(upsertion("alice"), upsertion("alice", 2), upsertion("bob", 1, 8192)))
        kept = self.broker.feed.image.security.scram
        self.assertEqual({("SCRAM-SHA-256", "alice"), ("SCRAM-SHA-512", "alice"), ("SCRAM-SHA-256", "bob")}, set(kept))
        for (mechanism, _), credential in kept.items():
            self.assertTrue(proves(credential, mechanism, "p"))
        self.alter(upsertion("bob", 1, 5000))
        self.assertEqual(5000, self.broker.feed.image.security.scram["SCRAM-SHA-256", "bob"].iterations)

    def test_salted_passwords_are_not_kept(self) -> None:
        """What a client sends would be as good as the password; nothing of the store is it."""
        self.alter(upsertion("alice"))
        salted = SCRAM_HASHES["SCRAM-SHA-256"].salted("p", SALT, 4096)
        for credential in self.broker.feed.image.security.scram.values():
            self.assertNotIn(salted, (credential.stored_key, credential.server_key))

    def test_deleted(self) -> None:
        """A credential is deleted for its mechanism alone."""
        self.alter(upsertion("alice"), upsertion("alice", 2))
        self.assertEqual({"alice": NONE}, self.alter(deletions=(deletion("alice"),)))
        self.assertEqual({("SCRAM-SHA-512", "alice")}, set(self.broker.feed.image.security.scram))

    def test_refused(self) -> None:
        """Each user has an error of its own, and the others are changed."""
        refused = {
            ErrorCode.UNACCEPTABLE_CREDENTIAL: (
                upsertion(""), upsertion("few", 1, 4095), upsertion("many", 1, 65_537), upsertion("salt", 1, salt=b""),
                upsertion("size", 1, salted_password=b"short"), upsertion("long", 1, salt=bytes(2000)),
            ),
            ErrorCode.UNSUPPORTED_SASL_MECHANISM: (upsertion("unknown", 0), upsertion("other", 3)),
        }  # fmt: skip
        for code, changes in refused.items():
            answers = self.alter(*changes, upsertion("good"))
            self.assertEqual(NONE, answers.pop("good"))
            self.assertEqual({change.name: code for change in changes}, answers)
        self.assertEqual({ErrorCode.RESOURCE_NOT_FOUND}, set(self.alter(deletions=(deletion("nobody"), deletion("other", 2))).values()))
        self.assertEqual({("SCRAM-SHA-256", "good")}, set(self.broker.feed.image.security.scram))

    def test_bounds(self) -> None:
        """The fewest and the most iterations that there may be."""
        self.assertEqual({"few": NONE, "many": NONE}, self.alter(upsertion("few", 1, 4096), upsertion("many", 1, 65_536)))

    def test_twice(self) -> None:
        """A credential is not changed twice at once, and nothing of that user is."""
        answers = self.alter(upsertion("alice"), upsertion("alice"), upsertion("alice", 2), upsertion("bob"), deletions=(deletion("bob"),))
        self.assertEqual({"alice": ErrorCode.DUPLICATE_RESOURCE, "bob": ErrorCode.DUPLICATE_RESOURCE}, answers)
        self.assertEqual({}, dict(self.broker.feed.image.security.scram))

    def test_all_of_a_user_or_nothing(self) -> None:
        """Where one change of a user is refused, none is made."""
        self.assertEqual({"alice": ErrorCode.RESOURCE_NOT_FOUND}, self.alter(upsertion("alice"), deletions=(deletion("alice", 2),)))
        self.assertEqual({}, dict(self.broker.feed.image.security.scram))

    def test_not_allowed(self) -> None:
        """Who may not alter the cluster is refused for each user, once."""
        self.refuse(Operation.ALTER)
        answers = self.alter(upsertion("alice"), upsertion("alice", 2), deletions=(deletion("bob"),))
        self.assertEqual({"alice": ErrorCode.CLUSTER_AUTHORIZATION_FAILED, "bob": ErrorCode.CLUSTER_AUTHORIZATION_FAILED}, answers)
        self.assertEqual({}, dict(self.broker.feed.image.security.scram))

    def test_names(self) -> None:
        """Any name is kept as it is."""
        names = ("a/b", "%41", "ü", "a b", "\u2603" * 50)
        self.alter(*(upsertion(name) for name in names))
        self.assertEqual(set(names), {user for _, user in self.broker.feed.image.security.scram})

    def test_secret(self) -> None:
        """The first user brings the cluster's secret, which then stays, and nobody's name is it."""
        self.assertEqual(b"", self.broker.feed.image.security.scram_secret)
        self.alter(upsertion("alice"))
        secret = self.broker.feed.image.security.scram_secret
        self.assertEqual(32, len(secret))
        self.alter(upsertion("bob"), deletions=(deletion("alice"),))
        self.assertEqual(secret, self.broker.feed.image.security.scram_secret)
        self.assertNotIn(repr(secret), repr(self.broker.feed.image.security))


class DescribeTests(ScramCase):
    """What is told."""

    def test_all(self) -> None:
        """Everybody, with mechanisms and iterations, and nothing of the keys."""
        self.alter(upsertion("alice"), upsertion("alice", 2, 5000), upsertion("bob"))
        answer = self.describe()
        found = {result.user: [(info.mechanism, info.iterations) for info in result.credential_infos] for result in answer.results}
        self.assertEqual({"alice": [(1, 4096), (2, 5000)], "bob": [(1, 4096)]}, found)

    def test_nobody(self) -> None:
        """Where there are no users, nothing is told."""
        self.assertEqual((NONE, ()), (self.describe().error_code, self.describe().results))

    def test_some(self) -> None:
        """Those asked for; somebody unknown, or asked for twice, has an error."""
        self.alter(upsertion("alice"), upsertion("bob"))
        found = {result.user: result.error_code for result in self.describe("alice", "nobody", "bob", "bob").results}
        self.assertEqual({"alice": NONE, "nobody": ErrorCode.RESOURCE_NOT_FOUND, "bob": ErrorCode.DUPLICATE_RESOURCE}, found)

    def test_longest_name(self) -> None:
        """A name that is as long as a string may be is told again, and what is said of it has room in a string too."""
        (result,) = self.describe("x" * 32767).results
        self.assertEqual((ErrorCode.RESOURCE_NOT_FOUND, 32767), (result.error_code, len(result.user)))
        self.assertLess(len(result.error_message), 5000)

    def test_not_allowed(self) -> None:
        """Who may not describe the cluster learns nothing, not even who there is."""
        self.alter(upsertion("alice"))
        self.refuse(Operation.DESCRIBE)
        refused = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        self.assertEqual((refused, ()), (self.describe().error_code, self.describe().results))
        codes = Counter(result.error_code for result in self.describe("alice", "nobody").results)
        self.assertEqual({refused: 2}, codes)

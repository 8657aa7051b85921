"""What every auth backend must do: mixins of tests for whoever writes one.

Mix them into a ``twisted.trial.unittest.SynchronousTestCase`` (or ``TestCase``) and provide the ``make_`` method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from chronik.security.interfaces import (
    CLUSTER_NAME,
    SOME,
    Action,
    IAuthorizer,
    ICredentialStore,
    IScramCredentials,
    Operation,
    Principal,
    ResourceType,
    ScramCredential,
)
from chronik.security.scram_keys import SCRAM_HASHES, problem_of, proves

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Base
else:
    _Base = object

ALICE = Principal("User", "alice")
BOB = Principal("User", "bob")
READ_ORDERS = Action(Operation.READ, ResourceType.TOPIC, "orders")
WRITE_ORDERS = Action(Operation.WRITE, ResourceType.TOPIC, "orders")
DESCRIBE_ORDERS = Action(Operation.DESCRIBE, ResourceType.TOPIC, "orders")
READ_OTHER = Action(Operation.READ, ResourceType.TOPIC, "other")
ALTER_CLUSTER = Action(Operation.ALTER, ResourceType.CLUSTER, CLUSTER_NAME)


class AuthorizerContract(_Base):
    """The contract of :class:`~chronik.security.interfaces.IAuthorizer`."""

    def make_authorizer(self) -> Any:
        """An authorizer under which ``User:alice`` may at least read the topic ``orders``."""
        raise NotImplementedError

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred; override where it needs real time."""
        return self.successResultOf(deferred)

    def authorize(self, principal: Principal, *actions: Action) -> Sequence[bool]:
        """What a new authorizer says."""
        answer: Sequence[bool] = self.wait(self.make_authorizer().authorize(principal, "127.0.0.1", actions))
        return answer

    def test_provides_interface(self) -> None:
        """It provides what it says."""
        self.assertTrue(verifyObject(IAuthorizer, self.make_authorizer()))

    def test_answers_deferred(self) -> None:
        """Each method answers a Deferred, never a coroutine that nobody runs."""
        authorizer = self.make_authorizer()
        for answer in (authorizer.authorize(ALICE, "127.0.0.1", [READ_ORDERS]), authorizer.close()):
            self.assertIsInstance(answer, Deferred)
            self.wait(answer)

    def test_nothing_asked(self) -> None:
        """No action, no answer."""
        self.assertEqual([], list(self.authorize(ALICE)))

    def test_one_boolean_for_each_action_in_order(self) -> None:
        """Answers stand where their questions stood, whatever the company."""
        actions = [READ_ORDERS, READ_OTHER, ALTER_CLUSTER, READ_ORDERS]
        together = list(self.authorize(ALICE, *actions))
        alone = [self.authorize(ALICE, action)[0] for action in actions]
        self.assertEqual(alone, together)
        self.assertEqual({bool}, {type(answer) for answer in together})
        self.assertTrue(together[0])

    def test_same_question_same_answer(self) -> None:
        """Asking does not change anything."""
        authorizer = self.make_authorizer()
        first = self.wait(authorizer.authorize(BOB, "10.0.0.1", [WRITE_ORDERS, READ_OTHER]))
        self.wait(authorizer.authorize(ALICE, "127.0.0.1", [READ_ORDERS]))
        self.assertEqual(list(first), list(self.wait(authorizer.authorize(BOB, "10.0.0.1", [WRITE_ORDERS, READ_OTHER]))))


class RestrictingAuthorizerContract(AuthorizerContract):
    """What also holds of an authorizer that refuses anything: who may nothing by rule gets nothing.

    :meth:`make_authorizer`'s rules are: ``User:alice`` may read ``orders``, and nothing else is said about anybody.
    """

    def test_refuses_by_default(self) -> None:
        """What no rule speaks of is refused: other resources, operations and people."""
        self.assertEqual([True, False, False, False], list(self.authorize(ALICE, READ_ORDERS, WRITE_ORDERS, READ_OTHER, ALTER_CLUSTER)))
        self.assertEqual([False], list(self.authorize(BOB, READ_ORDERS)))

    def test_reading_implies_describing(self) -> None:
        """Who may read a topic may see that it exists."""
        self.assertEqual([True], list(self.authorize(ALICE, DESCRIBE_ORDERS)))

    def test_names_are_exact(self) -> None:
        """A topic whose name begins or ends alike, or differs in case, is another topic."""
        others = [Action(Operation.READ, ResourceType.TOPIC, name) for name in ("orders2", "order", "Orders", "orders ", "")]
        self.assertEqual([False] * len(others), list(self.authorize(ALICE, *others)))

    def test_some(self) -> None:
        """Whether any resource will do: one is enough, of the right type and operation (KIP-679)."""
        kinds = ((Operation.READ, ResourceType.TOPIC), (Operation.WRITE, ResourceType.TOPIC), (Operation.READ, ResourceType.GROUP))
        some = [Action(operation, kind, SOME) for operation, kind in kinds]
        self.assertEqual([True, False, False], list(self.authorize(ALICE, *some)))
        self.assertEqual([False] * 3, list(self.authorize(BOB, *some)))

    def test_types_of_principals_are_apart(self) -> None:
        """Another type of principal of alice's name is somebody else, and so is one whose name differs in case."""
        for other in (Principal("Service", "alice"), Principal("User", "Alice"), Principal("User", "User:alice"), Principal("User", "")):
            self.assertEqual([False], list(self.authorize(other, READ_ORDERS)), other)

    def test_groups_do_not_matter_where_nothing_is_bound_to_them(self) -> None:
        """Belonging to something that is called like her does not make one alice."""
        self.assertEqual([False], list(self.authorize(Principal("User", "bob", frozenset({"alice", "User:alice", "orders"})), READ_ORDERS)))

    def test_kinds_of_resources_are_apart(self) -> None:
        """A group of the topic's name is not the topic."""
        self.assertEqual([False], list(self.authorize(ALICE, Action(Operation.READ, ResourceType.GROUP, "orders"))))


class CredentialStoreContract(_Base):
    """The contract of :class:`~chronik.security.interfaces.ICredentialStore`."""

    def make_credential_store(self) -> Any:
        """A store that knows ``alice`` with the password ``wonderland`` and ``bob`` with ``bücher & so``, and nobody else."""
        raise NotImplementedError

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred; override where it needs real time."""
        return self.successResultOf(deferred)

    def verify(self, user: str, password: str) -> Principal | None:
        """What a new store says."""
        found: Principal | None = self.wait(self.make_credential_store().verify_password(user, password))
        return found

    def test_provides_credential_interface(self) -> None:
        """It provides what it says."""
        self.assertTrue(verifyObject(ICredentialStore, self.make_credential_store()))

    def test_right_password(self) -> None:
        """The right password gives the user's principal."""
        self.assertEqual(ALICE, self.verify("alice", "wonderland"))

    def test_any_characters(self) -> None:
        """Passwords are text, not ASCII."""
        self.assertEqual(BOB, self.verify("bob", "bücher & so"))

    def test_wrong_password(self) -> None:
        """Anything else gives nobody: another user's, a part, another case, nothing."""
        for password in ("bücher & so", "wonder", "Wonderland", "wonderland ", "", "\0"):
            self.assertIsNone(self.verify("alice", password), password)

    def test_unknown_user(self) -> None:
        """Somebody it does not know is nobody, whatever the password."""
        for user in ("carol", "", "alice ", "Alice", "*", "User:alice"):
            self.assertIsNone(self.verify(user, "wonderland"), user)


class ScramCredentialsContract(CredentialStoreContract):
    """The contract of :class:`~chronik.security.interfaces.IScramCredentials`, for stores that are one beside being a credential store."""

    mechanisms: Sequence[str] = tuple(SCRAM_HASHES)
    """Those for which the store has credentials of its two users."""

    def credential(self, mechanism: str, user: str) -> ScramCredential | None:
        """What a new store has."""
        found: ScramCredential | None = self.wait(self.make_credential_store().scram_credential(mechanism, user))
        return found

    def test_provides_scram_interface(self) -> None:
        """It provides what it says."""
        self.assertTrue(verifyObject(IScramCredentials, self.make_credential_store()))

    def test_credentials_prove_the_passwords(self) -> None:
        """What is kept of each user's password proves that one and no other, and may be kept."""
        for mechanism in self.mechanisms:
            for user, password in (("alice", "wonderland"), ("bob", "bücher & so")):
                found = self.credential(mechanism, user)
                assert found is not None
                self.assertIsNone(problem_of(found, mechanism))
                self.assertTrue(proves(found, mechanism, password))
                self.assertFalse(proves(found, mechanism, f"{password}x"))

    def test_credentials_of_nobody(self) -> None:
        """Somebody it does not know has none, and nobody has one for a mechanism that there is not."""
        for user in ("carol", "", "Alice", "*"):
            self.assertIsNone(self.credential(self.mechanisms[0], user))
        self.assertIsNone(self.credential("SCRAM-SHA-1", "alice"))

    def test_principals(self) -> None:
        """Who is proved without telling the password is who is proved by telling it, groups included."""
        for user, password in (("alice", "wonderland"), ("bob", "bücher & so")):
            told, proved = self.verify(user, password), self.wait(self.make_credential_store().scram_principal(user))
            assert told is not None
            self.assertEqual((told, told.groups), (proved, proved.groups))

    def test_sample(self) -> None:
        """Somebody's credential is told for any number, and the same one for the same number."""
        store = self.make_credential_store()
        kept = [self.wait(store.scram_credential(self.mechanisms[0], user)) for user in ("alice", "bob")]
        for number in (0, 1, 7, 1 << 63):
            found = self.wait(store.scram_sample(self.mechanisms[0], number))
            self.assertIn(found, kept)
            self.assertEqual(found, self.wait(store.scram_sample(self.mechanisms[0], number)))

    def test_no_sample(self) -> None:
        """Where nobody has any, there is none."""
        self.assertIsNone(self.wait(self.make_credential_store().scram_sample("SCRAM-SHA-1", 0)))

    def test_tells_no_secrets(self) -> None:
        """What is printed of a credential tells nothing of it."""
        found = self.credential(self.mechanisms[0], "alice")
        assert found is not None
        for secret in (found.salt, found.stored_key, found.server_key):
            self.assertNotIn(repr(secret), repr(found))

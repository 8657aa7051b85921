"""The ``acl`` backend passes the contracts, and makes itself of what there is."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.interfaces import Put
from chronik.metadata.keys import config_key, encode_configs
from chronik.metadata.memory import MemoryMetadataStore
from chronik.metadata.security_keys import EMPTY, acl_key, encode_role, role_key
from chronik.security.acl.authorizer import AclAuthorizer, make
from chronik.security.interfaces import AclBinding, IAclAuthorizer, Role
from chronik.testing.acl_contract import READ, RoleAuthorizerContract
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ALICE, READ_ORDERS


class AclAuthorizerTests(RoleAuthorizerContract, SynchronousTestCase):
    """By what the metadata holds."""

    def make_authorizer_of(self, acls: Sequence[AclBinding], roles: Sequence[Role] = ()) -> AclAuthorizer:
        """Over a store that has half of it before, and the other half after."""
        clock = Clock()
        self.store = MemoryMetadataStore(clock)
        self.feed = MetadataFeed(self.store, clock)
        puts = [*(Put(acl_key(acl), EMPTY) for acl in acls), *(Put(role_key(role.name), encode_role(role)) for role in roles)]
        half = len(puts) // 2
        self.commit(*puts[:half])
        self.successResultOf(self.feed.start())
        authorizer = make(auth_context(clock=clock, feed=self.feed), {})
        self.commit(*puts[half:])
        return authorizer

    def commit(self, *puts: Put) -> None:
        """Put into the store."""
        if puts:
            self.successResultOf(self.store.commit([], puts))

    def test_goes_by_the_metadata(self) -> None:
        """It says so."""
        self.assertTrue(verifyObject(IAclAuthorizer, self.make_authorizer()))

    def test_no_options(self) -> None:
        """It has none, and a principal that is none is refused at the start."""
        self.assertIn("no options", str(self.assertRaises(ConfigurationError, make, auth_context(), {"x": "1"})))

    def test_nobody_may_anything(self) -> None:
        """Is said at the start: whoever turned authorization on and named nobody has locked himself out."""
        config = Configuration().with_values({"super.users": "User:root"})
        for context, said in ((auth_context(), True), (auth_context(config=config), False)):
            events: list[LogEvent] = []
            globalLogPublisher.addObserver(events.append)
            try:
                make(context, {})
            finally:
                globalLogPublisher.removeObserver(events.append)
            self.assertEqual(said, any("nobody may do anything" in str(formatEvent(event)) for event in events))

    def test_cache_changes_at_run_time(self) -> None:
        """What is remembered is bounded by the configuration as it is now."""
        clock = Clock()
        store = MemoryMetadataStore(clock)
        feed = MetadataFeed(store, clock)
        self.successResultOf(feed.start())
        configs = [Configuration()]
        context = auth_context(clock=clock, feed=feed)
        authorizer = AclAuthorizer(type(context)(context.pools, clock, clock.seconds, lambda: configs[-1], feed))
        self.successResultOf(authorizer.authorize(ALICE, "::1", [READ_ORDERS]))
        self.assertGreater(authorizer.remembered, 0)
        configs.append(Configuration().with_values({"authorizer.cache.max.entries": "0"}))
        put = Put(config_key("broker/"), encode_configs({"authorizer.cache.max.entries": "0"}))
        self.successResultOf(store.commit([], [put]))
        self.assertEqual(0, authorizer.remembered)

    def test_very_many_actions(self) -> None:
        """A request about more than anybody should wait for is decided in several turns of the reactor, in the order asked."""
        clock = Clock()
        authorizer = make(auth_context(clock=clock), {})
        actions = [READ_ORDERS._replace(name=f"t{number}") for number in range(5000)]
        answer = authorizer.authorize(ALICE, "::1", [*actions, READ_ORDERS])
        self.assertNoResult(answer)
        clock.advance(0)
        clock.advance(0)
        self.assertEqual([False] * 5001, list(self.successResultOf(answer)))

    def test_changes_hold_for_who_was_decided_about(self) -> None:
        """A decision that is remembered ends with the entry that it was made by."""
        authorizer = self.make_authorizer_of([READ])
        self.assertEqual([True], list(self.successResultOf(authorizer.authorize(ALICE, "::1", [READ_ORDERS]))))
        role = Role("deny", (), frozenset({"User:alice"}))
        self.commit(Put(role_key("deny"), encode_role(role)))
        self.assertEqual([True], list(self.successResultOf(authorizer.authorize(ALICE, "::1", [READ_ORDERS]))))

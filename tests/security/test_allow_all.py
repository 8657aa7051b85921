"""Everybody may do everything."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ConfigurationError
from chronik.security.allow_all import AllowAll, make
from chronik.testing.auth_contract import ALTER_CLUSTER, BOB, AuthorizerContract


class AllowAllTests(AuthorizerContract, SynchronousTestCase):
    """The ``allow-all`` backend."""

    def make_authorizer(self) -> AllowAll:
        """As the maker makes it."""
        return make(None, {})

    def test_allows(self) -> None:
        """Even what only an operator does."""
        self.assertEqual([True], self.authorize(BOB, ALTER_CLUSTER))

    def test_options_are_refused(self) -> None:
        """An option it would ignore is an error, named."""
        error = self.assertRaises(ConfigurationError, make, None, {"path": "x"})
        self.assertIn("plugin.auth.allow-all.path", str(error))

"""Users in the metadata."""

from __future__ import annotations

from types import MappingProxyType

from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import Pool
from chronik.errors import ConfigurationError
from chronik.metadata.image import MetadataImage
from chronik.security.interfaces import ScramCredential, SecurityImage
from chronik.security.metadata_store import MetadataCredentials, make
from chronik.security.scram_keys import SCRAM_HASHES, new_credential
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ScramCredentialsContract
from tests.replica.fakes import FakeFeed
from tests.security.fakes import NowPools

_USERS = {"alice": "wonderland", "bob": "bücher & so"}
_KEPT = {(mechanism, user): new_credential(mechanism, password) for mechanism in SCRAM_HASHES for user, password in _USERS.items()}


def feed(kept: dict[tuple[str, str], ScramCredential]) -> FakeFeed:
    """A feed of these credentials."""
    return FakeFeed(MetadataImage(1, "cluster", 1, security=SecurityImage(scram=MappingProxyType(kept))))


class MetadataCredentialsTests(ScramCredentialsContract, SynchronousTestCase):
    """The ``auth:metadata`` backend."""

    def make_credential_store(self) -> MetadataCredentials:
        """The contract's two."""
        return make(auth_context(feed=feed(_KEPT)), {})

    def test_no_options(self) -> None:
        """It has none."""
        self.assertRaises(ConfigurationError, make, auth_context(), {"path": "x"})

    def test_computed_off_the_reactor(self) -> None:
        """One hash a password is computed, in the pool for computing, whoever the user is."""
        for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("", "wrong"), ("alice", "wonderland")):
            for kept in (_KEPT, {}):
                pools = NowPools()
                store = MetadataCredentials(feed(kept), pools, b"secret")
                self.successResultOf(store.verify_password(user, password))
                self.assertEqual([Pool.CPU], pools.used)

    def test_prepared(self) -> None:
        """A password is right in any form that is prepared to the same; one that was kept unprepared is right as it was."""
        kept = {("SCRAM-SHA-256", "a"): new_credential("SCRAM-SHA-256", "IX"), ("SCRAM-SHA-256", "b"): new_credential("SCRAM-SHA-256", "\u2168")}
        store = MetadataCredentials(feed(kept), NowPools(), b"secret")
        for user, password, right in (("a", "\u2168", True), ("a", "IX", True), ("b", "\u2168", True), ("b", "IX", False), ("\uff41", "IX", True)):
            self.assertEqual(right, self.successResultOf(store.verify_password(user, password)) is not None, (user, password))

    def test_changes_count_at_once(self) -> None:
        """Another image is another answer."""
        following = feed({})
        store = MetadataCredentials(following, NowPools(), b"secret")
        self.assertIsNone(self.successResultOf(store.scram_sample("SCRAM-SHA-256", 1)))
        following.image = feed(_KEPT).image
        self.assertIsNotNone(self.successResultOf(store.verify_password("alice", "wonderland")))
        self.assertIsNotNone(self.successResultOf(store.scram_sample("SCRAM-SHA-256", 1)))

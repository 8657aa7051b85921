"""UpdateFeatures, and what ApiVersions tells of features; UnregisterBroker."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.protocol.messages import ApiVersionsRequest, UnregisterBrokerRequest, UpdateFeaturesRequest
from chronik.server.handlers.admin import unregister_broker, update_features
from chronik.server.handlers.api_versions import api_versions
from tests.server.admin.fixture import AdminCase, deny

(API,) = update_features.APIS
(UNREGISTER,) = unregister_broker.APIS
Key = UpdateFeaturesRequest.FeatureUpdateKey
CLIENT = {"client_software_name": "c", "client_software_version": "1"}


class FeatureTests(AdminCase):
    """Features."""

    def update(self, level: int, kind: int = 1, name: str = "metadata.version", version: int = 2, **fields: Any) -> Any:
        """The response to one update."""
        key = Key(feature=name, max_version_level=level, upgrade_type=kind)
        return self.ask(API, version, UpdateFeaturesRequest(feature_updates=(key,), **fields))

    def test_told(self) -> None:
        """ApiVersions tells the range known here, the level agreed on, and an epoch that grows."""
        row = api_versions(())
        for version in (3, 4):
            response = self.ask(row, version, ApiVersionsRequest(**CLIENT))
            self.assertIn(("metadata.version", 7, 30), [(f.name, f.min_version, f.max_version) for f in response.supported_features])
            levels = [(f.name, f.min_version_level, f.max_version_level) for f in response.finalized_features]
            self.assertIn(("metadata.version", 30, 30), levels)
            self.assertEqual(self.image.revision, response.finalized_features_epoch)
        self.assertEqual((), self.ask(row, 2, ApiVersionsRequest()).finalized_features)

    def test_every_version(self) -> None:
        """A level that is there already can be asked for; up to version 1 each feature has a result."""
        for version in self.every_version(API):
            response = self.update(30, version=version)
            self.assertEqual((0, None), (response.error_code, response.error_message))
            results = [("metadata.version", 0, None)] if version < 2 else []
            self.assertEqual(results, [(r.feature, r.error_code, r.error_message) for r in response.results])

    def test_refused(self) -> None:
        """Each says why, and changes nothing."""
        for arguments, word in (
            ((31,), "only supports versions 7-30"),
            ((29,), "without setting the upgrade type"),
            ((29, 2), "delete metadata information"),
            ((29, 3), "delete metadata information"),
            ((0, 2), "only supports versions"),
            ((-1,), "less than 0"),
            ((30, 9), "upgrade type"),
            ((1, 1, "no.such"), "does not support"),
        ):
            response = self.update(*arguments)
            self.assertEqual(ErrorCode.INVALID_UPDATE_VERSION, response.error_code, arguments)
            self.assertIn(word, response.error_message)
        self.assertEqual({}, self.image.features)

    def test_version_0_downgrades(self) -> None:
        """Version 0 has a flag in place of the kind."""
        for allow, word in ((True, "delete metadata"), (False, "without setting")):
            key = Key(feature="metadata.version", max_version_level=29, allow_downgrade=allow)
            self.assertIn(word, self.ask(API, 0, UpdateFeaturesRequest(feature_updates=(key,))).error_message)

    def test_kept(self) -> None:
        """What is agreed on is in the image; validating keeps nothing."""
        self.assertEqual(0, self.update(30, validate_only=True).error_code)
        self.assertEqual({}, self.image.features)
        self.update(30)
        self.assertEqual({"metadata.version": 30}, self.image.features)
        self.start_controller()
        self.assertEqual({"metadata.version": 30}, self.image.features)

    def test_authorization(self) -> None:
        """ALTER on the cluster is needed."""
        self.denied = deny("ALTER CLUSTER")
        for version in self.every_version(API):
            self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.update(30, version=version).error_code)


class UnregisterBrokerTests(AdminCase):
    """UnregisterBroker."""

    def unregister(self, broker_id: int) -> ErrorCode:
        """The code."""
        response = self.ask(UNREGISTER, 0, UnregisterBrokerRequest(broker_id=broker_id))
        self.assertEqual(bool(response.error_code), bool(response.error_message))
        return ErrorCode(response.error_code)

    def test_fenced(self) -> None:
        """A broker that is gone for good is forgotten."""
        self.add_broker(2, fenced=True)
        self.assertEqual(ErrorCode.NONE, self.unregister(2))
        self.assertEqual([1], list(self.image.brokers))

    def test_refused(self) -> None:
        """Not one that is alive, itself least of all, nor one that still has data in sync, nor one nobody knows."""
        self.add_broker(2)
        self.successResultOf(self.controller.create_topics([NewTopic("t", assignments=((0, (2, 1)),))]))
        self.assertEqual(
            [ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST, ErrorCode.BROKER_ID_NOT_REGISTERED], [self.unregister(n) for n in (1, 2, 3)]
        )
        self.add_broker(2, fenced=True)
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.unregister(2))
        self.assertEqual([1, 2], sorted(self.image.brokers))

    def test_authorization(self) -> None:
        """ALTER on the cluster is needed."""
        self.add_broker(2, fenced=True)
        self.denied = deny("ALTER CLUSTER")
        response = self.ask(UNREGISTER, 0, UnregisterBrokerRequest(broker_id=2))
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, response.error_code)

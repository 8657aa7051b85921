"""UpdateFeatures (57): agree on other levels of the cluster's features (KIP-584, KIP-778)."""

from __future__ import annotations

from typing import Any

from chronik.cluster.features import FeatureUpdate, UpgradeType
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import UpdateFeaturesRequest, UpdateFeaturesResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext


async def _update_features(context: RequestContext, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    updates = [_update(context.api_version, update) for update in request.feature_updates]
    await context.services.controller.update_features(updates, request.validate_only)
    # Up to version 1 each feature has a result of its own; a failure of one is a failure of all.
    results = tuple(UpdateFeaturesResponse.UpdatableFeatureResult(feature=update.feature, error_message=None) for update in updates)
    return UpdateFeaturesResponse(error_message=None, results=results)


def _update(version: int, update: UpdateFeaturesRequest.FeatureUpdateKey) -> FeatureUpdate:
    kind = update.upgrade_type
    if version == 0:
        kind = UpgradeType.SAFE_DOWNGRADE if update.allow_downgrade else UpgradeType.UPGRADE
    return FeatureUpdate(update.feature, update.max_version_level, kind)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return UpdateFeaturesResponse(error_code=error.code, error_message=error.message or None)


APIS = (Api(ApiKey.UPDATE_FEATURES, "UpdateFeatures", (0, 2), _update_features, _refusal, asks_cluster(Operation.ALTER)),)

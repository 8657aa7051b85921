"""ApiVersions (18): what is served, told from the API table itself (KIP-35, KIP-511), and the cluster's features (KIP-584)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from chronik.cluster.features import FEATURES, Feature, finalized
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.network.interfaces import ProtocolViolation
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ApiVersionsRequest, ApiVersionsResponse
from chronik.server.api import Api
from chronik.server.context import RequestContext

_SOFTWARE: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def _served(apis: Iterable[Api]) -> tuple[ApiVersionsResponse.ApiVersion, ...]:
    return tuple(
        ApiVersionsResponse.ApiVersion(
            api_key=api.key, min_version=api.versions[0] if api.advertised_from is None else api.advertised_from, max_version=api.versions[1]
        )
        for api in sorted(apis, key=lambda api: api.key)
        if api.advertised
    )


def _supported(features: Mapping[str, Feature], version: int) -> tuple[ApiVersionsResponse.SupportedFeatureKey, ...]:
    """Clients of version 3 take a lowest level of 0 for an error (KAFKA-17011), so they are told 1."""
    floor = 0 if version >= 4 else 1
    return tuple(
        ApiVersionsResponse.SupportedFeatureKey(name=name, min_version=max(feature.lowest, floor), max_version=feature.highest)
        for name, feature in features.items()
        if feature.highest >= floor
    )


def _finalized(image: MetadataImage) -> tuple[ApiVersionsResponse.FinalizedFeatureKey, ...]:
    return tuple(
        ApiVersionsResponse.FinalizedFeatureKey(name=name, max_version_level=level, min_version_level=level)
        for name, level in finalized(image.features).items()
    )


def unsupported_version(apis: Iterable[Api], api: Api, version: int) -> Message:
    """The answer to an unknown version: for ApiVersions, which clients try first, a version 0 body they retry on.

    :raises ProtocolViolation: any other API, which cannot be answered in a shape the client would understand.
    """
    if api.key != ApiKey.API_VERSIONS:
        raise ProtocolViolation(f"a {api.name} request of version {version}; versions {api.versions[0]} to {api.versions[1]} are served")
    return ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=_served(apis))


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return ApiVersionsResponse(error_code=error.code)


def api_versions(others: Sequence[Api]) -> Api:
    """The row of ApiVersions itself, which tells of ``others`` and of itself."""

    async def handle(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
        if context.api_version >= 3:
            name, version = request.client_software_name, request.client_software_version
            if not _SOFTWARE.fullmatch(name) or not _SOFTWARE.fullmatch(version):
                raise KafkaError(ErrorCode.INVALID_REQUEST, f"client software {name!r} {version!r} is not a name and a version")
            context.session.client_software = (name, version)
        image = context.services.metadata.image
        return ApiVersionsResponse(
            api_keys=served,
            supported_features=_supported(FEATURES, context.api_version),
            finalized_features_epoch=image.revision,
            finalized_features=_finalized(image),
        )

    row = Api(ApiKey.API_VERSIONS, "ApiVersions", (0, 4), handle, _refusal, frame_bytes_max=64 << 10)
    served = _served((*others, row))
    return row

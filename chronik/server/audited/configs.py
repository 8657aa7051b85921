"""Dynamic configuration and quotas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chronik.cluster.configs import resource_key
from chronik.cluster.interfaces import ConfigResource, ConfigResourceType
from chronik.cluster.quotas import quota_entity
from chronik.config.secret_settings import is_secret
from chronik.config.secrets import HIDDEN
from chronik.server.audited.change import Changed, told

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage, QuotaEntity


def altered(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """AlterConfigs and IncrementalAlterConfigs: the keys that were named, and what AlterConfigs took away beside them.

    Of what was refused only the names are told: nobody knows what a value is whose key is none.
    """
    for resource, outcome in zip(request.resources, response.responses, strict=True):
        code, reason = told(outcome)
        named = [config.name for config in resource.configs]
        kind = _kind(resource.resource_type)
        about = f"{kind.name if kind is not None else resource.resource_type}:{resource.resource_name}"
        if code or kind is None:
            yield Changed(about, code, reason, details={"keys": named})
        elif kind is ConfigResourceType.BROKER_LOGGER:
            yield Changed(about, code, reason, after={config.name: config.value for config in resource.configs})
        else:
            wanted = ConfigResource(kind, resource.resource_name)
            old, new = _texts(before, wanted), _texts(after, wanted)
            names = dict.fromkeys([*named, *(name for name in old if name not in new)])
            yield Changed(about, code, reason, _of(old, names), _of(new, names))


def _kind(code: int) -> ConfigResourceType | None:
    return ConfigResourceType(code) if code in set(ConfigResourceType) else None


def _texts(image: MetadataImage, resource: ConfigResource) -> Mapping[str, str]:
    if resource.kind is ConfigResourceType.TOPIC:
        topic = image.topics.get(resource.name)
        return {} if topic is None else topic.configs
    return image.configs.get(resource_key(resource), {})


def _of(texts: Mapping[str, str], names: Iterable[str]) -> Mapping[str, str | None]:
    return {name: HIDDEN if name in texts and is_secret(name) else texts.get(name) for name in names}


def quotas_altered(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """AlterClientQuotas."""
    for entry, outcome in zip(request.entries, response.entries, strict=True):
        code, reason = told(outcome)
        parts = {part.entity_type: part.entity_name for part in entry.entity}
        entity: QuotaEntity = () if code else quota_entity(tuple(parts.items()))
        names = [op.key for op in entry.ops]
        old, new = before.quotas.get(entity, {}), after.quotas.get(entity, {})
        about = ",".join(f"{kind}={name if name is not None else '<default>'}" for kind, name in parts.items())
        if code:
            yield Changed(f"QUOTA:{about}", code, reason, details={"keys": names})
        else:
            yield Changed(f"QUOTA:{about}", code, reason, {name: old.get(name) for name in names}, {name: new.get(name) for name in names})

"""Secrets of a broker that are stored encrypted, once what they are to be encrypted with has changed."""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger

from chronik.cluster.configs import resource_key
from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType, IController
from chronik.metadata.image import MetadataImage
from chronik.metadata.password_encoder import SECRET, PasswordEncoder

_LOG: Final = Logger()


async def encrypt_anew(passwords: PasswordEncoder, image: MetadataImage, broker_id: int, controller: IController) -> None:
    """Let the secrets of a broker no longer need ``password.encoder.old.secret``. Where that fails, the next start tries again."""
    resource = ConfigResource(ConfigResourceType.BROKER, str(broker_id))
    secrets = passwords.outdated(resource.name, image.configs.get(resource_key(resource), {}))
    if not secrets:
        return
    edits = tuple(ConfigEdit(name, ConfigOperation.SET, secret) for name, secret in secrets.items())
    (problem,) = await controller.alter_configs([ConfigChange(resource, edits)])
    if problem is None:
        _LOG.info("encrypted with the new {key}: {names}", key=SECRET, names=", ".join(secrets))
    else:
        _LOG.warn("{names}: still encrypted with the old {key}: {problem}", names=", ".join(secrets), key=SECRET, problem=problem.message)

"""Encrypting the secrets that are set at run time, so that the metadata, which are copied and told to every broker, hold none that can be read.

What they are encrypted with is configured, the same on every broker. A broker that has the metadata for itself makes it when it is needed first.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.config import Configuration
from chronik.config.encryption import NONCE_BYTES, decrypted, derive_key, encrypted
from chronik.config.interfaces import IPasswordEncoder
from chronik.config.secret_files import SECRET_BYTES_MAX, check_secret_file
from chronik.config.secret_settings import PERMISSIONS_KEY, Resolved, is_secret
from chronik.config.secrets import Secret
from chronik.defer import FlatLock, IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.metadata.backends import DIRECTORY
from chronik.storage.interfaces import IFileSystem

SECRET: Final = "password.encoder.secret"
OLD_SECRET: Final = "password.encoder.old.secret"

OWN_STORE: Final = "file"
"""The backend of ``metadata.store`` that no other broker can use, and that keeps what it is given."""

OWN_SECRET_BYTES: Final = 32
"""As many as the key has that is made of them."""


class OwnSecret:
    """The secret that a broker made for itself, in a file beside its metadata. All of it blocks.

    :param path: of the file; its directory exists when the file is made.
    :param permissions: what comes of a file that others may read; see ``secret.files.permissions``.
    :param random: gives that many random bytes.
    """

    _log = Logger()

    def __init__(self, file_system: IFileSystem, path: str, permissions: str, random: Callable[[int], bytes]) -> None:
        self._file_system = file_system
        self._path = path
        self._permissions = permissions
        self._random = random

    def read(self) -> Secret | None:
        """The secret, None where none was made.

        :raises ConfigurationError: the file cannot be used, or is not what was written.
        """
        if not self._file_system.exists(self._path):
            return None
        try:
            warning = check_secret_file(self._path, self._permissions, look=self._file_system.exposure)
            large = self._file_system.size(self._path) > SECRET_BYTES_MAX
            data = b"" if large else self._file_system.read_whole(self._path)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from None
        secret = Secret(data.decode("ascii", "replace").removesuffix("\n"))
        if not _is_own(secret):
            what = "which decrypts the secrets that were set at run time, is damaged"
            raise ConfigurationError(f"{self._path}, {what}: put back a copy, or remove it and set these secrets again")
        if warning is not None:
            self._log.warn("{problem}", problem=warning)
        return secret

    def make(self) -> Secret:
        """The secret, which is durable: the one that is there, or else a new one.

        :raises ConfigurationError: there is one that cannot be used.
        :raises OSError: it could not be kept.
        """
        secret = self.read()
        if secret is None:
            secret = Secret(base64.b64encode(self._random(OWN_SECRET_BYTES)).decode())
            self._file_system.write_whole(self._path, f"{secret}\n".encode(), private=True)
            self._log.info("made {path}, which decrypts the secrets that are set at run time: a copy of the metadata needs it", path=self._path)
        return secret


def own_secret(config: Configuration, directory: str, file_system: IFileSystem, random: Callable[[int], bytes]) -> OwnSecret | None:
    """What a broker encrypts secrets with where nothing is configured; None where it has not the metadata for itself.

    :param directory: the first log directory.
    """
    if config.get("metadata.store") != OWN_STORE:
        return None
    return OwnSecret(file_system, os.path.join(directory, DIRECTORY, SECRET), config.get(PERMISSIONS_KEY), random)


def _is_own(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret, validate=True)) == OWN_SECRET_BYTES
    except (binascii.Error, ValueError):
        return False


@implementer(IPasswordEncoder)
class PasswordEncoder:
    """What :class:`IPasswordEncoder` says.

    :param config: what the broker was started with.
    :param own: where the metadata are this broker's alone, the secret that it makes for itself.
    :param pools: where keys are derived, and files used.
    :param random: gives that many random bytes.
    """

    _log = Logger()

    def __init__(self, config: Configuration, own: OwnSecret | None, pools: IThreadPools, random: Callable[[int], bytes]) -> None:
        self._config = config
        self._own = own
        self._pools = pools
        self._random = random
        self._key: bytes | None = None
        self._older: tuple[bytes, ...] = ()
        self._making = FlatLock()

    @deferred
    async def start(self) -> None:
        """Derive the keys of what is configured, and of what the broker made for itself earlier.

        :raises ConfigurationError: that is needed and cannot be used.
        """
        configured, old = self._config.get(SECRET), self._config.get(OLD_SECRET)
        own = await self._read_own(configured is not None)
        secrets = list(dict.fromkeys(secret for secret in (configured, own, old) if secret is not None))
        keys = [await self._pools.run(Pool.CPU, derive_key, secret) for secret in secrets]
        if configured is not None or own is not None:
            self._key, keys = keys[0], keys[1:]
        self._older = tuple(keys)

    async def _read_own(self, spare: bool) -> Secret | None:
        """The broker's own.

        :param spare: whether it can do without.
        """
        if self._own is None:
            return None
        try:
            return await self._pools.run(Pool.BACKGROUND, self._own.read)
        except ConfigurationError as problem:
            if not spare:
                raise
            self._log.warn("{problem}", problem=str(problem))
            return None

    @deferred
    async def prepare(self, validate_only: bool = False) -> None:
        """Have a key; see :meth:`IPasswordEncoder.prepare`."""
        if self._key is not None:
            return
        own = self._own
        if own is None:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"A secret is encrypted before it is stored, and only a broker with metadata.store={OWN_STORE} makes for itself what that takes: "
                f"set {SECRET}, or {SECRET}.file, to the same on every broker, and start them again",
            )
        if not validate_only:
            await self._making.run(partial(self._make, own))

    @deferred
    async def _make(self, own: OwnSecret) -> None:
        if self._key is not None:  # by who asked at the same time
            return
        try:
            secret = await self._pools.run(Pool.BACKGROUND, own.make)
        except ConfigurationError as problem:
            raise KafkaError(ErrorCode.INVALID_REQUEST, str(problem)) from None
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"What secrets are to be encrypted with cannot be kept: {error}") from error
        self._key = await self._pools.run(Pool.CPU, derive_key, secret)

    def opened(self, resource: str, texts: Mapping[str, str]) -> Resolved:
        """Decrypt; see :meth:`IPasswordEncoder.opened`."""
        return self._opened(resource, texts)[0]

    def outdated(self, resource: str, texts: Mapping[str, str]) -> Mapping[str, Secret]:
        """The secrets among what is stored that are not encrypted with the newest key, decrypted."""
        return self._opened(resource, texts)[1]

    def _opened(self, resource: str, texts: Mapping[str, str]) -> tuple[Resolved, Mapping[str, Secret]]:
        keys = self._older if self._key is None else (self._key, *self._older)
        found: dict[str, str] = {}
        outdated: dict[str, Secret] = {}
        warnings: list[str] = []
        for name, text in texts.items():
            if isinstance(text, Secret) or not is_secret(name):
                found[name] = text
                continue
            try:
                secret, number = decrypted(keys, text, name, resource)
            except ConfigurationError as problem:
                warnings.append(str(problem))
                continue
            found[name] = secret
            if keys[number] != self._key:
                outdated[name] = secret
        return Resolved(found, tuple(warnings)), outdated

    def sealed(self, resource: str, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Encrypt; see :meth:`IPasswordEncoder.sealed`."""
        return {name: self._sealed(resource, name, text) if isinstance(text, Secret) else text for name, text in texts.items()}

    def _sealed(self, resource: str, name: str, secret: Secret) -> str:
        assert self._key is not None, "prepare() was not called"
        return encrypted(self._key, secret, name, resource, self._random(NONCE_BYTES))

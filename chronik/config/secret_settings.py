"""From what was set to secrets: ``<key>.file`` is read, and what is secret is marked as such."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.names import split_listener_key
from chronik.config.secret_files import check_secret_file, read_secret
from chronik.config.secrets import FILE_SUFFIX, Secret
from chronik.config.values import shown
from chronik.errors import ConfigurationError

PERMISSIONS_KEY: Final = "secret.files.permissions"
"""The key that says what comes of a file with secrets that others may read."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with their secrets.

    :ivar texts: what was set, secrets as :class:`~chronik.config.secrets.Secret`; and for each ``<key>.file`` also ``<key>``.
    :ivar warnings: sentences for the log.
    """

    texts: Mapping[str, str] = field(repr=False)
    warnings: tuple[str, ...] = ()


def is_secret(name: str) -> bool:
    """Whether a broker key, perhaps of one listener, is a secret."""
    key = BROKER_KEYS.get(split_listener_key(name)[1])
    return key is not None and key.sensitive


def secret_of_file(name: str) -> str | None:
    """The secret whose file this key names; None for other keys."""
    base = name.removesuffix(FILE_SUFFIX)
    return base if base != name and is_secret(base) else None


def resolve(texts: Mapping[str, str], permissions: str) -> Resolved:
    """The settings of one layer with their secrets.

    :param permissions: the value of :data:`PERMISSIONS_KEY`.
    :raises ConfigurationError: a file cannot be used, or a secret and its file are both set.
    """
    return _resolved(texts, [name for name in texts if is_secret(name)], [name for name in texts if secret_of_file(name)], permissions, "")


def resolve_lenient(texts: Mapping[str, str], permissions: str) -> Resolved:
    """The same of settings that cannot be refused any more: a secret that cannot be had is not set, and a warning says why.

    :param texts: secrets as :class:`~chronik.config.secrets.Secret`; one that is not is encrypted still, and not set.
    """
    found = {name: text for name, text in texts.items() if isinstance(text, Secret) or not is_secret(name)}
    warnings: list[str] = []
    for name in texts:
        secret = secret_of_file(name)
        if secret is None:
            continue
        try:
            found[secret], warning = read_secret(texts[name].strip(), permissions, name)
        except ConfigurationError as error:
            warning = str(error)
        warnings.extend(filter(None, [warning]))
    return Resolved(found, tuple(warnings))


def set_twice(texts: Mapping[str, str], elsewhere: Mapping[str, str]) -> Iterator[str]:
    """Sentences about secrets that are set in one place and their files in another.

    :param texts: what is set in one place; secrets that files give may be among it or not.
    :param elsewhere: likewise.
    """
    for one, other in ((texts, elsewhere), (elsewhere, texts)):
        for name in one:
            file = name + FILE_SUFFIX
            if file in other and file not in one and is_secret(name):
                yield both_set(name, file)


def resolve_options(options: Mapping[str, str], secrets: Collection[str], permissions: str, prefix: str) -> Resolved:
    """The options of one plugin with their secrets, ``<option>.file`` taken out.

    :param secrets: names of the options that are secrets.
    :param prefix: what the options' keys begin with, for messages.
    :raises ConfigurationError: a file cannot be used, or a secret and its file are both set.
    """
    files = [name for name in options if name.endswith(FILE_SUFFIX) and name.removesuffix(FILE_SUFFIX) in secrets]
    resolved = _resolved(options, [name for name in options if name in secrets], files, permissions, prefix)
    return Resolved({name: text for name, text in resolved.texts.items() if name not in files}, resolved.warnings)


def _resolved(texts: Mapping[str, str], secrets: Iterable[str], files: Iterable[str], permissions: str, prefix: str) -> Resolved:
    found = dict(texts)
    warnings: list[str] = []
    for name in secrets:
        found[name] = Secret(texts[name].strip())
    for name in files:
        secret = name.removesuffix(FILE_SUFFIX)
        if secret in texts:
            raise ConfigurationError(both_set(prefix + secret, prefix + name))
        found[secret], warning = read_secret(texts[name].strip(), permissions, prefix + name)
        warnings.extend(filter(None, [warning]))
    return Resolved(found, tuple(warnings))


def both_set(secret: str, file: str) -> str:
    """The sentence that refuses a secret and the name of its file at once."""
    return f"{shown(secret)} and {shown(file)} are both set: set one of them"


def check_settings_file(path: str, permissions: str) -> str | None:
    """Whether a configuration file with secrets in it is for the broker alone; see :func:`~chronik.config.secret_files.check_secret_file`."""
    return check_secret_file(path, permissions, "the configuration file ")

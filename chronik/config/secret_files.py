"""Files that hold secrets: who else may read them, and reading them.

The rule is the one of PostgreSQL's key files: a file of the broker's own user is for that user alone; one of root may be readable by a group, as
secrets are that a system mounts for its services.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Final

from chronik.config.bounded import read_bounded
from chronik.config.secrets import Secret
from chronik.errors import ConfigurationError

REFUSE: Final = "refuse"
WARN: Final = "warn"
PERMISSIONS: Final = (REFUSE, WARN)
"""What comes of a file that others may read; values of ``secret.files.permissions``."""

SECRET_BYTES_MAX: Final = 1 << 20
"""Larger than any password, key or certificate chain; a wrong path is not to be read for minutes."""

_ROOT: Final = 0


def exposure(path: str) -> str | None:
    """How others may read or change a file; None when they may not.

    :raises OSError: it cannot be looked at.
    """
    status = os.stat(path)
    forbidden = stat.S_IRWXO | (stat.S_IWGRP if status.st_uid == _ROOT else stat.S_IRWXG)
    if not status.st_mode & forbidden:
        return None
    return f"mode {stat.S_IMODE(status.st_mode):04o}"


def check_secret_file(path: str, permissions: str, what: str = "", look: Callable[[str], str | None] = exposure) -> str | None:
    """Whether a file with secrets is for the broker alone. Call it before the file is used, and again when it is loaded anew.

    :param permissions: the value of ``secret.files.permissions``.
    :param what: what names the file, for messages: a key, as in ``ssl.keystore.location``, or words that end in a space.
    :param look: says how others may use the file, as :func:`exposure` does.
    :returns: a warning for the log, None when all is well.
    :raises ConfigurationError: it does not exist, or others may read it and ``permissions`` is ``refuse``.
    """
    named = f"{what}{'' if what.endswith(' ') else '='}{path}" if what else path
    try:
        exposed = look(path)
    except OSError as error:
        raise ConfigurationError(f"{named} cannot be used: {error.strerror}") from None
    if exposed is None:
        return None
    problem = f"{named} holds secrets and others than the broker's user may read or change it ({exposed}); chmod 600 it"
    if permissions == WARN:
        return problem
    raise ConfigurationError(f"{problem}, or set secret.files.permissions={WARN}")


def read_secret(path: str, permissions: str, what: str = "") -> tuple[Secret, str | None]:
    """A secret that is alone in a file, as UTF-8; one newline at its end does not count.

    :param permissions: the value of ``secret.files.permissions``.
    :param what: what names the file, for messages.
    :returns: the secret, and a warning for the log or None.
    :raises ConfigurationError: the file is missing, unreadable, empty, too large or no text, or others may read it and that is refused.
    """
    warning = check_secret_file(path, permissions, what)
    named = f"{what}={path}" if what else path
    try:
        text = read_bounded(path, SECRET_BYTES_MAX, named).decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{named} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ConfigurationError(f"{named} is empty; a secret was expected in it")
    return Secret(text), warning

"""Reading files that somebody named, up to a size: a wrong path is not to be read for minutes."""

from __future__ import annotations

from chronik.errors import ConfigurationError


def read_bounded(path: str, bytes_max: int, named: str = "") -> bytes:
    """All of a file; blocks.

    :param named: what it is called in messages, where that is more than its path.
    :raises ConfigurationError: it cannot be read, or is larger than ``bytes_max``.
    """
    named = named or path
    try:
        with open(path, "rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise ConfigurationError(f"{named} cannot be read: {error.strerror}") from None
    if len(data) > bytes_max:
        raise ConfigurationError(f"{named} is larger than {bytes_max} bytes, which no such file is")
    return data

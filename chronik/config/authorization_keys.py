"""Keys of a broker about who may do what."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey

AUTHORIZATION_KEYS: Final[tuple[ConfigKey, ...]] = ()
"""In the order of the reference page."""

"""Keys of a broker about SASL: mechanisms, credentials and tokens."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey

SASL_KEYS: Final[tuple[ConfigKey, ...]] = ()
"""In the order of the reference page."""

"""Keys of a broker about TLS: certificates, trust and versions."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey

TLS_KEYS: Final[tuple[ConfigKey, ...]] = ()
"""In the order of the reference page."""

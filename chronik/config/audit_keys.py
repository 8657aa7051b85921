"""Keys of a broker about what is kept of who did what."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey

AUDIT_KEYS: Final[tuple[ConfigKey, ...]] = ()
"""In the order of the reference page."""

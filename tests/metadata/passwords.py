"""Encoders of passwords as tests need them."""

from __future__ import annotations

import os

from chronik.config import Configuration
from chronik.metadata.password_encoder import OwnSecret, PasswordEncoder
from chronik.testing.pools import SynchronousThreadPools


def make_encoder(own: OwnSecret | None = None, **secrets: str) -> PasswordEncoder:
    """One that is not started; underscores stand for dots."""
    config = Configuration().with_values({name.replace("_", "."): text for name, text in secrets.items()})
    return PasswordEncoder(config, own, SynchronousThreadPools(), os.urandom)

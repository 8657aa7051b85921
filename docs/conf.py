"""Sphinx's configuration."""

from pathlib import Path

import chronik
from chronik.config.reference import reference

project = "Chronik"
author = "the Chronik authors"
version = release = chronik.__version__
html_theme = "alabaster"
html_theme_options = {"description": "A Kafka-compatible streaming broker with full-text search built in", "fixed_sidebar": True}
exclude_patterns = ["_build", "newsfragments"]
nitpicky = False


def generate(app: object) -> None:
    """Write the pages that come from the source itself; they are not committed."""
    Path(__file__).with_name("configuration.rst").write_text(reference() + "\n", encoding="utf-8")


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", generate)  # type: ignore[attr-defined]

"""Chronik: a Kafka-compatible streaming broker with full-text search built in."""

__version__ = "0.1.0.dev0"

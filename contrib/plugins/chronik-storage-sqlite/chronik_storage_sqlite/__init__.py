"""Logs in SQLite databases, for Chronik."""

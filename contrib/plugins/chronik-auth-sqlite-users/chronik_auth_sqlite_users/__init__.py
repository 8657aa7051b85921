"""Users of a SQLite database, for Chronik."""

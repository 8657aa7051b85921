"""The API table and what serves each API."""

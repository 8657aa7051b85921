"""SASL (RFC 4422): mechanisms as state machines, and the gate that a connection passes before anything else is served on it."""

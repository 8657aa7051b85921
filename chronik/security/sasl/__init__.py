"""SASL (RFC 4422): mechanisms, and the gate that a connection passes."""

"""Connections: listeners, the server's side of a connection, the client's, and their limits."""

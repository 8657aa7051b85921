"""A real broker in a process of its own, and real clients."""

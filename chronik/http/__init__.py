"""The HTTP listener: search, health, metrics, console."""

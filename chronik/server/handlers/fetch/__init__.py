"""Fetch (1): committed records, at once when there are enough of them, else as soon as there are or when the time is up.

Records are never copied here: the answer carries slices of the log, which the connection sends from their files.
"""

from chronik.server.handlers.fetch.handler import APIS

__all__ = ["APIS"]

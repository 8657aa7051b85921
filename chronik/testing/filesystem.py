"""The file system in memory that tests stop, fail and look into."""

from chronik.storage.memory import Fault, MemoryFileSystem

__all__ = ["Fault", "MemoryFileSystem"]

"""The file system in memory that tests stop, fail, fill and look into; :class:`DiskFaults` is what may go wrong with it."""

from chronik.storage.memory import MemoryFileSystem
from chronik.storage.memory_faults import ANY, DiskFaults, Fault

__all__ = ["ANY", "DiskFaults", "Fault", "MemoryFileSystem"]

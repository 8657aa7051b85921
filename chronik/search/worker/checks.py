"""Checksums of an index's files, so that damage done while nobody looked is found before it is searched.

A search library may serve a flipped bit as an answer. Files that change under their name from one commit to the next (a list of segments, a
database) are left to the library's own checks; those that do not are summed once, after the commit that made them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import crc32c

_CHUNK_BYTES: Final = 1 << 20
_GONE: Final = "is gone"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What a file was when it was summed."""

    size: int
    modified_ns: int
    crc: int


@dataclass(slots=True)
class Checks:
    """The files of one shard.

    :ivar files: by path below the shard's directory.
    :ivar changing: names whose content was seen to change; never checked.
    """

    files: dict[str, FileCheck] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)

    def record(self, directory: str) -> None:
        """Note what there is now. Only files that are new or changed are read."""
        found: dict[str, FileCheck] = {}
        for name, path in _files(directory):
            if name in self.changing:
                continue
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue
            known = self.files.get(name)
            if known is not None and (known.size, known.modified_ns) != (status.st_size, status.st_mtime_ns):
                self.changing.add(name)
            else:
                found[name] = known or FileCheck(status.st_size, status.st_mtime_ns, _crc(path))
        self.files = found

    def damaged(self, directory: str, whole: bool, written: bool) -> str | None:
        """What is wrong with the directory, None when nothing was found.

        :param whole: read every file; else those whose size or time is different from what was noted.
        :param written: the shard is still written to, so that files come and go.
        """
        if not os.path.isdir(directory):
            return "its directory is gone"
        for name, known in self.files.items():
            problem = _problem(os.path.join(directory, name), known, whole)
            if problem is not None and not (written and problem is _GONE):
                return f"{name} {problem}"
        return None

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"files": {n: [c.size, c.modified_ns, c.crc] for n, c in self.files.items()}, "changing": sorted(self.changing)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Checks:
        """The reverse of :meth:`to_json`."""
        return cls({n: FileCheck(*row) for n, row in value["files"].items()}, set(value["changing"]))


def _problem(path: str, known: FileCheck, whole: bool) -> str | None:
    try:
        status = os.stat(path)
        if not whole and (known.size, known.modified_ns) == (status.st_size, status.st_mtime_ns):
            return None
        if status.st_size != known.size:
            return f"has {status.st_size} bytes, not {known.size}"
        return None if _crc(path) == known.crc else "its content changed"
    except FileNotFoundError:
        return _GONE


def _crc(path: str) -> int:
    crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            crc = crc32c.crc32c(chunk, crc)
    return crc


def _files(directory: str) -> Iterator[tuple[str, str]]:
    for parent, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            if not name.endswith(".lock"):
                yield os.path.relpath(path, directory), path

"""The frames that are kept: one of each outcome of each API, and those that found something. They are sent first."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz.frames import ENDED, SILENT, Outcome, Report

PATH: Final = Path(__file__).with_name("frames.txt")

FRAME_BYTES_MAX: Final = 300
"""Larger frames are not kept for an outcome that is only new; one that found something is shortened by hand."""

FOUND: Final = "found"
"""The outcome under which a frame is kept that found something which was then repaired."""


class Corpus:
    """Frames by what came of them when they were kept. What comes of them now is not compared: brokers learn.

    :param kept: without their sizes.
    """

    def __init__(self, kept: Mapping[Outcome, bytes]) -> None:
        self.kept = dict(kept)

    @classmethod
    def load(cls) -> Corpus:
        """The one that is part of the project."""
        kept: dict[Outcome, bytes] = {}
        for line in PATH.read_text().splitlines() if PATH.exists() else ():
            name, version, outcome, data = line.split(" ")
            kept[name, int(version), outcome] = b64decode(data)
        return cls(kept)

    @property
    def frames(self) -> list[bytes]:
        """All of them, always in the same order."""
        return [self.kept[outcome] for outcome in sorted(self.kept)]

    def extend(self, found: Mapping[Outcome, bytes]) -> None:
        """Keep these as well."""
        self.kept |= found

    def save(self) -> None:
        """Write it where it is part of the project."""
        lines = (" ".join((*map(str, outcome), b64encode(self.kept[outcome]).decode())) for outcome in sorted(self.kept))
        PATH.write_text("".join(f"{line}\n" for line in lines))


def worth_keeping(report: Report, corpus: Corpus) -> dict[Outcome, bytes]:
    """Frames whose outcome is new for their API, in any version, and an old and a new version of each."""
    found: dict[Outcome, bytes] = {}
    known = _versions((*corpus.kept,))
    for outcome in sorted(report.examples):
        name, version, what = outcome
        frame = report.examples[outcome]
        versions = known.setdefault((name, what), set())
        if what in (ENDED, SILENT) or version in versions or len(frame) > FRAME_BYTES_MAX or len(versions) >= 2:
            continue
        versions.add(version)
        found[outcome] = frame
    return found


def _versions(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], set[int]]:
    known: dict[tuple[str, str], set[int]] = {}
    for name, version, what in outcomes:
        known.setdefault((name, what), set()).add(version)
    return known

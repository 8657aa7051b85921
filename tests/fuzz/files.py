"""A broker that starts over a disk on which one thing is not as it was left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from twisted.logger import globalLogPublisher

from chronik.errors import ErrorCode
from chronik.record.batch import BadBatch, whole_batches
from chronik.record.records import BadRecords
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import DIRECTORIES
from chronik.testing.simulation.client import Unavailable
from tests.fuzz.damage import cut, damages
from tests.fuzz.scene import COMMITTED, STARTS_AT, Partition, Refused, Scene, Template, template

DIRECTORY: Final = DIRECTORIES[0]
"""Where the broker of these tests keeps everything."""

UNSERVED: Final = frozenset({ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.CORRUPT_MESSAGE, ErrorCode.INCONSISTENT_TOPIC_ID})
"""What a partition answers that says that it cannot be served."""

STRAYS: Final = (
    "stray", "stray-0", "plain-1", "plain-07", "plain-²", "-0", "x-", "plain-0.abc-delete", "plain-0/stray", "plain-0/99999999999999999999.log",
    "plain-0/²²²²²²²²²²²²²²²²²²²².log", "plain-0/00000000000000000005.log", "plain-0/x.deleted", "plain-0/x.tmp", "plain-0/00000000000000000400.log",
    "plain-0/00000000000000009999.snapshot", "plain-0/offset-gaps", "plain-0/00000000000000000080.damaged", "plain-0/x.corrupt",
    ".search/stray", ".metadata/metadata.log.tmp", ".metadata/metadata.log.cut", "recovery-point-offset-checkpoint.tmp", "größe-0",
)  # fmt: skip

# -- what happens to a disk -------------------------------------------------------------------------------------------


def files(disk: MemoryFileSystem, path: str = DIRECTORY) -> Iterator[str]:
    """Every file below a directory."""
    for name in disk.list(path):
        inside = f"{path}/{name}"
        if disk.is_directory(inside):
            yield from files(disk, inside)
        else:
            yield inside


def kind(path: str) -> str:
    """What kind of file it is: its name without numbers, or its extension."""
    name = path.rpartition("/")[2]
    internal = "internal " if "__consumer_offsets" in path else ""
    return internal + (name[name.rindex(".") :] if re.fullmatch(r"\d{20}\.\w+", name) else name)


def write(disk: MemoryFileSystem, path: str, data: bytes) -> None:
    """Let a file have these bytes, without what a crash would need to know."""
    file = disk.open(path, create=True)
    file.truncate(0)
    file.pwritev([data], 0)
    file.fdatasync()
    file.close()


@dataclass
class Done:
    """What was done to a disk.

    :ivar path: to which file.
    :ivar kind: of which kind it is.
    :ivar what: in words.
    :ivar same_until: how many of its bytes are as they were, from its beginning.
    """

    path: str
    kind: str
    what: str
    same_until: int = 0

    @property
    def partition(self) -> str:
        """The partition's directory that it is in, or empty."""
        parts = self.path[len(DIRECTORY) + 1 :].split("/")
        return parts[0] if not parts[0].startswith(".") and (len(parts) > 1 or re.search(r"-\d+$", parts[0])) else ""


def harm(disk: MemoryFileSystem, random: Random) -> Done:
    """Do one thing to one file or directory, each kind of file as likely as another."""
    if random.random() < 0.06:
        return _stray(disk, random)
    if random.random() < 0.03:
        chosen = random.choice(sorted({path.rpartition("/")[0] for path in files(disk)} - {DIRECTORY}))
        disk.remove_tree(chosen)
        return Done(chosen, "directory", "removed")
    kinds: dict[str, list[str]] = {}
    for path in files(disk):
        kinds.setdefault(kind(path), []).append(path)
    name = random.choice(sorted(kinds))
    path = random.choice(kinds[name])
    choice = random.random()
    if choice < 0.06:
        disk.unlink(path)
        return Done(path, name, "removed")
    if choice < 0.09:
        disk.unlink(path)
        disk.make_directory(path)
        return Done(path, name, "replaced by a directory")
    before = disk.read_whole(path)
    if choice < 0.13:
        other = random.choice(kinds[name])
        after, what = disk.read_whole(other), f"replaced by {other}"
    else:
        damage = random.choice(damages(path.rpartition("/")[2]))
        after, what = damage(before, random), damage.__name__
    write(disk, path, after)
    same = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), min(len(before), len(after)))
    return Done(path, name, f"{what}, {len(before)} to {len(after)} bytes, the same up to {same}", same)


def _stray(disk: MemoryFileSystem, random: Random) -> Done:
    path = f"{DIRECTORY}/{random.choice(STRAYS)}"
    disk.make_directory(path.rpartition("/")[0])
    if disk.exists(path):
        write(disk, path, cut(disk.read_whole(path), random))
    elif random.random() < 0.5:
        disk.make_directory(path)
    else:
        write(disk, path, random.choice((b"", b"stray", bytes(5000))))
    return Done(path, "stray", "added")


# -- what a broker makes of it ------------------------------------------------------------------------------------------


@dataclass
class Trial:
    """One start over what :func:`harm` left, and another over what that start left.

    :param before: what is damaged; None for what a broker left that ended in the way of ``how``.
    :ivar problems: what the broker should not have done.
    :ivar outcome: what it did, in a word.
    """

    how: str
    seed: int
    before: Template | None = None
    problems: list[str] = field(default_factory=list)
    outcome: str = ""

    def run(self) -> Trial:
        """Do it all."""
        self._template = self.before or template(self.how)
        disk = self._template.copy()
        self.done = harm(disk, Random(f"{self.how} {self.seed}"))
        self.scene = Scene(f"trial {self.seed}", disk)
        globalLogPublisher.addObserver(self.scene.observe)
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  whatever it is, it should not have been
            self._problem(f"{type(error).__name__}: {error}")
        finally:
            globalLogPublisher.removeObserver(self.scene.observe)
            if self.scene.broker.phase != "down":
                self.scene.broker.kill()
        self.problems += [f"{self.title}: logged {failure}" for failure in self.scene.failures]
        return self

    @property
    def title(self) -> str:
        """Which it was."""
        return f"{self.how} {self.seed}, {self.done.path}: {self.done.what}"

    def _problem(self, what: str) -> None:
        self.problems.append(f"{self.title}: {what}")

    def _run(self) -> None:
        scene = self.scene
        if not scene.start():
            self.outcome = "refused"
            self._check_refusal()
            return
        scene.do(scene.client.refresh([]))
        first = {place: self._look(place, expected) for place, expected in self._template.records.items()}
        same = all((first[place] or [])[:-1] == expected for place, expected in self._template.records.items())
        self.outcome = "served" if same else "told"
        self._check_group()
        scene.stop()
        if not scene.start():
            self._problem(f"the next start is refused: {scene.said[-1]}")
            return
        for place, found in first.items():
            if found is not None:
                self._look_again(place, found)
        scene.stop()

    def _check_refusal(self) -> None:
        said = self.scene.said[-1]
        parts = (self.done.path, self.done.path.rpartition("/")[0], "metadata directory")
        if not said.startswith("chronik: ") or "\n" in said or "; chronik" in said:
            self._problem(f"it said {said!r}")
        elif not any(part in said for part in parts) and not (".metadata" in self.done.path and "metadata" in said):
            self._problem(f"its refusal does not name the file: {said}")

    # -- records ------------------------------------------------------------------------------------------------------

    def _look(self, place: Partition, expected: list[tuple[int, bytes]]) -> list[tuple[int, bytes]] | None:
        """What a partition has and one record more, None where it says that it cannot serve."""
        try:
            found: list[tuple[int, bytes]] = self.scene.do(self.scene.read(*place))
        except (Refused, BadBatch, BadRecords, Unavailable) as error:
            self._check_unserved(place, error)
            return None
        if found != expected:
            self._check_loss(place, found, expected)
        try:
            offset = self.scene.do(self.scene.produce(*place, [b"more"]))
        except (Refused, Unavailable) as error:
            self._problem(f"{place} serves reads and refuses writes: {error}")
            return None
        return [*found, (offset, b"more")]

    def _look_again(self, place: Partition, expected: list[tuple[int, bytes]]) -> None:
        try:
            found = self.scene.do(self.scene.read(*place))
        except (Refused, BadBatch, BadRecords, Unavailable) as error:
            own = self._own(place) and self.done.kind == ".log" and self._named(place)
            if not (own and isinstance(error, Refused) and error.code in UNSERVED):  # else the damage was found meanwhile
                self._problem(f"{place} was served, and no more after the next start: {error!r}")
            return
        if found != expected:
            other = next(((a, b) for a, b in zip(expected, found, strict=False) if a != b), None)
            self._problem(f"{place} had {_told(expected)}, and after the next start {_told(found)}; first difference: {other}")

    def _own(self, place: Partition) -> bool:
        """Whether what was damaged belongs to this partition alone."""
        return self.done.partition == f"{place[0]}-{place[1]}"

    def _named(self, place: Partition) -> bool:
        return any(f"{place[0]}-{place[1]}" in line or self.done.path in line for line in self.scene.logged)

    def _believed(self) -> bool:
        """Whether a log is refused, for the note of what was on disk says that there was more; it is told which note that is."""
        note = "recovery-point-offset-checkpoint"
        return self.done.kind == note and any(note in line for line in self.scene.logged)

    def _metadata_cut(self) -> bool:
        """Whether commits at the end of the metadata were taken for what a crash left; where nothing crashed, nothing may be."""
        return ".metadata" in self.done.path and self._template.how != "stopped" and any("Cut " in line for line in self.scene.logged)

    def _forged(self) -> bool:
        """Whether it is damage that no checksum tells of: what is read is believed."""
        return self.done.what.startswith(("forge", "journal", "snapshot", "replaced by /"))

    def _check_unserved(self, place: Partition, error: Exception) -> None:
        if self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if self._believed():
            return
        if not self._own(place):
            self._problem(f"{place} is not what was damaged, and answers {error}")
        elif isinstance(error, BadBatch | BadRecords):
            if self.done.kind != ".log":
                self._problem(f"{place} serves a damaged batch: {error}")
        elif isinstance(error, Refused) and error.code not in UNSERVED:
            self._problem(f"{place} answers {error}")
        elif not self._named(place):
            self._problem(f"{place} answers {error}, and nothing is logged")

    def _check_loss(self, place: Partition, found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
        if self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if self.done.kind == "log-start-offset-checkpoint" and found == [each for each in expected if found and each[0] >= found[0][0]]:
            return  # what it says is believed: it has no checksum
        if self.done.kind == "log-start-offset-checkpoint" and [each for each in found if each[0] >= STARTS_AT] == expected:
            return
        if not self._own(place):
            self._problem(f"{place} is not what was damaged, and has {_told(found)} of {_told(expected)}")
        elif self.done.kind not in (".log", "directory", "stray"):
            self._problem(f"{place} lost records to a file that is not the log: {_told(found)} of {_told(expected)}")
        elif self.done.kind == ".log" and self._forged():
            return  # what it says is believed: its checksum fits
        elif not self._named(place):
            self._problem(f"{place} has {_told(found)} of {_told(expected)}, and nothing is logged")
        elif self.done.kind == ".log":
            self._check_before(place, found, expected)

    def _check_before(self, place: Partition, found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
        """What stood before the damage is there."""
        path = self.done.path
        undamaged = self._template.disk.read_whole(path)[: self.done.same_until]
        end = int(path.rpartition("/")[2][:20])
        for header, _ in whole_batches(undamaged):
            end = header.last_offset + 1
        if [each for each in found if each[0] < end] != [each for each in expected if each[0] < end]:
            self._problem(f"{place} lost records before the damage at {end}: {_told(found)} of {_told(expected)}")

    # -- groups -------------------------------------------------------------------------------------------------------

    def _check_group(self) -> None:
        try:
            offset = self.scene.do(self.scene.committed())
        except (Refused, Unavailable) as error:
            offset = -2
            told: object = error
        else:
            told = offset
        if offset == COMMITTED or self._metadata_cut() or (".metadata" in self.done.path and self._forged()):
            return
        if self._believed():
            return
        if not self._own(("__consumer_offsets", 0)):
            self._problem(f"the committed offset is {told}")
        elif self.done.kind not in ("internal .log", "directory") and not self._named(("__consumer_offsets", 0)):
            self._problem(f"the committed offset is {told}, and nothing is logged")


def _told(records: list[tuple[int, bytes]]) -> str:
    if not records:
        return "none"
    return f"{len(records)} records {records[0][0]}..{records[-1][0]}"

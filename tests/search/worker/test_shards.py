"""A partition's shards on disk."""

from __future__ import annotations

import json
import os
import shutil

from twisted.trial.unittest import SynchronousTestCase

from chronik.search.interfaces import Document
from chronik.search.worker.checks import Checks
from chronik.search.worker.shards import MANIFEST, SHARD_TOPIC, Shard, ShardDirectory, remove_unknown
from tests.search.worker.fakes import ListBackend


def fill(shard: Shard, offsets: range) -> None:
    """Add documents to a shard."""
    shard.store.add([Document(SHARD_TOPIC, 0, o, 1, o, 0, o, None, b"v") for o in offsets])
    shard.documents += len(offsets)
    shard.end = offsets.stop


class ShardDirectoryTests(SynchronousTestCase):
    """:class:`ShardDirectory`."""

    def setUp(self) -> None:
        """An empty directory."""
        self.path = os.path.join(os.path.abspath(self.mktemp()), "id", "0")
        self.directory = self.opened()

    def opened(self, settings: str = "json") -> ShardDirectory:
        """The directory as a process that just started sees it."""
        return ShardDirectory(self.path, ListBackend(), 1 << 20, 0, settings)

    def two_shards(self) -> list[Shard]:
        """A sealed shard of 0 to 9 and one of 10 to 14 that is still written to."""
        first = self.directory.create(0)
        fill(first, range(10))
        self.directory.commit(first, [first])
        first.sealed = first.retiring = True
        self.directory.finish_writing(first, first.store, [first])
        second = self.directory.create(10)
        fill(second, range(10, 15))
        self.directory.commit(second, [first, second])
        return [first, second]

    def test_nothing(self) -> None:
        """Without a directory there are no shards, and none is made."""
        self.assertEqual(self.directory.load(), [])
        self.assertFalse(os.path.exists(self.path))

    def test_load(self) -> None:
        """What was committed is there after a restart; the end of the last shard is asked of its index."""
        self.two_shards()
        shards = self.opened().load()
        self.assertEqual([(s.base, s.end, s.sealed, s.documents) for s in shards], [(0, 10, True, 10), (10, 15, False, 5)])

    def test_uncommitted_is_lost(self) -> None:
        """A kill between adding and committing leaves the last commit."""
        _, second = self.two_shards()
        fill(second, range(15, 20))
        self.assertEqual(self.opened().load()[-1].end, 15)

    def test_damage(self) -> None:
        """A changed byte in a sealed shard drops it and what follows, as a removed file or directory does."""
        for damage in (self.flip, os.unlink, lambda path: shutil.rmtree(os.path.dirname(path))):
            shards = self.two_shards()
            damage(os.path.join(self.path, shards[0].name, "documents.json"))
            self.assertEqual(self.opened().load(), [])
            self.assertEqual([n for n in os.listdir(self.path) if n != MANIFEST], [])

    def flip(self, path: str) -> None:
        """Change one byte, keeping size and time."""
        status = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(3)
            byte = file.read(1)
            file.seek(3)
            file.write(bytes([byte[0] ^ 1]))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def test_damage_of_the_last(self) -> None:
        """What comes before damage is kept."""
        shards = self.two_shards()
        with open(os.path.join(self.path, shards[1].name, "documents.json"), "w") as file:
            file.write("garbage")
        self.assertEqual([s.base for s in self.opened().load()], [0])

    def test_bad_manifest(self) -> None:
        """A manifest that cannot be read, of another version, or made under other settings: begin again."""
        for content in (b"", b"\xff{", b"[]", json.dumps({"version": 9, "settings": "json", "shards": []}).encode()):
            self.two_shards()
            with open(os.path.join(self.path, MANIFEST), "wb") as file:
                file.write(content)
            self.assertEqual(self.opened().load(), [])
        self.two_shards()
        self.assertEqual(self.opened("text").load(), [])

    def test_gap(self) -> None:
        """Shards follow one another; what comes after a gap is dropped."""
        first, second = self.two_shards()
        second.base = 11
        self.directory.save([first, second])
        self.assertEqual([s.base for s in self.opened().load()], [0])

    def test_leftovers(self) -> None:
        """A shard that the manifest does not name is removed."""
        self.two_shards()
        os.makedirs(os.path.join(self.path, "00000000000000000099-7"))
        self.opened().load()
        self.assertEqual(len(os.listdir(self.path)), 3)

    def test_files_in_the_place_of_shards(self) -> None:
        """A shard that became a file is dropped and makes room for another of its name; so does what stands where the manifest should."""
        self.two_shards()
        name = min(os.listdir(self.path))
        shutil.rmtree(os.path.join(self.path, name))
        with open(os.path.join(self.path, name), "w") as file:
            file.write("x")
        again = self.opened()
        self.assertEqual(again.load(), [])
        again.save([again.create(0)])
        os.unlink(os.path.join(self.path, MANIFEST))
        os.mkdir(os.path.join(self.path, MANIFEST))
        again = self.opened()
        self.assertEqual(again.load(), [])
        again.save([again.create(0)])
        self.assertEqual(len(self.opened().load()), 1)

    def test_names_are_not_used_again(self) -> None:
        """A dropped shard may still be closing when its successor is made."""
        first = self.directory.create(0)
        self.directory.remove(first)
        self.assertNotEqual(self.directory.create(0).name, first.name)

    def test_damaged_while_running(self) -> None:
        """The cheap look finds a deleted directory, manifest or file, and a file that was written over; not what is as it was."""
        shards = self.two_shards()
        self.assertIsNone(self.directory.damaged(shards))
        path = os.path.join(self.path, shards[0].name, "documents.json")
        os.utime(path)
        self.assertIsNone(self.directory.damaged(shards))
        with open(path, "r+b") as file:
            file.write(b"x")
        self.assertEqual(self.directory.damaged(shards), (0, "documents.json its content changed"))
        shutil.rmtree(self.path)
        self.assertEqual(self.directory.damaged(shards), (0, "its manifest is gone"))

    def test_whole_look(self) -> None:
        """Reading every file finds what size and time do not tell."""
        shards = self.two_shards()
        self.flip(os.path.join(self.path, shards[0].name, "documents.json"))
        self.assertIsNone(self.directory.damaged(shards))
        self.assertEqual(self.directory.damaged(shards, True), (0, "documents.json its content changed"))

    def test_remove_all(self) -> None:
        """Nothing is left, the topic's directory neither."""
        self.directory.remove_all(self.two_shards())
        self.assertFalse(os.path.exists(os.path.dirname(self.path)))

    def test_free_bytes(self) -> None:
        """Free space is known before the directory is."""
        self.assertGreater(self.directory.free_bytes(), 0)


class ChecksTests(SynchronousTestCase):
    """:class:`Checks`."""

    def setUp(self) -> None:
        """A directory with a file that stays and one that changes."""
        self.path = self.mktemp()
        os.makedirs(self.path)
        self.write("stays", b"a")
        self.write("changes", b"b")
        self.checks = Checks()
        self.checks.record(self.path)

    def write(self, name: str, data: bytes) -> None:
        """Replace a file."""
        with open(os.path.join(self.path, name), "wb") as file:
            file.write(data)

    def test_files_that_change_are_left_alone(self) -> None:
        """A name whose content changed between commits is the library's business."""
        self.write("changes", b"bb")
        self.checks.record(self.path)
        self.write("changes", b"bbb")
        self.assertIsNone(self.checks.damaged(self.path, True, False))
        self.assertEqual((set(self.checks.files), self.checks.changing), ({"stays"}, {"changes"}))

    def test_written_shards_lose_files(self) -> None:
        """Merging removes files of a shard that is written to; of a sealed one nothing may go."""
        os.unlink(os.path.join(self.path, "stays"))
        self.assertIsNone(self.checks.damaged(self.path, False, True))
        self.assertEqual(self.checks.damaged(self.path, False, False), "stays is gone")

    def test_round_trip(self) -> None:
        """The manifest keeps them."""
        self.assertEqual(Checks.from_json(json.loads(json.dumps(self.checks.to_json()))), self.checks)


class RemoveUnknownTests(SynchronousTestCase):
    """:func:`remove_unknown`."""

    def test_removes_what_nobody_uses(self) -> None:
        """Directories of deleted topics go; missing roots are fine."""
        root = self.mktemp()
        kept, gone = os.path.join(root, "a", "0"), os.path.join(root, "b", "1")
        os.makedirs(kept)
        os.makedirs(gone)
        self.assertEqual(remove_unknown([root, root + "-none"], frozenset({kept})), [gone])
        self.assertEqual(os.listdir(root), ["a"])

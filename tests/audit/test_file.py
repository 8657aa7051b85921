"""The audit file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.audit.file import AuditFile
from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.testing.pools import SynchronousThreadPools


def lines(*texts: str) -> list[AuditRecord]:
    """Records of these."""
    return [AuditRecord(0, "", text.encode()) for text in texts]


class AuditFileTests(SynchronousTestCase):
    """:class:`AuditFile` that is moved aside at a hundred bytes, of which two are kept."""

    def setUp(self) -> None:
        """In a directory that is not there yet."""
        self.path = Path(os.path.abspath(self.mktemp())) / "audit.log"
        self.file = self.open()

    def open(self, count_max: int = 2) -> AuditFile:
        """As after a restart."""
        return AuditFile(str(self.path), 100, count_max, SynchronousThreadPools().worker("audit"))

    def write(self, *texts: str) -> None:
        """Write these."""
        self.successResultOf(self.file.write(lines(*texts)))

    def content(self, suffix: str = "") -> list[str]:
        """What a file holds."""
        return Path(f"{self.path}{suffix}").read_text().splitlines()

    def test_lines(self) -> None:
        """Each record is a line, in a file that nobody else may read; a restart goes on behind them."""
        verifyObject(IAuditWriter, self.file)
        self.write("a", "b")
        self.successResultOf(self.file.close())
        self.file = self.open()
        self.write("c")
        self.assertEqual(["a", "b", "c"], self.content())
        self.assertEqual((0o600, 0o700), tuple(stat.S_IMODE(os.stat(path).st_mode) for path in (self.path, self.path.parent)))

    def test_rotation(self) -> None:
        """A file that would grow too large is moved aside, at the right record; so many are kept."""
        self.write(*(f"{number:02}" + "." * 27 for number in range(7)))
        self.assertEqual((["06"], ["03", "04", "05"], ["00", "01", "02"]), tuple([t[:2] for t in self.content(s)] for s in ("", ".1", ".2")))
        self.write(*(f"{number:02}" + "." * 27 for number in range(7, 10)))
        self.assertEqual((["09"], ["06", "07", "08"], ["03", "04", "05"]), tuple([t[:2] for t in self.content(s)] for s in ("", ".1", ".2")))
        self.assertFalse(os.path.exists(f"{self.path}.3"))

    def test_none_kept(self) -> None:
        """Nothing is kept beside the file where that is wanted."""
        self.file = self.open(0)
        self.write(*(f"{number:02}" + "." * 27 for number in range(4)))
        self.assertEqual((["03"], ["audit.log"]), ([text[:2] for text in self.content()], os.listdir(self.path.parent)))

    def test_large_record(self) -> None:
        """A record that is larger than a file may be has one to itself."""
        self.write("a", "x" * 200, "b")
        self.assertEqual((["b"], ["x" * 200], ["a"]), tuple(self.content(suffix) for suffix in ("", ".1", ".2")))

    def test_moved_by_others(self) -> None:
        """Whoever rotates files by other means gets a new one at the old place."""
        self.write("a")
        os.rename(self.path, f"{self.path}.old")
        self.write("b")
        self.assertEqual((["a"], ["b"]), (self.content(".old"), self.content()))
        os.unlink(self.path)
        self.write("c")
        self.assertEqual(["c"], self.content())

    def test_full_disk(self) -> None:
        """Half a line that still had room is taken back: it is written again, whole, when there is room."""
        self.write("a")
        written: list[bytes] = []
        real = os.write

        def scarce(fd: int, data: bytes) -> int:
            if written:
                raise OSError(28, "No space left on device")
            written.append(bytes(data[:5]))
            return real(fd, data[:5])

        self.patch(os, "write", scarce)
        self.failureResultOf(self.file.write(lines("a long line", "another")), OSError)
        self.assertEqual(["a"], self.content())
        self.patch(os, "write", real)
        self.write("a long line", "another")
        self.assertEqual(["a", "a long line", "another"], self.content())

    def test_unusable(self) -> None:
        """A directory that cannot be had fails the write, which may be made again."""
        self.path.parent.parent.mkdir(exist_ok=True)
        self.path.parent.write_text("a file")
        self.failureResultOf(self.file.write(lines("a")), OSError)
        self.path.parent.unlink()
        self.write("a")
        self.assertEqual(["a"], self.content())
        self.successResultOf(self.file.close())
        self.successResultOf(self.open().close())

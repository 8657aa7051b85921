"""Lines of generated Python, with their indentation and fresh variable names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Source:
    """Python source being written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indent = ""
        self._variables = 0

    def line(self, text: str) -> None:
        """Add a line at the current depth."""
        self._lines.append(self._indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add ``head``; lines added inside are one deeper."""
        self.line(head)
        outer = self._indent
        self._indent = outer + " "
        yield
        self._indent = outer

    def variable(self) -> str:
        """A name not used before."""
        self._variables += 1
        return f"x{self._variables}"

    def text(self) -> str:
        """All lines."""
        return "\n".join((*self._lines, ""))


def run_name(prefix: str, form: str) -> str:
    """The name by which generated source calls the packing or unpacking of a run of fixed fields."""
    return f"{prefix}_{form.replace('?', 'o')}"

"""Secrets as values: texts that do not show themselves where programs show their values."""

from __future__ import annotations

from typing import Final

HIDDEN: Final = "(hidden)"
"""What stands for a secret wherever one would be shown."""

FILE_SUFFIX: Final = ".file"
"""What the name of a key ends with that names a secret's file, beside the key that holds the secret itself."""


class Secret(str):
    """A secret. It is the text that libraries ask for; its ``repr``, and so that of whatever holds it, does not tell it.

    Formatting it tells it: ``str()`` and f-strings are how it is handed to whoever needs it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Not the secret: debuggers, tracebacks with locals, and logs of containers write this."""
        return HIDDEN

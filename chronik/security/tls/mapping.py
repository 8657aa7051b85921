"""``ssl.principal.mapping.rules``: from distinguished names to the names of principals (KIP-371)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import re2

from chronik.errors import ConfigurationError

_RULE: Final = re.compile(
    r"\s*(?:(?P<default>DEFAULT)|RULE:(?P<pattern>(?:\\.|[^\\/])*)/(?P<replacement>(?:\\.|[^\\/])*)/(?P<case>[LU]?))"
    r"\s*(?:[,\s]*,\s*|$)"
)
"""A rule, and the comma behind it, or several, as Kafka takes them; commas within patterns need no escaping, slashes do."""

_REFERENCE_TO_NOTHING: Final = re.compile(r"(?:^|[^\\])(?:\\\\)*\$(?!\d)")
_PIECE: Final = re.compile(r"\\(.)|\$(\d+)|([^\\$]+)", re.DOTALL)


class NoMatchingRule(Exception):
    """No rule says who a name belongs to."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule; no pattern for ``DEFAULT``.

    :ivar pieces: of the replacement: texts, and numbers of groups.
    """

    pattern: Any = None
    pieces: tuple[str | int, ...] = ()
    case: str = ""

    def apply(self, name: str) -> str | None:
        """The name of the principal, None where the rule is not for this one."""
        if self.pattern is None:
            return name
        if self.pattern.fullmatch(name) is None:
            return None
        # As Java's replaceAll, which Kafka uses: every match is replaced, whatever whole match was asked for before.
        made: str = self.pattern.sub(self._replaced, name)
        return made.lower() if self.case == "L" else made.upper() if self.case == "U" else made

    def _replaced(self, match: Any) -> str:
        return "".join(piece if isinstance(piece, str) else match.group(piece) or "" for piece in self.pieces)


class PrincipalMapper:
    """The rules.

    :param text: as configured.
    :raises ConfigurationError: it is no list of rules, or has a pattern that cannot be had.
    """

    def __init__(self, text: str) -> None:
        self._rules = tuple(_parse(text))

    def name(self, distinguished_name: str) -> str:
        """What the first rule makes of a name that applies to it.

        :raises NoMatchingRule: none does.
        """
        for rule in self._rules:
            made = rule.apply(distinguished_name)
            if made is not None:
                return made
        raise NoMatchingRule(f"no rule of ssl.principal.mapping.rules applies to {distinguished_name}")


def _parse(text: str) -> Iterator[_Rule]:
    text = text.strip(" \t\r\n,")
    if not text:
        raise _wrong("there is no rule; DEFAULT takes names as they are")
    position = 0
    while position < len(text):
        match = _RULE.match(text, position)
        if match is None:
            raise _wrong(f"{text[position:]!r} is neither DEFAULT nor RULE:pattern/replacement/ with L, U or nothing behind it")
        position = match.end()
        yield _Rule() if match["default"] else _rule(match["pattern"], match["replacement"], match["case"])


def _rule(pattern: str, replacement: str, case: str) -> _Rule:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        problem = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise _wrong(f"the pattern {pattern!r} cannot be used: {problem}; patterns are RE2's, without lookaround and back-references") from None
    if _REFERENCE_TO_NOTHING.search(replacement):
        raise _wrong(f"the replacement {replacement!r} has a $ without a number; \\$ stands for the sign itself")
    return _Rule(compiled, tuple(_pieces(replacement, compiled.groups)), case)


def _pieces(replacement: str, groups: int) -> Iterator[str | int]:
    """A replacement cut up as Java does. A group that is not there stands for itself: ``$4`` of three groups is that text."""
    for escaped, digits, text in _PIECE.findall(replacement):
        if not digits:
            yield escaped or text
            continue
        # The longest number that is a group's: $12 of three groups is $1 and a 2.
        length = next((size for size in range(len(digits), 0, -1) if int(digits[:size]) <= groups), 0)
        if length:
            yield int(digits[:length])
            yield digits[length:]
        else:
            yield f"${digits}"


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(f"ssl.principal.mapping.rules: {problem}")

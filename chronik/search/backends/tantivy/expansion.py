"""Phrases whose last word may go on.

Tantivy's own query looks at the first 50 words that begin so and passes over all others without a word. Here all of them are found: in a field of
text by a regular expression over its dictionary, on a JSON path, whose dictionary cannot be asked, by the strings of the records in question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import tantivy

from chronik.search.analysis import is_digest, words
from chronik.search.interfaces import QueryError
from chronik.search.query.patterns import quoted

Q: Final = tantivy.Query

WORDS_MAX: Final = 10_000
"""Words that the last one may go on to; tantivy takes 16,384."""

REGEX_LENGTH_MAX: Final = 100
"""Of a word in a regular expression; tantivy refuses one of about 500 characters, and says so only when it searches."""

STRINGS_FIRST: Final = 2_000
STRINGS_MAX: Final = 50_000
"""Different strings of one path that are looked through; tantivy refuses aggregations with more than 65,000 buckets."""


def text_phrase(searcher: tantivy.Searcher, schema: tantivy.Schema, field: str, wanted: Sequence[str]) -> tantivy.Query:
    """The phrase in a field of text.

    :raises QueryError: too many words begin as the last one does.
    """
    found = searcher.terms_with_prefix(field, wanted[-1], limit=WORDS_MAX + 1)
    if len(found) > WORDS_MAX:
        raise _too_many(wanted, f"more than {WORDS_MAX} words begin")
    if not found:
        return Q.empty_query()
    if max(map(len, wanted)) <= REGEX_LENGTH_MAX:
        return Q.regex_phrase_query(schema, field, [*map(quoted, wanted[:-1]), quoted(wanted[-1]) + ".*"])
    phrases = [Q.phrase_query(schema, field, [*wanted[:-1], last]) for last, _ in found]
    return Q.boolean_query([(tantivy.Occur.Should, phrase) for phrase in phrases])


class PathPhrase:
    """A phrase at a path of JSON.

    :param column: where the path's strings are.
    :param near: finds the records that have all of these words in the path, and others maybe.
    :param phrase: the query of whole words next to one another at the path.
    """

    def __init__(
        self, searcher: tantivy.Searcher, column: str, words: Sequence[str], near: tantivy.Query, phrase: Callable[[Sequence[str]], tantivy.Query]
    ) -> None:
        self._searcher = searcher
        self._column = column
        self._words = list(words)
        self._near = near
        self._phrase = phrase
        self._found: dict[str, tantivy.Query] = {}
        self._unsure = False
        self._pattern = ascii_pattern(words)

    def find(self) -> tuple[list[tantivy.Query], bool]:
        """The phrases that it goes on to, and whether there may be others because some strings are too long to be kept whole.

        A few strings tell most of what the last word goes on to; then only the records are looked at that have none of that.

        :raises QueryError: there are too many.
        """
        size = STRINGS_FIRST
        while _matches(self._searcher, self._rest()):
            strings, others = self._strings(size)
            self._unsure = self._unsure or any(map(is_digest, strings))
            new = {last for string in strings for last in followers(string, self._words, self._pattern)} - self._found.keys()
            self._found.update((last, self._phrase([*self._words[:-1], last])) for last in sorted(new))
            if len(self._found) > WORDS_MAX:
                raise _too_many(self._words, f"more than {WORDS_MAX} words begin")
            if not others:
                break
            if not new and size == STRINGS_MAX:
                raise _too_many(self._words, f"more than {STRINGS_MAX} different strings have words")
            size = size if new else STRINGS_MAX
        return list(self._found.values()), self._unsure

    def _rest(self) -> tantivy.Query:
        known = [(tantivy.Occur.MustNot, phrase) for phrase in self._found.values()]
        return Q.boolean_query([(tantivy.Occur.Must, self._near), *known])

    def _strings(self, size: int) -> tuple[list[str], int]:
        terms = {"field": self._column, "size": size, "segment_size": STRINGS_MAX}
        answer = self._searcher.aggregate(self._rest(), {"strings": {"terms": terms}})["strings"]
        return [bucket["key"] for bucket in answer["buckets"] if isinstance(bucket["key"], str)], answer["sum_other_doc_count"]


def followers(text: str, wanted: Sequence[str], near: re.Pattern[str]) -> set[str]:
    """Words of a text that stand after all but the last of ``wanted`` and begin as that does.

    :param near: of :func:`ascii_pattern`, to pass over most texts quickly.
    """
    if text.isascii() and near.search(text.lower()) is None:
        return set()
    cut, size, head = words(text), len(wanted) - 1, list(wanted[:-1])
    return {cut[at + size] for at in range(len(cut) - size) if cut[at : at + size] == head and cut[at + size].startswith(wanted[-1])}


def ascii_pattern(wanted: Sequence[str]) -> re.Pattern[str]:
    """What a lower-cased text in ASCII with these words next to one another has in it."""
    return re.compile("[^a-z0-9]+".join(map(re.escape, wanted)))


def _matches(searcher: tantivy.Searcher, query: tantivy.Query) -> bool:
    return bool(searcher.search(query, 1, count=False).hits)


def _too_many(wanted: Sequence[str], why: str) -> QueryError:
    return QueryError(f"the phrase [{' '.join(wanted)}*] is too wide: {why} so; write more of its last word", "illegal_argument_exception")

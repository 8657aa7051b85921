"""Phrases whose last word may go on.

Tantivy's own query looks at the first 50 words that begin so and passes over all others without a word. Here all of them are found: in a field of
text by a regular expression over its dictionary, on a JSON path, whose dictionary cannot be asked, by the strings of the records in question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import tantivy

from chronik.search.analysis import is_digest, spaced
from chronik.search.interfaces import QueryError
from chronik.search.query.patterns import quoted

Q: Final = tantivy.Query

WORDS_MAX: Final = 10_000
"""Words that the last one may go on to; tantivy takes 16,384."""

REGEX_LENGTH_MAX: Final = 100
"""Of a word in a regular expression; tantivy refuses one of about 500 characters, and says so only when it searches."""

STRINGS_MAX: Final = 50_000
"""Different strings of one path that are looked through; tantivy refuses aggregations with more than 65,000 buckets."""


def text_phrase(searcher: tantivy.Searcher, schema: tantivy.Schema, field: str, words: Sequence[str]) -> tantivy.Query:
    """The phrase in a field of text.

    :raises QueryError: too many words begin as the last one does.
    """
    found = searcher.terms_with_prefix(field, words[-1], limit=WORDS_MAX + 1)
    if len(found) > WORDS_MAX:
        raise _too_many(words, f"more than {WORDS_MAX} words begin")
    if not found:
        return Q.empty_query()
    if max(map(len, words)) <= REGEX_LENGTH_MAX:
        return Q.regex_phrase_query(schema, field, [*map(quoted, words[:-1]), quoted(words[-1]) + ".*"])
    phrases = [Q.phrase_query(schema, field, [*words[:-1], last]) for last, _ in found]
    return Q.boolean_query([(tantivy.Occur.Should, phrase) for phrase in phrases])


def path_followers(
    searcher: tantivy.Searcher, analyzer: tantivy.TextAnalyzer, column: str, words: Sequence[str], near: tantivy.Query
) -> tuple[Sequence[str], bool]:
    """What the last word of a phrase goes on to at a path of JSON, and whether that is not sure because some strings are too long to be kept whole.

    :param column: where the path's strings are.
    :param near: finds the records that have these words anywhere in the path, and others maybe.
    :raises QueryError: too many strings have them.
    """
    buckets = searcher.aggregate(near, {"strings": {"terms": {"field": column, "size": STRINGS_MAX, "segment_size": STRINGS_MAX}}})["strings"]
    if buckets["sum_other_doc_count"]:
        raise _too_many(words, f"more than {STRINGS_MAX} different strings have words")
    strings = [bucket["key"] for bucket in buckets["buckets"] if isinstance(bucket["key"], str)]
    found: set[str] = set()
    for string in strings:
        found |= _followers(list(analyzer.analyze(spaced(string))), words)
    if len(found) > WORDS_MAX:
        raise _too_many(words, f"more than {WORDS_MAX} words begin")
    return sorted(found), any(is_digest(string) for string in strings)


def _followers(text: list[str], words: Sequence[str]) -> set[str]:
    """Words of a text that stand after all but the last of ``words`` and begin as that does."""
    size = len(words) - 1
    head = list(words[:size])
    return {text[at + size] for at in range(len(text) - size) if text[at : at + size] == head and text[at + size].startswith(words[-1])}


def _too_many(words: Sequence[str], why: str) -> QueryError:
    return QueryError(f"the phrase [{' '.join(words)}*] is too wide: {why} so; write more of its last word", "illegal_argument_exception")

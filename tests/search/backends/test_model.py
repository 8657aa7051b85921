"""Both backends against a model: each query evaluated over the documents in plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.backends.sqlite import SqliteBackend
from chronik.search.backends.tantivy import TantivyBackend
from chronik.search.interfaces import Bounds, Document, ISearchBackend, Sort
from chronik.search.query.ast import Bool, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Term, Terms, Wildcard
from chronik.testing.search_builders import EVERYTHING, document

WORDS = ("red", "Green", "blue", "redder", "7", "x-y", "true", "\u4e16\u754c")
NAMES = ("a", "b", "c.d", "s p", "\u540d")
PATHS = ("a", "b", "c.d", "s p", "\u540d", "b.a", "a.b", "nowhere")
NUMBERS = (-3, 0, 0.5, 7, 7.0, 7.5, 1e20, 2**53 + 1)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
scalars = st.one_of(texts, st.sampled_from(NUMBERS), st.booleans(), st.none())
objects = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), scalars, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), st.one_of(scalars, inner, st.lists(st.one_of(scalars, inner), max_size=2)), max_size=3),
    max_leaves=4,
)
values = st.one_of(objects, objects, texts.map(str.encode), st.none())
fields = st.one_of(st.none(), st.sampled_from(PATHS))
leaf_queries = st.one_of(
    st.just(MatchAll()),
    st.just(MatchNone()),
    st.builds(Match, fields, texts, st.sampled_from(("or", "and"))),
    st.builds(Phrase, fields, texts),
    st.builds(Term, st.sampled_from(PATHS), st.one_of(texts, st.sampled_from(NUMBERS), st.booleans())),
    st.builds(lambda f, v: Terms(f, tuple(v)), st.sampled_from(PATHS), st.lists(st.one_of(texts, st.sampled_from(NUMBERS)), max_size=3)),
    st.builds(lambda f, low, high: Range(f, gte=low, lt=high), st.sampled_from(PATHS), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)),
    st.builds(lambda f, low: Range(f, gt=low), st.sampled_from(PATHS), st.sampled_from(NUMBERS)),
    st.builds(Exists, st.sampled_from(PATHS)),
    st.builds(Prefix, fields, st.sampled_from(("re", "RED", "gree", "7", "zz"))),
    st.builds(Wildcard, fields, st.sampled_from(("r?d", "re*r", "b*", "gr??n"))),
)
queries = st.recursive(
    leaf_queries,
    lambda inner: st.builds(
        lambda must, should, must_not, least: Bool(must=tuple(must), should=tuple(should), must_not=tuple(must_not), minimum_should_match=least),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=1),
        st.integers(0, 2),
    ),
    max_leaves=5,
)


def cut(text: str) -> list[str]:
    """Words of the vocabulary above."""
    return text.lower().replace("-", " ").replace("\u4e16\u754c", "\u4e16 \u754c").split()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of a JSON value by dotted path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None:
        yield path, value


def number(text: Any) -> float | int | None:
    """The number that a value of a query is."""
    if isinstance(text, str):
        return 7 if text == "7" else None
    return None if isinstance(text, bool) else text


class Model:
    """Evaluates queries over one document."""

    def __init__(self, item: Document) -> None:
        parsed = None
        if item.value is not None:
            try:
                parsed = json.loads(item.value)
            except ValueError:
                parsed = item.value.decode()
        self.leaves = list(leaves(parsed)) if isinstance(parsed, dict) else []
        self.texts = [("", str(parsed))] if parsed is not None and not isinstance(parsed, dict) else []
        if isinstance(parsed, bool):
            self.texts = [("", str(parsed).lower())]

    def at(self, field: str | None) -> list[Any]:
        """Values a field stands for."""
        return [v for p, v in self.leaves + self.texts if field is None or p == field]

    def has_words(self, field: str | None, words: Sequence[str]) -> bool:
        """Whether a string holds these words next to one another."""
        size = len(words)
        for value in self.at(field):
            if isinstance(value, str):
                own = cut(value)
                if any(own[i : i + size] == list(words) for i in range(len(own) - size + 1)):
                    return True
        return False

    def equals(self, field: str | None, value: Any) -> bool:
        """Whether a typed value equals it, or a string holds it as a phrase."""
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        wanted = number(value)
        for own in self.at(field):
            if isinstance(own, bool):
                if text == ("true" if own else "false"):
                    return True
            elif not isinstance(own, str) and wanted is not None and own == wanted:
                return True
        return self.has_words(field, cut(text.replace(".", " ").replace("+", " ")))

    def matches(self, query: Query) -> bool:
        """Whether the document matches."""
        if isinstance(query, MatchAll):
            return True
        if isinstance(query, Match):
            found = [self.has_words(query.field, [w]) for w in cut(query.text)]
            return (all(found) if query.operator == "and" else any(found)) or self.equals(query.field, query.text)
        if isinstance(query, Phrase):
            return self.equals(query.field, query.text)
        if isinstance(query, Term):
            return self.equals(query.field, query.value)
        if isinstance(query, Terms):
            return any(self.equals(query.field, v) for v in query.values)
        if isinstance(query, Range):
            return any(not isinstance(v, (bool, str)) and self.inside(query, v) for v in self.at(query.field))
        if isinstance(query, Exists):
            return any(p == query.field or p.startswith(query.field + ".") for p, _ in self.leaves)
        if isinstance(query, Prefix):
            return any(w.startswith(query.value.lower()) for v in self.at(query.field) if isinstance(v, str) for w in cut(v))
        if isinstance(query, Wildcard):
            return any(fits(query.pattern, w) for v in self.at(query.field) if isinstance(v, str) for w in cut(v))
        return isinstance(query, Bool) and self.bool(query)

    def inside(self, query: Range, value: float) -> bool:
        """Whether a number is in the range."""
        low = query.gte is None or value >= query.gte
        return low and (query.gt is None or value > query.gt) and (query.lt is None or value < query.lt)

    def bool(self, query: Bool) -> bool:
        """Whether a bool query matches."""
        should = sum(self.matches(q) for q in query.should)
        return (
            all(self.matches(q) for q in (*query.must, *query.filter))
            and not any(self.matches(q) for q in query.must_not)
            and should >= query.minimum_should_match
        )


def fits(pattern: str, word: str) -> bool:
    """Whether a word fits a pattern of ``*`` and ``?``."""
    if not pattern:
        return not word
    if pattern[0] == "*":
        return fits(pattern[1:], word) or (bool(word) and fits(pattern, word[1:]))
    return bool(word) and pattern[0] in ("?", word[0]) and fits(pattern[1:], word[1:])


class ModelMixin:
    """Random documents and queries."""

    def make_backend(self) -> ISearchBackend:
        """The backend under test."""
        raise NotImplementedError

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(values, max_size=8), st.lists(queries, min_size=1, max_size=12), st.integers(0, 8), st.integers(1, 3))
    def test_same_matches_as_the_model(self, raw: list[Any], asked: list[Query], end: int, limit: int) -> None:
        """Every query finds exactly the documents that the model says, newest first, and counts them all."""
        items = [document(offset, value, timestamp=offset // 2) for offset, value in enumerate(raw)]
        store = self.make_backend().open(None, True, 15_000_000)
        try:
            for item in items:
                store.add([item])
                if item.offset % 3 == 2:
                    store.commit()
            store.commit()
            models = [(item, Model(item)) for item in items]
            for query in asked:
                wanted = [item.offset for item, model in models if item.offset < end and model.matches(query)]
                within = [Bounds(1, 0, 0, end)]
                self.assertEqual(sorted(h.offset for h in store.search(query, within, Sort(), 100).hits), wanted, (raw, query))
                page = store.search(query, within, Sort(), limit)
                self.assertEqual(([h.offset for h in page.hits], page.total), (wanted[::-1][:limit], len(wanted)), (raw, query))
                self.assertEqual(store.count(query, EVERYTHING), sum(model.matches(query) for _, model in models), (raw, query))
        finally:
            store.close()

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.one_of(st.none(), st.sampled_from(NUMBERS)), max_size=10), st.booleans(), st.booleans(), st.integers(1, 10), st.integers(1, 4))
    def test_same_order_as_the_model(self, numbers: list[Any], descending: bool, missing_last: bool, limit: int, batch: int) -> None:
        """Integers and floats of many commits sort together; those without a number come last or first."""
        store = self.make_backend().open(None, True, 15_000_000)
        try:
            for offset, value in enumerate(numbers):
                store.add([document(offset, {"n": value})])
                if offset % batch == 0:
                    store.commit()
            store.commit()
            having = sorted((((-v if descending else v), -o, o) for o, v in enumerate(numbers) if v is not None))
            lacking = [o for o, v in reversed(list(enumerate(numbers))) if v is None]
            ordered = [o for _, _, o in having]
            wanted = (ordered + lacking if missing_last else lacking + ordered)[:limit]
            hits = store.search(MatchAll(), EVERYTHING, Sort("n", descending, missing_last), limit).hits
            self.assertEqual([h.offset for h in hits], wanted, numbers)
        finally:
            store.close()


class TantivyModelTests(ModelMixin, unittest.SynchronousTestCase):
    """The default backend."""

    def make_backend(self) -> ISearchBackend:
        """See :meth:`ModelMixin.make_backend`."""
        return TantivyBackend()


class SqliteModelTests(ModelMixin, unittest.SynchronousTestCase):
    """The backend that needs nothing."""

    def make_backend(self) -> ISearchBackend:
        """See :meth:`ModelMixin.make_backend`."""
        return SqliteBackend()

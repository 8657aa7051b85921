"""The fields of an index, and documents as the JSON that tantivy takes.

``words`` holds a JSON value's strings as words (names of members are cut too), ``exact`` (with columns) and ``slow`` (without, for
``search.fast=false``) them whole, ``dates``
the ms of its date strings. ``text`` is the catch-all: words of values that are no JSON object, and of what finds no
place in the dictionary of paths (see :mod:`chronik.search.backends.json_paths`). Dates are our own integers: tantivy's are cut to seconds.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import tantivy

from chronik.search.analysis import EXACT_LENGTH_MAX, exact_term, leaf_text, spaced
from chronik.search.backends.json_paths import JsonPaths, may_hold_dates
from chronik.search.backends.tantivy.floats import readable
from chronik.search.backends.values import IndexedValue, header_text, indexed_value, size_bytes, storable
from chronik.search.interfaces import Document, Marker

REASONS: Final = ("document", "control", "aborted", "undecodable", "compacted", "damaged")
"""Values of the column ``kind``; further reasons are numbered as :data:`OTHER`."""
OTHER: Final = len(REASONS)

INTEGERS: Final = ("topic", "partition", "offset", "last", "timestamp", "kind", "size", "has_value", "columnless")
COLUMNS: Final = ("epoch", "batch", "position", "span")

_quote = json.encoder.encode_basestring_ascii if hasattr(json.encoder, "encode_basestring_ascii") else json.dumps
# Tantivy would take these strings for dates and index no words of them; a space at their end prevents that.
_DATE_STRING: Final = re.compile(r'"(\d{4}-\d\d-\d\d[Tt ][0-9:.,+\-TtZz]{5,30})"(?=\s*[,}\]])')


def build_schema() -> tantivy.Schema:
    """The schema of every index."""
    builder = tantivy.SchemaBuilder()
    for name in INTEGERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in COLUMNS:
        builder.add_integer_field(name, fast=True)
    for name in ("text", "key_words", "header_words"):
        builder.add_text_field(name, tokenizer_name="words")
    builder.add_text_field("key", tokenizer_name="raw", index_option="basic")
    builder.add_json_field("headers", tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    builder.add_json_field("words", tokenizer_name="words", expand_dots_enabled=True)
    builder.add_json_field("exact", fast=True, tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    builder.add_json_field("slow", tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    builder.add_json_field("dates", fast=True, tokenizer_name="raw", index_option="basic", expand_dots_enabled=True)
    return builder.build()


def word_analyzer() -> tantivy.TextAnalyzer:
    """Cuts words. Tantivy's own default would drop words over 40 bytes."""
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase()).build()


def register_tokenizers(index: tantivy.Index) -> None:
    """Name the tokenizers; needed again after each open."""
    index.register_tokenizer("words", word_analyzer())
    index.register_fast_field_tokenizer("raw", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).build())


def marker_json(marker: Marker) -> str:
    """A marker as tantivy takes it."""
    kind = REASONS.index(marker.reason) if marker.reason in REASONS[1:] else OTHER
    return (
        f'{{"topic":{marker.topic},"partition":{marker.partition},"offset":{marker.offset},"last":{marker.last_offset},'
        f'"epoch":{marker.leader_epoch},"kind":{kind},"span":{marker.last_offset - marker.offset + 1}}}'
    )


def document_json(document: Document, paths: JsonPaths) -> tuple[str, str]:
    """A document as tantivy takes it, around its value's own JSON text; and its beginning, to go on from when tantivy refuses the value."""
    value = indexed_value(document)
    head = _head(document)
    if value is None:
        return head + "}", head
    head += ',"has_value":1'
    if value.json is None:
        return head + text_json(value.text), head
    return head + _object_json(document, value, value.json, paths), head


def text_json(text: str) -> str:
    """The rest of a document whose value is indexed as words only."""
    return f',"text":{_quote(storable(spaced(text)))}}}'


def _head(document: Document) -> str:
    head = (
        f'{{"topic":{document.topic},"partition":{document.partition},"offset":{document.offset},"last":{document.offset},'
        f'"epoch":{document.leader_epoch},"batch":{document.batch_offset},"position":{document.position},'
        f'"timestamp":{document.timestamp},"size":{size_bytes(document)},"kind":0,"span":1'
    )
    if document.key is not None:
        key = document.key.decode("utf-8", "replace")
        head += f',"key":{_quote(exact_term(key))},"key_words":{_quote(spaced(key))}'
    if document.headers:
        head += _headers_json(document)
    return head


def _headers_json(document: Document) -> str:
    values: dict[str, list[str]] = {}
    words = []
    for name, raw in document.headers:
        text = header_text(raw)
        values.setdefault(storable(name), []).append(exact_term(text) + " ")
        words.append(spaced(text))
    return f',"headers":{json.dumps(values)},"header_words":{json.dumps(words)}'


def _object_json(document: Document, value: IndexedValue, parsed: dict[str, Any], paths: JsonPaths) -> str:
    text = value.text
    if "\\u" in text:
        text = json.dumps(parsed, ensure_ascii=False)
    dated = may_hold_dates(text)
    if dated:
        text = _DATE_STRING.sub(r'"\1 "', text)
    seen = paths.see(parsed, dated, len(value.text))
    root = "exact" if document.fast else "slow"
    whole = text = readable(text)
    if len(text) > EXACT_LENGTH_MAX:
        whole = readable(_DATE_STRING.sub(r'"\1 "', json.dumps(_shortened(parsed), ensure_ascii=False)))
    rest = f',"words":{spaced(text)},"{root}":{whole}'
    if not document.fast:
        rest += ',"columnless":1'
    if seen.dates:
        rest += f',"dates":{json.dumps(seen.dates, ensure_ascii=False)}'
    if seen.wide:
        rest += f',"text":{_quote(storable(spaced(leaf_text(paths.roomless(parsed)))))}'
    return rest + "}"


def _shortened(value: Any) -> Any:
    """The value with its long strings as they are compared."""
    if isinstance(value, str):
        return value if len(value) <= EXACT_LENGTH_MAX else exact_term(value)
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    return [_shortened(inner) for inner in value] if isinstance(value, list) else value

"""The reference page of all keys, generated from the registry: ``python -m chronik.config.reference`` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chronik.config.broker_keys import ALIASES, BROKER_KEYS, DIFFERENCES
from chronik.config.client_metrics_keys import CLIENT_METRICS_KEYS
from chronik.config.group_keys import GROUP_KEYS
from chronik.config.kafka_keys import CLASSES, KAFKA_ONLY
from chronik.config.key import ConfigKey, Effect, Scope
from chronik.config.topic_keys import TOPIC_KEYS

_TITLES = (
    ("Broker configuration", BROKER_KEYS),
    ("Topic configuration", TOPIC_KEYS),
    ("Group configuration", GROUP_KEYS),
    ("Client metrics configuration", CLIENT_METRICS_KEYS),
)


def reference() -> str:
    """The page, in reStructuredText."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield from _heading("Configuration reference", "=")
    yield "This page is generated from the registry of keys that the broker itself goes by. Names are Kafka's; so are defaults, except these:"
    yield ""
    yield from _differences()
    for title, keys in _TITLES:
        yield from _heading(title, "-")
        yield from _sections(keys)
    yield from _heading("Older names", "-")
    yield from (f"- ``{old}`` counts as ``{new}`` where that is not set." for old, new in ALIASES.items())
    yield ""
    yield from _heading("Kafka's other broker keys", "-")
    yield "These mean nothing to Chronik. Each one that is set gives one warning:"
    yield ""
    yield ", ".join(f"``{name}``" for name in sorted(KAFKA_ONLY - CLASSES.keys())) + "."
    yield ""
    yield "These name classes of Java that decide what is allowed. A broker with one of them does not start:"
    yield ""
    yield ", ".join(f"``{name}``" for name in sorted(CLASSES)) + "."


def _heading(title: str, line: str) -> Iterator[str]:
    yield ""
    yield title
    yield line * len(title)
    yield ""


def _differences() -> Iterator[str]:
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    yield "   * - Key"
    yield "     - Kafka"
    yield "     - Chronik"
    yield "     - Why"
    for name, (theirs, reason) in DIFFERENCES.items():
        yield f"   * - ``{name}``"
        yield f"     - {theirs}"
        yield f"     - {_default(BROKER_KEYS[name])}"
        yield f"     - {reason}"
    yield ""


def _sections(keys: Mapping[str, ConfigKey]) -> Iterator[str]:
    section = ""
    for key in keys.values():
        if key.section != section:
            section = key.section
            yield from _heading(section, "~")
        yield from _entry(key)


def _entry(key: ConfigKey) -> Iterator[str]:
    yield f"``{key.name}``"
    yield f"   {_literal(key.doc)}"
    yield ""
    if key.effect is Effect.REFUSED:
        yield "   Refused."
    else:
        facts = [f"Default: {_default(key)}", f"takes {key.expected}"]
        if key.scope is Scope.BROKER:
            facts.append(key.mode.value)
        if key.per_listener:
            facts.append("may be set for one listener")
        if key.effect is Effect.STORED:
            facts.append("stored, without effect")
        if key.synonyms:
            facts.append("from the broker's " + ", ".join(f"``{synonym.name}``" for synonym in key.synonyms))
        yield f"   {'; '.join(facts)}.".replace("*", "\\*")
    yield ""


def _default(key: ConfigKey) -> str:
    return f"``{key.default_text}``" if key.default_text else "none"


def _literal(doc: str) -> str:
    """A text in which asterisks are themselves."""
    return doc.replace("*", "\\*")


if __name__ == "__main__":
    print(reference())

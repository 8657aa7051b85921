"""One configuration key: what it is called, takes, defaults to and does."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from chronik.config.validators import Validator
from chronik.config.values import ConfigType, Value, format_value, parse_value, shown
from chronik.errors import ConfigurationError

_POLICIES: Final = frozenset({"cleanup.policy", "log.cleanup.policy"})


class Scope(enum.Enum):
    """Whose configuration a key belongs to."""

    BROKER = "broker"
    TOPIC = "topic"
    GROUP = "group"
    CLIENT_METRICS = "client metrics"


class Importance(enum.Enum):
    """How often one needs it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class UpdateMode(enum.Enum):
    """When a broker key may be changed (KIP-226)."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


class Effect(enum.Enum):
    """What comes of setting it."""

    EFFECTIVE = "effective"
    STORED = "stored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Synonym:
    """A broker key that gives a topic key its default; ``factor`` is what its unit is multiplied by."""

    name: str
    factor: int = 1


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """A key of the registry.

    :ivar doc: one or two sentences, shown by DescribeConfigs and on the reference page; of a stored or refused key they say why.
    :ivar validator: what the value must be beyond its type.
    :ivar synonyms: of a topic or group key, the broker keys tried in this order when it is not set.
    :ivar per_listener: of a broker key, whether ``listener.name.<listener>.<key>`` sets it for one listener (KIP-103).
    :ivar section: heading on the reference page.
    """

    name: str
    type: ConfigType
    default: Value
    doc: str
    scope: Scope = Scope.BROKER
    importance: Importance = Importance.MEDIUM
    mode: UpdateMode = UpdateMode.READ_ONLY
    effect: Effect = Effect.EFFECTIVE
    validator: Validator | None = None
    synonyms: tuple[Synonym, ...] = ()
    per_listener: bool = False
    section: str = ""

    @property
    def sensitive(self) -> bool:
        """Whether its value is never shown."""
        return self.type is ConfigType.PASSWORD

    @property
    def default_text(self) -> str | None:
        """The default as text, None for none."""
        return format_value(self.default)

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        return self.type.noun if self.validator is None else f"{self.type.noun}, {self.validator.expected}"

    def parse(self, text: str) -> Value:
        """The typed and checked value of a text.

        :raises ConfigurationError: naming the key, the value (unless it is secret) and what was expected.
        """
        if self.effect is Effect.REFUSED:
            raise ConfigurationError(f"{self.name} cannot be set: {self.doc}")
        try:
            value = parse_value(self.type, text)
        except ValueError:
            value = None
        if value is None or (self.validator is not None and not self.validator.accepts(value)):
            what = "(hidden)" if self.sensitive else shown(text)
            raise ConfigurationError(f"Invalid value {what} for configuration {self.name}: expected {self.expected}")
        return value


def compaction_warnings(name: str, text: str, where: str) -> tuple[str, ...]:
    """What to tell whoever sets a key there, where it asks for compaction."""
    if name not in _POLICIES or "compact" not in text:
        return ()
    return (f"{name}={text} {where}: compaction is not done yet, every record is kept",)

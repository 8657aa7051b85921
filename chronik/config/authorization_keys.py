"""Keys of a broker about who may do what."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey, Importance, UpdateMode
from chronik.config.registry import boolean, integer, items, string
from chronik.config.validators import Validator, any_of, at_least

STANDARD_AUTHORIZER: Final = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
"""Kafka's own authorizer, which ``authorizer=acl`` does the work of."""

AUTHORIZER_CLASS: Final = "authorizer.class.name"
"""Kafka's key that names an authorizer."""

OF_AUTHORIZERS: Final = ("super.users", "allow.everyone.if.no.acl.found")
"""Keys that mean nothing without an authorizer."""

ANONYMOUS_PATHS: Final = ("/", "/metrics", "/health", "/health/broker", "/health/search", "/health/cluster", "/api/brokers")
"""What ``http.anonymous.paths`` may open."""


def _is_principals(text: str) -> bool:
    kinds = (part.strip().partition(":") for part in text.split(";") if part.strip())
    return all(kind and separator and name for kind, separator, name in kinds)


_CLASS: Final = Validator(
    f"{STANDARD_AUTHORIZER}, which means authorizer=acl; other classes cannot be loaded here", lambda value: value in ("", STANDARD_AUTHORIZER)
)
_PRINCIPALS: Final = Validator("principals such as User:alice, with semicolons between several", _is_principals)

AUTHORIZATION_KEYS: Final[tuple[ConfigKey, ...]] = (
    string(
        AUTHORIZER_CLASS,
        "",
        "Kafka's way to choose an authorizer: its StandardAuthorizer is authorizer=acl, and nothing else is accepted.",
        importance=Importance.LOW,
        validator=_CLASS,
    ),
    string(
        "super.users",
        "",
        "Principals that may do everything, whatever is denied: User:a;User:b. The authorizers acl and file go by it.",
        validator=_PRINCIPALS,
    ),
    boolean(
        "allow.everyone.if.no.acl.found",
        False,
        "Whether everyone may do everything to a resource that no entry of the access control list is about.",
    ),
    integer(
        "authorizer.cache.max.entries",
        10_000,
        "Decisions that the authorizers acl and file remember; 0 for none. One takes about 300 bytes.",
        importance=Importance.LOW,
        mode=UpdateMode.CLUSTER_WIDE,
        validator=at_least(0),
    ),
    items(
        "http.anonymous.paths",
        (),
        "What of HTTP everybody may see: /metrics for Prometheus, /health and what is below it for a load balancer, / for the banner, /api/brokers. "
        "Otherwise it takes DESCRIBE on the cluster; for the last two any login will do. /health/livez and /health/readyz are always open.",
        validator=any_of(*ANONYMOUS_PATHS),
    ),
)
"""In the order of the reference page."""

"""Keys of a broker about SASL: mechanisms, credentials and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chronik.config.key import ConfigKey, Importance, UpdateMode
from chronik.config.registry import integer, items, long, password, string
from chronik.config.validators import at_least, between, one_of, some_of

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""Those by password."""

OAUTHBEARER: Final = "OAUTHBEARER"
"""The one by token. Kafka's GSSAPI is not offered."""

_CLUSTER: Final = UpdateMode.CLUSTER_WIDE


def _of_mechanisms() -> Iterator[ConfigKey]:
    """Keys that begin with a mechanism's name, as in ``listener.name.internal.plain.sasl.jaas.config``."""
    for mechanism in MECHANISMS:
        users = "users as user_NAME=\"password\" options, and " if mechanism == "PLAIN" else ""
        yield password(
            f"{mechanism.lower()}.sasl.jaas.config",
            None,
            f"Kafka's login module of {mechanism}: {users}username and password by which this broker logs in to others.",
            per_listener=True,
        )
    yield password(
        f"{OAUTHBEARER.lower()}.sasl.jaas.config",
        None,
        "Kafka's login module of OAUTHBEARER: clientId, clientSecret and scope, where sasl.oauthbearer.client.credentials.* do not say them.",
        per_listener=True,
    )
    for mechanism in (*MECHANISMS, OAUTHBEARER):
        yield long(
            f"{mechanism.lower()}.connections.max.reauth.ms",
            None,
            f"connections.max.reauth.ms of whoever comes by {mechanism}.",
            mode=_CLUSTER,
            validator=at_least(0),
            per_listener=True,
        )


SASL_KEYS: Final[tuple[ConfigKey, ...]] = (
    items(
        "sasl.enabled.mechanisms",
        ("SCRAM-SHA-512", "SCRAM-SHA-256"),
        "Mechanisms by which clients prove who they are on listeners of SASL_PLAINTEXT and SASL_SSL.",
        importance=Importance.HIGH,
        validator=some_of(*MECHANISMS, OAUTHBEARER),
        per_listener=True,
    ),
    string(
        "sasl.mechanism.inter.broker.protocol",
        "SCRAM-SHA-512",
        "The mechanism by which this broker logs in to others, where inter.broker.listener.name is a listener of a SASL protocol.",
        validator=one_of(*MECHANISMS, OAUTHBEARER),
    ),
    integer(
        "sasl.server.max.receive.size",
        512 << 10,
        "Largest message of a mechanism.",
        validator=between(64, 100 << 20),
        per_listener=True,
    ),
    integer(
        "connection.failed.authentication.delay.ms",
        100,
        "How long whoever failed to authenticate waits for the answer, after which the connection is closed.",
        importance=Importance.LOW,
        validator=between(0, 60_000),
    ),
    long(
        "connections.max.reauth.ms",
        0,
        "For how long a SASL login holds on a connection that is not authenticated anew (KIP-368); 0 for ever. "
        "The end of a token counts in any case.",
        mode=_CLUSTER,
        validator=at_least(0),
        per_listener=True,
    ),
    *_of_mechanisms(),
    integer(
        "login.failures.per.address.max",
        60,
        "Failed logins a minute from one address, over Kafka and HTTP together; past it none is tried from there for a while.",
        mode=_CLUSTER,
        validator=at_least(1),
    ),
    integer(
        "login.failures.per.user.max",
        30,
        "Failed logins a minute under one user's name; past it none is tried, but from addresses where that user logged in within the last hour.",
        mode=_CLUSTER,
        validator=at_least(1),
    ),
    string(
        "users.bootstrap.file",
        None,
        "A file of users and passwords, which are made when the broker starts and there are no users at all. Nobody else may be able to read it.",
    ),
)
"""In the order of the reference page."""

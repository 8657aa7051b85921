"""Kafka's JAAS configuration of one login module: ``Module required name="value" …;``.

Only what names users and passwords of PLAIN and SCRAM, or a client of OAUTHBEARER, is understood; another module, a second one or a malformed one is
refused, without its text in the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chronik.errors import ConfigurationError

OAUTHBEARER: Final = "OAUTHBEARER"
"""The mechanism whose module names a client and not a user."""

MODULES: Final[Mapping[str, frozenset[str]]] = {
    "org.apache.kafka.common.security.plain.PlainLoginModule": frozenset({"PLAIN"}),
    "org.apache.kafka.common.security.scram.ScramLoginModule": frozenset({"SCRAM-SHA-256", "SCRAM-SHA-512"}),
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule": frozenset({OAUTHBEARER}),
}
"""Login modules, and the mechanisms of each."""

USER: Final = "user_"
"""What an option begins with that gives a user of PLAIN a password."""

_OF_PASSWORDS: Final = frozenset({"username", "password", "tokenauth"})
_OF_TOKENS: Final = frozenset({"clientId", "clientSecret", "scope"})
_FLAGS: Final = frozenset({"required", "requisite", "sufficient", "optional"})
_TOKEN: Final = re.compile(r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>[=;])|(?P<word>[^\s=;"']+))""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class JaasModule:
    """One login module and its options."""

    name: str
    options: Mapping[str, str] = field(repr=False)

    @property
    def users(self) -> Mapping[str, str]:
        """Passwords by user, of the options that give any."""
        return {name.removeprefix(USER): value for name, value in self.options.items() if name.startswith(USER)}

    @property
    def own(self) -> tuple[str, str] | None:
        """User and password of whoever logs in by this module; None where it names none."""
        user, password = self.options.get("username"), self.options.get("password")
        return None if user is None or password is None else (user, password)


def parse_jaas(text: str) -> JaasModule:
    """The one module that a text says.

    :raises ConfigurationError: it says none; the message repeats nothing of it but the module's name.
    """
    tokens = _tokens(text)
    if len(tokens) < 3 or tokens[0][0] != "word" or tokens[1][0] != "word" or tokens[1][1].lower() not in _FLAGS:
        raise ConfigurationError('a sasl.jaas.config reads: MODULE required name="value" …;')
    name = tokens[0][1]
    if tokens[-1] != ("sign", ";"):
        raise ConfigurationError(f"the sasl.jaas.config of {name} does not end with a semicolon")
    body, options = tokens[2:-1], {}
    if len(body) % 3:
        raise ConfigurationError(f'the sasl.jaas.config of {name} has something that is not name="value"')
    for (kind, option), sign, (value_kind, value) in zip(body[::3], body[1::3], body[2::3], strict=True):
        if kind == "sign" or sign != ("sign", "=") or value_kind == "sign" or option in options:
            raise ConfigurationError(f'the sasl.jaas.config of {name} has something that is not name="value", or has it twice')
        options[option] = value
    return JaasModule(name, options)


def module_for(mechanism: str, text: str | None) -> JaasModule | None:
    """The module of a mechanism's JAAS configuration; None where nothing is configured.

    :raises ConfigurationError: it is malformed, or of another mechanism.
    """
    if not text:
        return None
    module = parse_jaas(text)
    if mechanism not in MODULES.get(module.name, ()):
        fitting = next((name for name, served in MODULES.items() if mechanism in served), "none")
        raise ConfigurationError(f"the sasl.jaas.config of {mechanism} names the login module {module.name}; the one that is known is {fitting}")
    known = _OF_TOKENS if mechanism == OAUTHBEARER else _OF_PASSWORDS
    unknown = sorted(name for name in module.options if name not in known and (known is _OF_TOKENS or not name.startswith(USER)))
    if unknown:
        raise ConfigurationError(f"the sasl.jaas.config of {mechanism} has an option {unknown[0]}, which means nothing to Chronik")
    if module.users and mechanism != "PLAIN":
        raise ConfigurationError(f"the sasl.jaas.config of {mechanism} has {USER} options, which only PLAIN has; add users with: chronik users")
    return module


def plain_users(text: str | None) -> Mapping[str, str]:
    """Users of PLAIN by the broker's own configuration; empty where that names none.

    :raises ConfigurationError: it is wrong.
    """
    module = module_for("PLAIN", text)
    users = {} if module is None else module.users
    if not all(user and password for user, password in users.items()):
        raise ConfigurationError(f"the sasl.jaas.config of PLAIN has a {USER} option without a name or without a password")
    return users


def _tokens(text: str) -> list[tuple[str, str]]:
    """Words, signs, and quoted texts without their quotes and escapes, as Java's configuration files have them."""
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise ConfigurationError("a sasl.jaas.config has a quote that does not end")
        if found["quoted"] is not None:
            tokens.append(("quoted", _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), found["quoted"][1:-1])))
        else:
            tokens.append(("sign", found["sign"]) if found["sign"] else ("word", found["word"]))
        position = found.end()
    return tokens

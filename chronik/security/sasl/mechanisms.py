"""Which mechanisms there are, and those of one listener as it is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.security.interfaces import AuthContext, ICredentialStore, ISaslMechanism, IScramCredentials, IScramTokens, ITokenValidator
from chronik.security.logins import FailedLogins, PasswordLogins
from chronik.security.sasl.jaas import plain_users
from chronik.security.sasl.oauthbearer import OAuthBearer
from chronik.security.sasl.plain import PlainMechanism
from chronik.security.sasl.scram import ScramMechanism
from chronik.security.sasl.static_users import StaticUsers
from chronik.security.scram_keys import SCRAM_HASHES
from chronik.security.tokens.logins import TokenLogins

_SECRET_BYTES: Final = 32

TokenValidators = Callable[[Configuration], ITokenValidator | None]
"""Who knows bearer tokens on a listener, by its view of the configuration; None for nobody."""


def nobody_knows_tokens(config: Configuration) -> ITokenValidator | None:
    """Nobody does, on any listener."""
    return None


@dataclass(frozen=True, slots=True)
class SaslParts:
    """What mechanisms are made of, for all listeners.

    :ivar auth: pools, time, configuration and metadata.
    :ivar credentials: who knows users; None for nobody.
    :ivar logins: checks their passwords.
    :ivar failures: who has failed too often.
    :ivar random: gives that many random bytes.
    :ivar secret: of this process; what unknown users are told is made of it.
    :ivar pause: how long no other password is to be checked, of the time that one took, in seconds.
    :ivar tokens: delegation tokens, None where there are none.
    :ivar validators: of bearer tokens, by a listener's view of the configuration; None where nobody knows them.
    """

    auth: AuthContext
    credentials: ICredentialStore | None
    logins: PasswordLogins
    failures: FailedLogins
    random: Callable[[int], bytes]
    secret: bytes
    pause: Callable[[float], float]
    tokens: IScramTokens | None = None
    validators: TokenValidators = nobody_knows_tokens

    @classmethod
    def of(
        cls,
        auth: AuthContext,
        credentials: ICredentialStore,
        random: Callable[[int], bytes],
        pause: Callable[[float], float],
        tokens: IScramTokens | None = None,
        validators: TokenValidators = nobody_knows_tokens,
    ) -> SaslParts:
        """The parts of a broker, with limits on failures as its configuration has them now, whenever that is."""
        config, clock = auth.config, auth.reactor
        failures = FailedLogins(clock, lambda: config().get("login.failures.per.address.max"), lambda: config().get("login.failures.per.user.max"))
        logins = PasswordLogins(credentials, failures, clock, random(_SECRET_BYTES), pause)
        return cls(auth, credentials, logins, failures, random, random(_SECRET_BYTES), pause, tokens, validators)


MechanismMaker = Callable[[str, Configuration, SaslParts], ISaslMechanism]
"""Makes a mechanism by its name, for the listener whose view of the configuration it is given."""


def make_plain(name: str, config: Configuration, parts: SaslParts) -> ISaslMechanism:
    """PLAIN, with the users of the listener's own JAAS configuration where that names any, else with those of the credential store."""
    users = plain_users(config.get("plain.sasl.jaas.config"))
    if users:
        own = StaticUsers(users, parts.secret)
        return PlainMechanism(PasswordLogins(own, parts.failures, parts.auth.reactor, parts.secret, parts.pause))
    if parts.credentials is None:
        raise ConfigurationError(f"listener {config.listener} offers PLAIN, and there is nobody who knows users: set credential.store")
    return PlainMechanism(parts.logins)


def make_scram(name: str, config: Configuration, parts: SaslParts) -> ISaslMechanism:
    """One of the SCRAM mechanisms."""
    known: Any = parts.credentials
    if not IScramCredentials.providedBy(known):
        raise ConfigurationError(
            f"listener {config.listener} offers {name}, and the credential store keeps no SCRAM credentials: "
            "set credential.store=metadata, or leave SCRAM out of sasl.enabled.mechanisms"
        )
    feed = parts.auth.feed
    return ScramMechanism(name, known, parts.failures, parts.random, lambda: feed.image.security.scram_secret or parts.secret, parts.tokens)


def make_oauthbearer(name: str, config: Configuration, parts: SaslParts) -> ISaslMechanism:
    """OAUTHBEARER."""
    validator = parts.validators(config)
    if validator is None:
        raise ConfigurationError(
            f"listener {config.listener} offers {name}, and there is nobody who knows tokens: "
            "set sasl.oauthbearer.jwks.endpoint.url, or token.validator to a plugin"
        )
    return OAuthBearer(TokenLogins(validator, parts.failures))


MAKERS: Final[Mapping[str, MechanismMaker]] = {"PLAIN": make_plain, **dict.fromkeys(SCRAM_HASHES, make_scram), "OAUTHBEARER": make_oauthbearer}
"""How each mechanism is made."""


def mechanisms_of(config: Configuration, parts: SaslParts, makers: Mapping[str, MechanismMaker] = MAKERS) -> Mapping[str, ISaslMechanism]:
    """The mechanisms that a listener offers, by name.

    :param config: the listener's view of it.
    :raises ConfigurationError: one of them cannot be offered; says what to set.
    """
    return {name: makers[name](name, config, parts) for name in config.get("sasl.enabled.mechanisms")}

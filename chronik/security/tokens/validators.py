"""Who knows bearer tokens on each listener: two listeners may trust two issuers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from chronik.config import Configuration
from chronik.config.sasl_token_keys import BEARER_KEYS
from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.plugin import IBackendMaker
from chronik.security.interfaces import AuthContext, ITokenValidator

DEFAULT_VALIDATOR: Final = "jwks"
"""What knows tokens where nothing is named and there are an issuer's keys."""

_SELECTOR: Final = "token.validator"
_KEYS_AT: Final = "sasl.oauthbearer.jwks.endpoint.url"
_OWN: Final = tuple(key.name for key in BEARER_KEYS)


class ConfiguredValidators:
    """The validator of each listener. Listeners of which the same is said share one.

    :param auth: what a backend's maker is given; each sees the configuration as its listener has it.
    :param maker: the maker of an auth backend by its name.
    :param others: backends that were made for something else, by their names: one that knows tokens as well is not made again.
    """

    def __init__(self, auth: AuthContext, maker: Callable[[str], IBackendMaker], others: Mapping[str | None, Any]) -> None:
        self._auth = auth
        self._maker = maker
        self._others = others
        self._known: dict[tuple[object, ...], ITokenValidator] = {}
        self._made: list[Any] = []

    def __call__(self, config: Configuration) -> ITokenValidator | None:
        """Who knows the tokens of a listener; None for nobody.

        :param config: the listener's view of it.
        :raises ConfigurationError: a backend is named that knows no tokens, or that cannot be made.
        """
        chosen: str | None = config.get(_SELECTOR)
        if chosen is None and config.get(_KEYS_AT) is None:
            return None
        name = chosen or DEFAULT_VALIDATOR
        said = tuple(map(config.get, _OWN)) if name == DEFAULT_VALIDATOR else (name,)
        if said not in self._known:
            self._known[said] = self._validator(name, config)
        return self._known[said]

    @deferred
    async def close(self) -> None:
        """Release what was made here."""
        for each in self._made:
            await each.close()

    def _validator(self, name: str, config: Configuration) -> ITokenValidator:
        validator = self._others.get(name)
        if validator is None:
            auth = replace(self._auth, config=lambda: self._auth.config().for_listener(config.listener))
            validator = self._maker(name).make(auth, config.plugin_options("auth", name))
            self._made.append(validator)
        if not ITokenValidator.providedBy(validator):
            raise ConfigurationError(f"{_SELECTOR}={name} knows no tokens: choose a backend that does, or set none")
        known: ITokenValidator = validator
        return known

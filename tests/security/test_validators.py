"""Which listener's tokens are known by whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.plugin import find_backend
from chronik.security.interfaces import InvalidToken
from chronik.security.tokens.validators import ConfiguredValidators
from chronik.testing.auth import auth_context
from tests.security.fakes import NowPools
from tests.security.issuer import Issuer

URL = "sasl.oauthbearer.jwks.endpoint.url"
ISSUER = "sasl.oauthbearer.expected.issuer"


class ValidatorTests(SynchronousTestCase):
    """By a listener's view of the configuration."""

    def setUp(self) -> None:
        """Two issuers, each with keys in a file."""
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.issuers = {name: Issuer(self.clock.seconds) for name in ("one", "two")}
        self.urls: dict[str, str] = {}
        for name, issuer in self.issuers.items():
            issuer.rotate(name, forget=True)
            path = Path(self.mktemp()).absolute()
            path.write_bytes(issuer.key_set())
            self.urls[name] = f"file://{path}"

    def validators(self, others: dict[str | None, Any] | None = None, **settings: str) -> tuple[ConfiguredValidators, Configuration]:
        """Of a configuration; names have underscores for dots in front of the key proper."""
        config = Configuration().with_values({"sasl.oauthbearer.expected.audience": "kafka", **settings})
        found = ConfiguredValidators(auth_context(NowPools(), self.clock, config), lambda name: find_backend("auth", name), others or {})
        self.addCleanup(found.close)
        return found, config

    def test_nobody(self) -> None:
        """Where nothing is said, nobody knows tokens; where only one listener says something, only there."""
        validators, config = self.validators(**{f"listener.name.a.{URL}": self.urls["one"]})
        self.assertIsNone(validators(config))
        self.assertIsNone(validators(config.for_listener("b")))
        self.assertIsNotNone(validators(config.for_listener("A")))

    def test_two_issuers(self) -> None:
        """A token is good where its issuer is trusted, and nowhere else; what the listener does not say is as for all."""
        own = {f"listener.name.b.{URL}": self.urls["two"], f"listener.name.b.{ISSUER}": "two"}
        validators, config = self.validators(**{URL: self.urls["one"], **own})
        tokens = {"a": self.issuers["one"].token(), "b": self.issuers["two"].token(iss="two")}
        for listener in tokens:
            validator = validators(config.for_listener(listener))
            assert validator is not None
            for name, token in tokens.items():
                validating = validator.validate(token)
                if name == listener:
                    self.assertEqual("alice", self.successResultOf(validating).principal.name)
                else:
                    self.failureResultOf(validating, InvalidToken)
            self.failureResultOf(validator.validate(self.issuers["two" if listener == "b" else "one"].token(aud="other")), InvalidToken)

    def test_shared(self) -> None:
        """Listeners of which the same is said ask one validator, which reads its keys once."""
        validators, config = self.validators(**{URL: self.urls["one"], f"listener.name.b.{URL}": self.urls["one"]})
        self.assertIs(validators(config.for_listener("a")), validators(config.for_listener("b")))

    def test_others(self) -> None:
        """A backend that was made as something else is asked, if it knows tokens; a listener may have another one."""
        known = validators, config = self.validators(**{URL: self.urls["one"]})
        other = known[0](config)
        validators, config = self.validators(
            {"both": other, "allow-all": object()},
            **{"token.validator": "both", f"listener.name.b.{URL}": self.urls["two"], "listener.name.b.token.validator": "jwks"},
        )
        self.assertIs(other, validators(config.for_listener("a")))
        self.assertIsNot(other, validators(config.for_listener("b")))
        validators, config = self.validators({"allow-all": object()}, **{"token.validator": "allow-all"})
        self.assertIn("knows no tokens", str(self.assertRaises(ConfigurationError, validators, config)))

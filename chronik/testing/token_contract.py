"""What every validator of bearer tokens must do: a mixin of tests for whoever writes one.

Mix it into a ``twisted.trial.unittest.SynchronousTestCase`` (or ``TestCase``) and provide the ``make_`` methods.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from chronik.security.interfaces import InvalidToken, ITokenValidator, Principal, ValidToken

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Base
else:
    _Base = object

_GARBAGE = (
    "",
    " ",
    ".",
    "..",
    "...",
    "a",
    "Bearer",
    "\0",
    "ü.ü.ü",
    "\ud800",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
    "A" * 1_000_000,
    "." * 100_000,
)


class TokenValidatorContract(_Base):
    """The contract of :class:`~chronik.security.interfaces.ITokenValidator`."""

    def make_token_validator(self) -> Any:
        """A validator to which :meth:`make_token` makes tokens."""
        raise NotImplementedError

    def make_token(self, name: str) -> str:
        """A token that is good now, of the user ``name``, and has at least half a minute left."""
        raise NotImplementedError

    def now(self) -> float:
        """The validator's time, in seconds since 1970."""
        raise NotImplementedError

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred, or its exception; override where it needs real time."""
        return self.successResultOf(deferred)

    def validate(self, validator: Any, token: str) -> ValidToken | InvalidToken:
        """What a validator says."""
        answer: ValidToken | InvalidToken = self.wait(validator.validate(token).addErrback(_refusal))
        return answer

    def test_provides_token_interface(self) -> None:
        """It provides what it says."""
        self.assertTrue(verifyObject(ITokenValidator, self.make_token_validator()))

    def test_good_token(self) -> None:
        """A good token proves whose it is and until when; twice as well as once."""
        validator = self.make_token_validator()
        for name in ("alice", "bob", "alice"):
            proof = self.validate(validator, self.make_token(name))
            assert isinstance(proof, ValidToken), proof
            self.assertEqual(Principal("User", name), proof.principal)
            self.assertGreaterEqual(proof.expires, self.now() + 30)
            self.assertTrue(math.isfinite(proof.expires))

    def test_garbage(self) -> None:
        """What is no token proves nothing, and is refused in the one way that callers know of."""
        validator = self.make_token_validator()
        for token in _GARBAGE:
            self.assertIsInstance(self.validate(validator, token), InvalidToken, repr(token[:20]))

    def test_every_character_counts(self) -> None:
        """A good token of which one character is another, or is not there, proves nothing."""
        validator = self.make_token_validator()
        token = self.make_token("alice")
        for at in range(0, len(token), max(1, len(token) // 61)):
            for other in ("A" if token[at] != "A" else "B", "", "."):
                forged = token[:at] + other + token[at + 1 :]
                if forged != token:
                    self.assertIsInstance(self.validate(validator, forged), InvalidToken, f"character {at} as {other!r}")

    def test_refusals_do_not_tell_tokens(self) -> None:
        """What is said of a bad token goes to logs, and the token must not."""
        validator = self.make_token_validator()
        token = self.make_token("alice")
        refusal = self.validate(validator, token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8))
        assert isinstance(refusal, InvalidToken)
        for part in (piece for piece in token.split(".") if len(piece) > 8):
            self.assertNotIn(part, f"{refusal} {refusal!r}")

    def test_close(self) -> None:
        """It can be closed, and answers a Deferred."""
        closing = self.make_token_validator().close()
        self.assertIsInstance(closing, Deferred)
        self.wait(closing)


def _refusal(failure: Any) -> InvalidToken:
    failure.trap(InvalidToken)
    refusal: InvalidToken = failure.value
    return refusal

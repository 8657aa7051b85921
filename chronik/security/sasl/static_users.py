"""Users whose passwords stand in the configuration, as Kafka has them for PLAIN."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from zope.interface import implementer

from chronik.defer import deferred
from chronik.security.interfaces import ICredentialStore, Principal
from chronik.security.sasl.saslprep import prepared_if_possible


@implementer(ICredentialStore)
class StaticUsers:
    """Compares passwords; what is kept of them is not what they are.

    :param users: passwords by name.
    :param secret: of this process.
    """

    def __init__(self, users: Mapping[str, str], secret: bytes) -> None:
        self._secret = secret
        self._kept = {user: self._digest(password) for user, password in users.items()}
        self._nobody = self._digest("")

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right; see :meth:`ICredentialStore.verify_password`."""
        kept = self._kept.get(user)
        right = hmac.compare_digest(self._digest(password), self._nobody if kept is None else kept)
        return Principal("User", user) if right and kept is not None and password else None

    @deferred
    async def close(self) -> None:
        """It holds nothing."""

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._secret, prepared_if_possible(password).encode("utf-8", "surrogatepass"), "sha256")

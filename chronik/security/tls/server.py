"""The TLS of one listener: its certificates, which may change while it is open, and whom clients' certificates stand for."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from OpenSSL import SSL
from twisted.logger import Logger
from zope.interface import implementer

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.network.interfaces import ITlsSide, TlsRefusal
from chronik.security.interfaces import Principal
from chronik.security.tls.contexts import PeerProblem, days_left, near_expiry, server_context
from chronik.security.tls.mapping import NoMatchingRule, PrincipalMapper
from chronik.security.tls.names import distinguished_name, field_values
from chronik.security.tls.stores import fingerprint, key_store, key_store_of_file, sni_paths, store_paths, trusted_certificates


@dataclass(frozen=True, slots=True)
class ServerMaterial:
    """What a listener shows and trusts, as it was read.

    :ivar contexts: for other names, by name in lower case.
    :ivar expires: when the first of its certificates ends, in seconds since 1970.
    :ivar subject: whose certificate it is, for logs.
    :ivar read: what they were like then; see :func:`~chronik.security.tls.stores.fingerprint`.
    """

    context: SSL.Context
    contexts: Mapping[str, SSL.Context]
    expires: float
    subject: str
    read: tuple[Any, ...]


def server_material(config: Configuration, listener: str) -> ServerMaterial:
    """Read and check everything; blocks.

    :param config: as that listener has it.
    :raises ConfigurationError: the listener cannot be served so.
    """
    paths = store_paths(config)
    read = fingerprint(paths)
    try:
        store = key_store(config)
        if store is None:
            raise ConfigurationError("it has no certificate; set ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain")
        trusted = trusted_certificates(config)
        if config.get("ssl.client.auth") != "none" and not trusted:
            raise ConfigurationError(f"ssl.client.auth={config.get('ssl.client.auth')} needs ssl.truststore.location or ssl.truststore.certificates")
        context = server_context(config, store, trusted)
        others = {name: key_store_of_file(config, path, "ssl.keystore.sni") for name, path in sni_paths(config)}
        contexts = {name: server_context(config, other, trusted) for name, other in others.items()}
    except ConfigurationError as error:
        raise ConfigurationError(f"listener {listener}: {error}") from None
    shown = [store.certificate, *store.chain, *(other.certificate for other in others.values())]
    expires = min(each.not_valid_after_utc.timestamp() for each in shown)
    material = ServerMaterial(context, contexts, expires, store.certificate.subject.rfc4514_string(), read)
    if contexts:
        context.set_tlsext_servername_callback(_by_name(contexts))
    return material


def _by_name(contexts: Mapping[str, SSL.Context]) -> Callable[[SSL.Connection], None]:
    def choose(connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        chosen = contexts.get(name) or contexts.get(f"*.{name.partition('.')[2]}")
        if chosen is not None:
            connection.set_context(chosen)

    return choose


@implementer(ITlsSide)
class ServerTls:
    """The TLS of one listener.

    :param listener: its name.
    :param config: as that listener has it.
    :param now: seconds since 1970.
    :ivar material: what new connections go by.
    :raises ConfigurationError: it cannot be served so.
    """

    _log = Logger()

    def __init__(self, listener: str, config: Configuration, now: Callable[[], float]) -> None:
        self.listener = listener
        self.config = config
        self._now = now
        self._mapper = PrincipalMapper(config.get("ssl.principal.mapping.rules"))
        self._groups: tuple[str, ...] = config.get("ssl.principal.groups")
        self.material = server_material(config, listener)

    @property
    def authenticates(self) -> bool:
        """Whether nobody gets in without a certificate."""
        return bool(self.config.get("ssl.client.auth") == "required")

    @property
    def days_left(self) -> float:
        """Until the first of its certificates ends; negative once it has."""
        return days_left(self.material.expires, self._now())

    @property
    def near_expiry(self) -> bool:
        """Whether that is soon, as configured."""
        return near_expiry(self.config, self.days_left)

    def load(self, config: Configuration) -> ServerMaterial:
        """Read everything anew; blocks.

        :param config: as this listener has it.
        :raises ConfigurationError: it cannot be served so.
        """
        return server_material(config, self.listener)

    def replace(self, config: Configuration, material: ServerMaterial) -> None:
        """Go by something else from the next connection on."""
        self.config = config
        self.material = material

    def connection(self) -> SSL.Connection:
        """See :meth:`ITlsSide.connection`."""
        connection = SSL.Connection(self.material.context)
        connection.set_app_data(PeerProblem())
        connection.set_accept_state()
        return connection

    def identify(self, connection: SSL.Connection) -> Principal | None:
        """See :meth:`ITlsSide.identify`."""
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        self._check_still_valid(certificate)
        try:
            name = self._mapper.name(distinguished_name(certificate.subject))
        except NoMatchingRule as problem:
            raise TlsRefusal(f"showed a certificate that belongs to nobody: {problem}") from None
        return Principal("User", name, field_values(certificate.subject, self._groups))

    def _check_still_valid(self, certificate: x509.Certificate) -> None:
        """Nobody looks at the certificate of a session that is resumed, which may have ended meanwhile."""
        if certificate.not_valid_after_utc < datetime.datetime.fromtimestamp(self._now(), datetime.UTC):
            raise TlsRefusal("resumed a session whose certificate has expired")

    def explain(self, connection: SSL.Connection, error: Exception) -> str:
        """See :meth:`ITlsSide.explain`."""
        return explain(connection, error)


_REASONS: Final = {
    "peer did not return a certificate": "showed no certificate, and this listener requires one",
    "no shared cipher": "knows none of the cipher suites that are offered here",
    "unsupported protocol": "speaks no version of TLS that is spoken here",
    "http request": "sent an HTTP request without TLS",
    "wrong version number": "sent something that is no TLS",
    "packet length too long": "sent something that is no TLS",
    "unexpected eof while reading": "ended the connection in the middle of the handshake",
    "tlsv1 alert unknown ca": "does not trust the CA of the certificate that it was shown",
    "tlsv13 alert certificate required": "requires a certificate, and was shown none",
    "ssl/tls alert handshake failure": "found nothing to agree on, or requires a certificate",
    "ssl/tls alert bad certificate": "does not accept the certificate that it was shown",
    "ssl/tls alert certificate unknown": "does not accept the certificate that it was shown",
    "ssl/tls alert certificate expired": "says that the certificate that it was shown has expired",
    "ssl/tls alert unsupported certificate": "says that the certificate that it was shown is for another purpose",
}


def explain(connection: SSL.Connection, error: Exception) -> str:
    """Why a handshake failed: completes "it …"."""
    problem = connection.get_app_data()
    if isinstance(problem, PeerProblem) and problem.text:
        return f"showed a certificate that {problem.text}"
    found = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reason = str(found[-1][-1]) if found else str(error)
    return _REASONS.get(reason, f"failed at TLS: {reason or 'no reason is known'}")

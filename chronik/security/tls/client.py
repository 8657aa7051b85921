"""The TLS of connections that are made from here: whom they trust, which certificate they show, and whether the other end has the right name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from zope.interface import implementer

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.network.interfaces import ITlsSide, TlsRefusal
from chronik.security.interfaces import Principal
from chronik.security.tls.contexts import PeerProblem, client_context
from chronik.security.tls.names import distinguished_name
from chronik.security.tls.server import explain
from chronik.security.tls.stores import fingerprint, key_store, store_paths, trusted_certificates


@dataclass(frozen=True, slots=True)
class ClientMaterial:
    """What connections from here show and trust, as it was read.

    :ivar expires: when the certificate that is shown ends, in seconds since 1970; infinite for none.
    :ivar read: what they were like then.
    """

    context: SSL.Context
    expires: float
    subject: str
    read: tuple[Any, ...]


def client_material(config: Configuration, what: str) -> ClientMaterial:
    """Read and check everything; blocks.

    :param what: these connections, for messages.
    :raises ConfigurationError: it cannot be used.
    """
    paths = store_paths(config)
    read = fingerprint(paths)
    try:
        store = key_store(config)
        context = client_context(config, store, trusted_certificates(config))
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}: {error}") from None
    if store is None:
        return ClientMaterial(context, float("inf"), "", read)
    return ClientMaterial(context, store.certificate.not_valid_after_utc.timestamp(), store.certificate.subject.rfc4514_string(), read)


class ClientTls:
    """The TLS of connections from here.

    :param listener: what these connections are for, for messages.
    :param config: ``ssl.*`` as it counts for them.
    :ivar material: what new connections go by.
    :raises ConfigurationError: it cannot be used.
    """

    def __init__(self, listener: str, config: Configuration) -> None:
        self.listener = listener
        self.config = config
        self.material = self.load(config)

    def load(self, config: Configuration) -> ClientMaterial:
        """Read everything anew; blocks."""
        return client_material(config, self.listener)

    def replace(self, config: Configuration, material: ClientMaterial) -> None:
        """Go by something else from the next connection on."""
        self.config = config
        self.material = material

    def to(self, host: str) -> ITlsSide:
        """This side of a connection to a host, named as it was asked for."""
        return _ConnectionTo(self, host, self.config.get("ssl.endpoint.identification.algorithm") != "")


@implementer(ITlsSide)
class _ConnectionTo:
    """This side of one connection."""

    def __init__(self, tls: ClientTls, host: str, checks_name: bool) -> None:
        self._tls = tls
        self._host = host
        self._checks_name = checks_name
        self._is_address = _is_address(host)

    def connection(self) -> SSL.Connection:
        """See :meth:`ITlsSide.connection`."""
        connection = SSL.Connection(self._tls.material.context)
        connection.set_app_data(PeerProblem())
        connection.set_connect_state()
        if not self._is_address:
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection

    def identify(self, connection: SSL.Connection) -> Principal | None:
        """See :meth:`ITlsSide.identify`; the name is the distinguished one."""
        if self._checks_name:
            verify = verify_ip_address if self._is_address else verify_hostname
            try:
                verify(connection, self._host)
            except VerificationError:
                raise TlsRefusal(f"showed a certificate that is not for {self._host}") from None
            except Exception as error:  # noqa: BLE001  a certificate without names, or with odd ones: service-identity has several
                raise TlsRefusal(f"showed a certificate that has no name to be compared with {self._host}: {error}") from None
        certificate = connection.get_peer_certificate(as_cryptography=True)
        return None if certificate is None else Principal("User", distinguished_name(certificate.subject))

    def explain(self, connection: SSL.Connection, error: Exception) -> str:
        """See :meth:`ITlsSide.explain`."""
        return explain(connection, error)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

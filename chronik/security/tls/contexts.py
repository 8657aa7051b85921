"""Contexts of OpenSSL: which versions and ciphers are spoken, which certificate is shown, and who is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from chronik.config import Configuration
from chronik.config.tls_keys import CIPHER_SUITES
from chronik.errors import ConfigurationError
from chronik.security.tls.stores import KeyStore

SESSION_SECONDS: Final = 3600
"""How long a client may resume a session: it shows its certificate again after that."""

DAY_SECONDS: Final = 86_400.0

_ENABLE_PARTIAL_WRITE: Final = 1
"""OpenSSL's number, for which pyOpenSSL, which sets it, has no name."""

_VERSIONS: Final = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}
_VERIFY: Final = {"none": SSL.VERIFY_NONE, "requested": SSL.VERIFY_PEER, "required": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT}

_CODES: Final = SSL.X509VerificationCodes
_PROBLEMS: Final[Mapping[int, str]] = {
    _CODES.ERR_CERT_HAS_EXPIRED: "has expired",
    _CODES.ERR_CERT_NOT_YET_VALID: "is not valid yet",
    _CODES.ERR_INVALID_PURPOSE: "is for another purpose",
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself, and is not trusted",
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: "was issued by a CA that is not trusted",
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT: "was issued by a CA that is not trusted",
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "was issued by a CA that is not trusted",
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: "was issued by a CA that is not trusted",
    _CODES.ERR_CERT_SIGNATURE_FAILURE: "was not signed by the CA that it names",
    _CODES.ERR_CERT_CHAIN_TOO_LONG: "has too many certificates above it",
    _CODES.ERR_PATH_LENGTH_EXCEEDED: "has too many certificates above it",
    _CODES.ERR_INVALID_CA: "was issued by something that is no CA",
    _CODES.ERR_CERT_REVOKED: "was revoked",
}


class PeerProblem:
    """Keeps what was wrong with a peer's certificate; what OpenSSL raises says only that something was.

    :ivar text: completes "a certificate that …"; empty for nothing.
    """

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""


def noted(connection: SSL.Connection, certificate: Any, code: int, depth: int, verified: int) -> bool:
    """Note what is wrong with a certificate, and leave the decision as it is, so that the peer is told the right alert."""
    problem = connection.get_app_data()
    if not verified and isinstance(problem, PeerProblem) and not problem.text:
        words = _PROBLEMS.get(code, f"cannot be trusted (error {code} of X.509)")
        whose = certificate.to_cryptography().subject.rfc4514_string()[:200]
        problem.text = f"{words}: {whose}" if depth == 0 else f"{words}; the one to blame, {depth} above it, is {whose}"
    return bool(verified)


def server_context(config: Configuration, store: KeyStore, trusted: Sequence[x509.Certificate]) -> SSL.Context:
    """What a listener goes by.

    :raises ConfigurationError: it cannot be had.
    """
    context = _context(SSL.TLS_SERVER_METHOD, config)
    _show(context, store)
    mode = _VERIFY[config.get("ssl.client.auth")]
    if mode != SSL.VERIFY_NONE:
        _trust(context, trusted)
        for each in trusted:
            context.add_client_ca(each)
    context.set_verify(mode, noted)
    # Clients resume by tickets, which hold nothing here. Tickets of another context, and so of another certificate or CA, count for nothing.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(hashlib.sha256(store.certificate.public_bytes(Encoding.DER)).digest())
    context.set_timeout(SESSION_SECONDS)
    return context


def client_context(config: Configuration, store: KeyStore | None, trusted: Sequence[x509.Certificate]) -> SSL.Context:
    """What connections from here go by. Without certificates to trust, those count that the system trusts.

    :raises ConfigurationError: it cannot be had.
    """
    context = _context(SSL.TLS_CLIENT_METHOD, config)
    if store is not None:
        _show(context, store)
    if trusted:
        _trust(context, trusted)
    else:
        context.set_default_verify_paths()
    context.set_verify(SSL.VERIFY_PEER, noted)
    return context


def _context(method: int, config: Configuration) -> SSL.Context:
    context = SSL.Context(method)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    # A write is then one call for several TLS records, not one for each.
    context.clear_mode(_ENABLE_PARTIAL_WRITE)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    suites = config.get("ssl.cipher.suites") or tuple(CIPHER_SUITES)
    newer = [CIPHER_SUITES[each] for each in suites if "_WITH_" not in each]
    older = [CIPHER_SUITES[each] for each in suites if "_WITH_" in each]
    spoken = [each for each in config.get("ssl.enabled.protocols") if (newer if each == "TLSv1.3" else older)]
    if not spoken:
        raise ConfigurationError("ssl.cipher.suites has no suite for any version in ssl.enabled.protocols")
    versions = sorted(_VERSIONS[each] for each in spoken)
    context.set_min_proto_version(versions[0])
    context.set_max_proto_version(versions[-1])
    if older:
        context.set_cipher_list(":".join(older).encode())
    if newer:
        context.set_tls13_ciphersuites(":".join(newer).encode())
    return context


def _show(context: SSL.Context, store: KeyStore) -> None:
    try:
        context.use_certificate(store.certificate)
        for above in store.chain:
            context.add_extra_chain_cert(above)
        context.use_privatekey(store.key)
        context.check_privatekey()
    except (SSL.Error, TypeError, ValueError) as error:
        raise ConfigurationError(f"the certificate or its private key cannot be used for TLS: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    found = error.args[0] if error.args else None
    return "; ".join(str(each[-1]) for each in found) if isinstance(found, list) and found else str(error)


def _trust(context: SSL.Context, trusted: Sequence[x509.Certificate]) -> None:
    store = context.get_cert_store()
    assert store is not None
    for certificate in trusted:
        store.add_cert(X509.from_cryptography(certificate))
    # Whatever is trusted is trusted, root or not: so it is with Java's trust stores.
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)


def days_left(expires: float, now: float) -> float:
    """Until a certificate ends; negative once it has. Both are in seconds since 1970."""
    return (expires - now) / DAY_SECONDS


def near_expiry(config: Configuration, days: float) -> bool:
    """Whether so many days are few (``ssl.expiry.warning.days``)."""
    warning: int = config.get("ssl.expiry.warning.days")
    return days < warning

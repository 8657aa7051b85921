"""Private keys and certificates, out of PEM, PKCS#12 and the configuration's own text (KIP-651)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from twisted.logger import Logger

from chronik.config import Configuration
from chronik.config.bounded import read_bounded
from chronik.config.secret_files import check_secret_file
from chronik.config.secret_settings import PERMISSIONS_KEY
from chronik.errors import ConfigurationError

_log = Logger()

STORE_BYTES_MAX: Final = 16 << 20
"""Largest file of keys or certificates: a system's whole trust store is a quarter of a megabyte."""

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_JKS: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


@dataclass(frozen=True, slots=True)
class KeyStore:
    """A private key and the certificate that goes with it.

    :ivar chain: certificates between it and its issuer, the nearest first.
    """

    key: Any = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


def key_store(config: Configuration, prefix: str = "") -> KeyStore | None:
    """What ``ssl.keystore.*`` says, None where it says nothing.

    :param prefix: what keys begin with, for messages.
    :raises ConfigurationError: it cannot be read, or contradicts itself.
    """
    location, key, chain = (config.get(f"ssl.keystore.{name}") for name in ("location", "key", "certificate.chain"))
    if location is not None and (key is not None or chain is not None):
        raise ConfigurationError(f"{prefix}ssl.keystore.location and ssl.keystore.key or ssl.keystore.certificate.chain are both set: set one")
    if location is not None:
        return key_store_of_file(config, location, f"{prefix}ssl.keystore.location")
    if key is None and chain is None:
        return None
    if key is None or chain is None:
        missing = "ssl.keystore.key" if key is None else "ssl.keystore.certificate.chain"
        raise ConfigurationError(f"{prefix}{missing} is not set: a private key and its certificate go together")
    _must_be_pem(config, "keystore", prefix)
    return _from_pem(key + "\n" + chain, config.get("ssl.key.password"), f"{prefix}ssl.keystore.key")


def key_store_of_file(config: Configuration, path: str, key: str) -> KeyStore:
    """What is in a file like ``ssl.keystore.location``.

    :param key: the configuration key that names it, for messages.
    :raises ConfigurationError: it cannot be used, or others may read it and that is refused; says why.
    """
    data = _read(path, key)
    warning = check_secret_file(path, config.get(PERMISSIONS_KEY), key)
    if warning is not None:
        _log.warn("{problem}", problem=warning)
    if config.get("ssl.keystore.type").upper() == "PEM":
        _must_be_pem(config, "keystore", key.removesuffix("ssl.keystore.location").removesuffix("ssl.keystore.sni"))
        return _from_pem(_text(data, path, key), config.get("ssl.key.password"), f"{key} ({path})")
    password, key_password = config.get("ssl.keystore.password"), config.get("ssl.key.password")
    if key_password not in (None, password):
        raise ConfigurationError(f"{key} ({path}) is a PKCS#12 file, which has one password: ssl.key.password must be that of ssl.keystore.password")
    return _from_pkcs12(data, password, f"{key} ({path})")


def trusted_certificates(config: Configuration, prefix: str = "") -> tuple[x509.Certificate, ...]:
    """The certificates of ``ssl.truststore.*``; none where it says nothing.

    :raises ConfigurationError: they cannot be read, or there are none where some should be.
    """
    location, inline = config.get("ssl.truststore.location"), config.get("ssl.truststore.certificates")
    if location is not None and inline is not None:
        raise ConfigurationError(f"{prefix}ssl.truststore.location and ssl.truststore.certificates are both set: set one")
    if inline is not None:
        _must_be_pem(config, "truststore", prefix)
        return _some(_certificates(inline, f"{prefix}ssl.truststore.certificates"), f"{prefix}ssl.truststore.certificates")
    if location is None:
        return ()
    key = f"{prefix}ssl.truststore.location"
    data = _read(location, key)
    if config.get("ssl.truststore.type").upper() == "PEM":
        _must_be_pem(config, "truststore", prefix)
        return _some(_certificates(_text(data, location, key), f"{key} ({location})"), f"{key} ({location})")
    store = _pkcs12(data, config.get("ssl.truststore.password"), f"{key} ({location})")
    found = [*([store.cert] if store.cert else []), *store.additional_certs]
    return _some(tuple(each.certificate for each in found), f"{key} ({location})")


def store_paths(config: Configuration) -> tuple[str, ...]:
    """Files that :func:`key_store`, :func:`trusted_certificates` and SNI read."""
    named = (config.get("ssl.keystore.location"), config.get("ssl.truststore.location"))
    return (*(path for path in named if path is not None), *(path for _, path in sni_paths(config)))


def sni_paths(config: Configuration) -> Iterator[tuple[str, str]]:
    """Names in lower case and files of ``ssl.keystore.sni``."""
    for item in config.get("ssl.keystore.sni"):
        name, _, path = item.partition(":")
        yield name.strip().lower(), path.strip()


def fingerprint(paths: tuple[str, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    """What changes when files do: inode, size and time of each, None for one that is not there."""

    def one(path: str) -> tuple[int, int, int] | None:
        try:
            found = os.stat(path)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    return tuple(map(one, paths))


def _read(path: str, key: str) -> bytes:
    data = read_bounded(path, STORE_BYTES_MAX, f"{key}: {path}")
    if data[:4] in _JKS:
        raise ConfigurationError(
            f"{key}: {path} is a JKS file, which only Java reads; make a PKCS#12 file of it: keytool -importkeystore -deststoretype PKCS12"
        )
    return data


def _must_be_pem(config: Configuration, store: str, prefix: str) -> None:
    if config.get(f"ssl.{store}.type").upper() != "PEM":
        raise ConfigurationError(f"{prefix}ssl.{store}.type is not PEM, and certificates in the configuration are")
    if config.get(f"ssl.{store}.password") is not None:
        hint = "; a private key's is ssl.key.password" if store == "keystore" else ""
        raise ConfigurationError(f"{prefix}ssl.{store}.password is set, but PEM files have no password{hint}")


def _text(data: bytes, path: str, key: str) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{key}: {path} is no PEM file; set the type to PKCS12 if it is one") from None


def _blocks(text: str) -> Iterator[tuple[str, bytes]]:
    """Labels of PEM blocks, and each as a text of lines, which a properties file may have joined into one."""
    for match in _BLOCK.finditer(text):
        label, body = match.groups()
        if ":" not in body:
            joined = "".join(body.split())
            body = "\n" + "\n".join(joined[start : start + 64] for start in range(0, len(joined), 64)) + "\n"
        yield label, f"-----BEGIN {label}-----{body}-----END {label}-----\n".encode()


def _certificates(text: str, where: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificate(block) for label, block in _blocks(text) if label in ("CERTIFICATE", "X509 CERTIFICATE"))
    except ValueError as error:
        raise ConfigurationError(f"{where} has a certificate that cannot be read: {error}") from None


def _some(found: tuple[x509.Certificate, ...], where: str) -> tuple[x509.Certificate, ...]:
    if not found:
        raise ConfigurationError(f"{where} has no certificate in it")
    return found


def _from_pem(text: str, password: str | None, where: str) -> KeyStore:
    keys = [block for label, block in _blocks(text) if label.endswith("PRIVATE KEY")]
    if len(keys) != 1:
        raise ConfigurationError(f"{where} has {len(keys) or 'no'} private key{'s' if len(keys) > 1 else ''} in it: one is needed")
    key = _unlocked(lambda secret: serialization.load_pem_private_key(keys[0], secret), password, where, "ssl.key.password")
    return _matched(key, list(_some(_certificates(text, where), where)), where)


def _from_pkcs12(data: bytes, password: str | None, where: str) -> KeyStore:
    store = _pkcs12(data, password, where)
    if store.key is None or store.cert is None:
        raise ConfigurationError(f"{where} has no private key with a certificate in it")
    return _matched(store.key, [store.cert.certificate, *(each.certificate for each in store.additional_certs)], where)


def _pkcs12(data: bytes, password: str | None, where: str) -> pkcs12.PKCS12KeyAndCertificates:
    store: pkcs12.PKCS12KeyAndCertificates = _unlocked(lambda secret: pkcs12.load_pkcs12(data, secret), password, where, "the password of the store")
    return store


def _unlocked(load: Callable[[bytes | None], Any], password: str | None, where: str, key: str) -> Any:
    """Load something that may be encrypted. Causes are not told on: an underlying message might repeat what it could not read."""
    try:
        return load(None if password is None else password.encode())
    except TypeError:
        problem = f"{key} is set, but it is not encrypted" if password is not None else f"it is encrypted, and {key} is not set"
    except (ValueError, UnsupportedAlgorithm):
        problem = f"it is damaged, of an unknown kind, or {key} is wrong" if password is not None else "it is damaged or of an unknown kind"
    raise ConfigurationError(f"{where} cannot be read: {problem}")


def _matched(key: Any, certificates: list[x509.Certificate], where: str) -> KeyStore:
    """The key with its certificate, whichever it is, and the chain above that."""

    def public(of: Any) -> bytes:
        encoded: bytes = of.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return encoded

    own = next((each for each in certificates if public(each.public_key()) == public(key.public_key())), None)
    if own is None:
        raise ConfigurationError(f"{where} has a private key that none of its certificates belongs to")
    chain: list[x509.Certificate] = []
    last = own
    while last.issuer != last.subject:
        above = next((each for each in certificates if each.subject == last.issuer and each is not own and each not in chain), None)
        if above is None:
            break
        chain.append(above)
        last = above
    if chain and chain[-1].issuer == chain[-1].subject:
        chain.pop()  # whoever trusts the root has it
    return KeyStore(key, own, tuple(chain))

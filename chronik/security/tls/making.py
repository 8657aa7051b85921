"""A private certificate authority and what it issues: enough for a first secured run, and for tests. Keys are on the curve P-256."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH

_EARLIER: Final = datetime.timedelta(minutes=5)
"""Certificates begin a little before now: clocks differ."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A private key and its certificate."""

    key: Any = field(repr=False)
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8, not encrypted."""
        pem: bytes = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem

    @property
    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """Both, as ``ssl.keystore.location`` wants them."""
        return self.key_pem + self.certificate_pem


def name_of(common_name: str, organizational_unit: str | None = None, organization: str | None = None) -> x509.Name:
    """A distinguished name."""
    parts = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.ORGANIZATIONAL_UNIT_NAME, organizational_unit), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value is not None])


def make_authority(name: x509.Name, now: datetime.datetime, days: float) -> Issued:
    """A new certificate authority, that may issue certificates of brokers and clients but no other authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _begin(name, name, key.public_key(), now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return Issued(key, builder.sign(key, hashes.SHA256()))


def issue(
    authority: Issued, name: x509.Name, now: datetime.datetime, days: float, purposes: Sequence[x509.ObjectIdentifier], hosts: Iterable[str] = ()
) -> Issued:
    """A new key and a certificate of an authority.

    :param purposes: :data:`SERVER`, :data:`CLIENT`; brokers need both, for they connect to each other.
    :param hosts: names and addresses that it is good for.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    builder = _begin(name, issuer.subject, key.public_key(), now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    names = [_general_name(host) for host in hosts]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(key, builder.sign(authority.key, hashes.SHA256()))


def _begin(name: x509.Name, issuer: x509.Name, key: Any, now: datetime.datetime, days: float) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(min(now, now + datetime.timedelta(days=days)) - _EARLIER).not_valid_after(now + datetime.timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode() if not host.isascii() else host)

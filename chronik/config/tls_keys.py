"""Keys of a broker about TLS: certificates, trust and versions. Each can be set for one listener (KIP-103).

Names, ranges and defaults: Kafka's broker configuration page, release 4.3, and KIP-651 for PEM; reloading, expiry, SNI and groups are ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from chronik.config.key import ConfigKey, Importance, UpdateMode
from chronik.config.registry import integer, items, long, password, string
from chronik.config.validators import Validator, any_of, at_least, one_of, some_of

CIPHER_SUITES: Final = {
    "TLS_AES_256_GCM_SHA384": "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256": "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256": "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""What is offered: forward secrecy and authenticated encryption only. IANA's names, which are Java's, and OpenSSL's."""

_STORE_TYPES: Final = Validator(
    "PEM or PKCS12; a JKS file is read by Java alone, keytool -importkeystore -deststoretype PKCS12 makes another of it",
    lambda value: value.upper() in ("PEM", "PKCS12"),
)


def _is_pairs(value: tuple[str, ...]) -> bool:
    pairs = [item.partition(":") for item in value]
    return all(name and separator and path for name, separator, path in pairs) and len({name.lower() for name, _, _ in pairs}) == len(pairs)


_SNI: Final = Validator("a list of NAME:PATH, no name twice", _is_pairs)


def _of_listener(key: ConfigKey) -> ConfigKey:
    return replace(key, per_listener=True)


def _reloaded(make: Any, *args: Any, **more: Any) -> ConfigKey:
    key: ConfigKey = make(*args, mode=UpdateMode.PER_BROKER, **more)
    return key


_KEYSTORE = (
    _reloaded(string, "ssl.keystore.type", "PEM", "How ssl.keystore.location is written: PEM or PKCS12.", validator=_STORE_TYPES),
    _reloaded(
        string,
        "ssl.keystore.location",
        None,
        "The file with the broker's private key, its certificate and those between it and its CA. In PEM all are in this one file.",
        importance=Importance.HIGH,
    ),
    _reloaded(password, "ssl.keystore.password", None, "Password of a PKCS12 ssl.keystore.location.", importance=Importance.HIGH),
    _reloaded(password, "ssl.key.password", None, "Password of a private key in PEM.", importance=Importance.HIGH),
    _reloaded(
        password,
        "ssl.keystore.key",
        None,
        "The private key itself, in PEM, in place of ssl.keystore.location.",
        importance=Importance.HIGH,
    ),
    _reloaded(
        password,
        "ssl.keystore.certificate.chain",
        None,
        "The broker's certificate itself and those between it and its CA, in PEM, in place of ssl.keystore.location.",
        importance=Importance.HIGH,
    ),
    _reloaded(
        items,
        "ssl.keystore.sni",
        (),
        "Other certificates for clients that ask for another name (SNI), as NAME:PATH of files like ssl.keystore.location; a NAME that begins "
        "with a star and a dot is every name of one label in the star's place.",
        validator=_SNI,
    ),
)

_TRUSTSTORE = (
    _reloaded(string, "ssl.truststore.type", "PEM", "How ssl.truststore.location is written: PEM or PKCS12.", validator=_STORE_TYPES),
    _reloaded(
        string,
        "ssl.truststore.location",
        None,
        "The file with the certificates of those who may issue clients' certificates, and, for connections from here, brokers'.",
        importance=Importance.HIGH,
    ),
    _reloaded(password, "ssl.truststore.password", None, "Password of a PKCS12 ssl.truststore.location.", importance=Importance.HIGH),
    _reloaded(password, "ssl.truststore.certificates", None, "Those certificates themselves, in PEM.", importance=Importance.HIGH),
)

_HANDSHAKE = (
    _reloaded(
        items,
        "ssl.enabled.protocols",
        ("TLSv1.2", "TLSv1.3"),
        "Versions of TLS that are spoken. Older ones are broken and cannot be had.",
        validator=some_of("TLSv1.2", "TLSv1.3"),
    ),
    _reloaded(
        items,
        "ssl.cipher.suites",
        (),
        f"Cipher suites that are offered; all of these where it is not set: {', '.join(CIPHER_SUITES)}.",
        importance=Importance.LOW,
        validator=any_of(*CIPHER_SUITES),
    ),
    _reloaded(
        string,
        "ssl.client.auth",
        "none",
        "Whether clients show a certificate: none, requested (one that is shown must be good), required.",
        validator=one_of("none", "requested", "required"),
    ),
    string(
        "ssl.principal.mapping.rules",
        "DEFAULT",
        "What becomes of the distinguished name in a client's certificate: a list of RULE:pattern/replacement/[LU], the first that matches the whole "
        "name counts; DEFAULT is the name as it is (KIP-371). Patterns are RE2's.",
        importance=Importance.LOW,
    ),
    items(
        "ssl.principal.groups",
        (),
        "Fields of a client's certificate whose values are groups that it belongs to, for roles: OU, O.",
        validator=any_of("OU", "O"),
    ),
    _reloaded(
        string,
        "ssl.endpoint.identification.algorithm",
        "https",
        "Whether a broker connected to from here must have a certificate with the name or address it is reached by: https, or nothing for no.",
        importance=Importance.LOW,
        validator=Validator("https, or nothing", lambda value: value.lower() in ("", "https")),
    ),
)

_CARE = (
    long(
        "ssl.reload.interval.ms",
        10_000,
        "How often files of certificates are looked at; those that changed count for new connections.",
        validator=at_least(100),
    ),
    integer(
        "ssl.expiry.warning.days",
        30,
        "Days before a certificate's end from which on health is yellow and the log warns.",
        validator=at_least(0),
    ),
)

TLS_KEYS: Final[tuple[ConfigKey, ...]] = (*map(_of_listener, (*_KEYSTORE, *_TRUSTSTORE, *_HANDSHAKE)), *_CARE)
"""In the order of the reference page."""

"""Distinguished names as Java writes them, which Kafka's mapping rules and access control lists are made for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

_KEYWORDS: Final = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
"""Those of RFC 2253, section 2.3, the only ones that ``X500Principal.getName()`` writes."""

_FIELDS: Final = {"OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "O": NameOID.ORGANIZATION_NAME}

_ESCAPED: Final = frozenset(',=+<>#;"\\')
_TEXT_TAGS: Final = frozenset((0x0C, 0x13, 0x14, 0x16, 0x1B, 0x1E))
"""UTF8String, PrintableString, T61String, IA5String, GeneralString, BMPString."""


def distinguished_name(name: x509.Name) -> str:
    """A name by RFC 2253: the most specific part first, parts separated by commas alone, values of unknown types in hexadecimal."""
    parts = zip(name.rdns, _encoded_values(name.public_bytes()), strict=True)
    written = ["+".join(_part(attribute, raw) for attribute, raw in zip(rdn, values, strict=True)) for rdn, values in parts]
    return ",".join(reversed(written))


def field_values(name: x509.Name, fields: Iterable[str]) -> frozenset[str]:
    """What stands in fields of a name, ``OU`` and ``O``."""
    wanted = [_FIELDS[each] for each in fields]
    return frozenset(str(attribute.value) for oid in wanted for attribute in name.get_attributes_for_oid(oid))


def _part(attribute: x509.NameAttribute[Any], raw: bytes) -> str:
    keyword = _KEYWORDS.get(attribute.oid)
    if keyword is None or raw[0] not in _TEXT_TAGS:
        return f"{keyword or attribute.oid.dotted_string}=#{raw.hex()}"
    return f"{keyword}={_escaped(str(attribute.value))}"


def _escaped(value: str) -> str:
    """A value by RFC 2253, section 2.4; every blank at its ends is escaped, as Java does."""
    inner = value.strip(" \r")
    lead = len(value) - len(value.lstrip(" \r")) if inner else 0
    blanks_before, blanks_after = value[:lead], value[lead + len(inner) :]
    middle = "".join(f"\\{each}" if each in _ESCAPED else "\\00" if each == "\0" else each for each in inner)
    return "".join(f"\\{each}" for each in blanks_before) + middle + "".join(f"\\{each}" for each in blanks_after)


def _encoded_values(der: bytes) -> Iterator[list[bytes]]:
    """The values of each part of a name, as they are encoded: a name is a sequence of sets of sequences of a type and a value."""
    for part in _elements(_content(der)):
        yield [list(_elements(_content(pair)))[1] for pair in _elements(_content(part))]


def _elements(data: bytes) -> Iterator[bytes]:
    """DER elements that stand one after the other; the library has checked them."""
    while data:
        start, size = _extent(data)
        yield data[: start + size]
        data = data[start + size :]


def _content(element: bytes) -> bytes:
    start, size = _extent(element)
    return element[start : start + size]


def _extent(data: bytes) -> tuple[int, int]:
    """Where an element's content begins, and its length."""
    first = data[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    return 2 + count, int.from_bytes(data[2 : 2 + count], "big")

"""Distinguished names, by what ``X500Principal.getName()`` of Java 17 writes for the same certificates."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from chronik.security.tls.names import distinguished_name, field_values


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """A name of single-valued parts, the least specific first."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


class NameTests(SynchronousTestCase):
    """RFC 2253 as Java has it."""

    def test_order(self) -> None:
        """The most specific part stands first, and nothing but a comma between two."""
        place = ((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Org"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "Unit"))
        made = name(*place, (NameOID.COMMON_NAME, "alice"))
        self.assertEqual("CN=alice,OU=Unit,O=Org,C=DE", distinguished_name(made))

    def test_keywords(self) -> None:
        """The nine of RFC 2253."""
        made = name(
            (NameOID.DOMAIN_COMPONENT, "com"),
            (NameOID.DOMAIN_COMPONENT, "example"),
            (NameOID.USER_ID, "u1"),
            (NameOID.STREET_ADDRESS, "s 1"),
            (NameOID.LOCALITY_NAME, "L"),
            (NameOID.STATE_OR_PROVINCE_NAME, "ST"),
        )
        self.assertEqual("ST=ST,L=L,STREET=s 1,UID=u1,DC=example,DC=com", distinguished_name(made))

    def test_other_types(self) -> None:
        """What has no keyword is a number, and its value the encoded one: ``16`` is an IA5String, ``0d`` its length."""
        made = name((NameOID.EMAIL_ADDRESS, "a@b.example"), (NameOID.SERIAL_NUMBER, "77"), (NameOID.COMMON_NAME, "\u00dcn\u00ef \u540d"))
        self.assertEqual("CN=\u00dcn\u00ef \u540d,2.5.4.5=#13023737,1.2.840.113549.1.9.1=#160b6140622e6578616d706c65", distinguished_name(made))

    def test_escapes(self) -> None:
        """Special characters, and blanks at the ends."""
        made = name((NameOID.ORGANIZATION_NAME, 'A,B+C "x" <y>;z\\ #q=1'), (NameOID.COMMON_NAME, "  two  spaces "))
        self.assertEqual(r"CN=\ \ two  spaces\ ,O=A\,B\+C \"x\" \<y\>\;z\\ \#q\=1", distinguished_name(made))
        self.assertEqual(r"O=\ ,CN=\#lead", distinguished_name(name((NameOID.COMMON_NAME, "#lead"), (NameOID.ORGANIZATION_NAME, " "))))
        self.assertEqual("CN=a\\00b\nc", distinguished_name(name((NameOID.COMMON_NAME, "a\0b\nc"))))

    def test_several_values(self) -> None:
        """Values of one part are joined by plus signs."""
        both = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.USER_ID, "b")])
        made = x509.Name([both, x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "o")])])
        self.assertEqual("O=o,CN=a+UID=b", distinguished_name(made))

    def test_long_values(self) -> None:
        """Values whose length takes several bytes."""
        units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, letter * 64) for letter in "abcde"]
        self.assertEqual(",".join(f"OU={letter * 64}" for letter in "edcba"), distinguished_name(name(*units)))
        self.assertIn("=#", distinguished_name(name((NameOID.DN_QUALIFIER, "x" * 300))))

    def test_groups(self) -> None:
        """What stands in the fields that count as groups, several times or not at all."""
        made = name((NameOID.ORGANIZATION_NAME, "Org"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "a"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "b"))
        self.assertEqual({"a", "b"}, field_values(made, ("OU",)))
        self.assertEqual({"a", "b", "Org"}, field_values(made, ("OU", "O")))
        self.assertEqual(frozenset(), field_values(made, ()))

"""``ssl.principal.mapping.rules``, by Kafka's documentation and by what its own mapper answers to the same."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ConfigurationError
from chronik.security.tls.mapping import NoMatchingRule, PrincipalMapper

DUKE = "CN=Duke,OU=ServiceUsers,O=Org,C=US"
ADMIN = "CN=Admin,OU=Admins,O=Org,L=Fulton,ST=MD,C=US"

SAME_AS_KAFKA = (
    ("DEFAULT", DUKE, DUKE),
    ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/,DEFAULT", DUKE, "Duke"),
    ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/,DEFAULT", ADMIN, ADMIN),
    ("RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L", ADMIN, "admin@admins"),
    ("RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U", "cn=duke,ou=sme,dc=mycp,dc=com", "DUKE@SME"),
    ("RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L", DUKE, "duke"),
    ("RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1/", "CN=8a,OU=x", "8a"),
    ("RULE:^CN=([^,]+)(,.*|$)/$1@$4/", "CN=8a,OU=x", "8a@$4"),  # a group that is not there stands for itself
    ("RULE:^CN=([^,]+),.*$/$12/", "CN=8a,OU=x", "8a2"),  # the longest number that is a group's
    ("RULE:^(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)$/$11-$12/", "abcdefghijk", "k-a2"),
    ("RULE:^CN=([^,]+)(,(O=.*))?$/$1-$3/", "CN=a", "a-"),  # a group that took no part is empty
    (r"RULE:^CN=([^,]+),.*$/\$1/", "CN=8a,OU=x", "$1"),
    (r"RULE:^CN=([^,]+),.*$/a\/b$1/", "CN=8a,OU=x", "a/b8a"),
    (r"RULE:a\/(b)/$1/", "a/b", "b"),
    ("RULE:.*/a/", "CN=x", "aa"),  # Java replaces the empty match behind it as well
    ("RULE:CN=(.*?)/<$1>/", "CN=xy", "<>xy"),  # and matches anew, as little as the pattern allows
    (" RULE:^CN=(.*)$/$1/ ,, DEFAULT ", "OU=8a", "OU=8a"),
    ("RULE:^CN=(?<name>[^,]+),.*$/$1/ , DEFAULT", "CN=8a,OU=x", "8a"),
    ("RULE:^(.*)$/$1/L", "CN=\u0130STANBUL", "cn=i\u0307stanbul"),
)
"""Rules, names, and what ``org.apache.kafka.common.security.ssl.SslPrincipalMapper`` of Kafka 4.3.1 makes of them."""


class MappingTests(SynchronousTestCase):
    """Names of principals."""

    def test_same_as_kafka(self) -> None:
        """Every rule does what it does in Kafka."""
        for rules, name, expected in SAME_AS_KAFKA:
            self.assertEqual(expected, PrincipalMapper(rules).name(name), rules)

    def test_no_rule_applies(self) -> None:
        """Without DEFAULT a name may belong to nobody."""
        with self.assertRaisesRegex(NoMatchingRule, "OU=Admins"):
            PrincipalMapper("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/").name(ADMIN)

    def test_whole_name(self) -> None:
        """A pattern that matches only a part is not for this name."""
        self.assertEqual("CN=ab", PrincipalMapper("RULE:CN=a/x/,DEFAULT").name("CN=ab"))

    def test_refused(self) -> None:
        """What is no list of rules is refused when the broker starts, not when a client comes."""
        incomplete = ("RULE:a/b", "RULE:a/b/c/", "RULE:a/b/LU", r"RULE:^CN=([^,]+)$/x\/", "RULE:a/x$/", "RULE:a/$x/")
        for rules in ("", " , ", "default", "DEFAULT,foo", *incomplete):
            with self.assertRaisesRegex(ConfigurationError, r"ssl\.principal\.mapping\.rules", msg=rules):
                PrincipalMapper(rules)

    def test_patterns_that_re2_has_not(self) -> None:
        """Lookaround and back-references are said to be what is wrong."""
        for pattern in (r"^CN=(?=a)(.*)$", r"(a)\1", "("):
            with self.assertRaisesRegex(ConfigurationError, "RE2"):
                PrincipalMapper(f"RULE:{pattern}/$1/")

    def test_no_catastrophe(self) -> None:
        """A pattern that makes a backtracking engine try for ever takes no longer than others."""
        self.assertRaises(NoMatchingRule, PrincipalMapper("RULE:^(a+)+$/x/").name, "a" * 5000 + "b")

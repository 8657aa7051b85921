"""Kafka's JAAS configuration."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ConfigurationError
from chronik.security.sasl.jaas import module_for, parse_jaas, plain_users

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"

BEARER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class JaasTests(SynchronousTestCase):
    """What is understood, and what is refused without being repeated."""

    def test_users(self) -> None:
        """Users of PLAIN, and who the broker is itself, over several lines as Kafka's documentation has it."""
        text = f'{PLAIN} required\n  username="admin"\n  password="admin-secret"\n  user_admin="admin-secret"\n  user_alice=\'alice\';'
        self.assertEqual({"admin": "admin-secret", "alice": "alice"}, plain_users(text))
        module = module_for("PLAIN", text)
        assert module is not None
        self.assertEqual(("admin", "admin-secret"), module.own)
        self.assertNotIn("secret", repr(module))

    def test_client(self) -> None:
        """A client of OAUTHBEARER, and none."""
        module = module_for("OAUTHBEARER", f'{BEARER} required clientId="a" clientSecret="hush" scope="b";')
        assert module is not None
        self.assertEqual({"clientId": "a", "clientSecret": "hush", "scope": "b"}, dict(module.options))
        self.assertNotIn("hush", repr(module))
        module = module_for("OAUTHBEARER", f"{BEARER} required ;")
        assert module is not None
        self.assertEqual({}, dict(module.options))

    def test_nothing(self) -> None:
        """Nothing configured is nothing, and a module without a user is nobody."""
        self.assertIsNone(module_for("PLAIN", None))
        self.assertEqual({}, plain_users(None))
        self.assertIsNone(parse_jaas(f'{SCRAM} required user_x="y";').own)

    def test_escapes(self) -> None:
        """Quotes and backslashes are escaped; signs within quotes are text; a word needs none."""
        module = parse_jaas(f'{SCRAM} required password="a\\"b\\\\c;=\\n" username=bob ;')
        self.assertEqual({"password": 'a"b\\c;=\n', "username": "bob"}, dict(module.options))

    def test_refused(self) -> None:
        """What is malformed is refused, and the message says nothing of what stood there."""
        for text in (
            "", "x", f"{PLAIN}", f"{PLAIN} required", f'{PLAIN} required password="hush"', f'{PLAIN} maybe password="hush";',
            f'{PLAIN} required password="hush;', f'{PLAIN} required password "hush";', f'{PLAIN} required password=;',
            f'{PLAIN} required password="hush" password="hush";', f'{PLAIN} required password="hush"; {PLAIN} required;',
            f"{PLAIN} required =hush= x;",
        ):  # fmt: skip
            error = self.assertRaises(ConfigurationError, parse_jaas, text)
            self.assertNotIn("hush", str(error))

    def test_other_modules(self) -> None:
        """Another login module, one of another mechanism, or an option that means nothing."""
        for mechanism, text, said in (
            ("PLAIN", 'com.sun.security.auth.module.Krb5LoginModule required password="hush";', "PlainLoginModule"),
            ("SCRAM-SHA-512", f'{PLAIN} required username="a" password="hush";', "ScramLoginModule"),
            ("PLAIN", f'{PLAIN} required serviceName="hush";', "serviceName"),
            ("SCRAM-SHA-256", f'{SCRAM} required user_alice="hush";', "chronik users"),
            ("OAUTHBEARER", f'{BEARER} required unsecuredLoginStringClaim_sub="hush";', "unsecuredLoginStringClaim_sub"),
            ("OAUTHBEARER", f'{BEARER} required username="hush";', "username"),
            ("OAUTHBEARER", f'{BEARER} required user_alice="hush";', "user_alice"),
            ("PLAIN", f'{PLAIN} required clientSecret="hush";', "clientSecret"),
        ):
            error = str(self.assertRaises(ConfigurationError, module_for, mechanism, text))
            self.assertIn(said, error)
            self.assertNotIn("hush", error)
        self.assertRaises(ConfigurationError, plain_users, f'{PLAIN} required user_alice="";')

    @given(st.dictionaries(st.from_regex(r"user_[a-z]{1,5}", fullmatch=True), st.text(min_size=1, max_size=10)))
    def test_any_password(self, users: dict[str, str]) -> None:
        """Whatever the passwords are, escaped they are themselves again."""
        escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in users.items()}
        text = f"{PLAIN} required " + " ".join(f'{name}="{value}"' for name, value in escaped.items()) + ";"
        self.assertEqual(users, dict(parse_jaas(text).options))

    @given(st.text(st.sampled_from(f"{PLAIN[:3]} =;\"'\\x\nrequired"), max_size=60))
    def test_any_text(self, text: str) -> None:
        """Whatever stands there is understood or refused in one way."""
        try:
            parse_jaas(text)
        except ConfigurationError:
            return

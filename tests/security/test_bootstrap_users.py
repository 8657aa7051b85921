"""Users of a file."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ConfigurationError
from chronik.security.bootstrap_users import USERS_MAX, read_bootstrap_users
from chronik.security.interfaces import ScramCredential
from chronik.security.scram_keys import SCRAM_HASHES, format_credential, new_credential, parse_credential, proves


class BootstrapUsersTests(SynchronousTestCase):
    """What a file may say."""

    def read(self, text: str, mode: int = 0o600, suffix: str = "") -> dict[tuple[str, str], ScramCredential]:
        """The users of a text."""
        path = Path(self.mktemp() + suffix)
        path.write_text(text)
        path.chmod(mode)
        return dict(read_bootstrap_users(str(path), os.urandom))

    def refused(self, text: str, mode: int = 0o600) -> str:
        """Why a text is refused."""
        return str(self.assertRaises(ConfigurationError, self.read, text, mode))

    def test_passwords(self) -> None:
        """A password becomes a credential for each mechanism, in properties and in TOML."""
        for text, suffix in (("alice = won=der land", ""), ('"alice" = "won=der land"', ".toml")):
            users = self.read(text, suffix=suffix)
            self.assertEqual({(mechanism, "alice") for mechanism in SCRAM_HASHES}, users.keys())
            for (mechanism, _), credential in users.items():
                self.assertTrue(proves(credential, mechanism, "won=der land"))

    def test_credentials(self) -> None:
        """What is kept of a password may be given instead, for one mechanism or both."""
        kept = {mechanism: new_credential(mechanism, "p") for mechanism in SCRAM_HASHES}
        text = ",".join(f"{mechanism}=[{format_credential(credential)}]" for mechanism, credential in kept.items())
        self.assertEqual({(mechanism, "bob"): credential for mechanism, credential in kept.items()}, self.read(f"bob={text}"))
        self.assertEqual(kept["SCRAM-SHA-256"], parse_credential(format_credential(kept["SCRAM-SHA-256"])))

    def test_read_by_others(self) -> None:
        """A file that everybody can read is refused, or read with a warning where that is wanted."""
        self.assertIn("chmod 600", self.refused("alice=hush", 0o644))
        path = Path(self.mktemp())
        path.write_text("alice=secret")
        path.chmod(0o644)
        self.assertTrue(read_bootstrap_users(str(path), os.urandom, "warn"))

    def test_refused(self) -> None:
        """Nonsense is refused, naming the user, without the password."""
        weak = format_credential(ScramCredential(b"s", 1, bytes(32), bytes(32)))
        for text, said in (
            ("alice=", "no password"),
            ("alice=SCRAM-SHA-256=[hush]", "not salt="),
            ("alice=SCRAM-SHA-256=hush", "SCRAM-SHA-256=[…]"),
            ("alice=SCRAM-SHA-256=[" + weak + "]hush", "SCRAM-SHA-256=[…]"),
            (f"alice=SCRAM-SHA-256=[{weak}]", "Too few iterations"),
            ("alice=hush\\u0007", "control character"),
        ):
            error = self.refused(text)
            self.assertIn(said, error)
            self.assertIn("alice", error)
            self.assertNotIn("hush", error)
        self.assertIn("more than", self.refused("\n".join(f"u{number}=p" for number in range(USERS_MAX + 1))))

    def test_no_file(self) -> None:
        """A file that is not there is named."""
        self.assertIn("/nowhere", str(self.assertRaises(ConfigurationError, read_bootstrap_users, "/nowhere", os.urandom)))

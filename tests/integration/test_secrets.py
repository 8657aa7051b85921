"""Secrets that are set at run time: in use at once, after a restart, and after what encrypts them was replaced; not without it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS
from tests.integration.harness import Broker, eventually, free_ports
from tests.security.tls import authority
from tests.security.tls.authority import ca_file, file

PREFIX = "listener.name.https."
PATH = "/_chronik/configs/brokers/1"
OWN_SECRET = "password.encoder.secret"


class SecretsTests(SynchronousTestCase):
    """One broker with a listener of HTTPS."""

    def setUp(self) -> None:
        """It has one certificate, and is to have another."""
        self.folder = Path(tempfile.mkdtemp(prefix="chronik-test-secrets-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.port,) = free_ports(1)
        self.broker = Broker({"ssl.keystore.location": file(authority.broker())}, access=ANYBODY)
        self.broker.settings["http.listeners"] = f"HTTP://127.0.0.1:{self.broker.http_port},HTTPS://127.0.0.1:{self.port}"
        self.addCleanup(self.broker.close)
        self.broker.start()
        self.before = self.certificate()

    def certificate(self) -> str:
        """What the listener shows."""
        return ssl.get_server_certificate(("127.0.0.1", self.port), ca_certs=ca_file(), timeout=SECONDS)

    def keystore(self, password: str) -> Mapping[str, str]:
        """Settings of another certificate, but for its password."""
        issued = authority.issue(authority.authority(), authority.name_of("other"), authority.now(), 50, [authority.SERVER], authority.HOSTS)
        path = self.folder / "keystore.p12"
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(None, issued.key, issued.certificate, None, BestAvailableEncryption(password.encode()))
        )
        path.chmod(0o600)
        return {f"{PREFIX}ssl.keystore.location": str(path), f"{PREFIX}ssl.keystore.type": "PKCS12"}

    def put(self, status: int, **settings: str | None) -> str:
        """Change the listener's configuration; what is answered."""
        body = {PREFIX + name.replace("_", "."): value for name, value in settings.items()}
        found, answer = self.broker.http(PATH, body, "PUT")
        self.assertEqual(status, found, answer)
        return str(answer)

    def restarted(self, **settings: str) -> None:
        """Start it again with other settings; underscores stand for dots."""
        self.assertEqual(0, self.broker.stop())
        for name in ("password.encoder.secret.file", "password.encoder.old.secret.file"):
            self.broker.settings.pop(name, None)
        self.broker.settings.update({name.replace("_", "."): value for name, value in settings.items()})
        self.broker.start()

    def secret(self, text: str) -> str:
        """A file with a secret."""
        path = self.folder / text
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def test_in_use(self) -> None:
        """A keystore's password counts at once; a wrong one is refused and changes nothing; without all of it the first certificate is back."""
        store = self.keystore("right word")
        own = self.broker.data / ".metadata" / OWN_SECRET
        for status, password in ((400, "wrong word"), (200, "right word")):
            self.assertFalse(own.exists())
            answered, answer = self.broker.http(PATH, {**store, f"{PREFIX}ssl.keystore.password": password}, "PUT")
            self.assertEqual(status, answered, answer)
            self.assertNotIn(password, str(answer))
        self.assertEqual(0o600, own.stat().st_mode & 0o777)
        eventually(lambda: self.certificate() != self.before, SECONDS, "the other certificate")
        other = self.certificate()
        self.assertIn("wrong", self.put(400, ssl_keystore_password="wrong word"))
        self.assertIn("are both set", self.put(400, ssl_keystore_password_file=self.secret("right word")))
        command = [sys.executable, "-m", "chronik.cli", "configs", "describe", "--broker", "1"]
        told = subprocess.run(command, capture_output=True, text=True, check=True, env=self.broker.shell, timeout=60).stdout
        self.assertIn(f"{PREFIX}ssl.keystore.password=(hidden)\tbroker\n", told)
        self.broker.assert_prompt()
        self.restarted()
        eventually(lambda: self.certificate() == other, SECONDS, "the other certificate after the restart")
        self.broker.assert_prompt()
        self.put(200, ssl_keystore_password=None, ssl_keystore_location=None, ssl_keystore_type=None)
        eventually(lambda: self.certificate() == self.before, SECONDS, "the first certificate")

    def test_replaced(self) -> None:
        """What encrypts is replaced: what the broker made for itself by what is configured, and that by another; the password is the same."""
        store = self.keystore("right word")
        self.assertEqual(200, self.broker.http(PATH, {**store, f"{PREFIX}ssl.keystore.password": "right word"}, "PUT")[0])
        own = self.broker.data / ".metadata" / OWN_SECRET
        self.restarted(password_encoder_secret_file=self.secret("one"))
        self.assertIn("encrypted with the new", self.broker.log())
        own.unlink()
        self.restarted(password_encoder_secret_file=self.secret("two"), password_encoder_old_secret_file=self.secret("one"))
        self.restarted(password_encoder_secret_file=self.secret("two"))
        eventually(lambda: self.certificate() != self.before, SECONDS, "the other certificate after the restarts")
        self.assertFalse(own.exists())
        self.assertNotIn("cannot be decrypted", self.broker.log())

    def test_lost(self) -> None:
        """Without what encrypted it a secret counts as not set, and the broker starts; it can be set anew."""
        other = "listener.name.other.ssl.keystore.password"
        self.assertEqual(200, self.broker.http(PATH, {other: "right word"}, "PUT")[0])
        own = self.broker.data / ".metadata" / OWN_SECRET
        self.assertEqual(0, self.broker.stop())
        own.unlink()
        self.broker.start()
        self.assertIn(f"{other} cannot be decrypted", self.broker.log())
        self.assertEqual(200, self.broker.http(PATH, {other: "right word"}, "PUT")[0])
        own.chmod(0o644)
        self.assertEqual(0, self.broker.stop())
        refused = subprocess.run(self.broker.command(), capture_output=True, text=True, check=False, cwd=self.broker.directory, timeout=60)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn(f"{own} holds secrets and others than the broker's user may read", refused.stderr)
        self.assertNotIn("Traceback", refused.stdout + refused.stderr)
        own.chmod(0o600)
        self.broker.start()

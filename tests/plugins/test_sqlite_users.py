"""The credential store in ``contrib`` is installed as its users would, found, and used by a broker."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from confluent_kafka import Producer

from tests.integration.access import ANYBODY
from tests.integration.harness import Broker
from tests.plugins.installation import PROBE, InstallationTestCase


class SqliteUsersTests(InstallationTestCase):
    """``chronik-auth-sqlite-users``."""

    distribution = "chronik-auth-sqlite-users"

    def test_installed_plugin(self) -> None:
        """The finder finds it beside the built-in ones, it explains itself, and its own tests pass against what was installed."""
        summary, text, names = json.loads(self.run_python("-c", PROBE, "auth", "sqlite-users").splitlines()[0])
        self.assertIn("SQLite", summary)
        self.assertIn("plugin.auth.sqlite-users.OPTION", text)
        self.assertLessEqual({"allow-all", "metadata", "sqlite-users"}, set(names))
        self.run_own_tests()

    def test_broker(self) -> None:
        """A user of the database logs in by PLAIN and by SCRAM."""
        path = str(Path(tempfile.mkdtemp()) / "users.sqlite")
        command = [sys.executable, "-m", "chronik_auth_sqlite_users", path, "add", "alice"]
        subprocess.run(command, input="wonderland\n", text=True, check=True, env=self.installed.environ)
        settings = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512", "search.backend": "none"}
        settings |= {"credential.store": "sqlite-users", "plugin.auth.sqlite-users.path": path}
        broker = Broker(settings, environ=self.installed.environ, access=ANYBODY)
        self.addCleanup(broker.close)
        broker.start()
        for mechanism in ("PLAIN", "SCRAM-SHA-512"):
            login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.username": "alice", "sasl.password": "wonderland"}
            producer = Producer({"bootstrap.servers": broker.sasl_bootstrap, "log_level": 0, **login})
            producer.produce("users", b"x")
            self.assertEqual(0, producer.flush(30))

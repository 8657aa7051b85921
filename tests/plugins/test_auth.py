"""The auth plugins in ``contrib`` are installed as their users would, and found."""

from __future__ import annotations

import json

from tests.plugins.installation import PROBE, InstallationTestCase


class HtpasswdTests(InstallationTestCase):
    """``chronik-auth-htpasswd``."""

    distribution = "chronik-auth-htpasswd"

    def test_installed_plugin(self) -> None:
        """The finder finds it beside the built-in ones, it explains itself, and its own tests pass against what was installed."""
        summary, text, names = json.loads(self.run_python("-c", PROBE, "auth", "htpasswd").splitlines()[0])
        self.assertIn("htpasswd", summary)
        self.assertIn("plugin.auth.htpasswd.OPTION", text)
        self.assertLessEqual({"allow-all", "acl", "file", "htpasswd"}, set(names))
        self.run_own_tests()


class OpaTests(InstallationTestCase):
    """``chronik-auth-opa``."""

    distribution = "chronik-auth-opa"

    def test_installed_plugin(self) -> None:
        """The finder finds it beside the built-in ones, it explains itself, and its own tests pass against what was installed."""
        summary, text, names = json.loads(self.run_python("-c", PROBE, "auth", "opa").splitlines()[0])
        self.assertIn("policy service", summary)
        self.assertIn("plugin.auth.opa.OPTION", text)
        self.assertLessEqual({"acl", "opa"}, set(names))
        self.run_own_tests()

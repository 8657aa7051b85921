"""The audit as it is configured."""

from __future__ import annotations

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.audit.service import AuditSettings, add_file, audit_trail, told, wanted
from chronik.config import Configuration
from chronik.config.interfaces import IReconfigurable
from chronik.security.audit_interfaces import NO_AUDIT, AuditKind
from chronik.testing.pools import SynchronousThreadPools
from tests.audit.fakes import event


class WantedTests(SynchronousTestCase):
    """When there is one."""

    def wanted(self, **values: str) -> bool:
        """With these values, whose keys have underscores for dots."""
        return wanted(Configuration().with_values({name.replace("_", "."): value for name, value in values.items()}))

    def test_auto(self) -> None:
        """A broker that lets anybody do anything audits nothing; one that asks who they are, or refuses anything, does."""
        self.assertFalse(self.wanted())
        self.assertTrue(self.wanted(authorizer="file"))
        self.assertTrue(self.wanted(credential_store="file"))
        for listener in ("SASL_PLAINTEXT://127.0.0.1:1", "PLAINTEXT://127.0.0.1:1,SSL://127.0.0.1:2"):
            self.assertTrue(self.wanted(listeners=listener))
        protocols = "INSIDE:SASL_SSL,OUTSIDE:PLAINTEXT"
        self.assertTrue(self.wanted(listeners="INSIDE://127.0.0.1:1", listener_security_protocol_map=protocols))
        self.assertFalse(self.wanted(listeners="OUTSIDE://127.0.0.1:1", listener_security_protocol_map=protocols))

    def test_said(self) -> None:
        """What is said counts."""
        self.assertTrue(self.wanted(audit_enable="true"))
        self.assertFalse(self.wanted(audit_enable="false", authorizer="file"))

    def test_none(self) -> None:
        """Without one there is somebody to tell all the same."""
        trail = audit_trail(Configuration(), Clock(), Clock().seconds, "cluster")
        self.assertIs(NO_AUDIT, told(trail))


class ServiceTests(SynchronousTestCase):
    """Its parts."""

    def test_file(self) -> None:
        """The file is where it is said, or below the first log directory."""
        for values, path in (({"audit.file": os.path.abspath("who")}, "who"), ({"log.dirs": os.path.abspath("d")}, "d/.audit/audit.log")):
            clock = Clock()
            config = Configuration().with_values({"audit.enable": "true", **values})
            trail = audit_trail(config, clock, clock.seconds, "cluster")
            assert trail is not None
            add_file(trail, config, SynchronousThreadPools(), clock)
            trail.record(event())
            self.successResultOf(trail.close())
            with open(path, encoding="utf-8") as file:
                self.assertIn("CreateTopics", file.read())

    def test_destinations(self) -> None:
        """No file is written where only the topic is wanted."""
        config = Configuration().with_values({"audit.enable": "true", "audit.destinations": "topic", "audit.file": os.path.abspath("none")})
        trail = audit_trail(config, Clock(), Clock().seconds, "cluster")
        assert trail is not None
        add_file(trail, config, SynchronousThreadPools(), Clock())
        trail.record(event())
        self.successResultOf(trail.close())
        self.assertFalse(os.path.exists("none"))

    def test_changed(self) -> None:
        """Rates change while it runs."""
        config = Configuration().with_values({"audit.enable": "true"})
        trail = audit_trail(config, Clock(), Clock().seconds, "cluster")
        assert trail is not None
        settings = AuditSettings(trail)
        verifyObject(IReconfigurable, settings)
        changed = config.with_dynamic({"audit.rate.burst": "2", "audit.authentication.success": "false"}, {})
        settings.check_configuration(changed)
        settings.configuration_changed(changed, frozenset({"audit.rate.burst"}))
        for _ in range(5):
            trail.record(event(AuditKind.AUTHORIZATION, succeeded=False))
            trail.record(event(AuditKind.AUTHENTICATION))
        self.assertEqual((2, 0), (trail.counted().kept["authorization"], trail.counted().kept["authentication"]))

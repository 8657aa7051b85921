"""Certificates that change while they are in use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.config.interfaces import IReconfigurable
from chronik.errors import ConfigurationError
from chronik.security.tls.client import ClientTls
from chronik.security.tls.contexts import DAY_SECONDS
from chronik.security.tls.making import CLIENT, SERVER, Issued, issue, name_of
from chronik.security.tls.reloading import TlsReloader
from chronik.security.tls.server import ServerTls
from chronik.testing.pools import SynchronousThreadPools
from tests.security.tls.authority import HOSTS, authority, broker, ca_file, file, now, shake


def another(name: str, days: float = 100) -> Issued:
    """A new certificate of the broker."""
    return issue(authority(), name_of(name), now(), days, [SERVER, CLIENT], HOSTS)


class ReloadingTests(SynchronousTestCase):
    """One listener, and a file."""

    def setUp(self) -> None:
        """A listener whose certificate is in a file of its own."""
        self.path = Path(self.mktemp())
        self.put(broker())
        self.config = Configuration().with_values({"ssl.keystore.location": str(self.path), "ssl.reload.interval.ms": "1000"})
        self.clock = Clock()
        self.clock.advance(now().timestamp())
        self.tls = ServerTls("SSL", self.config.for_listener("SSL"), self.clock.seconds)
        self.reloader = TlsReloader([self.tls], lambda: self.config, SynchronousThreadPools(), self.clock, self.clock.seconds)
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.reloader.start()
        self.addCleanup(self.reloader.stop)

    def put(self, issued: Issued | bytes) -> None:
        """Put another file in the place of the one there is."""
        partial = self.path.with_suffix(".new")
        partial.write_bytes(issued.pem if isinstance(issued, Issued) else issued)
        partial.chmod(0o600)
        os.replace(partial, self.path)

    def shown(self) -> str:
        """Whose certificate a new connection is shown."""
        side = ClientTls("x", Configuration().with_values({"ssl.truststore.location": ca_file()})).to("localhost")
        there = side.connection()
        self.assertEqual((None, None), shake(there, self.tls.connection()))
        certificate: Any = there.get_peer_certificate(as_cryptography=True)
        return str(certificate.subject.rfc4514_string())

    def warnings(self) -> list[str]:
        """What was warned of."""
        found = [event for event in self.events if event["log_level"] is LogLevel.warn and "Reloader" in event["log_namespace"]]
        return [event["log_format"].format(**event) for event in found]

    def test_new_file(self) -> None:
        """New connections get the new certificate soon, old ones go on."""
        side = ClientTls("x", Configuration().with_values({"ssl.truststore.location": ca_file()})).to("localhost")
        old, here = side.connection(), self.tls.connection()
        self.assertEqual((None, None), shake(old, here))
        self.put(another("second"))
        self.assertEqual("CN=broker", self.shown())
        self.clock.advance(1)
        self.assertEqual("CN=second", self.shown())
        here.send(b"still here")
        old.bio_write(here.bio_read(1 << 16))
        self.assertEqual(b"still here", old.recv(100))

    def test_broken_file_of_another_name(self) -> None:
        """So it is where the configuration names another file by then, as it may after a start."""
        second = Path(self.mktemp())
        second.touch(0o600)
        self.config = self.config.with_values({"ssl.keystore.location": str(second)})
        self.reloader.look_soon()
        self.assertEqual(("CN=broker", 1), (self.shown(), len(self.warnings())))
        second.write_bytes(another("second").pem)
        self.clock.pump([1, 1])
        self.assertEqual(("CN=second", 1), (self.shown(), len(self.warnings())))

    def test_broken_file(self) -> None:
        """A file that cannot be used is told once, the old certificate stays; once it can, it is used."""
        for broken in (b"", another("second").certificate_pem, another("a").key_pem + another("b").certificate_pem):
            self.events.clear()
            self.put(broken)
            self.clock.pump([1, 1, 1])
            self.assertEqual("CN=broker", self.shown())
            self.assertEqual(1, len(self.warnings()))
            self.assertIn("go on being used: CN=broker", self.warnings()[0])
        self.path.unlink()
        self.clock.advance(1)
        self.assertEqual("CN=broker", self.shown())
        self.put(another("third"))
        self.clock.advance(1)
        self.assertEqual("CN=third", self.shown())

    def test_new_configuration(self) -> None:
        """A configuration that changes counts at once, for this listener alone where it says so."""
        other = file(another("by configuration"))
        self.config = self.config.with_dynamic({}, {"listener.name.ssl.ssl.keystore.location": other})
        self.successResultOf(self.reloader.look())
        self.assertEqual("CN=by configuration", self.shown())
        self.config = self.config.with_dynamic({}, {"listener.name.ssl.ssl.keystore.location": "/nowhere"})
        self.successResultOf(self.reloader.look())
        self.assertEqual("CN=by configuration", self.shown())
        self.assertEqual(1, len(self.warnings()))
        self.config = self.config.with_dynamic({}, {})
        self.successResultOf(self.reloader.look())
        self.assertEqual("CN=broker", self.shown())

    def test_bad_configuration_is_refused(self) -> None:
        """A configuration that could not be used is refused before it is stored, naming the listener; a good one is not."""
        verifyObject(IReconfigurable, self.reloader)
        for good in ({"ssl.keystore.location": file(another("good"))}, {"listener.name.other.ssl.keystore.location": "/nowhere"}):
            self.successResultOf(self.reloader.check_configuration(self.config.with_dynamic({}, good)))
        for bad in ({"listener.name.ssl.ssl.keystore.location": "/nowhere"}, {"ssl.client.auth": "required"}, {"ssl.keystore.type": "PKCS12"}):
            refused = self.failureResultOf(self.reloader.check_configuration(self.config.with_dynamic({}, bad)), ConfigurationError)
            self.assertIn("listener SSL: ", refused.getErrorMessage())
        self.assertEqual("CN=broker", self.shown())

    def test_only_its_own_keys(self) -> None:
        """A change of other keys is nothing to it."""
        self.put(another("unseen"))
        self.reloader.configuration_changed(self.config, {"num.partitions"})
        self.assertEqual("CN=broker", self.shown())
        self.reloader.configuration_changed(self.config, {"listener.name.ssl.ssl.client.auth"})
        self.assertEqual("CN=unseen", self.shown())

    def test_client_authentication_can_be_switched_on(self) -> None:
        """The next connection needs a certificate."""
        self.config = self.config.with_dynamic({}, {"ssl.client.auth": "required", "ssl.truststore.location": ca_file()})
        self.reloader.look_soon()
        side = ClientTls("x", Configuration().with_values({"ssl.truststore.location": ca_file()})).to("localhost")
        self.assertIsNotNone(shake(side.connection(), self.tls.connection())[1])

    def test_expiry_is_told(self) -> None:
        """A certificate that is about to end is warned of once a day."""
        self.assertEqual([], self.warnings())
        self.put(another("short", days=3))
        self.clock.pump([1] * 10)
        self.assertEqual(1, len(self.warnings()))
        self.assertIn("ends in 3.0 days", self.warnings()[0])
        self.clock.pump([DAY_SECONDS / 2] * 8)
        self.assertIn("ended", self.warnings()[-1])
        self.assertLess(len(self.warnings()), 6)

    def test_expiry_is_told_by_the_time_of_day(self) -> None:
        """Also on a machine that was just started, and once, whatever the clock is set to."""
        days, clock = [0.0], Clock()
        reloader = TlsReloader([self.tls], lambda: self.config, SynchronousThreadPools(), clock, lambda: self.clock.seconds() + days[0] * DAY_SECONDS)
        self.put(another("short", days=3))
        reloader.start()
        self.addCleanup(reloader.stop)
        self.assertEqual(1, len(self.warnings()))
        for days[0] in (2.0, -5.0, 4.0):
            clock.pump([1] * 5)
        self.assertEqual(1, len(self.warnings()))
        clock.pump([DAY_SECONDS])
        self.assertIn("ended 1.0 days ago", self.warnings()[-1])

    def test_stop(self) -> None:
        """Nothing is looked at any more."""
        self.reloader.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

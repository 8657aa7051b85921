"""What a connection begins with."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from chronik.network.opening import host_of


class HostTests(SynchronousTestCase):
    """:func:`host_of`."""

    def test_mapped(self) -> None:
        """Whoever comes by IPv4 to a listener of IPv6 has the address that limits and entries name."""
        self.assertEqual("10.0.0.1", host_of(IPv6Address("TCP", "::ffff:10.0.0.1", 1)))

    def test_others(self) -> None:
        """Every other address is as it is; a private socket has none."""
        self.assertEqual("10.0.0.1", host_of(IPv4Address("TCP", "10.0.0.1", 1)))
        for text in ("::1", "fe80::1%eth0", "::ffff:0:1"):
            self.assertEqual(text, host_of(IPv6Address("TCP", text, 1)))
        self.assertEqual("local", host_of(UNIXAddress(None)))

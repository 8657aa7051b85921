"""Every API that is served, in every version: a request that can be granted is, and a decoder that is not ours reads the answer."""

from __future__ import annotations

import io

from kio.serial import entity_writer
from twisted.trial.unittest import SynchronousTestCase

from chronik.server.table import api_table
from tests.protocol.oracles import kio_classes, kio_decode
from tests.server.memory_broker import MemoryBroker
from tests.server.requests import GrantedRequests, errors

REFUSED = {"UnregisterBroker": 102, "SaslHandshake": 34, "SaslAuthenticate": 34}
"""APIs that refuse every request on a broker alone (BROKER_ID_NOT_REGISTERED) and where nobody has to authenticate (ILLEGAL_SASL_STATE)."""


class EveryVersionTests(SynchronousTestCase):
    """One broker, and one request of each kind."""

    def test_every_version(self) -> None:
        """No error anywhere in the answer, whose bytes kio reads and writes again as they were."""
        broker = MemoryBroker()
        broker.start(self)
        made = GrantedRequests(broker, self.successResultOf)
        requests, theirs = made.requests(), kio_classes()
        self.assertEqual(set(requests), {api.name for api in api_table()})
        for api in api_table():
            for version in range(api.versions[0], api.versions[1] + 1):
                response, data = made.ask(requests[api.name](version), version)
                refused = {REFUSED.get(api.name, 0)}
                self.assertEqual(set(errors(response)) - {0}, refused - {0}, f"{api.name} version {version}: {response}")
                cls = theirs[f"{api.name}Response", version]
                out = io.BytesIO()
                entity_writer(cls)(out, kio_decode(data, cls))
                self.assertEqual(out.getvalue().hex(), data.hex(), f"{api.name} version {version}")

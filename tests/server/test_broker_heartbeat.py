"""BrokerHeartbeat: who is alive, and who may not say so."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.protocol.messages import ApiVersionsRequest, BrokerHeartbeatRequest
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from tests.server.memory_broker import MemoryBroker


class HeartbeatTests(SynchronousTestCase):
    """Broker 1, alone and so the controller."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = MemoryBroker()
        self.broker.start(self)

    def beat(self, broker_id: int = 1, later: int = 0, **fields: bool) -> Any:
        """The answer to a heartbeat of an epoch so much later than the broker's."""
        epoch = self.broker.controller.broker_epoch + later
        return self.successResultOf(self.broker.send(BrokerHeartbeatRequest(broker_id=broker_id, broker_epoch=epoch, **fields), 1))

    def test_alive(self) -> None:
        """Nothing is to be done."""
        answer = self.beat()
        self.assertEqual((0, True, False, False), (answer.error_code, answer.is_caught_up, answer.is_fenced, answer.should_shut_down))

    def test_wants_to_stop(self) -> None:
        """It counts as dead, and may stop once it leads nothing."""
        self.assertTrue(self.beat(want_shut_down=True).should_shut_down)
        self.assertTrue(self.broker.feed.image.brokers[1].fenced)
        self.assertFalse(self.beat().is_fenced)
        self.assertFalse(self.broker.feed.image.brokers[1].fenced)

    def test_errors(self) -> None:
        """Who is not registered, was registered anew, or is not known yet in its new life."""
        self.assertEqual(ErrorCode.BROKER_ID_NOT_REGISTERED, self.beat(7).error_code)
        self.assertEqual(ErrorCode.STALE_BROKER_EPOCH, self.beat(later=-1).error_code)
        self.assertEqual(ErrorCode.STALE_CONTROLLER_EPOCH, self.beat(later=1).error_code)
        self.successResultOf(self.broker.controller.stop())
        self.assertEqual(ErrorCode.NOT_CONTROLLER, self.beat().error_code)

    def test_clients_may_not(self) -> None:
        """It takes CLUSTER_ACTION; and no client is told of it."""
        self.broker.authorizer.refused = {Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)}
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.beat().error_code)
        versions = self.successResultOf(self.broker.send(ApiVersionsRequest(client_software_name="a", client_software_version="1"), 3))
        self.assertNotIn(BrokerHeartbeatRequest.api_key, {api.api_key for api in versions.api_keys})

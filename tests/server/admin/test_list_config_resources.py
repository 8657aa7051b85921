"""ListConfigResources: which resources there are, by kind and version."""

from __future__ import annotations

from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType, NewTopic
from chronik.errors import ErrorCode
from chronik.protocol.messages import ListConfigResourcesRequest
from chronik.server.handlers.admin import list_config_resources
from tests.server.admin.fixture import AdminCase, deny

(API,) = list_config_resources.APIS


class ListConfigResourcesTests(AdminCase):
    """A cluster of two brokers, a topic and a group that has a configuration."""

    def setUp(self) -> None:
        """Make them."""
        super().setUp()
        self.add_broker(2)
        self.successResultOf(self.controller.create_topics([NewTopic("t")]))
        edit = ConfigEdit("consumer.session.timeout.ms", ConfigOperation.SET, "50000")
        change = ConfigChange(ConfigResource(ConfigResourceType.GROUP, "g"), (edit,))
        self.assertEqual([ErrorCode.NONE], self.codes(self.controller.alter_configs([change])))

    def listed(self, *kinds: int, version: int = 1) -> set[tuple[int, str]]:
        """Kind and name of each."""
        response = self.ask(API, version, ListConfigResourcesRequest(resource_types=kinds))
        self.assertEqual(0, response.error_code)
        return {(resource.resource_type, resource.resource_name) for resource in response.config_resources}

    def test_all(self) -> None:
        """Without a kind all are told."""
        self.assertEqual({(2, "t"), (4, "1"), (4, "2"), (8, "1"), (8, "2"), (32, "g")}, self.listed())

    def test_some(self) -> None:
        """With kinds, those; version 0 tells of client metrics alone."""
        self.assertEqual({(2, "t"), (32, "g")}, self.listed(2, 32, 2))
        self.assertEqual(set(), self.listed(16))
        change = ConfigChange(ConfigResource(ConfigResourceType.CLIENT_METRICS, "m"), (ConfigEdit("interval.ms", ConfigOperation.SET, "1000"),))
        self.assertEqual([ErrorCode.NONE], self.codes(self.controller.alter_configs([change])))
        self.assertEqual(({(16, "m")}, {(16, "m")}), (self.listed(16), self.listed(version=0)))

    def test_version_0(self) -> None:
        """Version 0 knows client metrics alone, of which there are none."""
        self.assertEqual(set(), self.listed(version=0))

    def test_unknown_kind(self) -> None:
        """A kind that means nothing is refused."""
        response = self.ask(API, 1, ListConfigResourcesRequest(resource_types=(2, 3)))
        self.assertEqual((ErrorCode.UNSUPPORTED_VERSION, ()), (response.error_code, response.config_resources))

    def test_authorization(self) -> None:
        """DESCRIBE_CONFIGS on the cluster is needed."""
        self.denied = deny("DESCRIBE_CONFIGS CLUSTER")
        for version in self.every_version(API):
            response = self.ask(API, version, ListConfigResourcesRequest())
            self.assertEqual((ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ()), (response.error_code, response.config_resources))

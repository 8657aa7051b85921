"""The rows of the admin APIs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.apis import api_name, request_class
from chronik.server.handlers.admin import APIS


class TableTests(SynchronousTestCase):
    """What is served."""

    def test_versions(self) -> None:
        """Every API is served in the versions of Kafka 4.3, under its Kafka name."""
        served = {api.name: api.versions for api in APIS}
        self.assertEqual(
            served,
            {
                "Metadata": (0, 13),
                "CreateTopics": (2, 7),
                "DeleteTopics": (1, 6),
                "DeleteRecords": (0, 2),
                "CreatePartitions": (0, 3),
                "DescribeConfigs": (1, 4),
                "AlterConfigs": (0, 2),
                "IncrementalAlterConfigs": (0, 1),
                "DescribeCluster": (0, 2),
                "DescribeLogDirs": (1, 5),
                "AlterReplicaLogDirs": (1, 2),
                "DescribeTopicPartitions": (0, 0),
                "InitProducerId": (0, 5),
                "DescribeProducers": (0, 0),
                "DescribeQuorum": (0, 2),
                "ElectLeaders": (0, 2),
                "AlterPartitionReassignments": (0, 1),
                "ListPartitionReassignments": (0, 0),
                "ListConfigResources": (0, 1),
                "DescribeClientQuotas": (0, 1),
                "AlterClientQuotas": (0, 1),
                "UnregisterBroker": (0, 0),
                "UpdateFeatures": (0, 2),
            },
        )
        for api in APIS:
            self.assertEqual(api.name, api_name(api.key))
            self.assertEqual(request_class(api.key).__name__, f"{api.name}Request")

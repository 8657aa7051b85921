"""DescribeQuorum: the controller as the one voter, and errors."""

from __future__ import annotations

from chronik.errors import ErrorCode
from chronik.protocol.messages import DescribeQuorumRequest
from chronik.server.handlers.admin import describe_quorum
from tests.server.admin.fixture import AdminCase, deny

(API,) = describe_quorum.APIS


def request(name: str = describe_quorum.METADATA_TOPIC, number: int = 0) -> DescribeQuorumRequest:
    """Of one partition."""
    part = DescribeQuorumRequest.PartitionData(partition_index=number)
    return DescribeQuorumRequest(topics=(DescribeQuorumRequest.TopicData(topic_name=name, partitions=(part,)),))


class DescribeQuorumTests(AdminCase):
    """A controller and another broker."""

    def test_every_version(self) -> None:
        """Leader, epoch and offsets are the controller's, its epoch and the metadata's revision."""
        self.add_broker(2)
        self.clock.advance(5)
        for version in self.every_version(API):
            response = self.ask(API, version, request())
            self.assertEqual(0, response.error_code)
            (part,) = response.topics[0].partitions
            self.assertEqual((0, 0, 1, 1), (part.partition_index, part.error_code, part.leader_id, part.leader_epoch))
            self.assertEqual(self.image.revision, part.high_watermark)
            self.assertEqual([[1], [2]], [[r.replica_id for r in replicas] for replicas in (part.current_voters, part.observers)])
            for replica in (*part.current_voters, *part.observers):
                self.assertEqual(self.image.revision, replica.log_end_offset)
                self.assertEqual((5000, 5000) if version else (-1, -1), (replica.last_fetch_timestamp, replica.last_caught_up_timestamp))
            nodes = [(n.node_id, [(at.name, at.host, at.port) for at in n.listeners]) for n in response.nodes]
            self.assertEqual([(1, [("PLAINTEXT", "192.168.1.5", 9092)])] if version >= 2 else [], nodes)

    def test_other_partitions(self) -> None:
        """Only the metadata's one partition has a quorum."""
        for wanted in (request("t"), request(number=1)):
            response = self.ask(API, 2, wanted)
            self.assertEqual((0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), (response.error_code, response.topics[0].partitions[0].error_code))
        self.assertEqual((), self.ask(API, 2, DescribeQuorumRequest()).topics)

    def test_authorization(self) -> None:
        """DESCRIBE on the cluster is needed."""
        self.denied = deny("DESCRIBE CLUSTER")
        for version in self.every_version(API):
            response = self.ask(API, version, request())
            self.assertEqual((ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ()), (response.error_code, response.topics))

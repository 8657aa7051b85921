"""The committed table is what the generator makes of kio and our own rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import chronik
from chronik.protocol.schema import message_schema
from chronik.protocol.table import MESSAGES

GENERATOR = Path(chronik.__file__).parents[1] / "contrib" / "protocol" / "generate.py"


class GeneratedTests(SynchronousTestCase):
    """Regenerate and compare."""

    def test_nothing_differs(self) -> None:
        """Neither the table nor the stub differs from what the generator would write."""
        done = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class RowTests(SynchronousTestCase):
    """What the compiler takes for granted."""

    def test_struct_types_exist(self) -> None:
        """Every struct a field names is a struct of the same message."""
        for name in MESSAGES:
            schema = message_schema(name)
            for field in (field for fields in schema.structs.values() for field in fields if field.is_struct):
                self.assertIn(field.type, schema.structs, f"{name}.{field.name}")

    def test_smallest_elements_take_bytes(self) -> None:
        """No array element can be of no bytes, so that a count against the bytes left is always a bound."""
        for name in MESSAGES:
            schema = message_schema(name)
            for struct, fields in schema.structs.items():
                for version in schema.versions:
                    for field in (field for field in fields if field.array and field.present(version)):
                        if field.is_struct:
                            self.assertGreater(schema.size_min(field.type, version), 0, f"{name}.{struct}.{field.name}")

    def test_names_are_unique(self) -> None:
        """No struct has two fields of one name or one tag."""
        for name in MESSAGES:
            for struct, fields in message_schema(name).structs.items():
                tags = [field.tag for field in fields if field.tag is not None]
                self.assertEqual(len({field.name for field in fields}), len(fields), f"{name}.{struct}")
                self.assertEqual(len(set(tags)), len(tags), f"{name}.{struct}")

    def test_nullability_that_begins_later(self) -> None:
        """The six fields that become nullable in a later version do so where Kafka says."""
        later = {
            (name, field.name, field.nullable_from)
            for name in MESSAGES
            for fields in message_schema(name).structs.values()
            for field in fields
            if field.nullable_from is not None and field.nullable_from > field.first
        }
        self.assertEqual(
            later,
            {
                ("MetadataRequest", "topics", 1),
                ("MetadataRequest", "name", 10),
                ("MetadataResponse", "name", 12),
                ("JoinGroupResponse", "protocol_name", 7),
                ("DeleteTopicsResponse", "name", 6),
                ("OffsetFetchRequest", "topics", 2),
            },
        )

    def test_flexible_thresholds(self) -> None:
        """The first flexible version of APIs where other brokers had it wrong."""
        self.assertEqual(
            {name: message_schema(f"{name}Request").flexible_from for name in FLEXIBLE_FROM},
            FLEXIBLE_FROM,
        )


FLEXIBLE_FROM = {
    "Produce": 9,
    "Fetch": 12,
    "ListOffsets": 6,
    "Metadata": 9,
    "OffsetCommit": 8,
    "OffsetFetch": 6,
    "FindCoordinator": 3,
    "JoinGroup": 6,
    "Heartbeat": 4,
    "LeaveGroup": 4,
    "SyncGroup": 4,
    "DescribeGroups": 5,
    "ListGroups": 3,
    "SaslHandshake": None,
    "ApiVersions": 3,
    "CreateTopics": 5,
    "DeleteTopics": 4,
    "DeleteRecords": 2,
    "InitProducerId": 2,
    "OffsetForLeaderEpoch": 4,
    "AddPartitionsToTxn": 3,
    "AddOffsetsToTxn": 3,
    "EndTxn": 3,
    "WriteTxnMarkers": 1,
    "TxnOffsetCommit": 3,
    "DescribeAcls": 2,
    "CreateAcls": 2,
    "DeleteAcls": 2,
    "DescribeConfigs": 4,
    "AlterConfigs": 2,
    "SaslAuthenticate": 2,
    "CreatePartitions": 2,
    "DeleteGroups": 2,
    "IncrementalAlterConfigs": 1,
    "OffsetDelete": None,
    "DescribeCluster": 0,
}

"""Kafka's own records of consumer groups: written byte for byte, read back, and read as other releases wrote them."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chronik.coordinator.group.consumer.member import MemberState
from chronik.coordinator.group.consumer.records import KEY_VERSIONS, group_record
from chronik.coordinator.group.store import Change
from chronik.coordinator.interfaces import StateRecord
from chronik.errors import ErrorCode
from chronik.model import TopicPartition
from chronik.protocol.versioned import peek_version
from chronik.testing.coordinator import FakeStateLog
from tests.coordinator.consumer.consumers import ConsumerCase, T, U, partitions

NOW = (1_000_000_000).to_bytes(8, "big")
G, M = b"\x00\x01g", b"\x00\x01m"


class BytesTest(ConsumerCase):
    """What one member that joins leaves in the log."""

    def setUp(self) -> None:
        """One member."""
        super().setUp()
        self.enter("m", "u", rack_id="r", assignor="range")

    def value(self, key: bytes) -> bytes:
        """The last record of a key."""
        value = [record.value for record in self.log.records if record.key == key][-1]
        assert value is not None
        return value

    def test_one_batch(self) -> None:
        """All of it becomes durable or nothing."""
        self.assertEqual([peek_version(record.key) for record in self.log.records], [5, 3, 7, 6, 8])

    def test_member(self) -> None:
        """ConsumerGroupMemberMetadata, key 5."""
        self.assertEqual(
            self.value(b"\x00\x05" + G + M),
            b"\x00\x00"  # value version
            b"\x00"  # no instance id
            b"\x02r"  # rack
            b"\x07client\x03/h"  # client id and host
            b"\x02\x02u"  # one topic
            b"\x01"  # no regular expression
            b"\x00\x00\x75\x30"  # rebalance timeout, 30 s
            b"\x06range"  # assignor
            b"\x00",  # no tagged fields: not a classic client
        )

    def test_group(self) -> None:
        """ConsumerGroupMetadata, key 3."""
        found = self.value(b"\x00\x03" + G)
        self.assertEqual(found[:6], b"\x00\x00\x00\x00\x00\x02")  # value version, epoch 2
        self.assertEqual(found[6:9], b"\x01\x00\x08")  # one tagged field, number 0, of eight bytes: the hash
        self.assertEqual(len(found), 17)

    def test_target(self) -> None:
        """ConsumerGroupTargetAssignmentMember, key 7, and Metadata, key 6."""
        self.assertEqual(
            self.value(b"\x00\x07" + G + M),
            b"\x00\x00\x02" + U + b"\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00",  # one topic, partitions 0 and 1
        )
        self.assertEqual(
            self.value(b"\x00\x06" + G),
            b"\x00\x00\x00\x00\x00\x02"  # value version, epoch 2
            b"\x01\x00\x08" + NOW,  # tagged field 0: when it was computed
        )

    def test_current(self) -> None:
        """ConsumerGroupCurrentMemberAssignment, key 8."""
        self.assertEqual(
            self.value(b"\x00\x08" + G + M),
            b"\x00\x00"  # value version
            b"\x00\x00\x00\x02"  # epoch
            b"\x00\x00\x00\x00"  # the one before
            b"\x00"  # stable
            b"\x02" + U + b"\x03\x00\x00\x00\x00\x00\x00\x00\x01"  # one topic, two partitions
            b"\x01\x00\x09\x03\x00\x00\x00\x02\x00\x00\x00\x02"  # tagged field 0: the epochs in which they were got
            b"\x01"  # nothing to be given up
            b"\x00",
        )

    def test_gone(self) -> None:
        """A member that leaves is removed record by record, in the order in which Kafka may read them; so is the group."""
        before = len(self.log.records)
        self.beat("m", -1)
        self.assertEqual([(peek_version(r.key), r.value is None) for r in self.log.records[before:]], [(8, True), (7, True), (5, True), (3, False)])
        before = len(self.log.records)
        self.successResultOf(self.coordinator.delete("g"))
        self.assertEqual([(peek_version(r.key), r.value) for r in self.log.records[before:]], [(6, None), (4, None), (3, None)])
        self.assertEqual(self.coordinator.list_groups(), [])
        self.reload()
        self.assertEqual(self.coordinator.list_groups(), [])

    def test_expression(self) -> None:
        """ConsumerGroupRegularExpression, key 16."""
        self.beat("m", 2, topics=frozenset(), pattern="^t", describable={"t": True})
        self.assertEqual(self.value(b"\x00\x10" + G + b"\x00\x02^t")[:2], b"\x00\x00")
        self.beat("m", 2, pattern="t|u", describable={"t": True, "u": False})
        self.assertEqual(
            self.value(b"\x00\x10" + G + b"\x00\x03t|u"),
            b"\x00\x00\x02\x02t"  # value version, one topic: u is not the member's to describe
            + self.feed.image.revision.to_bytes(8, "big")
            + NOW
            + b"\x00",
        )
        self.assertIsNone([record.value for record in self.log.records if record.key == b"\x00\x10" + G + b"\x00\x02^t"][-1])


class ReplayTest(ConsumerCase):
    """What is read back."""

    def test_everything(self) -> None:
        """A group in the middle of a rebalance, with an expression, a static member and offsets."""
        self.enter("m", instance_id="i")
        self.enter("n", pattern="u.*", describable={"u": True})
        self.beat("m", 2)
        self.successResultOf(self.commit(5, "m", 2))
        before = self.coordinator.describe_consumers("g")
        self.assertEqual({member.state for member, _ in before.members}, {MemberState.UNREVOKED_PARTITIONS, MemberState.UNRELEASED_PARTITIONS})
        self.reload()
        self.assertEqual(self.coordinator.describe_consumers("g"), before)
        self.assertEqual(self.coordinator.offsets("g")[TopicPartition("t", 0)].offset, 5)
        self.assertEqual(self.consumers.holder(T, 3), "m")
        self.assertEqual(self.beat("m", 2, owned=partitions(T, 0, 1)).epoch, 3)

    def test_only_the_last_of_each_key(self) -> None:
        """A compacted log says the same."""
        self.enter("m")
        self.enter("n")
        self.beat("m", 2)
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.beat("n", -1)
        self.enter("o")
        before = self.coordinator.describe_consumers("g")
        last = {record.key: place for place, record in enumerate(self.log.records)}
        log = FakeStateLog()
        log.records = [record for place, record in enumerate(self.log.records) if last[record.key] == place]
        self.assertLess(len(log.records), len(self.log.records))
        self.reload(log)
        after = self.coordinator.describe_consumers("g")
        self.assertEqual(sorted(after.members, key=str), sorted(before.members, key=str))

    def test_older_releases(self) -> None:
        """Kafka 4.0 kept a picture of the topics, no hash and no epochs of partitions."""
        log = FakeStateLog()
        log.records = [
            StateRecord(b"\x00\x05" + G + M, b"\x00\x00\x00\x00\x07client\x03/h\x02\x02t\x01\x00\x00\x75\x30\x00\x00", 0),
            StateRecord(b"\x00\x04" + G, b"\x00\x00\x02" + T + b"\x02t\x00\x00\x00\x04\x01\x00\x00", 0),
            StateRecord(b"\x00\x03" + G, b"\x00\x00\x00\x00\x00\x07\x00", 0),
            StateRecord(b"\x00\x07" + G + M, b"\x00\x00\x02" + T + b"\x02\x00\x00\x00\x00\x00\x00", 0),
            StateRecord(b"\x00\x06" + G, b"\x00\x00\x00\x00\x00\x07\x00", 0),
            StateRecord(b"\x00\x08" + G + M, b"\x00\x00\x00\x00\x00\x07\x00\x00\x00\x06\x00\x02" + T + b"\x02\x00\x00\x00\x00\x00\x01\x00", 0),
        ]
        self.reload(log)
        self.assertEqual(self.consumers.members["m"].assigned, {T: {0: 7}})
        self.assertEqual(self.beat("m", 7).epoch, 8, "without a hash the topics count as changed")
        self.assertEqual(self.beat("m", 8).epoch, 8)

    def test_later_releases(self) -> None:
        """A member in an unknown state has to begin anew; it may keep nothing."""
        log = FakeStateLog()
        log.records = [
            StateRecord(b"\x00\x08" + G + M, b"\x00\x00\x00\x00\x00\x07\x00\x00\x00\x06\x09\x02" + T + b"\x02\x00\x00\x00\x00\x00\x01\x00", 0),
            StateRecord(b"\x00\x06" + G, b"\x00\x00\x00\x00\x00\x07\x00", 0),
            StateRecord(b"\x00\x03" + G, b"\x00\x00\x00\x00\x00\x07\x00", 0),
        ]
        self.reload(log)
        self.assertIs(self.consumers.members["m"].state, MemberState.UNKNOWN)
        self.assertEqual(self.refused(epoch=7, owned=None), ErrorCode.FENCED_MEMBER_EPOCH)
        self.assertEqual(self.enter("m").assignment, partitions(T, 0, 1, 2, 3))

    def test_traces_of_what_is_gone(self) -> None:
        """Tombstones alone make no group, and damaged records are passed over."""
        log = FakeStateLog()
        keys = {3: G, 4: G, 5: G + M, 6: G, 7: G + M, 8: G + M, 16: G + M}
        self.assertEqual(set(keys), set(KEY_VERSIONS))
        for version, key in keys.items():
            log.records.append(StateRecord(version.to_bytes(2, "big") + key, None, 0))
            if version != 4:
                log.records.append(StateRecord(version.to_bytes(2, "big") + key, b"\x00\x00\xff", 0))
            log.records.append(StateRecord(version.to_bytes(2, "big"), None, 0))
        self.reload(log)
        self.assertEqual(self.coordinator.list_groups(), [])
        self.assertEqual(self.enter().epoch, 2)

    def test_refused_halfway(self) -> None:
        """What a heartbeat put down before it was refused is durable all the same: memory and log do not differ."""
        self.enter("m")
        self.log.records.append(
            StateRecord(b"\x00\x08" + G + M, b"\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x09\x02" + T + b"\x02\x00\x00\x00\x00\x00\x01\x00", 0)
        )
        self.reload()
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.assertEqual(self.refused(epoch=2, owned=None, rack_id="r"), ErrorCode.FENCED_MEMBER_EPOCH)
        before = self.coordinator.describe_consumers("g")
        self.assertEqual(before.members[0][0].rack_id, "r")
        self.reload()
        self.assertEqual(self.coordinator.describe_consumers("g"), before)

    def test_broken_halfway(self) -> None:
        """When something fails that nobody foresaw, half a step in memory is thrown away."""
        self.enter("m")
        store = self.coordinator._shards[0]._store

        def broken(change: Change) -> None:
            change.put(group_record("g", 9, 9, 0))
            raise ZeroDivisionError

        self.failureResultOf(Deferred.fromCoroutine(store.take(broken)), ZeroDivisionError)
        self.assertIsNot(self.coordinator._shards[0]._store, store)
        self.assertEqual(self.beat("m", 2).epoch, 2)

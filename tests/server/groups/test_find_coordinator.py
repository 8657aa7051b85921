"""FindCoordinator: which broker, in each version's shape, and each error."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode
from chronik.metadata import keys
from chronik.metadata.image import PartitionState
from chronik.metadata.interfaces import Put
from chronik.model import OFFSETS_TOPIC
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import FindCoordinatorRequest, InitProducerIdRequest
from chronik.security.interfaces import Operation, ResourceType
from tests.server.groups.fixture import GroupApiCase, versions
from tests.server.groups.layout import Layout, int8, int16, int32

GROUP, TRANSACTION, SHARE = 0, 1, 2
VERSIONS = versions(ApiKey.FIND_COORDINATOR)


class FindCoordinatorCase(GroupApiCase):
    """Before anybody asked."""

    def find_coordinator(self) -> None:
        """Not yet."""

    def find(self, version: int, key: str = "g", key_type: int = GROUP) -> Any:
        """The answer for one key, wherever the version has it."""
        if version >= 4:
            (found,) = self.ask(FindCoordinatorRequest(key_type=key_type, coordinator_keys=(key,)), version).coordinators
            self.assertEqual(found.key, key)
            return found
        return self.ask(FindCoordinatorRequest(key=key, key_type=key_type), version)

    def key_code(self, *args: Any, **fields: Any) -> ErrorCode:
        """The error for one key; no broker is named beside it."""
        found = self.find(*args, **fields)
        self.assertEqual([found.node_id, found.host, found.port], [-1, "", -1])
        return ErrorCode(found.error_code)


class AnswerTests(FindCoordinatorCase):
    """Who is found."""

    def test_every_version(self) -> None:
        """The one broker, at the address that the client reached it on; a type from version 1, several keys from version 4 on."""
        self.assertEqual(VERSIONS, range(7))
        for version in VERSIONS:
            w = Layout(version, flexible_from=3)
            asked = w.until(3, w.string("g")) + w.since(1, int8(GROUP)) + w.since(4, w.array(w.string("g"), w.string("h"))) + w.tags
            address = int32(1) + w.string("192.168.1.5") + int32(9092)
            self.check(
                self.exchange(ApiKey.FIND_COORDINATOR, version, asked),
                w.since(1, int32(0)),
                w.until(3, int16(0) + w.since(1, w.string(None)) + address),
                w.since(4, w.array(*(w.string(key) + address + int16(0) + w.string(None) + w.tags for key in "gh"))),
                w.tags,
            )

    def test_the_first_question_creates_the_topic(self) -> None:
        """Compacted, of as many partitions as configured, and ready: the coordinator serves the group when the answer comes."""
        self.assertNotIn(OFFSETS_TOPIC, self.broker.feed.image.topics)
        self.find(0)
        topic = self.broker.feed.image.topics[OFFSETS_TOPIC]
        self.assertEqual([len(topic.partitions), topic.configs["cleanup.policy"]], [1, "compact"])
        self.assertIsNone(self.broker.groups.describe("g"))
        revision = self.broker.feed.image.revision
        self.find(6)
        self.assertEqual(self.broker.feed.image.revision, revision)

    def test_keys_are_answered_each_for_itself(self) -> None:
        """One that may not be described does not spoil the others."""
        self.deny(Operation.DESCRIBE, name="secret")
        found = self.ask(FindCoordinatorRequest(coordinator_keys=("g", "secret")), 4).coordinators
        self.assertEqual([(c.key, c.error_code, c.node_id) for c in found], [("g", 0, 1), ("secret", ErrorCode.GROUP_AUTHORIZATION_FAILED, -1)])

    def test_no_keys(self) -> None:
        """Nothing asked for, nothing answered."""
        self.assertEqual(self.ask(FindCoordinatorRequest(), 4).coordinators, ())


    def test_transactions(self) -> None:
        """This broker is where a transactional producer is refused for good; without an address to go to it would ask here for ever."""
        for version in VERSIONS[1:]:
            found = self.find(version, "tx", TRANSACTION)
            self.assertEqual([found.error_code, found.node_id, found.port], [0, 1, 9092])
        refused = self.ask(InitProducerIdRequest(transactional_id="tx"))
        self.assertEqual(refused.error_code, ErrorCode.UNSUPPORTED_VERSION)


class ErrorTests(FindCoordinatorCase):
    """Each error, in each version."""

    def test_messages(self) -> None:
        """From version 1 on an error comes with a message."""
        self.deny(Operation.DESCRIBE)
        for version in VERSIONS:
            message = self.find(version).error_message
            self.assertEqual(message, "User:ANONYMOUS may not describe group g" if version else "")

    def test_group_authorization(self) -> None:
        """DESCRIBE on the group is needed."""
        self.deny(Operation.DESCRIBE)
        for version in VERSIONS:
            self.assertEqual(self.key_code(version), ErrorCode.GROUP_AUTHORIZATION_FAILED)
        self.assertNotIn(OFFSETS_TOPIC, self.broker.feed.image.topics)

    def test_transactional_id_authorization(self) -> None:
        """DESCRIBE on the transactional id is needed."""
        self.deny(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, "tx")
        for version in VERSIONS[1:]:
            self.assertEqual(self.key_code(version, "tx", TRANSACTION), ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)

    def test_types_that_are_not_served(self) -> None:
        """Share groups and unknown types are refused for good."""
        for version in VERSIONS[1:]:
            for key_type in (SHARE, 9):
                self.assertEqual(self.key_code(version, "g", key_type), ErrorCode.INVALID_REQUEST)

    def test_topic_that_cannot_be_created(self) -> None:
        """The client may try again."""
        self.broker.metadata.read_only = True
        for version in VERSIONS:
            self.assertEqual(self.key_code(version), ErrorCode.COORDINATOR_NOT_AVAILABLE)

    def test_no_leader(self) -> None:
        """A partition of groups without a leader, or with one that is not on the client's listener, has no coordinator for now."""
        self.find(0)
        topic_id = self.broker.feed.image.topics[OFFSETS_TOPIC].topic_id
        for leader in (-1, 7):
            state = PartitionState(leader, 1, (1,), (1,))
            self.successResultOf(self.broker.metadata.commit([], [Put(keys.partition_key(topic_id, 0), keys.encode_partition(state))]))
            for version in VERSIONS:
                self.assertEqual(self.key_code(version), ErrorCode.COORDINATOR_NOT_AVAILABLE)

    def test_failure_of_ours(self) -> None:
        """What nobody foresaw is told at each key."""
        self.broker.authorizer.held = []
        for version in VERSIONS:
            request = FindCoordinatorRequest(coordinator_keys=("g",)) if version >= 4 else FindCoordinatorRequest(key="g")
            answer = self.begin(request, version)
            self.broker.authorizer.held.pop().errback(OSError("policy service"))
            response = self.successResultOf(answer)
            self.assertEqual((response.coordinators[0] if version >= 4 else response).error_code, ErrorCode.UNKNOWN_SERVER_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), len(VERSIONS))

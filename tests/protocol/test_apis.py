"""API keys, their messages, and error codes by version."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.protocol import messages
from chronik.protocol.apis import ApiKey, api_name, decodable_versions, flexible, request_class, response_class
from chronik.protocol.error_versions import error_for_version
from chronik.protocol.table import MESSAGES


class LookupTests(SynchronousTestCase):
    """From key to class."""

    def test_every_key_has_both_classes(self) -> None:
        """Requests and responses are found by key, and know it and the same versions."""
        for api_key in ApiKey:
            request, response = request_class(api_key), response_class(api_key)
            self.assertEqual((request.api_key, response.api_key), (api_key, api_key))
            self.assertEqual(request.versions, response.versions)
            self.assertEqual(request.flexible_from, response.flexible_from)
            self.assertEqual(request.__name__, f"{api_name(api_key)}Request")
            self.assertEqual(api_key.name.replace("_", ""), api_name(api_key).upper())

    def test_every_request_has_a_key(self) -> None:
        """The enumeration has every API of the table."""
        self.assertEqual({row[0] for name, row in MESSAGES.items() if name.endswith("Request")}, set(ApiKey))

    def test_the_same_classes(self) -> None:
        """They are those of the messages module."""
        self.assertIs(request_class(1), messages.FetchRequest)
        self.assertIs(response_class(ApiKey.FETCH), messages.FetchResponse)

    def test_unknown_key(self) -> None:
        """Kafka's retired keys and those to come are KeyErrors."""
        for api_key in (4, 7, 93, -1):
            self.assertRaises(KeyError, request_class, api_key)
            self.assertRaises(KeyError, response_class, api_key)
            self.assertRaises(KeyError, decodable_versions, api_key)
            self.assertIsNone(flexible(api_key, 0))

    def test_versions(self) -> None:
        """What can be decoded is told, and whether it is flexible."""
        self.assertEqual(decodable_versions(ApiKey.PRODUCE), range(3, 14))
        self.assertEqual([flexible(ApiKey.FETCH, version) for version in (3, 11, 12, 18, 19)], [None, False, True, True, None])


class ErrorVersionTests(SynchronousTestCase):
    """Codes that old versions do not know."""

    def test_replaced_below_and_kept_from(self) -> None:
        """Each is replaced in the version before the one that knows it, and no longer there."""
        for api_key, code, known_from, instead in (
            (ApiKey.PRODUCE, ErrorCode.TRANSACTION_ABORTABLE, 11, ErrorCode.INVALID_TXN_STATE),
            (ApiKey.FETCH, ErrorCode.KAFKA_STORAGE_ERROR, 6, ErrorCode.NOT_LEADER_OR_FOLLOWER),
            (ApiKey.LIST_OFFSETS, ErrorCode.OFFSET_NOT_AVAILABLE, 5, ErrorCode.LEADER_NOT_AVAILABLE),
            (ApiKey.METADATA, ErrorCode.LISTENER_NOT_FOUND, 6, ErrorCode.LEADER_NOT_AVAILABLE),
            (ApiKey.OFFSET_COMMIT, ErrorCode.GROUP_ID_NOT_FOUND, 9, ErrorCode.ILLEGAL_GENERATION),
            (ApiKey.DELETE_TOPICS, ErrorCode.TOPIC_DELETION_DISABLED, 3, ErrorCode.INVALID_REQUEST),
            (ApiKey.INIT_PRODUCER_ID, ErrorCode.PRODUCER_FENCED, 4, ErrorCode.INVALID_PRODUCER_EPOCH),
            (ApiKey.END_TXN, ErrorCode.PRODUCER_FENCED, 2, ErrorCode.INVALID_PRODUCER_EPOCH),
            (ApiKey.ADD_PARTITIONS_TO_TXN, ErrorCode.PRODUCER_FENCED, 2, ErrorCode.INVALID_PRODUCER_EPOCH),
            (ApiKey.ADD_OFFSETS_TO_TXN, ErrorCode.PRODUCER_FENCED, 2, ErrorCode.INVALID_PRODUCER_EPOCH),
            (ApiKey.TXN_OFFSET_COMMIT, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 2, ErrorCode.COORDINATOR_NOT_AVAILABLE),
            (ApiKey.TXN_OFFSET_COMMIT, ErrorCode.TRANSACTION_ABORTABLE, 4, ErrorCode.INVALID_TXN_STATE),
        ):
            self.assertIs(error_for_version(api_key, known_from - 1, code), instead)
            self.assertIs(error_for_version(api_key, known_from, code), code)

    def test_others_are_kept(self) -> None:
        """Any other code, and the same code in another API, stays."""
        self.assertIs(error_for_version(ApiKey.FETCH, 4, ErrorCode.OFFSET_OUT_OF_RANGE), ErrorCode.OFFSET_OUT_OF_RANGE)
        self.assertIs(error_for_version(ApiKey.PRODUCE, 3, ErrorCode.KAFKA_STORAGE_ERROR), ErrorCode.KAFKA_STORAGE_ERROR)
        self.assertIs(error_for_version(ApiKey.PRODUCE, 3, ErrorCode.NONE), ErrorCode.NONE)

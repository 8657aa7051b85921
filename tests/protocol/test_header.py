"""Request and response headers as literal bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.apis import ApiKey, decodable_versions, flexible
from chronik.protocol.header import RequestHeader, parse_request_header, parse_response_header, request_header, response_header
from chronik.protocol.primitives import DecodeError

START = b"\x00\x03\x00\x09\x00\x00\x00\x2a"  # Metadata, version 9, correlation id 42
OLD_START = b"\x00\x03\x00\x08\x00\x00\x00\x2a"  # version 8 is the last that is not flexible


class RequestHeaderTests(SynchronousTestCase):
    """The header before a request's body."""

    def test_legacy(self) -> None:
        """Version 1 ends with the client id."""
        self.assertEqual(parse_request_header(OLD_START + b"\x00\x02me" + b"body"), RequestHeader(3, 8, 42, "me", 12))

    def test_flexible_has_tags_and_a_legacy_client_id(self) -> None:
        """Version 2 has tagged fields, and the client id before them is an int16 string all the same."""
        self.assertEqual(parse_request_header(START + b"\x00\x02me" + b"\x00" + b"body"), RequestHeader(3, 9, 42, "me", 13))

    def test_tags_are_skipped(self) -> None:
        """Tagged fields nobody knows do not shift the body."""
        frame = START + b"\x00\x02me" + b"\x02" + b"\x00\x01x" + b"\x85\x01\x02yz" + b"body"
        self.assertEqual(parse_request_header(frame).body_start, len(frame) - 4)

    def test_null_client_id(self) -> None:
        """A null client id is None, any negative length being null."""
        self.assertEqual(parse_request_header(OLD_START + b"\xff\xff"), RequestHeader(3, 8, 42, None, 10))
        self.assertEqual(parse_request_header(OLD_START + b"\x80\x00"), RequestHeader(3, 8, 42, None, 10))

    def test_client_id_that_is_not_utf8(self) -> None:
        """It is replaced, not refused: it only ever appears in logs and quotas."""
        self.assertEqual(parse_request_header(OLD_START + b"\x00\x02\xff\xfe").client_id, "\ufffd\ufffd")

    def test_unknown_api(self) -> None:
        """An API key nobody knows still gives key, version and correlation id."""
        header = parse_request_header(b"\x03\xe8\x00\x01\x00\x00\x00\x07" + b"\xff\xff")
        self.assertEqual((header.api_key, header.api_version, header.correlation_id), (1000, 1, 7))

    def test_unknown_version(self) -> None:
        """So does a version too high, whatever its header looks like after the first eight bytes."""
        for rest in (b"", b"\x00", b"\x7f\xff", b"\x00\x02me\x00", b"\xff" * 40):
            header = parse_request_header(b"\x00\x12\x00\x63\x00\x00\x00\x07" + rest)
            self.assertEqual((header.api_key, header.api_version, header.correlation_id), (18, 99, 7))

    def test_negative_correlation_id(self) -> None:
        """Correlation ids are signed and come back as they are."""
        header = parse_request_header(b"\x00\x12\x00\x00\xff\xff\xff\xff\xff\xff")
        self.assertEqual(header.correlation_id, -1)
        self.assertEqual(response_header(18, 0, header.correlation_id), b"\xff\xff\xff\xff")

    def test_too_short(self) -> None:
        """Every cut of a header is refused with a DecodeError."""
        frame = START + b"\x00\x02me" + b"\x01\x00\x01x"
        for size in range(len(frame)):
            self.assertRaises(DecodeError, parse_request_header, frame[:size])
        self.assertEqual(parse_request_header(frame).body_start, len(frame))

    def test_lengths_that_lie(self) -> None:
        """A client id, a tag count or a tag size past the end is refused."""
        for rest in (b"\x7f\xffme", b"\x00\x02me" + b"\xff\xff\xff\xff\x07", b"\x00\x02me" + b"\x01\x00\x7f" + b"x"):
            self.assertRaises(DecodeError, parse_request_header, START + rest)

    def test_more_tags_than_any_header_has(self) -> None:
        """A header of thousands of empty tags is refused instead of walked."""
        self.assertRaises(DecodeError, parse_request_header, START + b"\x00\x02me" + b"\xe8\x07" + b"\x00\x00" * 1000)

    def test_what_is_not_kafka(self) -> None:
        """An HTTP request and a TLS hello in a frame give some header or a DecodeError, never anything else."""
        for frame in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)):
            header = parse_request_header(frame)
            self.assertIsNone(flexible(header.api_key, header.api_version))

    @settings(max_examples=300)
    @given(st.binary(max_size=64))
    def test_any_bytes(self, frame: bytes) -> None:
        """Any bytes give a header whose body starts inside the frame, or a DecodeError."""
        try:
            header = parse_request_header(frame)
        except DecodeError:
            return
        self.assertLessEqual(header.body_start, len(frame))

    @settings(max_examples=300)
    @given(
        st.sampled_from(ApiKey),
        st.integers(0, 5),
        st.integers(-(2**31), 2**31 - 1),
        st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20)),
    )
    def test_round_trip(self, api_key: ApiKey, index: int, correlation_id: int, client_id: str | None) -> None:
        """What a client writes is what a server reads."""
        versions = decodable_versions(api_key)
        version = versions[index % len(versions)]
        header = request_header(api_key, version, correlation_id, client_id)
        self.assertEqual(parse_request_header(header + b"body"), (api_key, version, correlation_id, client_id, len(header)))


class ResponseHeaderTests(SynchronousTestCase):
    """The header before a response's body."""

    def test_legacy(self) -> None:
        """Version 0 is the correlation id."""
        self.assertEqual(response_header(ApiKey.METADATA, 8, 42), b"\x00\x00\x00\x2a")

    def test_flexible(self) -> None:
        """Version 1 has an empty set of tagged fields after it."""
        self.assertEqual(response_header(ApiKey.METADATA, 9, 42), b"\x00\x00\x00\x2a\x00")

    def test_api_versions_is_never_flexible(self) -> None:
        """A client reads this one before it knows what the broker can."""
        for version in range(5):
            self.assertEqual(response_header(ApiKey.API_VERSIONS, version, 42), b"\x00\x00\x00\x2a")

    def test_unknown_version(self) -> None:
        """An answer to a version unknown here has the plain header."""
        self.assertEqual(response_header(ApiKey.METADATA, 99, 42), b"\x00\x00\x00\x2a")

    def test_thresholds(self) -> None:
        """The last version with the plain header, for APIs where one extra byte once shifted the body."""
        for api_key, last in (
            (ApiKey.DELETE_TOPICS, 3),
            (ApiKey.CREATE_ACLS, 1),
            (ApiKey.DELETE_ACLS, 1),
            (ApiKey.DESCRIBE_ACLS, 1),
            (ApiKey.INCREMENTAL_ALTER_CONFIGS, 0),
            (ApiKey.METADATA, 8),
            (ApiKey.CREATE_PARTITIONS, 1),
            (ApiKey.ADD_PARTITIONS_TO_TXN, 2),
            (ApiKey.END_TXN, 2),
            (ApiKey.FETCH, 11),
        ):
            self.assertEqual(len(response_header(api_key, last, 0)), 4, api_key.name)
            self.assertEqual(len(response_header(api_key, last + 1, 0)), 5, api_key.name)
        for version in decodable_versions(ApiKey.SASL_HANDSHAKE):
            self.assertEqual(len(response_header(ApiKey.SASL_HANDSHAKE, version, 0)), 4)

    def test_parsing(self) -> None:
        """A client finds correlation id and body in both kinds, tagged fields or not."""
        self.assertEqual(parse_response_header(b"\x00\x00\x00\x2abody", ApiKey.METADATA, 8), (42, 4))
        self.assertEqual(parse_response_header(b"\x00\x00\x00\x2a\x00body", ApiKey.METADATA, 9), (42, 5))
        self.assertEqual(parse_response_header(b"\x00\x00\x00\x2a\x01\x07\x02xybody", ApiKey.METADATA, 9), (42, 9))
        self.assertEqual(parse_response_header(b"\x00\x00\x00\x2a\x00\x00", ApiKey.API_VERSIONS, 3), (42, 4))

    def test_too_short(self) -> None:
        """A response cut inside its header is refused."""
        for frame in (b"", b"\x00\x00\x00", b"\x00\x00\x00\x2a", b"\x00\x00\x00\x2a\x01\x07"):
            self.assertRaises(DecodeError, parse_response_header, frame, ApiKey.METADATA, 9)

"""Our bytes are those of two other codecs, byte for byte."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.protocol.oracles import kafka_python_classes, kafka_python_recode, kio_classes, kio_decode, kio_encode, to_kio
from tests.protocol.samples import Sampler, pairs

INSTANCES = 3


class KioTests(SynchronousTestCase):
    """kio, made from the same definitions as our table."""

    def setUp(self) -> None:
        self.classes = kio_classes()

    def test_bytes_are_those_of_its_writer(self) -> None:
        """Every message of every version is written as kio writes it, and kio reads the same values from it."""
        compared = 0
        for cls, version in pairs():
            theirs = self.classes.get((cls.__name__, version))
            if theirs is None:
                continue
            sampler = Sampler(Random(f"kio {cls.__name__} {version}"))
            for _ in range(INSTANCES):
                message = sampler.message(cls, version)
                encoded = message.encode(version)
                self.assertEqual(encoded, kio_encode(message, theirs, version), f"{cls.__name__} version {version}")
                self.assertEqual(kio_decode(encoded, theirs), to_kio(message, theirs), f"{cls.__name__} version {version}")
            compared += 1
        self.assertEqual(compared, len(self.classes))


class KafkaPythonTests(SynchronousTestCase):
    """kafka-python, made from Apache Kafka's own definitions."""

    def test_bytes_come_back(self) -> None:
        """What kafka-python decodes from our bytes it encodes to the same bytes."""
        classes = kafka_python_classes()
        compared = 0
        for cls, version in pairs():
            theirs = classes.get(cls.__name__)
            if theirs is None or version > theirs.max_version:
                continue
            sampler = Sampler(Random(f"kafka-python {cls.__name__} {version}"))
            for _ in range(INSTANCES):
                encoded = sampler.message(cls, version).encode(version)
                if cls.__name__ == "ApiVersionsResponse" and encoded[:2] != b"\x00\x00":
                    continue  # it reads any error as a version 0 body
                self.assertEqual(kafka_python_recode(encoded, theirs, version), encoded, f"{cls.__name__} version {version}")
            compared += 1
        self.assertGreaterEqual(compared, 450)

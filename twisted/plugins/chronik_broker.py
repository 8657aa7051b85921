"""``twist chronik``: the broker as a service."""

from twisted.application.service import ServiceMaker

chronik = ServiceMaker("Chronik", "chronik.tap", "A Kafka-compatible streaming broker with full-text search.", "chronik")

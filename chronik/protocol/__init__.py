"""The Kafka wire protocol: messages, codec, headers. No Twisted, no I/O."""

"""Tests of consumer groups of the newer protocol (KIP-848)."""

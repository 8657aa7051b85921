"""Tests of chronik.record."""

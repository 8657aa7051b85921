"""Tests of chronik.network."""

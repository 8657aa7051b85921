"""Tests of the index backends."""

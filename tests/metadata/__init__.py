"""Tests of chronik/metadata."""

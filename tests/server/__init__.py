"""Tests of chronik/server."""

"""Tests of chronik/cli."""

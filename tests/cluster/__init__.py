"""Tests of chronik/cluster."""

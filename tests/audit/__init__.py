"""Tests of chronik.audit."""

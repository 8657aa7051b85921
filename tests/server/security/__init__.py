"""Tests of the APIs of security."""

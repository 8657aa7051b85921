"""Tests of access control lists and roles."""

"""Tests of coordinators whose state lives in internal topics."""

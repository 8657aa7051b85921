"""Tests of the search process."""

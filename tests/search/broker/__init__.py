"""Tests of the broker's side of search."""

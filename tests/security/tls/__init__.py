"""Tests of TLS: files, contexts, names and rules."""

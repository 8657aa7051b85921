"""Tests of chronik/server/handlers/groups."""

"""Tests of chronik/server/handlers/admin."""

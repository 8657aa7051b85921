"""Tests of chronik/server/handlers/security."""

"""Coordinators whose state lives in internal topics."""

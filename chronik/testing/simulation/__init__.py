"""Whole clusters in one process, every step of which a seed decides: the real broker on simulated machines, clients, faults, and what must hold.

``docs/internals/simulation.rst`` tells how it works. ``python -m chronik.testing.simulation --seeds 0-99`` runs it.
"""

"""Tests of the simulator, and by the simulator."""

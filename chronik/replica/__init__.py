"""Partitions: leadership, the high watermark, and those who wait for it."""

"""Tests of partitions as this broker leads them."""

"""Queries: the tree, and the two languages it is parsed from."""

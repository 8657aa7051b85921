"""Quotas of users and clients: what applies to whom, how much was used, and how long whoever used too much waits."""

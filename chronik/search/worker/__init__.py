"""The search process: follows the broker's logs, indexes them, and answers searches. Run as ``python -m chronik.search.worker``."""

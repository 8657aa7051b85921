"""What is damaged on purpose: requests, and files; ``python -m tests.fuzz`` does it for as long as one likes."""

"""The test suite; the same tree as the packages it tests."""

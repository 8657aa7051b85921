"""The test suite; the same tree as the packages it tests."""

from hypothesis import settings

from tests.lengths import LONG

settings.register_profile("chronik", deadline=None, derandomize=not LONG, database=None)
settings.load_profile("chronik")

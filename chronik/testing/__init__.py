"""For plugin authors and tests: fakes, builders, contract suites."""

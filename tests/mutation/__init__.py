"""Faults planted in the library, to see whether the tests notice: `make mutants`."""

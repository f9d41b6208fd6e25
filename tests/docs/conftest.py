"""Fixtures of the page tests: they install the wheel like a reader."""

from tests.packaging.distributions import distributions, python3_folder

__all__ = ["distributions", "python3_folder"]

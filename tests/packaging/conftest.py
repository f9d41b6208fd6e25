"""What the tests of packages share."""

from tests.packaging.distributions import distributions, python3_folder

__all__ = ["distributions", "python3_folder"]

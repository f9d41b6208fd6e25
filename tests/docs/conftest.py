"""The tests of the pages install the wheel as their readers do."""

from tests.packaging.distributions import distributions, python3_folder

__all__ = ["distributions", "python3_folder"]

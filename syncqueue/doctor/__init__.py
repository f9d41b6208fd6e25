"""Tests everything that syncing needs, and reports in words what is wrong and which setting fixes it."""

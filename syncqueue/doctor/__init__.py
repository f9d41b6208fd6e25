"""Tests everything that syncing needs, and reports what is wrong and which setting fixes it."""

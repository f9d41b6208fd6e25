"""Tests; see README, "Development"."""

"""The notes that the suite writes: a small app that is installed only where the suite runs."""

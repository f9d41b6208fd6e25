"""The notes that the suite writes: a small app that is installed where the suite runs, and nowhere else."""

"""One attempt, the same for web processes and workers. This package has no loop."""

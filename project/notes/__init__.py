"""Notes: the content of the demo site."""

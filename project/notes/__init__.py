"""Notes: the demo site's content."""

"""What is synced: the registered models, the records of their objects, and what those need."""

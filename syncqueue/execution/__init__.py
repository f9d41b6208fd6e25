"""What one attempt is, the same for web processes and workers. There is no loop in here."""

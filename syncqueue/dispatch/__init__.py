"""What a web process does with a save: it gathers changes, enqueues them after the commit and attempts them."""

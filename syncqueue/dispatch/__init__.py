"""The work of a web process after a save: gather the changes, then enqueue and attempt them after the commit."""

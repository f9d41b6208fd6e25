"""Tries everything that syncing needs, and says in words what is wrong and which setting mends it."""

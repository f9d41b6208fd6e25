"""Mastodon, and the servers that speak its API: notes as statuses of an account."""

"""The stand-in for Mastodon's API (https://docs.joinmastodon.org/api/), as far as syncing needs it."""

"""Webhooks: each change of an object is a signed POST to a URL, for everything that has no handler of its own."""

"""Bluesky: posts on an account of any server that speaks the AT Protocol, by names that every handler may import."""

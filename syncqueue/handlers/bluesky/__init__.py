"""Bluesky: posts on an account of any AT Protocol server. Imports only names that every handler may import."""

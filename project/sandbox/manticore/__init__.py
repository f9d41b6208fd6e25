"""Manticore Search's HTTP API: tables in memory, as far as a site that writes and searches rows needs them."""

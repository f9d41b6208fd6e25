"""Measures syncqueue beside the queues a user would pick instead: `make bench`. Never imported by the app."""

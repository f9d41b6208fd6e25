"""A site in hostile hands: users and services with bad intent."""

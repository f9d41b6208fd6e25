"""Draws texts as pictures, for services whose posts are short."""

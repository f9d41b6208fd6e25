"""Handlers: the classes that talk to one outside service each. They do not know the queue."""

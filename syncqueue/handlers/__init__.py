"""The classes that talk to one outside service each. They know nothing of the queue."""

"""One module a system, each with a class `System` that base.py describes."""

"""Values, errors and rules in plain Python. Imports neither Django nor Redis."""

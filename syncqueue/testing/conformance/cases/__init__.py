"""The cases: tests with sentences as names, in one class per subject."""

"""The cases, each a test with a sentence for a name, in classes by what they are about."""

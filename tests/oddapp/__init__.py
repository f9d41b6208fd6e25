"""A site of odd but real models beside healthy notes, for the tests of tests/integration/odd."""

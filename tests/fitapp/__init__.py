"""A site of its own for the tests of tests/integration/fit: models built as sites build theirs."""

"""Settings for the sites of tests, so that a busy machine does not meet the product's own timeouts."""

from __future__ import annotations

# A save waits until its attempt is over. A test about saves that wait for less sets its own figure.
IMMEDIATE = {"TIMEOUT_SECONDS": 60}

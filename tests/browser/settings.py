"""The demo site as browsers look at it: under a strict Content-Security-Policy, with a service of generic tasks."""

from project.settings import *  # noqa: F403
from project.settings import DATABASES, MIDDLEWARE, SYNCQUEUE

SYNCQUEUE["HANDLERS"] = {
    "telegram": SYNCQUEUE["HANDLERS"]["telegram"],
    "writer": {"CLASS": "tests.faults.handlers.Writer"},
}
OWN_DESTINATIONS = True
MIDDLEWARE.insert(0, "tests.browser.csp.strict_policy")

# A power failure may lose a test's rows; a killed process does not.
DATABASES["default"]["OPTIONS"] = DATABASES["default"]["OPTIONS"] | {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
}

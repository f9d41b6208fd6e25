"""The demo site as browsers look at it: below a path, under a strict policy, with a service of generic tasks."""

from project.settings import *  # noqa: F403
from project.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE, SYNCQUEUE
from tests.browser.website import PREFIX

SYNCQUEUE["HANDLERS"] = {
    **SYNCQUEUE["HANDLERS"],
    "writer": {"CLASS": "tests.faults.handlers.Writer"},
}
INSTALLED_APPS = [*INSTALLED_APPS, "tests.browser.odd"]
OWN_DESTINATIONS = True
FORCE_SCRIPT_NAME = PREFIX
STATIC_URL = f"{PREFIX}/static/"
MIDDLEWARE = ["tests.browser.middleware.strict_policy", "tests.browser.middleware.short_rounds", *MIDDLEWARE]

# A power failure may lose a test's rows; a killed process does not.
DATABASES["default"]["OPTIONS"] = DATABASES["default"]["OPTIONS"] | {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
}

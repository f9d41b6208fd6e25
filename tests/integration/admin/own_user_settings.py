"""The tests' site with a user model of its own, whose key is no number."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, SYNCQUEUE

INSTALLED_APPS.insert(0, "tests.integration.admin.people")
AUTH_USER_MODEL = "people.Person"
MIGRATION_MODULES = {"people": None}
SYNCQUEUE["REDIS"] = os.environ["BROWSED_REDIS"]

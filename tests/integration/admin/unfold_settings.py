"""The tests' site with the theme django-unfold."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, SYNCQUEUE

INSTALLED_APPS.insert(0, "unfold")
SYNCQUEUE["REDIS"] = os.environ["BROWSED_REDIS"]

"""The settings of the tests with the models of this app, and the packages that they use."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "safedelete", "simple_history", "tests.fitapp"]
MIDDLEWARE = [*MIDDLEWARE, "simple_history.middleware.HistoryRequestMiddleware"]
ROOT_URLCONF = "tests.fitapp.urls"

"""The WSGI application of the demo site."""

import os

from django.apps import apps
from django.core.checks import run_checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()
# A WSGI server runs no checks. These also import the client libraries of the services, which on a busy machine takes
# longer than the first save should wait.
run_checks(app_configs=[apps.get_app_config("syncqueue")])

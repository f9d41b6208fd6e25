"""The demo site for a WSGI server."""

import os

from django.apps import apps
from django.core.checks import run_checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()
# A server runs no checks by itself. These load the services' client libraries too, which on a busy machine takes
# longer than anybody should wait for the first save.
run_checks(app_configs=[apps.get_app_config("syncqueue")])

"""The app of the fitting tests."""

from django.apps import AppConfig


class FitAppConfig(AppConfig):
    """Configuration of the models."""

    name = "tests.fitapp"
    label = "fitapp"
    default_auto_field = "django.db.models.BigAutoField"

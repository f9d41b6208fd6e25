"""The app of the odd models."""

from django.apps import AppConfig


class OddAppConfig(AppConfig):
    """Configuration of the models."""

    name = "tests.oddapp"
    label = "oddapp"
    default_auto_field = "django.db.models.BigAutoField"

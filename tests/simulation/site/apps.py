"""The app."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "tests.simulation.site"
    label = "simulated"

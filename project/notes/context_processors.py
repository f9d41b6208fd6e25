"""Template variables of every page of the notes."""

from django.conf import settings
from django.http import HttpRequest


def switches(request: HttpRequest) -> dict[str, bool]:
    """Return whether the menu links to the destinations of the user."""
    return {"has_own_destinations": settings.OWN_DESTINATIONS}

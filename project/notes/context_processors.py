"""What every page of the notes knows."""

from django.conf import settings
from django.http import HttpRequest


def switches(request: HttpRequest) -> dict[str, bool]:
    """Whether the menu leads to destinations of people's own."""
    return {"has_own_destinations": settings.OWN_DESTINATIONS}

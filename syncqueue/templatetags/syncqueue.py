"""Template tags: `{% sync_status note %}` for a site's own pages, and what the app's own pages need."""

from __future__ import annotations

import logging
from typing import Any

from django import template
from django.db.models import Model

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.display import duration_words, web_url

logger = logging.getLogger("syncqueue.templatetags")
register = template.Library()

register.filter("duration_words", duration_words)
register.filter("web_url", web_url)


@register.inclusion_tag("syncqueue/sync_status.html")
def sync_status(obj: Any) -> dict[str, Any]:
    """One sentence for each destination of `obj`, with a link to its copy there."""
    if not isinstance(obj, Model) or obj.pk is None:
        return {"sentences": []}
    try:
        return {"sentences": services.explain(obj)}
    except ConfigurationError as error:
        # Wrong settings must not break a site's pages; the system checks say what is wrong.
        logger.warning("%s", error)
        return {"sentences": []}


@register.inclusion_tag("syncqueue/environment_badge.html")
def environment_badge() -> dict[str, str]:
    """The setting ENVIRONMENT; nothing where there is none or the settings cannot be read."""
    try:
        return {"environment": get_settings().environment}
    except ConfigurationError:
        return {"environment": ""}  # the dashboard and the system checks say what is wrong with them

"""Template tags: `{% sync_status note %}` for a site's own pages, and what the app's own pages need."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import template
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.core.hold import Hold
from syncqueue.presentation.figures import duration_words, figure, moment, web_url
from syncqueue.presentation.holds import hold_words, reason_words
from syncqueue.presentation.inner import for_users
from syncqueue.presentation.previews import attachment_words, length_words, summary
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.sent import action_words, exact_moment
from syncqueue.presentation.task_values import value_words
from syncqueue.secrets import redact
from syncqueue.services.permissions import VIEW

logger = logging.getLogger("syncqueue.templatetags")
register = template.Library()

# The app's pages: name, words, and the right that a page asks for.
TABS = (
    ("queue_changelist", gettext_lazy("Dashboard"), VIEW),
    ("syncrecord_changelist", gettext_lazy("Records"), VIEW),
    ("destination_changelist", gettext_lazy("Destinations"), "syncqueue.view_destination"),
    ("sententry_changelist", gettext_lazy("Log"), VIEW),
    ("queue_failures", gettext_lazy("Failures"), VIEW),
    ("queue_workers", gettext_lazy("Workers"), VIEW),
    ("queue_cleared", gettext_lazy("Cleared work"), VIEW),
    ("servicepolicy_changelist", gettext_lazy("Policies"), "syncqueue.view_servicepolicy"),
)

register.filter("action_words", action_words)
register.filter("exact_moment", exact_moment)
register.filter("duration_words", duration_words)
register.filter("figure", figure)
register.filter("moment", moment)
register.filter("length_words", length_words)
register.filter("attachment_words", attachment_words)
register.filter("preview_summary", summary)
register.filter("redacted", redact)
register.filter("in_words", in_words)
register.filter("value_words", value_words)
register.filter("web_url", web_url)


@register.filter
def value_of(values: Any, key: str) -> Any:
    """Return the value of a key of a mapping; "" where there is none, or no mapping."""
    return values.get(key, "") if isinstance(values, Mapping) else ""


@register.filter
def linked(text: Any, sentences: Any) -> Any:
    """Return a sentence with links, as `syncqueue.admin.sentences.Sentences` writes it; the text alone without one."""
    return sentences.html(str(text)) if sentences else redact(str(text))


@register.filter
def service_link(service: str, sentences: Any) -> Any:
    """Return the name of a service with a link to its card."""
    return sentences.service(service) if sentences else service


@register.inclusion_tag("syncqueue/sync_status.html", takes_context=True)
def sync_status(context: Any, obj: Any) -> dict[str, Any]:
    """One sentence for each destination of `obj`, with a link to its copy there.

    Staff alone read names and addresses of the inner network in it.
    """
    if not isinstance(obj, Model) or obj.pk is None:
        return {"sentences": []}
    user = getattr(context.get("request"), "user", None) or context.get("user")
    try:
        found = services.explain(obj)
        if not getattr(user, "is_staff", False):
            found = [replace(one, text=for_users(one.text)) for one in found]
        return {"sentences": found}
    except ConfigurationError as error:
        # Wrong settings must not break a site's pages; the system checks say what is wrong.
        logger.warning("%s", error)
        return {"sentences": []}


@register.inclusion_tag("syncqueue/sync_preview.html", takes_context=True)
def sync_preview(context: Any, obj: Any) -> dict[str, Any]:
    """What `obj` would come to at each destination, or why not. Staff alone read names of the inner network in it."""
    if not isinstance(obj, Model):
        return {"previews": []}
    user = getattr(context.get("request"), "user", None) or context.get("user")
    try:
        found = services.preview(obj)
    except ConfigurationError as error:
        logger.warning("%s", error)
        return {"previews": []}
    if not getattr(user, "is_staff", False):
        found = [replace(one, reason=for_users(one.reason)) for one in found]
    return {"previews": found}


@register.inclusion_tag("syncqueue/copies.html")
def copies(obj: Any) -> dict[str, Any]:
    """Links to the copies of `obj` that everybody may see (`rel="syndication"`); nothing where there are none."""
    if not isinstance(obj, Model) or obj.pk is None:
        return {"copies": []}
    try:
        return {"copies": services.copies(obj)}
    except ConfigurationError as error:
        logger.warning("%s", error)
        return {"copies": []}


@register.inclusion_tag("syncqueue/environment_badge.html")
def environment_badge() -> dict[str, str]:
    """The setting ENVIRONMENT; nothing where there is none or the settings cannot be read."""
    try:
        return {"environment": get_settings().environment}
    except ConfigurationError:
        return {"environment": ""}  # the dashboard and the system checks say what is wrong with them


@register.inclusion_tag("syncqueue/tabs.html", takes_context=True)
def sync_tabs(context: Any) -> dict[str, Any]:
    """The ways between the app's pages, for those who may see more than one."""
    request = context["request"]
    shown = [(name, label) for name, label, right in TABS if request.user.has_perm(right)]
    try:
        urls = [reverse(f"admin:syncqueue_{name}", current_app=request.current_app) for name, _label in shown]
    except NoReverseMatch:  # a site that registers some of the pages only
        urls = []
    tabs = [
        {"label": label, "url": url, "is_current": _is_current(name, url, request.path)}
        for (name, label), url in zip(shown, urls, strict=False)
    ]
    return {"tabs": tabs if len(tabs) > 1 else []}


def _is_current(name: str, url: str, path: str) -> bool:
    """Whether a page is a tab's own, or one below it: the form of a record stands below the list of the records."""
    # All pages of the queues stand below the dashboard, those of the other tabs too.
    return path == url or (name != "queue_changelist" and path.startswith(url))


@register.simple_tag(takes_context=True)
def hold_destination(context: Any, card: Any, hold: Any) -> dict[str, str]:
    """The destination that a hold of a card is about, with its page; why it stands where it is about something else."""
    key = Hold.parse(hold.name).destination_id
    if key not in card.destination_names:
        return {"words": reason_words(hold) or hold_words(hold.name, card.service, {}), "url": ""}
    url = reverse("admin:syncqueue_destination_change", args=[key], current_app=context["request"].current_app)
    return {"words": card.destination_names[key], "url": url}

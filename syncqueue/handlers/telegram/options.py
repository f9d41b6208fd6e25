"""The options of a destination on Telegram."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy

from syncqueue.handlers.options import Option
from syncqueue.handlers.posts import POST_OPTIONS

OPTIONS: Mapping[str, Option] = {
    "silent": Option(
        kind="switch",
        label=gettext_lazy("Silent"),
        default=False,
        help_text=gettext_lazy("Subscribers are not notified."),
    ),
    "link_preview": Option(
        kind="switch",
        label=gettext_lazy("Link preview"),
        default=True,
        help_text=gettext_lazy("The first link is shown with a preview."),
    ),
    "link": POST_OPTIONS["link"],
    "pictures": Option(
        kind="switch",
        label=gettext_lazy("Pictures"),
        default=False,
        help_text=gettext_lazy("Pictures in Markdown texts are shown as pictures instead of links."),
    ),
    "thread_id": Option(
        kind="number",
        label=gettext_lazy("Topic"),
        help_text=gettext_lazy("The number of a topic of a forum group."),
    ),
    "find_lost": Option(
        kind="switch",
        label=gettext_lazy("Find lost messages"),
        default=True,
        help_text=gettext_lazy("Messages whose response was lost are searched for."),
    ),
    "sole_poster": Option(
        kind="switch",
        label=gettext_lazy("Sole poster"),
        default=True,
        help_text=gettext_lazy(
            "Only this site has ever posted there with this bot: messages that are found belong to it."
        ),
    ),
}

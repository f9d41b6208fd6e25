"""Forms of destinations, for the admin and for a site's own pages."""

from __future__ import annotations

from syncqueue.forms.destination import (
    CARRIED_SECONDS,
    CREDENTIAL_OF,
    ENTERED,
    EVERYWHERE,
    FIND_BUTTON,
    INPUT_PREFIX,
    OPTION_PREFIX,
    DestinationForm,
    PlaceInput,
    destination_services,
    finds_places,
)
from syncqueue.forms.own import (
    BlueskyDestinationForm,
    MastodonDestinationForm,
    OwnDestinationForm,
    TelegramDestinationForm,
    WebhookDestinationForm,
)

__all__ = [
    "CARRIED_SECONDS",
    "CREDENTIAL_OF",
    "ENTERED",
    "EVERYWHERE",
    "FIND_BUTTON",
    "INPUT_PREFIX",
    "OPTION_PREFIX",
    "BlueskyDestinationForm",
    "DestinationForm",
    "MastodonDestinationForm",
    "OwnDestinationForm",
    "PlaceInput",
    "TelegramDestinationForm",
    "WebhookDestinationForm",
    "destination_services",
    "finds_places",
]

"""Credentials that several destinations use: offered to a new one, and replaced everywhere.

Each destination has a separate encrypted copy, bound to its row, host and owner. See docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.views.decorators.debug import sensitive_variables

from syncqueue.core.errors import SecretError
from syncqueue.models import Destination, DestinationState
from syncqueue.secrets import Bound
from syncqueue.site import record_db


@sensitive_variables()
def usable_credentials(service: str, owner_id: Any) -> list[Destination]:
    """Return the destinations of an owner whose credential another one of theirs may use, by name.

    `owner_id`: the primary key of a user; None: the site's. Those of the setting DESTINATIONS are left out, because
    their credentials are only in the settings.
    """
    return [row for row in _of(service, owner_id).order_by("name", "pk") if _secret_of(row)]


@sensitive_variables()
def credential_fits(source: Destination, bound: Bound) -> bool:
    """Return whether the credential of a destination may be used at another place: of the same owner and host.

    Raises `SecretError` if no configured key can decrypt it.
    """
    secret = source.secret
    return not replace(bound, row=source.bound.row).difference(source.bound.seal(secret), secret)


@sensitive_variables()
def same_credential(destination: Destination) -> list[Destination]:
    """Return the other destinations of its owner that use the credential of a stored destination, by name."""
    if destination.declared or not (secret := _secret_of(destination)):
        return []
    rows = _of(destination.service, destination.owner_id).exclude(pk=destination.pk).order_by("name", "pk")
    return [row for row in rows if _secret_of(row) == secret and credential_fits(row, destination.bound)]


@sensitive_variables()
def replace_credential(destinations: Sequence[Destination], entered: Mapping[str, str]) -> None:
    """Store the entered parts of a credential at several destinations, which the caller has to mend."""
    for row in destinations:
        row.secret = {**_secret_of(row), **entered}
        row.save(using=record_db(), update_fields=["secret_text"])


def _of(service: str, owner_id: Any) -> Any:
    rows = Destination.objects.using(record_db()).filter(service=service, owner_id=owner_id, declared="")
    return rows.filter(state=DestinationState.ACTIVE).exclude(secret_text="")


def _secret_of(destination: Destination) -> dict[str, str]:
    """Return the credential; empty if no key can decrypt it, or if the destination has moved to another host."""
    try:
        return destination.secret
    except SecretError:
        return {}

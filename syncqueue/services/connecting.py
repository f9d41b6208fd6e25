"""Connect with Mastodon: create a destination with a token from the person's instance, without copying a token.

Between the two requests of a person, the data is in their session, encrypted; only the same person can use it, for a
quarter of an hour. Not imported by `services`, because the extra `mastodon` may not be installed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets as random
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from syncqueue import secrets
from syncqueue.core.answer import Refused
from syncqueue.core.errors import ConfigurationError, PermanentError, SecretError
from syncqueue.core.lines import has_controls, one_line
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler, Place
from syncqueue.handlers.mastodon import oauth
from syncqueue.handlers.registry import make_handler
from syncqueue.models import Destination, DestinationState, MastodonApp, Rule
from syncqueue.outbound.connect import Outbound
from syncqueue.services.credentials import replace_credential, same_credential
from syncqueue.services.deadline import REQUEST_SECONDS, within_deadline
from syncqueue.services.places import mend
from syncqueue.site import record_db
from syncqueue.sources.same_place import UNKNOWN

logger = logging.getLogger("syncqueue.services")

SERVICE = "mastodon"
FLOW_SECONDS = 900  # time for a person to allow the connection
_NAME_CHARACTERS = 100
_LONGEST_CODE = 4000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A connection that a person has not allowed yet."""

    url: str  # the page of the instance on which the person allows it
    state: str  # the value that the redirect back must have
    sealed: str  # encrypted data for the session


_FLOWS = "syncqueue_connect"  # in the session: unfinished connections, by the state of the redirect back
_MOST_FLOWS = 5  # unfinished connections of one session


def remember(session: MutableMapping[str, Any], begun: Begun, way_back: str) -> None:
    """Store an unfinished connection in the person's session, with the page to return to."""
    flows = dict(session.get(_FLOWS, {}))
    flows[begun.state] = [begun.sealed, way_back]
    session[_FLOWS] = dict(list(flows.items())[-_MOST_FLOWS:])


def take(session: MutableMapping[str, Any], state: str) -> tuple[str, str]:
    """Remove and return the connection with a state, and the page to return to; both "" if there is none."""
    flows = dict(session.get(_FLOWS, {}))
    sealed, way_back = flows.pop(state, ("", ""))
    if sealed:
        session[_FLOWS] = flows
    return sealed, way_back


def code_of(answer: Mapping[str, str]) -> str:
    """Return the code in the redirect from the instance; "" if the person did not allow it."""
    code = answer.get("code", "")
    return "" if len(code) > _LONGEST_CODE or answer.get("error") else code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    token: str
    name: str
    identity: str


@sensitive_variables()
def begin_connection(
    instance: str,
    *,
    person: Any,
    owner_id: Any,
    redirect_uri: str,
    name: str,
    destination: Destination | None = None,
) -> Begun:
    """Prepare a connection with an account on an instance.

    `person`: the user who must come back. `owner_id`: the key of the user whose destination it is; None: the site's.
    `redirect_uri`: the callback URL. `name`: the name of this site at the instance. `destination`: the owner's
    destination whose token is replaced. Raises `HandlerError`, and `ConfigurationError` if the service is not enabled.
    """
    outbound = _outbound()
    address = oauth.instance_address(instance, outbound.is_allowed_private)
    if destination is None:
        _check_count(Destination(service=SERVICE, address=address, owner_id=owner_id))
    app = _known_app(address, redirect_uri)
    if app is None:
        register = partial(_calls(address, outbound).register, name=name, redirect_uri=redirect_uri)
        app = within_deadline(partial(asyncio.to_thread, register), owner=str(person.pk))
        _keep_app(address, redirect_uri, app)
    state, verifier = random.token_urlsafe(32), random.token_urlsafe(48)
    flow = {
        "instance": address,
        "redirect_uri": redirect_uri,
        "verifier": verifier,
        "person": str(person.pk),
        "owner": "" if owner_id is None else str(owner_id),
        "destination": "" if destination is None else str(destination.pk),
    }
    url = oauth.authorize_url(address, app, redirect_uri=redirect_uri, state=state, verifier=verifier)
    return Begun(url=url, state=state, sealed=secrets.encrypt(flow))


@sensitive_variables()
def finish_connection(sealed: str, code: str, *, person: Any) -> Destination:
    """Return the destination of the account that `person` has allowed: a new one, or one with a new token.

    The token is also replaced at other destinations of the owner that use the old one.

    `sealed`: from `begin_connection`. Raises `HandlerError` and `ConfigurationError`.
    """
    flow = _opened(sealed, person)
    outbound = _outbound()
    app = _known_app(flow["instance"], flow["redirect_uri"])
    if app is None:
        raise PermanentError(_("This took too long, or was started elsewhere. Connect again."))
    try:
        found = within_deadline(partial(_find, flow, code, app, outbound), owner=str(person.pk))
    except oauth.UnknownApp:
        _apps(flow["instance"], flow["redirect_uri"]).delete()  # the next connection registers this site again
        raise
    return _keep(flow, found, person)


async def _find(flow: Mapping[str, str], code: str, app: oauth.App, outbound: Outbound) -> _Found:
    calls, address = _calls(flow["instance"], outbound), flow["instance"]
    token = await asyncio.to_thread(
        calls.token, app, code=code, verifier=flow["verifier"], redirect_uri=flow["redirect_uri"]
    )
    name = await asyncio.to_thread(calls.account, token)
    place = Place(id=0, name=name, address=address, secret={"access_token": token}, is_users=True)
    async with gate.opened(make_handler(SERVICE)) as handler:
        if not isinstance(handler, DocumentHandler):
            raise ConfigurationError(f"SYNCQUEUE['HANDLERS'][{SERVICE!r}] is no handler of documents.")
        answer = await gate.identify(handler, place)
    if isinstance(answer, Refused):
        raise answer.as_error()
    return _Found(token=token, name=name, identity=answer.value)


@sensitive_variables()
def _keep(flow: Mapping[str, str], found: _Found, person: Any) -> Destination:
    address = flow["instance"]
    owner_id: Any = flow["owner"] or None  # as a text, whatever the keys of users are
    rows = Destination.objects.using(record_db()).filter(
        owner_id=owner_id, service=SERVICE, state=DestinationState.ACTIVE, declared=""
    )
    there = [row for row in rows if row.address.rstrip("/") == address]
    if flow["destination"]:
        row = next((one for one in there if str(one.pk) == flow["destination"]), None)
        if row is None:
            raise PermanentError(_("The destination no longer exists, or has moved to another instance."))
        if not _is_of(row, found):
            text = _("%(account)s is not the account of “%(name)s”, which owns the existing copies.")
            raise PermanentError(text % {"account": found.name, "name": row.name})
    else:
        row = next((one for one in there if one.identities.get(one.address) == found.identity), None)
    is_new = row is None
    if row is None:
        name = address if has_controls(found.name) else found.name[:_NAME_CHARACTERS]
        # Not private objects: the owner must choose that.
        row = Destination(name=name, service=SERVICE, address=address, owner_id=owner_id, rule=Rule.PUBLIC)
        _check_count(row)
    twins = [] if is_new else [one for one in same_credential(row) if _is_of(one, found)]
    row.identities = {**row.identities, row.address: found.identity}
    row.secret = {"access_token": found.token}
    row.save(using=record_db())
    replace_credential(twins, row.secret)
    for one in () if is_new else (row, *twins):
        # After the commit, because a worker that continues earlier would read the old secret.
        transaction.on_commit(partial(mend, one, actor=str(person)), using=record_db(), robust=True)
    logger.info("Destination %s connected by %s", row.pk, one_line(str(person)))
    return row


def _is_of(destination: Destination, found: _Found) -> bool:
    """Return whether a destination is at the account that was found, as far as known."""
    return destination.identities.get(destination.address, "") in ("", UNKNOWN, found.identity)


def _check_count(destination: Destination) -> None:
    try:
        destination.clean()
    except ValidationError as error:
        raise PermanentError(" ".join(error.messages)) from None


def _opened(sealed: str, person: Any) -> dict[str, str]:
    try:
        flow = secrets.decrypt(sealed, max_age_seconds=FLOW_SECONDS)
    except SecretError:
        flow = {}
    if flow.get("person") != str(person.pk):
        raise PermanentError(_("This took too long, or was started elsewhere. Connect again."))
    return flow


def _outbound() -> Outbound:
    return make_handler(SERVICE).config.outbound(public_only=True)


def _calls(address: str, outbound: Outbound) -> oauth.OAuth:
    return oauth.OAuth(address, outbound, seconds=REQUEST_SECONDS / 2)


# The applications


def _key(address: str, redirect_uri: str) -> str:
    return hashlib.sha256(json.dumps([address, redirect_uri, oauth.SCOPES]).encode()).hexdigest()


def _apps(address: str, redirect_uri: str) -> Any:
    return MastodonApp._base_manager.using(record_db()).filter(key=_key(address, redirect_uri))


@sensitive_variables()
def _known_app(address: str, redirect_uri: str) -> oauth.App | None:
    row = _apps(address, redirect_uri).first()
    if row is None:
        return None
    try:
        return oauth.App(**secrets.decrypt(row.client_text))
    except (SecretError, TypeError):  # the encryption key is gone: the site is registered again
        return None


@sensitive_variables()
def _keep_app(address: str, redirect_uri: str, app: oauth.App) -> None:
    text = secrets.encrypt({"client_id": app.client_id, "client_secret": app.client_secret})
    MastodonApp._base_manager.using(record_db()).update_or_create(
        key=_key(address, redirect_uri), defaults={"instance": address, "client_text": text}
    )

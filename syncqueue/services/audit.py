"""The audit log of manual operations: the logger `syncqueue.audit`, and for people also Django's admin log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from syncqueue.core.lines import one_line

logger = logging.getLogger("syncqueue.audit")

# The constant of django.contrib.admin, whose module cannot be imported on a site without the admin.
CHANGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or machine that changes something."""

    name: str  # for logs; never a token
    user_id: Any = None  # primary key of the person; None for a machine

    @classmethod
    def of(cls, user: AbstractBaseUser | AnonymousUser) -> Actor:
        """Return the actor for a logged-in user."""
        return cls(name=str(user), user_id=user.pk)


def note(actor: Actor, what: str, *, subject: str, model: type[Model], object_id: object = None) -> None:
    """Record that `actor` did `what` to `subject`, an object of `model`.

    `what` is always in English, because logs are searched: "retry-failed: 12 tasks". Line ends in a name are escaped,
    so that a name cannot forge another entry.
    """
    name, subject, what = one_line(actor.name), one_line(subject), one_line(what)
    logger.info("%s: %s, by %s", subject, what, name, extra={"actor": name, "subject": subject, "operation": what})
    if actor.user_id is None or not apps.is_installed("django.contrib.admin"):
        return
    entries: Any = apps.get_model("admin", "LogEntry")._default_manager
    entries.create(
        user_id=actor.user_id,
        content_type_id=ContentType.objects.get_for_model(model).pk,
        object_id=object_id,
        object_repr=f"{subject}: {what}"[:200],
        action_flag=CHANGE,
        change_message=f"{subject}: {what}",
    )

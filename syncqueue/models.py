"""The tables: destinations, records of what is wanted and what exists remotely, and some bookkeeping.

The database defines what should be synced; Redis only schedules it. A record refers to its object by model label and
primary key as text, without a foreign key, because it outlives the object until the remote copy is gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from syncqueue.conf import get_settings
from syncqueue.core.error_kind import KIND_CHARACTERS
from syncqueue.core.errors import SecretError
from syncqueue.secrets import Bound, decrypt, encrypt, sealed


def new_token() -> str:
    """Return a new unique value, such as an idempotency key or a site id."""
    return uuid.uuid4().hex


def new_generation() -> str:
    """Return a new generation for a wanted change; generations are compared for equality only."""
    return new_token()


class Rule(models.TextChoices):
    """Which objects of its owner a destination accepts."""

    ALL = "all", _("all")
    PUBLIC = "public", _("public only")
    PRIVATE = "private", _("private only")
    TAG = "tag", _("with the tag")


class DestinationState(models.TextChoices):
    """Whether a destination accepts objects."""

    ACTIVE = "active", _("active")
    RETIRING = "retiring", _("retiring")  # deleted once its remote copies are removed or left


class Destination(models.Model):
    """One place on a service: a channel, an account, a table."""

    name = models.CharField(_("name"), max_length=100)
    service = models.CharField(_("service"), max_length=50)
    address = models.CharField(_("address"), max_length=500, blank=True)
    # Without a constraint and without a cascade: a destination outlives its owner until it is retired.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        help_text=_("Whose objects it takes. Empty: site-wide."),
    )
    rule = models.CharField(_("rule"), max_length=10, choices=Rule.choices, default=Rule.ALL)
    rule_value = models.CharField(_("tag"), max_length=100, blank=True)
    # {address: identity}: the service's own names of the places this destination has had (DocumentHandler.identify).
    identities = models.JSONField(default=dict, blank=True, editable=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    secret_text = models.TextField(blank=True, editable=False)  # encrypted; see the property `secret`
    start_at = models.DateTimeField(
        _("takes objects from"),
        null=True,
        blank=True,
        default=timezone.now,
        help_text=_("Objects created earlier are left alone. Empty: all objects."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    state = models.CharField(max_length=10, choices=DestinationState.choices, default="active", editable=False)
    remove_remote = models.BooleanField(default=False, editable=False)  # what retiring does with remote copies
    declared = models.CharField(max_length=50, blank=True, editable=False)  # its name in the setting DESTINATIONS
    broken_reason = models.TextField(blank=True, editable=False)
    broken_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When a place with copies had disappeared and was created again; None once its copies are written again.
    emptied_at = models.DateTimeField(null=True, blank=True, editable=False)
    # For a declared destination: a hash of the settings that were refused. Changed settings are tried again.
    broken_fingerprint = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["declared"], condition=~models.Q(declared=""), name="syncqueue_declared_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["owner", "enabled"], name="syncqueue_dest_owner")]

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row, and bind the secret to the host, service and owner it was entered for.

        If one of them changes, reading the stored secret raises `SecretError` until it is entered again. A new row is
        committed together with the request to record older objects, if it accepts them.
        """
        db = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=db):
            self._save(db, *args, **kwargs)

    def _save(self, db: str, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        is_touched = fields is None or not _BOUND_FIELDS.isdisjoint(fields)
        if self.declared or not self.secret_text or not is_touched:
            super().save(*args, **kwargs)
            return
        key: Any = self.pk
        if key is not None:
            self._seal(type(self)._base_manager.using(db).filter(pk=key))
            if fields is not None:
                kwargs["update_fields"] = {*fields, "secret_text"}
            super().save(*args, **kwargs)
            return
        super().save(*args, **kwargs)
        self.secret_text = sealed(self.secret_text, self.bound)  # a new row has its key only now
        type(self)._base_manager.using(db).filter(pk=self.pk).update(secret_text=self.secret_text)

    def clean(self) -> None:
        """Raise `ValidationError` for a new destination if its owner has the maximum number of them."""
        super().clean()
        most = get_settings().max_destinations_per_owner
        rows = type(self)._base_manager.using(router.db_for_write(type(self), instance=self))
        owned = rows.filter(owner_id=self.owner_id, state=DestinationState.ACTIVE)
        is_new = self.pk is None or not owned.filter(pk=self.pk).exists()
        if self.owner_id is not None and is_new and owned.count() >= most:
            raise ValidationError(
                _("%(count)d destinations are the most that one owner may have.") % {"count": most}, code="too_many"
            )

    @property
    def is_retiring(self) -> bool:
        """Whether it is to be deleted once its remote copies are removed or left."""
        return self.state == DestinationState.RETIRING

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is sent for it: it is broken, or switched off."""
        return bool(self.broken_reason) or (not self.enabled and self.state == DestinationState.ACTIVE)

    @property
    def is_declared_here(self) -> bool:
        """False if only the settings of another process declare it.

        A process without the declaration knows neither the secret nor the current address. It neither writes the row
        nor posts there.
        """
        return not self.declared or self.declared in get_settings().destinations

    @property
    def current_address(self) -> str:
        """The address; for a declared destination that of the settings, because the row may be outdated."""
        entry = get_settings().destinations.get(self.declared, {}) if self.declared else {}
        return str(entry.get("ADDRESS", "")) if entry else self.address

    @property
    def current_options(self) -> dict[str, Any]:
        """The options; for a declared destination those of the settings."""
        entry = get_settings().destinations.get(self.declared, {}) if self.declared else {}
        return dict(entry.get("OPTIONS", {})) if entry else self.options

    @property
    def secret(self) -> dict[str, str]:
        """The credential by field name; raises `SecretError` if no configured key decrypts it."""
        if self.declared:
            return dict(get_settings().destinations.get(self.declared, {}).get("SECRET", {}))
        return decrypt(self.secret_text, self.bound) if self.secret_text else {}

    @secret.setter
    def secret(self, value: Mapping[str, str]) -> None:
        if self.declared:
            raise SecretError(f"{self.name}: its secret stands in SYNCQUEUE['DESTINATIONS'][{self.declared!r}].")
        self.secret_text = encrypt(value) if value else ""

    @property
    def bound(self) -> Bound:
        """Where its secret may be sent; see `syncqueue.secrets.Bound`."""
        return _bound(self.pk, self.service, self.owner_id, self.address, self.options)

    def _seal(self, rows: models.QuerySet[Destination]) -> None:
        names = ("pk", "service", "owner_id", "address", "options", "secret_text")
        *about, text = rows.values_list(*names).first() or (None,)
        stored = _bound(*about) if about else None
        self.secret_text = sealed(self.secret_text, self.bound, stored_text=text or "", stored=stored)


_BOUND_FIELDS = frozenset({"service", "owner", "owner_id", "address", "options", "secret_text"})


def _bound(pk: Any, service: str, owner_id: Any, address: str, options: Any) -> Bound:
    owner = "" if owner_id is None else str(owner_id)
    return Bound(row=str(pk), service=service, owner=owner, address=address, options=options or {})


class RecordState(models.TextChoices):
    """The state of a record. Workers process `waiting` only; a save or a person ends the last three."""

    SYNCED = "synced", _("synced")
    WAITING = "waiting", _("waiting")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")  # held after a lost response
    ABANDONED = "abandoned", _("abandoned")  # a person cleared or deleted the task


class SyncRecord(models.Model):
    """Links one object to one destination."""

    source = models.CharField(_("source"), max_length=100)  # model label, lower case: "notes.note"
    object_pk = models.CharField(_("object"), max_length=200)
    destination = models.ForeignKey(
        Destination, verbose_name=_("destination"), on_delete=models.PROTECT, related_name="records"
    )
    service = models.CharField(_("service"), max_length=50)  # the destination's, for the index
    state = models.CharField(_("state"), max_length=10, choices=RecordState.choices, default=RecordState.WAITING)
    generation = models.CharField(max_length=32, default=new_generation)  # wanted
    synced_generation = models.CharField(max_length=32, blank=True)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)  # when the generation was created
    object_changed_at = models.DateTimeField(null=True, blank=True)  # the object's changed_field as last seen

    parts = models.JSONField(default=list, blank=True)  # [{"kind", "id", "url", "address"}]
    content_hash = models.CharField(max_length=64, blank=True)  # of the remote copy; "" = unknown
    idempotency_key = models.CharField(max_length=32, default=new_token)  # of the next part to be created
    uncertain = models.BooleanField(default=False)  # a copy whose id is unknown may exist
    # The addresses where a copy with an unknown id may exist: the last one sent to, and earlier ones.
    sending_address = models.CharField(max_length=500, blank=True)
    lost_at = models.JSONField(default=list, blank=True)
    twin_possible = models.BooleanField(default=False)  # posted again after a lost response: a second copy may exist
    adoption_asked = models.BooleanField(default=False)  # ModelSync.existing_remote was called, and is not called again

    # The send mark. The columns keep their first names, so that two versions can run on one database.
    sending_token = models.CharField(max_length=64, blank=True, db_column="mark_token")  # of the attempt
    sending_until = models.DateTimeField(null=True, blank=True, db_column="mark_until")  # by the database's clock
    sending_action = models.CharField(
        max_length=10, blank=True, db_column="mark_action"
    )  # what the attempt is about to do

    error = models.TextField(_("error"), blank=True)  # why it is not synced, for people
    error_at = models.DateTimeField(null=True, blank=True)
    # Of a failed or held record: what its reason has in common with others (`kind_of`). None: stored before 0013.
    error_kind = models.CharField(max_length=KIND_CHARACTERS, null=True, blank=True, editable=False)  # noqa: DJ001
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # Until when the copy is as wanted: ModelSync.live_from or live_until changes it at that time.
    due_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(_("synced"), null=True, blank=True)
    # Key of the Clearing with which a person abandoned it. No foreign key: clearings are deleted, a million rows stay.
    clearing = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "object_pk", "destination"], name="syncqueue_record_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "id"], name="syncqueue_rec_state"),
            models.Index(fields=["service", "state", "id"], name="syncqueue_rec_service"),
            models.Index(fields=["destination", "state", "id"], name="syncqueue_rec_destination"),
            # Only rows that wait for a time: due rows are queried every second.
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="syncqueue_rec_due"),
            # Only cleared rows, if the database supports it: most records are never cleared.
            models.Index(
                fields=["clearing", "id"], condition=models.Q(clearing__isnull=False), name="syncqueue_rec_clearing"
            ),
        ]
        # They concern the whole app, but a permission needs the content type of a model.
        permissions: ClassVar = [
            ("view_queue", _("Can see the sync queues")),
            ("operate_queue", _("Can operate the sync queues")),
        ]

    def __str__(self) -> str:
        """Return the object and the destination."""
        return f"{self.source}:{self.object_pk} -> {self.service}/{self.destination_id}"

    def renew(self, now: datetime) -> None:
        """Request another sync of this record, whatever its state; the caller saves it."""
        self.state = RecordState.WAITING
        self.generation = new_generation()
        self.changed_at = now
        self.error = ""
        self.next_attempt_at = None
        self.due_at = None


class SentAction(models.TextChoices):
    """What was done at a service."""

    CREATED = "created", _("created")
    EDITED = "edited", _("edited")
    REMOVED = "removed", _("removed")


class SentEntry(models.Model):
    """One line of the log of sent messages: an attempt whose result was sent, confirmed and stored.

    It has no foreign keys and contains the destination's name, because it outlives object, record and destination. It
    contains no content.
    """

    at = models.DateTimeField(_("time"))  # when it was stored
    action = models.CharField(_("action"), max_length=10, choices=SentAction.choices)
    is_partial = models.BooleanField(default=False)  # only some of several parts; the attempt was not completed
    service = models.CharField(_("service"), max_length=50)
    destination_id = models.BigIntegerField()
    destination_name = models.CharField(_("destination"), max_length=100)
    source = models.CharField(_("source"), max_length=100)
    object_pk = models.CharField(_("object"), max_length=200)
    url = models.TextField(_("link"), blank=True)  # of the copy, even if it was removed
    seconds = models.FloatField(_("duration"))  # from the beginning of the attempt to its result
    attempt = models.PositiveIntegerField(_("attempt"))  # counted from 1

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["at"], name="syncqueue_sent_at"),
            models.Index(fields=["destination_id", "id"], name="syncqueue_sent_destination"),
            models.Index(fields=["source", "object_pk", "id"], name="syncqueue_sent_object"),
        ]

    def __str__(self) -> str:
        """Return the object and the action."""
        return f"{self.source}:{self.object_pk} {self.action}"


class MastodonApp(models.Model):
    """The registration of this site at a Mastodon instance; see services/connecting.py."""

    key = models.CharField(max_length=64, unique=True)  # a hash of the instance, the scopes and the redirect URI
    instance = models.CharField(max_length=500)  # "https://mastodon.social"
    client_text = models.TextField()  # encrypted: client_id and client_secret
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        """Return the instance."""
        return self.instance


class OrphanPart(models.Model):
    """A remote copy that was sent but could not be stored with its record; it is to be removed."""

    record = models.ForeignKey(SyncRecord, on_delete=models.CASCADE, related_name="orphans")
    part = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "syncqueue_straypart"  # its first name, so that two versions can run on one database

    def __str__(self) -> str:
        """Return the kind and the id of the copy."""
        return f"{self.part.get('kind')} {self.part.get('id')}"


class ServicePolicy(models.Model):
    """Figures of one service that a person has set; empty fields use the settings."""

    service = models.CharField(_("service"), max_length=50, unique=True)
    paused = models.BooleanField(_("paused"), default=False)
    max_retries = models.PositiveIntegerField(_("retries"), null=True, blank=True)
    base_delay_seconds = models.FloatField(_("first delay (seconds)"), null=True, blank=True)
    backoff_multiplier = models.FloatField(_("backoff multiplier"), null=True, blank=True)
    max_delay_minutes = models.FloatField(_("longest delay (minutes)"), null=True, blank=True)
    concurrency = models.PositiveIntegerField(_("concurrency"), null=True, blank=True)

    class Meta:
        verbose_name = _("service policy")
        verbose_name_plural = _("service policies")

    def __str__(self) -> str:
        """Return the service."""
        return self.service


class Clearing(models.Model):
    """The tasks that a person cleared from a queue together; they can be restored for a week."""

    service = models.CharField(_("service"), max_length=50)
    actor = models.CharField(_("by"), max_length=200)
    cleared_at = models.DateTimeField(_("cleared"), default=timezone.now)
    task_count = models.PositiveIntegerField(_("tasks"), default=0)  # cleared so far
    restored_at = models.DateTimeField(_("restored"), null=True, blank=True)  # when all of it was restored

    class Meta:
        verbose_name = _("clearing")
        verbose_name_plural = _("clearings")
        default_permissions = ()
        indexes: ClassVar = [models.Index(fields=["cleared_at"], name="syncqueue_clearing_at")]

    def __str__(self) -> str:
        """Return the service and the time."""
        return f"{self.service}, {self.cleared_at:%Y-%m-%d %H:%M}"


class Alert(models.Model):
    """The problems of one destination, or of a service's own tasks, since the last mail; see services/alerts.py."""

    key = models.CharField(max_length=80, unique=True)  # "destination:7", "service:telegram"
    service = models.CharField(max_length=50)
    destination = models.ForeignKey(Destination, null=True, on_delete=models.CASCADE, related_name="+")
    failed_count = models.PositiveIntegerField(default=0)  # since the last mail
    broken = models.BooleanField(default=False)  # the destination was refused since the last mail
    error = models.TextField(blank=True)  # the last one; no secret
    since = models.DateTimeField(null=True, db_index=True)  # of the first unreported problem; None: all are reported
    sent_at = models.DateTimeField(null=True)  # the last mail

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        """Return the key."""
        return self.key


class SweepPosition(models.Model):
    """The position of the sweep in one source, in the order of its `changed_field`."""

    source = models.CharField(max_length=100)
    # Set only by version 0.1, which had no `Walk`; the sweep turns such rows into walks.
    destination = models.ForeignKey(Destination, null=True, on_delete=models.CASCADE, related_name="+")
    changed_at = models.DateTimeField(null=True)  # None: from the beginning
    object_pk = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "destination"], name="syncqueue_sweep_once"),
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(destination=None), name="syncqueue_sweep_all_once"
            ),
        ]

    def __str__(self) -> str:
        """Return the source."""
        return f"{self.source} -> {self.destination_id or 'all'}"


class WalkKind(models.TextChoices):
    """What a walk over the objects of a source does with each object."""

    BACKFILL = "backfill"  # records the objects that a new destination accepts
    AFFECTED = "affected"  # syncs the objects that a change of a related object affects
    MISSED = "missed"  # records objects without a record, or whose record has not seen their last change
    GONE = "gone"  # walks over the records, and syncs those whose objects are gone
    REFILL = "refill"  # walks over the records, and writes the copies of a destination again
    ADOPTION = "adoption"  # finds copies from before syncqueue at a destination that is removed with its copies


class Walk(models.Model):
    """A requested walk over one source in the order of primary keys; workers do it in chunks.

    The row stores the request and the position. It is deleted at the end of the walk.
    """

    source = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=WalkKind.choices)
    # BACKFILL and REFILL: the only destination to fill. ADOPTION: the one whose copies are to be found.
    destination = models.ForeignKey(Destination, null=True, on_delete=models.CASCADE, related_name="+")
    # AFFECTED: the related object as "notes.tag:5", if it still exists; "": all objects of the source.
    related = models.CharField(max_length=310, blank=True)
    position = models.CharField(max_length=200, blank=True)  # the last key that was processed; "": at the beginning
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        """Return the source and the kind."""
        return f"{self.source}: {self.kind}"


class Verification(models.Model):
    """The last comparison of a destination's records with the service; see services/verifying.py."""

    # Without a constraint, so that a version that does not know this table can delete destinations.
    destination = models.OneToOneField(Destination, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)  # its last step
    finished_at = models.DateTimeField(null=True)  # None: the next run continues from `position` and `listed_after`
    stopped = models.TextField(blank=True)  # why it was stopped, for people
    position = models.BigIntegerField(default=0)  # the last record that was compared
    is_listing = models.BooleanField(default=False)  # all records were compared; the service's own list is being read
    listed_after = models.TextField(blank=True)  # where the next page begins
    looked_count = models.PositiveIntegerField(default=0)  # records
    gone_count = models.PositiveIntegerField(default=0)
    changed_count = models.PositiveIntegerField(default=0)
    unwanted_count = models.PositiveIntegerField(default=0)
    unknown_count = models.PositiveIntegerField(
        null=True
    )  # copies that no record has; None: the service cannot list copies
    untold_count = models.PositiveIntegerField(default=0)  # records whose copies could not be read
    mended_count = models.PositiveIntegerField(default=0)  # records that were queued again because of it

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        """Return the destination."""
        return f"verification of {self.destination_id}"


class VerificationFinding(models.Model):
    """A copy that differs from its record, until it is corrected; see services/findings.py."""

    # Without constraints, so that a version that does not know this table can delete verifications and records.
    verification = models.ForeignKey(Verification, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    record_id = models.BigIntegerField()  # no foreign key: Django would read this table whenever records are deleted
    generation = models.CharField(max_length=32)  # of the record; another one now: it has been synced again since
    drift = models.CharField(max_length=20)  # the value of a sources.drift.Drift

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["verification", "record_id"], name="syncqueue_finding_once")
        ]

    def __str__(self) -> str:
        """Return the record and the difference."""
        return f"record {self.record_id}: {self.drift}"


class ServiceSession(models.Model):
    """The session of a destination at its service, shared by all processes; see handlers/sessions.py."""

    # Without a constraint, so that a version that does not know this table can delete destinations.
    destination = models.OneToOneField(Destination, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    secret_text = models.TextField(blank=True)  # encrypted, and bound to the destination and its place
    holder = models.CharField(max_length=32, blank=True)  # the token of the process that renews it
    held_until = models.DateTimeField(null=True)  # a process that has not finished by then has died

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        """Return the destination."""
        return f"session of {self.destination_id}"


class RefusedObject(models.Model):
    """An object for which the site's own code raises before it can be recorded; see sources/refusals.py."""

    source = models.CharField(max_length=100)
    object_pk = models.CharField(max_length=200)
    reason = models.TextField()  # names the class and the exception
    since = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(default=timezone.now)  # when it is tried again

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "object_pk"], name="syncqueue_refused_once")]

    def __str__(self) -> str:
        """Return the object."""
        return f"{self.source}:{self.object_pk}"


class SiteStamp(models.Model):
    """The identity of this database: one row, created on first use."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    site_id = models.CharField(max_length=32, default=new_token)
    environment = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        """Return the random id."""
        return self.site_id

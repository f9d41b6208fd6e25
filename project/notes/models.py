"""Notes with tags, as in a small note-taking site."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=50, unique=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class NoteQuerySet(models.QuerySet["Note"]):
    def live(self) -> "NoteQuerySet":
        """Return the notes that are not in the trash."""
        return self.filter(deleted_at=None)

    def of(self, user_id: int | None) -> "NoteQuerySet":
        return self.filter(owner_id=user_id)


class Note(models.Model):
    """A note of a user. Deleting it on the site only sets `deleted_at` (soft delete)."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes", verbose_name=_("owner")
    )
    text = models.TextField(_("text"))
    is_markdown = models.BooleanField(_("Markdown"), default=False)
    is_private = models.BooleanField(_("private"), default=False)
    tags = models.ManyToManyField(Tag, blank=True, verbose_name=_("tags"))
    publish_at = models.DateTimeField(
        _("goes out at"), null=True, blank=True, help_text=_("Copies are made then. Empty: at once.")
    )
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Copies are removed then. Empty: never.")
    )
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)
    # Indexed: the sweep of syncqueue queries the notes that changed since its last run.
    updated_at = models.DateTimeField(_("updated at"), auto_now=True, db_index=True)

    objects = NoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        first_line = self.text.strip().split("\n", 1)[0]
        return first_line if len(first_line) <= 60 else first_line[:59] + "…"

    def get_absolute_url(self) -> str:
        return reverse("note-detail", args=[self.pk])

    def soft_delete(self) -> None:
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at", "updated_at"])

    def restore(self) -> None:
        self.deleted_at = None
        self.save(update_fields=["deleted_at", "updated_at"])

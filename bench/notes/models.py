"""One model."""

from django.conf import settings
from django.db import models


class Note(models.Model):
    """A text that is synced."""

    text = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return self.text


class Plain(models.Model):
    """The same, not synced: what a save costs without us."""

    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return self.text


class Delivery(models.Model):
    """What a hand-written task knows of a note at one receiver."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE)
    url = models.CharField(max_length=200)
    is_done = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.note_id} -> {self.url}"

"""Notes."""

from django.db import models


class Note(models.Model):
    owner_id = models.IntegerField(null=True)
    text = models.TextField()
    tag = models.CharField(max_length=20, blank=True)
    is_private = models.BooleanField(default=False)
    is_draft = models.BooleanField(default=False)
    live_from = models.DateTimeField(null=True)
    live_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return self.text

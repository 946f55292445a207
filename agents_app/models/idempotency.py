"""Answers of the REST API to requests with an `Idempotency-Key`."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.models.fields import uuid7


class StoredResponse(models.Model):
    """Unique by (principal, key). `fingerprint` is a hash of method, path and body: the same key with another
    request is an error. Written in the transaction of the command it answers; `status` null: still under way."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    principal = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    http_status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = gettext_lazy("stored response")
        verbose_name_plural = gettext_lazy("stored responses")
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="agents_response_key")]

    def __str__(self) -> str:
        return self.key

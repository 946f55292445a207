"""What is known of an event handler in code, whichever process knows it."""

from django.db import models
from django.utils.translation import gettext_lazy


class EventHandler(models.Model):
    """Written once, when a process first knows the handler.

    `since`: events recorded before are not for it; null for none. `look_at`: when the events after `looked_to` are
    looked through for those written by processes that did not know it; null once that is done.
    """

    name = models.CharField(primary_key=True, max_length=200)
    since = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField()
    looked_to = models.PositiveBigIntegerField(default=0)
    look_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = gettext_lazy("event handler")
        verbose_name_plural = gettext_lazy("event handlers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

"""What an agent's code said when runs began with it, so that people can be shown what has changed since."""

from django.db import models
from django.utils.translation import gettext_lazy


class DefinitionRecord(models.Model):
    """One per definition hash. `facts` is {"v": 1, …}: everything in the hash, and the parameters of its tools.

    `seen_at` is when `migrate` last ran with it, or else when runs first began with it.
    """

    hash = models.CharField(max_length=64, primary_key=True)
    agent = models.CharField(max_length=100)
    version = models.CharField(max_length=100)
    facts = models.JSONField()
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("definition record")
        verbose_name_plural = gettext_lazy("definition records")

    def __str__(self) -> str:
        return f"{self.agent} {self.version}"

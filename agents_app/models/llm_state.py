"""What all processes share about one LLM: the state of its limits, its circuit breaker, and who waits for it."""

from django.db import models
from django.utils.translation import gettext_lazy


class LLMState(models.Model):
    """One row per LLM that has limits or has failed; made when it is first needed.

    `requests_full_at` and `tokens_full_at` say when a bucket will be full again, null: it is. `open_until` null: the
    breaker is closed. `failures` counts failures in a row. Written in short transactions of its own, never during a
    call.
    """

    name = models.CharField(max_length=200, primary_key=True)
    requests_full_at = models.DateTimeField(null=True, blank=True)
    tokens_full_at = models.DateTimeField(null=True, blank=True)
    tokens_per_call = models.FloatField(null=True, blank=True, help_text="What a call needed lately.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = gettext_lazy("LLM")
        verbose_name_plural = gettext_lazy("LLMs")
        ordering = ["name"]
        permissions = [("close_breaker", "Can let an LLM that is down be asked again")]

    def __str__(self) -> str:
        return self.name


class LLMPlace(models.Model):
    """A run's place at an LLM: it waits for its time (`claim_number` null), or its call is under way.

    What the rate allows is drawn when the place is made. A call under way counts as long as its claim holds the run,
    so that a dead worker's is free again with its lease. After `until` the place counts for nothing. `down`: it
    does not count under limits; the run waits until the LLM is up again, and comes by itself at `starts_at`.
    """

    # No foreign key: a place is forgotten by itself, and must not hold up whoever removes runs.
    run_id = models.UUIDField(primary_key=True, editable=False)
    llm = models.CharField(max_length=200)
    queued_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    until = models.DateTimeField()
    claim_number = models.PositiveIntegerField(null=True, blank=True)
    tokens = models.PositiveIntegerField(default=0, help_text="Drawn before the call.")
    down = models.BooleanField(default=False, db_default=False, help_text="It waits until the LLM is up again.")

    class Meta:
        verbose_name = gettext_lazy("place at an LLM")
        verbose_name_plural = gettext_lazy("places at LLMs")
        ordering = ["queued_at"]
        indexes = [models.Index(fields=["llm", "queued_at"], name="agents_place_llm")]

    def __str__(self) -> str:
        return f"{self.llm}: {self.run_id}"

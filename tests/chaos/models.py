"""Where the atomic tool writes: a table beside the product's, in the same database."""

from django.db import models


class Entry(models.Model):
    """One effect of one atomic call. Nothing makes it unique: a second one shall be seen."""

    run = models.UUIDField()
    key = models.CharField(max_length=200)

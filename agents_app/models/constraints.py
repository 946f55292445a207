"""Helpers to state invariants in the database."""

from collections.abc import Iterable
from enum import StrEnum

from django.db import models
from django.db.models import Q


def one_of(field: str, names: Iterable[StrEnum] | type[StrEnum], name: str) -> models.CheckConstraint:
    """The column holds only these names."""
    return models.CheckConstraint(condition=Q(**{f"{field}__in": sorted(str(each) for each in names)}), name=name)

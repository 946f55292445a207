"""Addresses in one admin site: of this app's pages, and of the team's own objects."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents_app.definitions.markers import Ref


class Links:
    """Addresses of this app's pages in one admin site."""

    def __init__(self, site: AdminSite) -> None:
        self.site = site

    def to(self, name: str, *arguments: Any) -> str:
        """One page, like `to("agentcontext_change", run_id)`."""
        return reverse(f"admin:agents_app_{name}", args=arguments, current_app=self.site.name)

    def row(self, model: str, key: Any) -> str:
        """The page of one row of this app."""
        return self.to(f"{model}_change", key)

    def anchor(self, model: str, key: Any, text: str) -> SafeString:
        """A link to the page of one row."""
        return format_html('<a href="{}">{}</a>', self.row(model, key), text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """One of the team's own objects. `url` is empty where this person may not open it in this admin."""

    text: str
    url: str = ""


def describe(site: AdminSite, request: HttpRequest, row: models.Model) -> Described:
    """An object as this person may see it: its text and page only with the permission to view it."""
    # By its name, not str(row): that may tell more than this person may know.
    unseen = Described(text=f"{row._meta.verbose_name} {row.pk}")
    model_admin = site._registry.get(type(row))
    if model_admin is None or not model_admin.has_view_permission(request, row):
        return unseen
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    try:
        return Described(text=str(row), url=reverse(name, args=[row.pk], current_app=site.name))
    except NoReverseMatch:
        return unseen


def subject_of(site: AdminSite, request: HttpRequest, type_id: int | None, key: str) -> Described | None:
    """What a run is about; None for a run about nothing."""
    if type_id is None:
        return None
    kind = ContentType.objects.get_for_id(type_id)
    model = kind.model_class()
    row = None if model is None else _first(model, "pk", key)
    return describe(site, request, row) if row is not None else Described(text=f"{kind.name} {key}")


def referred(site: AdminSite, request: HttpRequest, reference: Ref, value: Any) -> Described | None:
    """The object that an argument names, if it is there."""
    try:
        model = apps.get_model(reference.model)
    except (LookupError, ValueError):
        return None
    row = None if value in (None, "") or isinstance(value, dict | list) else _first(model, reference.field, value)
    return None if row is None else describe(site, request, row)


def _first(model: type[models.Model], field: str, value: Any) -> models.Model | None:
    try:
        return model._default_manager.filter(**{field: value}).first()
    except (FieldError, ValidationError, ValueError, TypeError, OverflowError):
        return None

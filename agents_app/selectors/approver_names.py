"""Whether what an approver rule names is there: permissions by the models, groups by the rows."""

from collections.abc import Iterable

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Group, Permission


def declared_permissions() -> set[str]:
    """All permissions that models declare, as "app.codename". Others may have been made by hand, in rows alone."""
    found: set[str] = set()
    for model in apps.get_models():
        meta = model._meta
        codenames = [get_permission_codename(action, meta) for action in meta.default_permissions]
        codenames += [codename for codename, _ in meta.permissions]
        found.update(f"{meta.app_label}.{codename}" for codename in codenames)
    return found


def missing_permissions(names: Iterable[str]) -> list[str]:
    """Those of these permissions that no model declares and that have no row either; at most one query."""
    wanted = set(names) - declared_permissions()
    if not wanted:
        return []
    named = Permission.objects.filter(codename__in={name.partition(".")[2] for name in wanted})
    rows = named.values_list("content_type__app_label", "codename")
    return sorted(wanted - {f"{app}.{codename}" for app, codename in rows})


def missing_groups(names: Iterable[str]) -> list[str]:
    """Those of these names that are no group's; one query."""
    wanted = set(names)
    there = set(Group.objects.filter(name__in=wanted).values_list("name", flat=True)) if wanted else set()
    return sorted(wanted - there)

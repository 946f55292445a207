"""Approver rules of tools that name what is not there: then nobody could ever decide."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import router
from django.db.utils import Error as DatabaseError

from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.selectors.approver_names import declared_permissions, missing_groups


@register
def check_approvers(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Resolvers and permissions, which are known without a database."""
    return [*_resolvers(), *_permissions()]


@register(Tags.database)
def check_approver_groups(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Groups are rows: asked where databases may be, by `migrate` and by `check --database …`."""
    if router.db_for_read(Group) not in (databases or ()):
        return []
    users: dict[str, list[str]] = {}
    for path, tool in _tools():
        for stage in tool.approvers.ordered():
            if stage.group:
                users.setdefault(stage.group, []).append(path)
    try:
        missing = missing_groups(users)
    except DatabaseError:
        return []  # away, or not migrated yet
    hint = "Make the group in the admin, or correct the name: until then nobody can decide on these calls."
    return [
        CheckWarning(f"There is no group “{name}”, which is to decide.", hint=hint, obj=path, id="agents_app.W161")
        for name in missing
        for path in users[name]
    ]


def _tools() -> Iterator[tuple[str, ToolSpec]]:
    for definition in registry.all():
        for tool in definition.tools.values():
            yield f"{definition.name}.{tool.name}", tool


def _resolvers() -> Iterator[CheckMessage]:
    known = ", ".join(resolvers.names()) or "none"
    hint = f"Declare it with @approver_resolver in an app's agents.py (there are: {known}), or correct the name."
    for path, tool in _tools():
        for stage in tool.approvers.ordered():
            if stage.resolver and resolvers.get(stage.resolver) is None:
                text = f"There is no approver resolver “{stage.resolver}”: nobody could decide."
                yield Error(text, hint=hint, obj=path, id="agents_app.E160")


def _permissions() -> Iterator[CheckMessage]:
    known = declared_permissions()
    hint = "Add it to Meta.permissions of a model, or correct the name; ignore this if you make its row by hand."
    for path, tool in _tools():
        named = [tool.permission, *(stage.permission for stage in tool.approvers.ordered())]
        for permission in sorted({each for each in named if each and each not in known}):
            text = f"No model declares the permission “{permission}”, which its approvers need."
            yield CheckWarning(text, hint=hint, obj=path, id="agents_app.W160")

"""Who is told of a request: those who may decide it."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest
from agents_app.selectors.people import DECIDE, hidden_from

MOST = 1_000
"""People who are told of one request."""


def approvers_of(request: ApprovalRequest) -> list[Any]:
    """The active users who may decide it now, at most MOST of them."""
    found: list[Any] = []
    for user in _candidates():
        if may_be_told(user, request):
            found.append(user)
        if len(found) == MOST:
            break
    return found


def may_be_told(user: Any, request: ApprovalRequest) -> bool:
    """Whether this person may decide the request, and so know of it."""
    return bool(user.is_active and not hidden_from(user, request.context) and may_decide(user, request).allowed)


def _candidates() -> Iterator[Any]:
    """Users with the permission to decide, by Django's own tables where the project's user has them."""
    users: Any = get_user_model()
    rows = users._default_manager.filter(is_active=True) if _has(users, "is_active") else users._default_manager.all()
    if _has(users, "user_permissions") and _has(users, "groups"):
        app, name = DECIDE.split(".")
        own = Q(user_permissions__codename=name, user_permissions__content_type__app_label=app)
        groups = Q(groups__permissions__codename=name, groups__permissions__content_type__app_label=app)
        rows = rows.filter(own | groups | Q(is_superuser=True)).distinct()
    yield from rows.order_by("pk").iterator(chunk_size=200)


def _has(users: Any, name: str) -> bool:
    return any(field.name == name for field in users._meta.get_fields())

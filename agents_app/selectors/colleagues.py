"""Whom one may mean: people to hand a request to, or to delegate to, as a form suggests them."""

from typing import Any

from django.contrib.auth import get_user_model

from agents_app.models import ApprovalRequest
from agents_app.selectors.people import deciders, name_of

SUGGESTED = 50


def colleagues_of(user: Any, request: ApprovalRequest | None = None) -> list[str]:
    """The names of some people who decide, without this one; of those a request may be handed to, by what rows say.

    Only a suggestion, by one query: the command asks who may.
    """
    users: Any = get_user_model()
    fields = {field.name for field in users._meta.get_fields()}
    if not {"user_permissions", "groups"} <= fields:
        return []  # who decides cannot be asked of the rows, and this is no list of all users
    rows = deciders().exclude(pk=user.pk)
    if request is not None and request.group:
        rows = rows.filter(groups__name=request.group)
    if request is not None and request.named:
        here = request.named_approvers.filter(stage=request.stage, round=request.round)
        rows = rows.filter(pk__in=[row.person_key for row in here])
    return [name_of(each) for each in rows.order_by(users.USERNAME_FIELD)[:SUGGESTED]]

"""The inbox of one person, at every door."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from agents_app.exceptions import InvalidInput
from agents_app.gate.approvers import Decider
from agents_app.models import ApprovalRequest
from agents_app.selectors.inbox import Desk, Tab, desk_of
from agents_app.selectors.people import pending_approvals, rows_to_judge

MOST_ASKED = 200
"""Waiting requests, due first, that backends with permissions on objects are asked about, one by one."""


def desk_for(user: Any) -> Desk:
    """What waits for this person. Where a backend knows permissions on objects, it is asked about what is due first."""
    desk = desk_of(user)
    if desk.rights is None or _django_alone():
        return desk
    needs = ~Q(permission="", stage_permission="", escalate_to="")
    doubtful = pending_approvals(user).filter(needs).exclude(desk.approvable())
    rows, person = rows_to_judge(doubtful)[:MOST_ASKED], Decider(user)
    return replace(desk, objects=frozenset(row.pk for row in rows if person.may_decide(row).allowed))


def inbox(user: Any, tab: Tab | str) -> "QuerySet[ApprovalRequest]":
    """What waits in a part of this person's inbox: `mine`, `groups` or `all`. Raises InvalidInput."""
    if tab not in list(Tab):
        raise InvalidInput(
            gettext("A part of the inbox is one of %(names)s.") % {"names": ", ".join(Tab)}, code="unknown_tab"
        )
    return desk_for(user).rows(Tab(tab))


def _django_alone() -> bool:
    return all(backend.startswith("django.contrib.auth.") for backend in settings.AUTHENTICATION_BACKENDS)

"""Who may decide on a request, found among all users in a few queries: the rule of `gate/approvers.py` as conditions on
Django's own users. A test holds both to the same answers."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.translation import gettext

from agents_app.core.status import YES_VERDICTS, Verdict
from agents_app.models import ApprovalRequest, Delegation
from agents_app.selectors.approver_names import missing_groups
from agents_app.selectors.people import VIEW_HIDDEN, deciders

TABLES = ("is_superuser", "user_permissions", "groups")
EVERYBODY = Q(pk__isnull=False)
"""Not `Q()`, which vanishes beside an alternative."""


def rows_tell() -> bool:
    """Whether the rights of people stand in Django's own tables, and nowhere else."""
    django_alone = all(backend.startswith("django.contrib.auth.") for backend in settings.AUTHENTICATION_BACKENDS)
    return django_alone and _has("is_active", *TABLES)


def holders(permission: str) -> Q:
    """The condition on users that they have this permission ("app.codename"), by Django's own tables."""
    users: Any = get_user_model()
    app, _, name = permission.partition(".")
    own = users.user_permissions.through.objects.filter(
        permission__codename=name, permission__content_type__app_label=app
    )
    groups = users.groups.through.objects.filter(
        group__permissions__codename=name, group__permissions__content_type__app_label=app
    )
    column = users.user_permissions.field.m2m_field_name()
    by_group = users.groups.field.m2m_field_name()
    return Q(is_superuser=True) | Q(pk__in=own.values(column)) | Q(pk__in=groups.values(by_group))


def approvers_of(request: ApprovalRequest) -> Any:
    """The active users who may approve it now (a queryset), where `rows_tell`."""
    rows = deciders().order_by("pk")
    if request.context.hidden_at is not None:
        rows = rows.filter(holders(VIEW_HIDDEN))
    put_to = _holds(request.permission) & (_put_to(request) | _escalated(request))
    if stand_ins := _stand_ins(request):
        put_to |= Q(pk__in=stand_ins)
    return rows.filter(put_to).exclude(pk__in=_barred(request))


def nobody_because(request: ApprovalRequest) -> str:
    """Why nobody may approve it as groups and rights are now, for people; empty if somebody may, or none can tell."""
    group, escalated = request.group, request.escalated_at is not None
    if rows_tell():
        if approvers_of(request).exists():
            return ""
    elif escalated:
        return ""
    if group and missing_groups([group]):
        text = gettext(
            "There is no group “%(group)s”, which is to decide: nobody can approve this until somebody makes the group "
            "in the admin, or corrects the rule and the call is asked about anew."
        )
        return text % {"group": group}
    if not rows_tell():
        return ""
    return gettext(
        "As groups and permissions are now, nobody may approve this: somebody has to be given what it asks for. It can "
        "still be rejected by whom it is put to, and its run be cancelled."
    )


def _has(*names: str) -> bool:
    return set(names) <= {field.name for field in get_user_model()._meta.get_fields()}


def _put_to(request: ApprovalRequest) -> Q:
    found = _holds(request.stage_permission) & _member(request.group)
    return found & Q(pk__in=_named(request)) if request.named else found


def _escalated(request: ApprovalRequest) -> Q:
    if request.escalated_at is None or not (request.escalate_to or request.escalate_to_group):
        return Q(pk__in=())
    return _holds(request.escalate_to) & _member(request.escalate_to_group)


def _named(request: ApprovalRequest) -> list[str]:
    at = (request.stage, request.round)
    return [each.person_key for each in request.named_approvers.all() if (each.stage, each.round) == at]


def _stand_ins(request: ApprovalRequest) -> list[str]:
    """The keys of those to whom somebody delegated who may decide it and has not."""
    given = list(Delegation.objects.active().values_list("giver_key", "receiver_key"))
    if not given:
        return []
    givers = {giver for giver, _ in given} - _barred(request)
    rows = deciders().filter(_holds(request.permission), _put_to(request), pk__in=givers)
    fitting = {str(key) for key in rows.values_list("pk", flat=True)}
    return [receiver for giver, receiver in given if giver in fitting]


def _barred(request: ApprovalRequest) -> set[str]:
    """The keys of those who asked for it or changed it, under four eyes, and of those who have said yes to it."""
    barred = _said_yes(request)
    if request.four_eyes:
        edits = [each for each in _present(request) if each.verdict == Verdict.EDITED]
        barred |= {request.requester_key, *(str(each.user_id) for each in edits if each.user_id is not None)}
    return barred - {""}


def _said_yes(request: ApprovalRequest) -> set[str]:
    made = [each for each in _present(request) if each.verdict in YES_VERDICTS]
    mine = {str(each.user_id) for each in made if each.user_id is not None}
    return mine | {each.on_behalf_of_key for each in made} - {""}


def _present(request: ApprovalRequest) -> list[Any]:
    """The decisions on its present arguments."""
    return [each for each in request.decisions.all() if each.round == request.round]


def _holds(permission: str) -> Q:
    return holders(permission) if permission else EVERYBODY


def _member(group: str) -> Q:
    users: Any = get_user_model()
    if not group:
        return EVERYBODY
    members = users.groups.through.objects.filter(group__name=group)
    return Q(pk__in=members.values(users.groups.field.m2m_field_name()))

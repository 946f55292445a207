"""Who may see what. Doors ask here; a rule stands once.

A person sees the runs that are theirs. Staff see others' by Django permissions: `view_agentcontext` (that the run is
there and how it stands), `view_transcript` (what was said and done), `view_sensitive` (sensitive arguments). A hidden
run is there for those with `view_hidden` alone, who need these permissions, too.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F, Prefetch, Q
from django.utils.translation import gettext

from agents_app.core.internal import INTERNAL_AGENTS, is_internal
from agents_app.core.status import ApprovalStatus
from agents_app.exceptions import NotPermitted
from agents_app.models import AgentContext, AgentSession, ApprovalRequest, Decision, InputRequest, ToolCall

VIEW_RUN = "agents_app.view_agentcontext"
VIEW_TRANSCRIPT = "agents_app.view_transcript"
VIEW_SENSITIVE = "agents_app.view_sensitive"
VIEW_APPROVAL = "agents_app.view_approvalrequest"
VIEW_INPUT = "agents_app.view_inputrequest"
VIEW_SESSION = "agents_app.view_agentsession"
DECIDE = "agents_app.decide_approvalrequest"
MANAGE_DELEGATIONS = "agents_app.manage_delegation"
SETTLE = "agents_app.settle_toolcall"
ANSWER = "agents_app.answer_inputrequest"
VIEW_BUDGET = "agents_app.view_agentbudget"
CHANGE_BUDGET = "agents_app.change_agentbudget"
CONTROL = "agents_app.control_run"
START = "agents_app.start_run"
HIDE = "agents_app.hide_run"
VIEW_HIDDEN = "agents_app.view_hidden"
ERASE = "agents_app.erase_user"
EXPORT = "agents_app.export_audit"

DUE_FIRST = (F("expires_at").asc(nulls_last=True), "created_at", "pk")
"""The order of approval requests: what expires soonest, then what has waited longest."""


def name_of(user: Any) -> str:
    """The name that records keep of a person, also after the person is deleted."""
    if user is None or not getattr(user, "is_authenticated", False):
        return ""
    return str(user.get_username())[:200]


def user_with(key: Any) -> Any:
    """The user of this primary key, read where the users are, which may be another database than that of the row which
    names them: no join finds them there. None for None, and for somebody who is gone."""
    return None if key is None else get_user_model()._base_manager.filter(pk=key).first()


def user_named(name: str) -> Any:
    """The user of this name (whatever the project logs in with), None if there is none."""
    users: Any = get_user_model()
    return users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()


def deciders() -> Any:
    """Active users with the permission to decide: see `active_holders`."""
    return active_holders(DECIDE)


def active_holders(permission: str) -> Any:
    """Active users with this permission (a queryset), by Django's own tables; all where the project's user has none of
    those."""
    users: Any = get_user_model()
    fields = {field.name for field in users._meta.get_fields()}
    rows = users._default_manager.filter(is_active=True) if "is_active" in fields else users._default_manager.all()
    if {"user_permissions", "groups"} <= fields:
        app, name = permission.split(".")
        own = Q(user_permissions__codename=name, user_permissions__content_type__app_label=app)
        groups = Q(groups__permissions__codename=name, groups__permissions__content_type__app_label=app)
        superuser = Q(is_superuser=True) if "is_superuser" in fields else Q()
        rows = rows.filter(own | groups | superuser).distinct()
    return rows


def owns(user: Any, context: AgentContext) -> bool:
    """Whether the run is this person's. Internal runs are of the user whose memory they see to, and staff's."""
    return user.pk is not None and context.user_id == user.pk and not is_internal(context.agent)


def hidden_from(user: Any, context: AgentContext) -> bool:
    """Whether the run is hidden, and this person may not see hidden ones."""
    return context.hidden_at is not None and not user.has_perm(VIEW_HIDDEN)


def may_view_run(user: Any, context: AgentContext) -> bool:
    """Whether this person may know of the run at all."""
    return user.is_active and (owns(user, context) or user.has_perm(VIEW_RUN)) and not hidden_from(user, context)


def may_view_transcript(user: Any, context: AgentContext) -> bool:
    """Whether this person may read what was said and done in the run."""
    may = user.is_active and (owns(user, context) or user.has_perm(VIEW_TRANSCRIPT))
    return may and not hidden_from(user, context)


def may_view_sensitive(user: Any) -> bool:
    """Whether this person may see sensitive arguments."""
    return bool(user.is_active and user.has_perm(VIEW_SENSITIVE))


def may_read_call(user: Any, call: ToolCall) -> bool:
    """Whether this person may read a call's arguments and result: who settles outcomes must."""
    return may_view_transcript(user, call.context) or may_settle(user, call)


def may_read_approval(user: Any, request: ApprovalRequest) -> bool:
    """Whether this person may read what an approval request is about: who decides must."""
    return bool(may_view_transcript(user, request.context) or (user.is_active and user.has_perm(DECIDE)))


def may_read_input(user: Any, request: InputRequest) -> bool:
    """Whether this person may read a question and its answer: who answers must."""
    return may_view_transcript(user, request.context) or may_answer(user, request.context)


def may_start(user: Any) -> bool:
    """Whether this person may start runs of their own."""
    return bool(user.is_active and user.has_perm(START))


def may_start_for(user: Any, other: Any) -> bool:
    """Whether this person may start runs of somebody else."""
    return may_start(user) and (user.pk == other.pk or user.has_perm(CONTROL))


def may_export(user: Any) -> bool:
    """Whether this person may take away decisions with their reasons and arguments, and see anchors."""
    return bool(user.is_active and user.has_perm(EXPORT))


def may_view_agents(user: Any) -> bool:
    """Whether this person may read what agents there are: who starts, watches or decides."""
    return bool(user.is_active and any(user.has_perm(permission) for permission in (START, VIEW_RUN, DECIDE)))


def may_control(user: Any, context: AgentContext) -> bool:
    """Whether this person may pause, resume and retry the run (owners may only cancel theirs)."""
    return user.is_active and may_view_run(user, context) and user.has_perm(CONTROL)


def may_cancel(user: Any, context: AgentContext) -> bool:
    """Whether this person may cancel the run."""
    return user.is_active and (owns(user, context) or may_control(user, context))


def may_answer(user: Any, context: AgentContext) -> bool:
    """Whether this person may answer the run's questions."""
    return user.is_active and (owns(user, context) or user.has_perm(ANSWER))


def may_settle(user: Any, call: ToolCall) -> bool:
    """Whether this person may say what became of a call of unknown outcome."""
    return bool(user.is_active and user.has_perm(SETTLE))


def not_hidden(rows: Any, user: Any, path: str = "") -> Any:
    """These rows without those of runs that are hidden from this person. path: from a row to its run."""
    return rows if user.has_perm(VIEW_HIDDEN) else unhidden(rows, path)


def unhidden(rows: Any, path: str = "") -> Any:
    """These rows without those of hidden runs."""
    return rows.filter(**{f"{path}hidden_at__isnull": True})


def their_own(rows: Any, user: Any, path: str = "") -> Any:
    """Those of the rows that are of this person's runs. path: from a row to its run."""
    return rows.filter(**{f"{path}user_id": user.pk}).exclude(**{f"{path}agent__in": INTERNAL_AGENTS})


def visible_runs(user: Any) -> Any:
    """The runs this person may know of (a queryset)."""
    runs = AgentContext.objects.select_related("details", "session")
    if not user.is_active:
        return runs.none()
    runs = not_hidden(runs, user)
    return runs if user.has_perm(VIEW_RUN) else their_own(runs, user)


def visible_sessions(user: Any) -> Any:
    """The sessions this person may know of (a queryset)."""
    sessions = AgentSession.objects.all()
    if not user.is_active:
        return sessions.none()
    return sessions if user.has_perm(VIEW_SESSION) else sessions.filter(user_id=user.pk)


def visible_approvals(user: Any) -> Any:
    """The approval requests this person may know of (a queryset): deciders see all, others those of their runs."""
    requests = approvals_and_runs()
    if not user.is_active:
        return requests.none()
    requests = not_hidden(requests, user, "context__")
    return requests if knows_approvals(user) else their_own(requests, user, "context__")


def approvals_and_runs() -> Any:
    """All requests, each with its call, its run and the run's details (a queryset)."""
    return ApprovalRequest.objects.select_related("call", "context", "context__details")


def knows_approvals(user: Any) -> bool:
    """Whether this person may know of the requests of other people's runs."""
    return bool(user.is_active and (user.has_perm(DECIDE) or user.has_perm(VIEW_APPROVAL)))


def visible_inputs(user: Any) -> Any:
    """The input requests this person may know of (a queryset)."""
    requests = InputRequest.objects.select_related("context", "context__details", "step")
    if not user.is_active:
        return requests.none()
    requests = not_hidden(requests, user, "context__")
    if user.has_perm(ANSWER) or user.has_perm(VIEW_INPUT):
        return requests
    return their_own(requests, user, "context__")


def visible_calls(user: Any) -> Any:
    """The tool calls this person may know of (a queryset): of the runs they may know of, and who settles knows of all.

    What is in them is for those of `may_read_call`.
    """
    calls = ToolCall.objects.select_related("context", "context__details", "step")
    if not user.is_active:
        return calls.none()
    calls = not_hidden(calls, user, "context__")
    if user.has_perm(VIEW_RUN) or user.has_perm(SETTLE):
        return calls
    return their_own(calls, user, "context__")


def may_watch_inbox(user: Any) -> bool:
    """Whether this person is told of approval requests."""
    return knows_approvals(user)


def pending_approvals(user: Any) -> Any:
    """Requests that wait for a decision and that this person may know of, due first (a queryset)."""
    return visible_approvals(user).filter(Q(status=ApprovalStatus.PENDING)).order_by(*DUE_FIRST)


def rows_to_judge(requests: Any) -> Any:
    """A queryset of approval requests with all that is asked of each to say who may decide it: the statements do not
    grow with the rows. Without the words of decisions, which may be long."""
    slim = Decision.objects.defer("reason", "arguments", "arguments_before")
    return requests.prefetch_related(Prefetch("decisions", slim), "named_approvers")


def lacking(permission: str, *others: str) -> NotPermitted:
    """The refusal of somebody who does not have this permission, which is the `rule` that doors name.

    others: permissions of which any would do as well.
    """
    text = gettext("This needs the permission %(permission)s.") % {"permission": permission}
    if others:
        names = ", ".join([permission, *others])
        text = gettext("This needs one of these permissions: %(permissions)s.") % {"permissions": names}
    return NotPermitted(text, rule=permission)

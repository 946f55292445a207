"""What lists can be narrowed to. A value that cannot be is an error, not an empty list."""

from enum import StrEnum
from typing import Any

import django_filters as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from agents_app.core.budgets import Period
from agents_app.core.internal import INTERNAL_AGENTS
from agents_app.core.memory import MemoryOrigin
from agents_app.core.risk import Risk
from agents_app.core.status import ENDED, ApprovalStatus, InputStatus, RunStatus, ToolCallStatus
from agents_app.models import (
    AgentBudget,
    AgentContext,
    AgentSession,
    ApprovalRequest,
    ArchivedRun,
    Delegation,
    Entity,
    Fact,
    InputRequest,
    Notification,
    NotificationState,
    ToolCall,
)
from agents_app.models.context import WAITS_FOR_SLOT
from agents_app.selectors.inbox import Tab
from agents_app.selectors.people import user_named
from agents_app.selectors.subjects import split_subject
from agents_app.services.inbox import desk_for


def _choices(names: type[StrEnum]) -> list[tuple[str, str]]:
    return [(name.value, name.value) for name in names]


def _of_user(rows: Any, name: str) -> Any:
    # Asked for apart: the users may be in another database.
    user = user_named(name)
    return rows.none() if user is None else rows.filter(user_id=user.pk)


class RunFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Runs."""

    agent = filters.CharFilter()
    status = filters.MultipleChoiceFilter(choices=_choices(RunStatus))
    ended = filters.BooleanFilter(method="by_end")
    session = filters.CharFilter(field_name="session__key", help_text="The key of the session.")
    session_id = filters.UUIDFilter()
    subject = filters.CharFilter(method="by_subject")
    user = filters.CharFilter(method="by_user")
    waits_for_slot = filters.BooleanFilter(method="by_slot")
    internal = filters.BooleanFilter(method="by_work")

    class Meta:
        model = AgentContext
        fields: list[str] = []

    @extend_schema_field(OpenApiTypes.BOOL)
    def by_end(self, rows: Any, name: str, value: bool) -> Any:
        return rows.filter(status__in=ENDED) if value else rows.exclude(status__in=ENDED)

    @extend_schema_field({"type": "boolean", "description": "Whether it waits for a free slot under a limit."})
    def by_slot(self, rows: Any, name: str, value: bool) -> Any:
        return rows.filter(WAITS_FOR_SLOT) if value else rows.exclude(WAITS_FOR_SLOT)

    @extend_schema_field(
        {"type": "boolean", "description": "Whether it does memory's own work, which staff alone see."}
    )
    def by_work(self, rows: Any, name: str, value: bool) -> Any:
        return rows.filter(agent__in=INTERNAL_AGENTS) if value else rows.exclude(agent__in=INTERNAL_AGENTS)

    @extend_schema_field({"type": "string", "description": "The object it is about: app.model:key."})
    def by_subject(self, rows: Any, name: str, value: str) -> Any:
        kind, key = split_subject(value)
        return rows.filter(details__subject_type_id=kind.pk, details__subject_id=key)

    @extend_schema_field({"type": "string", "description": "The name of the user whose run it is."})
    def by_user(self, rows: Any, name: str, value: str) -> Any:
        return _of_user(rows, value)


class ArchivedRunFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Archived runs."""

    agent = filters.CharFilter()
    status = filters.MultipleChoiceFilter(choices=_choices(RunStatus))
    user = filters.CharFilter(method="by_user")

    class Meta:
        model = ArchivedRun
        fields: list[str] = []

    @extend_schema_field({"type": "string", "description": "The name of the user whose run it is."})
    def by_user(self, rows: Any, name: str, value: str) -> Any:
        return _of_user(rows, value)


class BudgetFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Budgets."""

    run = filters.UUIDFilter(field_name="context_id")
    session_id = filters.UUIDFilter()
    user = filters.CharFilter(method="by_user")
    period = filters.ChoiceFilter(choices=_choices(Period))

    class Meta:
        model = AgentBudget
        fields: list[str] = []

    @extend_schema_field({"type": "string", "description": "The name of the user."})
    def by_user(self, rows: Any, name: str, value: str) -> Any:
        return _of_user(rows, value)


class OfRuns(filters.FilterSet):  # type: ignore[misc]  # untyped
    """What belongs to runs."""

    run = filters.UUIDFilter(field_name="context_id")
    agent = filters.CharFilter(field_name="context__agent")


class ToolCallFilter(OfRuns):
    """Tool calls."""

    status = filters.MultipleChoiceFilter(choices=_choices(ToolCallStatus))
    tool = filters.CharFilter()

    class Meta:
        model = ToolCall
        fields: list[str] = []


class ApprovalFilter(OfRuns):
    """Approval requests."""

    status = filters.MultipleChoiceFilter(choices=_choices(ApprovalStatus))
    tool = filters.CharFilter(field_name="call__tool")
    risk = filters.MultipleChoiceFilter(choices=_choices(Risk))
    requester = filters.CharFilter(field_name="requester_name", help_text="The name of who asked for it.")
    tab = filters.ChoiceFilter(choices=_choices(Tab), method="by_tab")

    class Meta:
        model = ApprovalRequest
        fields: list[str] = []

    @extend_schema_field(
        {
            "type": "string",
            "enum": [tab.value for tab in Tab],
            "description": "What waits: `mine` to approve, put to my `groups`, or `all` that I may know of.",
        }
    )
    def by_tab(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(desk_for(self.request.user).within(Tab(value)))


class InputFilter(OfRuns):
    """Input requests."""

    status = filters.MultipleChoiceFilter(choices=_choices(InputStatus))

    class Meta:
        model = InputRequest
        fields: list[str] = []


class SessionFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Sessions."""

    key = filters.CharFilter()
    agent = filters.CharFilter()

    class Meta:
        model = AgentSession
        fields: list[str] = []


class DelegationFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Delegations."""

    active = filters.BooleanFilter(method="by_activity", label="Only those that hold now; false: only others.")

    class Meta:
        model = Delegation
        fields: list[str] = []

    @extend_schema_field({"type": "boolean", "description": "Whether it holds now."})
    def by_activity(self, rows: Any, name: str, value: bool) -> Any:
        active = Delegation.objects.active().values("pk")
        return rows.filter(pk__in=active) if value else rows.exclude(pk__in=active)


class NotificationFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """Notifications."""

    run = filters.UUIDFilter(field_name="context_id")
    state = filters.MultipleChoiceFilter(choices=_choices(NotificationState))
    channel = filters.CharFilter()

    class Meta:
        model = Notification
        fields: list[str] = []


class _Remembered(filters.FilterSet):  # type: ignore[misc]  # untyped
    """What facts and entities have in common."""

    user = filters.CharFilter(method="by_user")
    session = filters.UUIDFilter(field_name="session_id", help_text="The id of the session it is kept for alone.")
    origin = filters.MultipleChoiceFilter(choices=_choices(MemoryOrigin))
    counts = filters.BooleanFilter(method="by_standing")

    @extend_schema_field({"type": "string", "description": "The name of the user whose it is."})
    def by_user(self, rows: Any, name: str, value: str) -> Any:
        user = user_named(value)
        return rows.none() if user is None else rows.filter(user_key=str(user.pk))

    @extend_schema_field({"type": "boolean", "description": "Whether it counts now."})
    def by_standing(self, rows: Any, name: str, value: bool) -> Any:
        live = rows.model._default_manager.live().values("pk")
        return rows.filter(pk__in=live) if value else rows.exclude(pk__in=live)


class FactFilter(_Remembered):
    """Facts."""

    key = filters.CharFilter()

    class Meta:
        model = Fact
        fields: list[str] = []


class EntityFilter(_Remembered):
    """Entities."""

    type = filters.CharFilter()

    class Meta:
        model = Entity
        fields: list[str] = []

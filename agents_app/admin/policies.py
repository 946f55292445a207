"""Policies: rules that staff make and change here, with a question to the engine what it would answer."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.approver_rows import ApproversField
from agents_app.admin.columns import column
from agents_app.admin.condition_rows import ConditionRows, conditions_from
from agents_app.admin.displays import plain
from agents_app.admin.grants import where_of
from agents_app.admin.links import Links
from agents_app.admin.refusing import NamesTheRule
from agents_app.core.json_paths import Kind, Schema, fields_of
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError
from agents_app.models import ApprovalPolicy
from agents_app.models.kill_switch import described
from agents_app.selectors.people import lacking
from agents_app.selectors.rules import rule_of
from agents_app.selectors.runs import is_id
from agents_app.selectors.switches import ADD_POLICY, CHANGE_POLICY, DELETE_POLICY, VIEW_POLICY
from agents_app.services import delete_policy, explain_call, policy_problems, save_policy

ANSWERS: list[tuple[str, Any]] = [
    ("ask", gettext_lazy("Ask a person")),
    ("deny", gettext_lazy("Deny")),
    ("allow", gettext_lazy("Allow")),
]


KINDS = {
    Kind.NUMBER: gettext_lazy("number"),
    Kind.TEXT: gettext_lazy("text"),
    Kind.BOOLEAN: gettext_lazy("yes or no"),
    Kind.DATE: gettext_lazy("date"),
    Kind.MOMENT: gettext_lazy("moment"),
    Kind.TIME: gettext_lazy("time"),
    Kind.UUID: gettext_lazy("UUID"),
    Kind.LIST: gettext_lazy("list"),
    Kind.OBJECT: gettext_lazy("object"),
    Kind.ANY: gettext_lazy("anything"),
}


def tools_of(agent: str, tool: str) -> list[tuple[str, ToolSpec]]:
    """The tools that these names mean, each with its agent's name; empty names mean all."""
    return [
        (definition.name, spec)
        for definition in registry.all()
        if agent in ("", definition.name)
        for name, spec in definition.tools.items()
        if tool in ("", name)
    ]


def _kinds(kinds: Iterable[Kind]) -> str:
    return ", ".join(sorted(str(KINDS[kind]) for kind in kinds))


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Agent and tool are chosen, conditions are rows."""

    agent = forms.ChoiceField(required=False, label=gettext_lazy("Agent"))
    tool = forms.ChoiceField(required=False, label=gettext_lazy("Tool"))
    answer = forms.ChoiceField(choices=ANSWERS, label=gettext_lazy("Answer"))
    conditions = forms.Field(
        label=gettext_lazy("Conditions"),
        required=False,
        widget=ConditionRows,
        help_text=gettext_lazy(
            "All must hold. Several values are separated by commas; dates are written like 2026-01-31."
        ),
    )
    approvers = ApproversField(
        label=gettext_lazy("Approvers"),
        required=False,
        help_text=gettext_lazy(
            "Who may decide, if not as the tool says; all that stands in a row must hold. Several rows are stages, one "
            "after the other. Without any row it is as the tool says."
        ),
    )
    try_arguments = forms.CharField(
        required=False,
        label=gettext_lazy("Arguments"),
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "spellcheck": "false"}),
        help_text=gettext_lazy("As JSON. Nothing is called but the tool's own rule."),
    )

    class Meta:
        model = ApprovalPolicy
        fields = [
            *("name", "active", "agent", "tool", "conditions", "answer", "reason", "approvers", "priority"),
            *("valid_from", "valid_until"),
        ]
        labels = {
            "name": gettext_lazy("Name"),
            "active": gettext_lazy("Active"),
            "reason": gettext_lazy("Reason"),
            "priority": gettext_lazy("Priority"),
            "valid_from": gettext_lazy("Valid from"),
            "valid_until": gettext_lazy("Valid until"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = tools_of("", "")
        agents, tools = sorted({agent for agent, _ in every}), sorted({spec.name for _, spec in every})
        if "agent" not in self.fields:
            return  # who may only look has no fields
        for name in ("valid_from", "valid_until"):
            # Of the admin's two inputs in one field neither has a label of its own.
            parts = zip(
                getattr(self.fields[name].widget, "widgets", ()), (gettext("date"), gettext("time")), strict=False
            )
            for part, word in parts:
                part.attrs["aria-label"] = f"{self.fields[name].label}: {word}"
        self._choose("agent", gettext("All agents"), agents)
        self._choose("tool", gettext("All tools"), tools)
        found = dict[str, str]()
        for _, spec in tools_of(self._now("agent"), self._now("tool")):
            for field in fields_of(spec.parameters):
                named = {"field": field.path, "kinds": _kinds(field.place.kinds), "tool": spec.name}
                found.setdefault(field.path, gettext("%(field)s (%(kinds)s) of %(tool)s") % named)
        self.rows.paths = list(found.items())

    @property
    def rows(self) -> ConditionRows:
        """The widget of the conditions."""
        widget: Any = self.fields["conditions"].widget
        return widget  # type: ignore[no-any-return]

    def _now(self, name: str) -> str:
        return str((self.data.get(name) if self.is_bound else getattr(self.instance, name)) or "")

    def _choose(self, name: str, everything: str, names: list[str]) -> None:
        known: Any = self.fields[name]
        stored = getattr(self.instance, name)
        gone = (
            [(stored, gettext("%(stored)s (is not there)") % {"stored": stored})]
            if stored and stored not in names
            else []
        )
        known.choices = [("", everything), *gone, *((each, each) for each in names)]

    def clean_conditions(self) -> list[dict[str, Any]]:
        """As they are stored."""
        schemas: list[Schema] = [spec.parameters for _, spec in tools_of(self._now("agent"), self._now("tool"))]
        return conditions_from(self.cleaned_data["conditions"] or [], schemas)

    def _post_clean(self) -> None:
        """Whatever the service would refuse is told at its field."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        for problem in policy_problems(self.instance):
            text = problem.message
            if problem.index is not None:
                self.rows.wrong.setdefault(problem.index, []).append(text)
                text = gettext("Condition %(number)s: %(text)s") % {"number": problem.index + 1, "text": text}
            self.add_error(problem.field if problem.field in self.fields else None, text)


class AnswerFilter(admin.SimpleListFilter):
    """By what they answer."""

    title = gettext_lazy("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return ANSWERS

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(answer=self.value()) if self.value() else queryset


class ActiveFilter(admin.SimpleListFilter):
    """By whether they count."""

    title = gettext_lazy("active")
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("Yes")), ("0", gettext_lazy("No"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(active=self.value() == "1") if self.value() else queryset


class ApprovalPolicyAdmin(NamesTheRule):
    """Django's own pages, for those with the permissions of the model. What is stored goes through the service."""

    seen_with = (VIEW_POLICY, CHANGE_POLICY)
    done_with = {"add": (ADD_POLICY,), "change": (CHANGE_POLICY,), "delete": (DELETE_POLICY,)}
    form = PolicyForm
    change_form_template = "agents_app/policy.html"
    list_display = [
        column("name", gettext_lazy("name")),
        "about",
        "what_answer",
        column("priority", gettext_lazy("priority")),
        column("active", gettext_lazy("active"), boolean=True),
        "fits",
        column("updated_by", gettext_lazy("updated by")),
        column("updated_at", gettext_lazy("updated")),
    ]
    list_filter = [AnswerFilter, ActiveFilter]
    search_fields = ["name", "agent", "tool"]
    ordering = ["name"]
    readonly_fields = ("made_by", "made_at", "updated_by", "updated_at")
    fieldsets = (
        (None, {"fields": ["name", "active"]}),
        (gettext_lazy("Which calls"), {"fields": ["agent", "tool", "conditions"]}),
        (gettext_lazy("What becomes of them"), {"fields": ["answer", "reason", "approvers", "priority"]}),
        (gettext_lazy("When it counts"), {"fields": ["valid_from", "valid_until"]}),
        (gettext_lazy("Try it"), {"fields": ["try_arguments"]}),
    )

    class Media:
        css = {"all": ["agents_app/admin.css"]}
        js = ["agents_app/times.js", "agents_app/lists.js"]

    def get_urls(self) -> list[URLPattern]:
        own = path("try/", self.admin_site.admin_view(self.try_view), name="agents_app_approvalpolicy_try")
        return [own, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return [(None, {"fields": [*self.form.Meta.fields, *self.readonly_fields]})]

    def save_model(self, request: HttpRequest, obj: ApprovalPolicy, form: Any, change: bool) -> None:
        """Through the service, which asks for the permission and checks again."""
        values = {name: getattr(obj, name) for name in PolicyForm.Meta.fields}
        stored = save_policy(values, by=request.user, policy_id=obj.pk if change else None)
        obj.pk, obj.made_at, obj.updated_at = stored.pk, stored.made_at, stored.updated_at
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: ApprovalPolicy) -> None:
        """Through the service."""
        delete_policy(obj.pk, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Through the service."""
        for key in list(queryset.values_list("pk", flat=True)):
            delete_policy(key, by=request.user)

    # The service notes in Django's log what was done, for all doors.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Noted by the service."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Noted by the service."""

    def log_deletion(self, request: HttpRequest, obj: Any, object_repr: Any) -> None:
        """Noted by the service."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Noted by the service."""

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """What the engine answers, with the policy as it stands in the form and all others beside it."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise lacking(CHANGE_POLICY, ADD_POLICY)
        if request.method != "POST":  # somebody followed the address, which holds nothing to try
            return redirect(Links(self.admin_site).to("approvalpolicy_changelist"))
        key = request.POST.get("policy", "")
        stored = ApprovalPolicy.objects.filter(pk=key).first() if is_id(key) else None
        form = PolicyForm(request.POST, instance=stored)
        context: dict[str, Any] = {"title": gettext("Try it"), "opts": self.opts, "media": self.media, "form": form}
        if form.is_valid():
            context |= self._tried(request, form)
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "agents_app/try.html", {**self.admin_site.each_context(request), **context})

    def _tried(self, request: HttpRequest, form: PolicyForm) -> dict[str, Any]:
        draft = rule_of(form.instance)
        try:
            arguments = json.loads(form.cleaned_data["try_arguments"] or "{}")
        except (ValueError, RecursionError):
            return {"problem": gettext("The arguments are not valid JSON.")}
        tools = tools_of(draft.agent, draft.tool)
        if not draft.tool or not tools:
            return {"problem": gettext("Choose the tool that is called.")}
        agent = draft.agent or tools[0][0]
        try:
            found = explain_call(agent, draft.tool, arguments, by=request.user, draft=draft)
        except AgentsError as error:
            return {"problem": gettext(error.message)}
        words = {str(answer): label for answer, label in ANSWERS}
        rulings = [(words[str(each.answer)], each.rule, each.reason) for each in found.rulings]
        shown = {"answer": words[str(found.answer)], "rulings": rulings}
        links = Links(self.admin_site)
        shown["granted"] = [
            (links.anchor("standinggrant", row.pk, str(row)), row.owner_name, where_of(row)) for row in found.grants
        ]
        return {"found": found, "agent": agent, "tool": draft.tool, "arguments": plain(arguments), **shown}

    @admin.display(description=gettext_lazy("answer"), ordering="answer")
    def what_answer(self, row: ApprovalPolicy) -> Any:
        return dict(ANSWERS)[row.answer]

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: ApprovalPolicy) -> str:
        return described(row.agent, row.tool)

    @admin.display(description=gettext_lazy("fits the tools"), boolean=True)
    def fits(self, row: ApprovalPolicy) -> bool:
        return not policy_problems(row)

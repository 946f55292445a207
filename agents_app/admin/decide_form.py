"""What an approver is shown of a request, and the form on which they decide."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from agents_app.admin.blocks import SHOWN_AT_MOST, Block, Difference, amounts_inside, block, differences, is_plain
from agents_app.admin.displays import EFFECTS, inline, plain
from agents_app.admin.links import Described, referred
from agents_app.admin.origins import ArgumentOrigin, shown_origins
from agents_app.admin.revealed import revealed, warnings_about
from agents_app.admin.schema_fields import lines
from agents_app.admin.schema_form import Row, SchemaForm
from agents_app.core.status import ApprovalStatus, Effect, Verdict
from agents_app.definitions.registry import tool_now
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, InvalidArguments
from agents_app.models import ApprovalRequest
from agents_app.selectors.people import may_view_sensitive, may_view_transcript
from agents_app.selectors.transcript import TranscriptRows, arguments_of, hides_something
from agents_app.services.amounts import currencies_of_call, with_amounts
from agents_app.services.approvals import Decider
from agents_app.services.argument_origins import rows_before

AMOUNTS_SHOWN = 30
"""Of one value."""
LONGEST_EDITED = 20_000
"""Characters of a value that a form takes; a longer one is shown, and stays as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownArgument:
    """One argument on the page, with the objects that it names. `readable`: its value, amounts as people read them."""

    row: Row
    readable: Any
    objects: tuple[Described, ...]
    origins: tuple[ArgumentOrigin, ...] = ()

    @property
    def odd(self) -> list[Promise]:
        """What is deceptive about the value."""
        return warnings_about(self.row.stored)

    @property
    def shown(self) -> SafeString:
        """The value as HTML, in one line if nothing is inside of it, with what is odd in it made visible."""
        row = self.row
        text = row.value if row.hidden else lines((inline if is_plain(self.readable) else plain)(self.readable))
        return revealed(text[:SHOWN_AT_MOST])

    @property
    def amounts(self) -> list[tuple[SafeString, SafeString]]:
        """Those inside of an object or a list, which its field shows as they are stored."""
        if self.row.hidden or not isinstance(self.row.stored, dict | list):
            return []
        found = amounts_inside(self.row.stored, self.readable)[:AMOUNTS_SHOWN]
        return [(revealed(label), revealed(amount)) for label, amount in found]

    @property
    def revealed(self) -> SafeString:
        """The value as HTML, with what is odd in it made visible."""
        return revealed(plain(self.row.stored)[:SHOWN_AT_MOST])

    @property
    def whole(self) -> Block:
        """The value, folded where it is long."""
        return block(f"argument-{self.row.name}", self.row.label, self.readable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Other arguments than the LLM's. `key` names this very edit: it is confirmed after its differences were shown."""

    arguments: dict[str, Any]
    differences: tuple[Difference, ...]
    key: str


@dataclass(frozen=True, kw_only=True)
class Decidable:
    """A request as this person may see and decide it. `form` is None where the arguments cannot be edited.

    allowed: to reject it, at least. forbidden: why it may not be approved.
    """

    site: AdminSite
    request: HttpRequest
    approval: ApprovalRequest
    readable: bool
    allowed: bool
    may_approve: bool
    forbidden: str
    tool: ToolSpec | None
    form: SchemaForm | None
    in_stead_of: str = ""
    """The name of who has delegated the decision to this person, if they may decide by that alone."""

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.approval.status == ApprovalStatus.PENDING

    @property
    def arguments(self) -> list[ShownArgument]:
        """The form's rows with what they refer to."""
        if self.form is None:
            return []
        origins, readable = self.origins, with_amounts(self.form.values, self.currencies)
        return [
            ShownArgument(
                row=row,
                readable=readable.get(row.name),
                objects=self._objects(row),
                origins=tuple(origins.get(row.name, ())),
            )
            for row in self.form.rows()
        ]

    @cached_property
    def currencies(self) -> Mapping[str, str]:
        """Those of the call's amounts, by place."""
        return currencies_of_call(self.approval.context.agent, self.approval.call)

    @cached_property
    def before(self) -> TranscriptRows:
        """What had been said and done when the LLM proposed the call."""
        return rows_before(self.approval.call)

    @cached_property
    def origins(self) -> dict[str, list[ArgumentOrigin]]:
        """By argument, where it came from."""
        if not self.readable:
            return {}
        user, call = self.request.user, self.approval.call
        quote = may_view_transcript(user, self.approval.context)
        return shown_origins(call, self.before, quote=quote)

    @cached_property
    def edit(self) -> "Edit | None":
        """What was typed, if it is an edit that can be made; None without one."""
        changed = self.form.edited() if self.form is not None and self.form.is_valid() else None
        if changed is None or self.form is None:
            return None
        text = json.dumps(changed, sort_keys=True, default=str)
        return Edit(
            arguments=changed,
            differences=differences(self.form.values, changed, self.currencies),
            key=salted_hmac("agents_app.edit", f"{self.approval.call.digest}:{text}").hexdigest()[:32],
        )

    def _objects(self, row: Row) -> tuple[Described, ...]:
        found = (referred(self.site, self.request, marker, value) for marker, value in row.references)
        return tuple(item for item in found if item is not None)

    def fitting(self) -> dict[str, Any] | None:
        """All arguments as they were typed; None if they do not fit the tool."""
        if self.form is None or self.tool is None or not self.form.is_valid():
            return None
        arguments = {**self.form.values, **self.form.cleaned_data}
        try:
            self.tool.validate(arguments)
        except InvalidArguments:
            return None
        return arguments

    @property
    def raw(self) -> Block | None:
        """The arguments as they are stored, where there is no form for them."""
        if not self.readable or self.form is not None:
            return None
        call = self.approval.call
        values = arguments_of(call, sensitive=may_view_sensitive(self.request.user))
        return block("arguments", gettext("Arguments"), values, self.currencies)

    @property
    def effect(self) -> str:
        """What repeating the call would do, in words."""
        return str(EFFECTS[Effect(self.approval.call.effect)])

    @property
    def changed_code(self) -> bool:
        """Whether the tool is gone or no longer asks for the same arguments."""
        return self.tool is None or self.tool.schema_hash != self.approval.call.schema_hash


def decidable(site: AdminSite, request: HttpRequest, approval: ApprovalRequest, data: QueryDict | None) -> Decidable:
    """Read what the page of a request needs. Who may decide a call may read its arguments: nobody decides blindly."""
    user = request.user
    person = Decider(user)
    permission = person.may_decide(approval, Verdict.REJECTED)
    approving = person.may_decide(approval) if permission.allowed else permission
    readable = permission.allowed or may_view_transcript(user, approval.context)
    tool = tool_now(approval.context.agent, approval.call.tool)
    return Decidable(
        site=site,
        request=request,
        approval=approval,
        readable=readable,
        allowed=permission.allowed,
        forbidden=approving.reason,
        may_approve=approving.allowed,
        tool=tool,
        form=_form(user, approval, tool, data) if readable else None,
        in_stead_of=permission.on_behalf_of.name if permission.on_behalf_of else "",
    )


def _form(user: Any, approval: ApprovalRequest, tool: ToolSpec | None, data: QueryDict | None) -> SchemaForm | None:
    call = approval.call
    if tool is None or tool.schema_hash != call.schema_hash:
        return None
    # Opened also for those who may not see what is hidden: an edit of another argument must keep it.
    values = arguments_of(call, sensitive=True)
    if hides_something(call, sensitive=True) or not isinstance(values, dict):
        return None
    hidden = () if may_view_sensitive(user) else tool.sensitive
    kept = [name for name, value in values.items() if len(plain(value)) > LONGEST_EDITED]
    return SchemaForm(tool.parameters, values, data=data, hidden=hidden, kept=kept, markers=tool.markers)


def put_on_form(form: SchemaForm | None, error: AgentsError) -> bool:
    """Show an error at the fields that it names; says whether it named any."""
    errors = error.details.get("errors") or []
    if form is None or not errors:
        return False
    form.add_errors(errors)
    return True

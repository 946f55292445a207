"""What an approver is shown of a request, and the form on which they decide."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, QueryDict

from agents_app.admin.blocks import Block, block
from agents_app.admin.declared import tool_now
from agents_app.admin.displays import EFFECTS
from agents_app.admin.links import Described, referred
from agents_app.admin.schema_form import Row, SchemaForm
from agents_app.core.status import ApprovalStatus, Effect
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, InvalidArguments
from agents_app.models import ApprovalRequest
from agents_app.selectors.people import may_view_sensitive, may_view_transcript
from agents_app.selectors.transcript import arguments_of, hides_something
from agents_app.services.approvals import may_decide


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownArgument:
    """One argument on the page, with the objects that it names."""

    row: Row
    objects: tuple[Described, ...]


@dataclass(frozen=True, kw_only=True)
class Decidable:
    """A request as this person may see and decide it. `form` is None where the arguments cannot be edited."""

    site: AdminSite
    request: HttpRequest
    approval: ApprovalRequest
    readable: bool
    allowed: bool
    forbidden: str
    tool: ToolSpec | None
    form: SchemaForm | None

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.approval.status == ApprovalStatus.PENDING

    @property
    def arguments(self) -> list[ShownArgument]:
        """The form's rows with what they refer to."""
        if self.form is None:
            return []
        return [ShownArgument(row=row, objects=self._objects(row)) for row in self.form.rows()]

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
        return block("arguments", "Arguments", values)

    @property
    def effect(self) -> str:
        """What repeating the call would do, in words."""
        return EFFECTS[Effect(self.approval.call.effect)]

    @property
    def changed_code(self) -> bool:
        """Whether the tool is gone or no longer asks for the same arguments."""
        return self.tool is None or self.tool.schema_hash != self.approval.call.schema_hash


def decidable(site: AdminSite, request: HttpRequest, approval: ApprovalRequest, data: QueryDict | None) -> Decidable:
    """Read what the page of a request needs. Who may decide a call may read its arguments: nobody decides blindly."""
    user = request.user
    permission = may_decide(user, approval)
    readable = permission.allowed or may_view_transcript(user, approval.context)
    tool = tool_now(approval.context.agent, approval.call.tool)
    return Decidable(
        site=site,
        request=request,
        approval=approval,
        readable=readable,
        allowed=permission.allowed,
        forbidden=permission.reason,
        tool=tool,
        form=_form(user, approval, tool, data) if readable else None,
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
    return SchemaForm(tool.parameters, values, data=data, hidden=hidden, markers=tool.markers)


def put_on_form(form: SchemaForm | None, error: AgentsError) -> bool:
    """Show an error at the fields that it names; says whether it named any."""
    errors = error.details.get("errors") or []
    if form is None or not errors:
        return False
    form.add_errors(errors)
    return True

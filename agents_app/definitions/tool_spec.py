"""What a declared tool resolves to: everything that the gate, the runtime and the doors need of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from django.utils.translation import gettext
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes
from agents_app.core.approver_rules import ANYBODY, Approvers
from agents_app.core.canonical import JSON, canonical_text, clean_json
from agents_app.core.policy import Rule
from agents_app.core.risk import Risk
from agents_app.core.status import Effect
from agents_app.definitions.amounts import currencies_in, currency_of
from agents_app.definitions.hooks import HookKind
from agents_app.definitions.json_values import finite
from agents_app.definitions.markers import Marker
from agents_app.definitions.parameters import CallShape
from agents_app.definitions.reconcile import Happened, NotHappened
from agents_app.definitions.summary import MASK, one_line, redacted, shown_call
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tools import ToolOwner
from agents_app.definitions.validation import invalid_arguments, invalid_by
from agents_app.exceptions import InvalidArguments


@dataclass(frozen=True, kw_only=True, eq=False)
class ToolSpec:
    """One tool of one agent.

    `timeout`: seconds for one attempt. `retries`: attempts after the first. `parameters`: JSON schema.
    `schema_hash`: SHA-256 of that schema and the effect. `sensitive`: parameters that are stored encrypted.
    `decide_by_link`: an approver may decide by a link in their mail. `risk`: how bad a wrong yes would be.
    `markers`: what the author said about the presentation of each parameter. `rules`: those of the agent for it.
    """

    name: str
    description: str
    effect: Effect
    timeout: float
    retries: int
    permission: str | None
    requires_approval: bool
    isolation: Literal["thread", "process"]
    is_async: bool
    parameters: dict[str, Any]
    schema_hash: str
    sensitive: frozenset[str]
    markers: Mapping[str, tuple[Marker, ...]]
    arguments_type: type[BaseModel]
    result_type: TypeAdapter[Any]
    shape: CallShape
    function: Callable[..., Any]
    make_owner: Callable[[], ToolOwner] | None
    hooks: Mapping[HookKind, Callable[..., Any]]
    summary_template: str | None = None
    approvers: Approvers = ANYBODY
    times: ApprovalTimes = BY_SETTINGS
    decide_by_link: bool = False
    risk: Risk = Risk.MEDIUM
    rules: tuple[Rule, ...] = ()

    @cached_property
    def currencies(self) -> Mapping[str, str]:
        """By its name, the currency of each parameter that is an amount of money; by its place, as `items.price`, that
        of each amount inside of one."""
        inner = currencies_in(self.arguments_type)
        return {**dict(inner), **{name: found for name, each in self.markers.items() if (found := currency_of(each))}}

    @property
    def has_needs_approval(self) -> bool:
        return HookKind.NEEDS_APPROVAL in self.hooks

    @property
    def has_summary(self) -> bool:
        return HookKind.SUMMARY in self.hooks

    @property
    def has_precondition(self) -> bool:
        return HookKind.PRECONDITION in self.hooks

    @property
    def has_reconcile(self) -> bool:
        return HookKind.RECONCILE in self.hooks

    # Arguments.

    def validate(self, arguments: Any) -> BaseModel:
        """The arguments of an LLM or a person, checked and with defaults filled in.

        Raises InvalidArguments, also for arguments whose text would not come back as an equal object.
        """
        try:
            cleaned, _ = clean_json(arguments)
            if not isinstance(cleaned, dict):
                raise invalid_arguments([], gettext("The arguments must be a JSON object."))
            value = self.arguments_type.model_validate_json(to_json(cleaned, inf_nan_mode="constants"))
            if self.arguments_type.model_validate_json(canonical_text(value)) != value:
                raise invalid_arguments([], gettext("These values cannot be stored exactly."))
            return value
        except InvalidArguments:
            raise
        except ValidationError as error:
            raise invalid_by(error, hidden=self.sensitive) from None
        except RecursionError:
            raise invalid_arguments([], gettext("The arguments are nested too deeply.")) from None
        except ValueError as error:
            raise invalid_arguments([], f"The arguments cannot be stored: {error}.") from None
        except Exception as error:
            # A validator of the author's broke on what the LLM sent; the run must not break with it.
            raise invalid_arguments([], f"The arguments could not be checked ({type(error).__name__}).") from error

    def text(self, arguments: BaseModel) -> str:
        """The canonical text of the arguments, secrets revealed. Dispatch parses this very text."""
        return canonical_text(arguments)

    def parse(self, text: str) -> BaseModel:
        """The arguments of a stored canonical text. Raises InvalidArguments if they no longer fit the parameters."""
        try:
            return self.arguments_type.model_validate_json(text)
        except ValidationError as error:
            raise invalid_by(error, hidden=self.sensitive) from None

    def masked(self, text: str) -> str:
        """The same canonical text with every sensitive value replaced by `***`."""
        if not self.sensitive:
            return text
        values = json.loads(text)
        return canonical_text({name: MASK if name in self.sensitive else value for name, value in values.items()})

    # Calls. They run the author's code, and let its exceptions through.

    def call(self, context: ToolContext, arguments: BaseModel) -> Any:
        """Call the tool: a value, or an awaitable of an async tool. Every call has a new instance of the agent."""
        return self._ask(self.function, context, arguments)

    def needs_approval(self, context: ToolContext, arguments: BaseModel) -> bool | str:
        """Whether a person must approve this call; a sentence says why. Anything but the hook's False asks."""
        if HookKind.NEEDS_APPROVAL not in self.hooks:
            return self.requires_approval
        answer = self._ask(self.hooks[HookKind.NEEDS_APPROVAL], context, arguments)
        if answer is False:
            return False
        return answer if isinstance(answer, str) and answer else True

    def summary(self, context: ToolContext, arguments: BaseModel) -> str:
        """One line about this call for people; sensitive values are `***`."""
        values = json.loads(self.text(arguments))
        secrets = [values.get(name) for name in self.sensitive]
        if HookKind.SUMMARY in self.hooks:
            line = str(self._ask(self.hooks[HookKind.SUMMARY], context, arguments))
            return one_line(redacted(line, secrets))
        line = shown_call(self.name, self.summary_template, self._shown(arguments), self.currencies)
        return one_line(redacted(line, secrets))

    def precondition(self, context: ToolContext, arguments: BaseModel) -> Literal[True] | str:
        """True, or the sentence why this call may not start now. Anything but the hook's True refuses."""
        if HookKind.PRECONDITION not in self.hooks:
            return True
        answer = self._ask(self.hooks[HookKind.PRECONDITION], context, arguments)
        if answer is True:
            return True
        return answer if isinstance(answer, str) and answer else f"The precondition of {self.name} does not hold."

    def reconcile(self, context: ToolContext, arguments: BaseModel) -> Happened[Any] | NotHappened | None:
        """What became of a call of unknown outcome; None if nobody can tell (or the tool has no such hook)."""
        if HookKind.RECONCILE not in self.hooks:
            return None
        answer = self._ask(self.hooks[HookKind.RECONCILE], context, arguments)
        return answer if isinstance(answer, Happened | NotHappened) else None

    def dump_result(self, value: Any) -> JSON:
        """The result as JSON values, by the return annotation; NaN becomes null.

        Strings are not cleaned. Raises ValueError for what cannot be serialised.
        """
        try:
            return finite(self.result_type.dump_python(value, mode="json", by_alias=True, warnings=False))
        except Exception as error:
            # A serializer of the author's may raise anything; the caller need only know that there is no JSON.
            raise ValueError(f"the result cannot be written as JSON: {error}") from error

    def result_errors(self, result: JSON) -> list[dict[str, Any]]:
        """Why these JSON values are nothing that the tool could have returned, by the return annotation: each with its
        `path` and `message`; empty if they are, or if its type cannot tell."""
        try:
            self.result_type.json_schema()
            self.result_type.validate_json(to_json(result))
        except ValidationError as error:
            return invalid_by(error).errors
        except Exception:
            # A type that pydantic cannot describe, or a validator of the author's that broke: nothing is known of it.
            return []
        return []

    def result_fields(self) -> tuple[str, ...]:
        """The names of what the tool returns, where that is an object; none where it is not, or where it is not known
        which."""
        try:
            schema = self.result_type.json_schema()
        except Exception:
            return ()  # a type that pydantic cannot describe
        schema = schema.get("$defs", {}).get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
        return tuple(schema.get("properties", ()))

    def _ask(self, function: Callable[..., Any], context: ToolContext, arguments: BaseModel) -> Any:
        positional, keywords = self.shape.bind(context, arguments)
        if self.make_owner is not None:
            positional = [self.make_owner(), *positional]
        return function(*positional, **keywords)

    def _shown(self, arguments: BaseModel) -> dict[str, Any]:
        values = self.shape.values(arguments)
        return {name: MASK if name in self.sensitive else value for name, value in values.items()}

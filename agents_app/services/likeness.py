"""What "the like of this call" may mean: conditions to begin with, made from a request's arguments."""

from dataclasses import dataclass
from typing import Any

from agents_app.core.conditions import MAX_CONDITIONS, Condition, Operator, problems
from agents_app.core.json_paths import EACH, Kind, fields_of, parse_path, values_at
from agents_app.definitions.markers import Money
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.models import ApprovalRequest
from agents_app.selectors.transcript import arguments_of
from agents_app.services.edits import tool_of

LONGEST = 200
"""Characters of a text that the next call may be expected to have again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """conditions: that this call fulfils, amounts up to its own. left_out: parameters of which nothing is said there,
    because they are sensitive, lists or long."""

    conditions: tuple[Condition, ...]
    left_out: tuple[str, ...]


def likeness_of(request: ApprovalRequest) -> Likeness:
    """Of this request's arguments as they are now. Raises UnknownAgent and WrongState if its tool is gone."""
    tool, arguments = tool_of(request), arguments_of(request.call, sensitive=False)
    values = arguments if isinstance(arguments, dict) else {}
    found = [
        made for field in fields_of(tool.parameters) if (made := _like(field.path, field.place.kinds, values, tool))
    ]
    kept = tuple(found[:MAX_CONDITIONS])
    covered = {parse_path(condition.path)[0] for condition in kept}
    return Likeness(
        conditions=kept, left_out=tuple(name for name in tool.parameters.get("properties", {}) if name not in covered)
    )


def _like(path: str, kinds: frozenset[Kind], values: dict[str, Any], tool: ToolSpec) -> Condition | None:
    steps = parse_path(path)
    name = str(steps[0])
    if name in tool.sensitive or EACH in steps or kinds & {Kind.LIST, Kind.OBJECT, Kind.ANY}:
        return None
    value = next(values_at(values, steps))
    if value is None:
        made = Condition(path=path, operator=Operator.IS_NOT_SET)
    elif isinstance(value, str) and len(value) > LONGEST:
        return None
    else:
        amount = len(steps) == 1 and any(isinstance(marker, Money) for marker in tool.markers.get(name, ()))
        made = Condition(
            path=path, operator=Operator.AT_MOST if amount and Kind.NUMBER in kinds else Operator.EQUALS, value=value
        )
    return None if problems([made], tool.parameters) else made

"""What differs between two forms of an agent's code, as they were written down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN_ELSEWHERE = ("v", "name", "version")
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that changed. `what` is like `instructions` or `tools.refund.timeout`; None: it is not there."""

    what: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Everything that changed, the agent's own options first, then its tools."""
    own = [name for name in [*after, *(name for name in before if name not in after)] if name not in SHOWN_ELSEWHERE]
    found = [each for name in own if name not in ("tools", "parameters") for each in _one(name, before, after)]
    return (*found, *_of_tools(before, after))


def _one(name: str, before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Difference]:
    if before.get(name) != after.get(name):
        yield Difference(what=f"{prefix}{name}", before=before.get(name), after=after.get(name))


def _of_tools(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    had, has = before.get("tools", NOTHING), after.get("tools", NOTHING)
    for tool in [*had, *(name for name in has if name not in had)]:
        prefix = f"tools.{tool}"
        if tool not in has or tool not in had:
            yield Difference(what=prefix, before=_described(had.get(tool)), after=_described(has.get(tool)))
            continue
        for name in [*had[tool], *(name for name in has[tool] if name not in had[tool])]:
            if name != "schema":
                yield from _one(name, had[tool], has[tool], f"{prefix}.")
        yield from _of_schema(tool, before, after)


def _described(tool: Mapping[str, Any] | None) -> str | None:
    return None if tool is None else str(tool.get("description") or "a tool")


def _of_schema(tool: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """The parameters where both are known; else only that the schema or the effect is another."""
    known = [facts.get("parameters", NOTHING).get(tool) for facts in (before, after)]
    found: list[Difference] = []
    if None not in known:
        had, has = (schema.get("properties", NOTHING) for schema in known)
        for name in [*had, *(name for name in has if name not in had)]:
            found += _one(name, had, has, f"tools.{tool}.parameters.")
    hashes = [facts["tools"][tool].get("schema") for facts in (before, after)]
    if hashes[0] != hashes[1] and not found:
        found = [Difference(what=f"tools.{tool}.schema", before=hashes[0], after=hashes[1])]
    yield from found

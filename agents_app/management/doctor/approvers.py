"""Could anybody decide: do the groups and permissions exist that tools ask of their approvers?"""

from collections.abc import Iterator

from agents_app.definitions.registry import registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.management.doctor.findings import Finding, ok, warning
from agents_app.selectors.approver_names import missing_groups, missing_permissions
from agents_app.selectors.approvers import rows_tell

ADVICE = "Make it in the admin, or correct the name: until then nobody but superusers, or nobody, can decide."


def examine_approvers() -> Iterator[Finding]:
    """Every tool with a rule on who may decide."""
    tools = {f"{agent.name}.{name}": tool for agent in registry.all() for name, tool in agent.tools.items()}
    asked = {path: (_groups(tool), _permissions(tool)) for path, tool in tools.items()}
    groups = set(missing_groups(name for names, _ in asked.values() for name in names))
    named = {name for _, names in asked.values() for name in names} if rows_tell() else set()
    permissions = set(missing_permissions(named))
    sound = 0
    for path, (of_groups, of_permissions) in asked.items():
        found = [f"There is no group “{name}”." for name in sorted(of_groups & groups)]
        found += [f"There is no permission “{name}”." for name in sorted(of_permissions & permissions)]
        sound += bool(of_groups or of_permissions) and not found
        for text in found:
            yield warning(f"approvers of {path}", text, ADVICE)
    if sound:
        yield ok("approvers", f"the groups and permissions of {sound} tools exist")


def _groups(tool: ToolSpec) -> set[str]:
    return {stage.group for stage in tool.approvers.ordered() if stage.group}


def _permissions(tool: ToolSpec) -> set[str]:
    return {name for name in (tool.permission, *(stage.permission for stage in tool.approvers.ordered())) if name}

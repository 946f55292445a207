"""Do the policies fit the agents there are, and is anything switched off?"""

from collections.abc import Iterator

from agents_app.management.doctor.findings import Finding, ok, warning
from agents_app.selectors.switches import visible_policies, visible_switches
from agents_app.services import SYSTEM, policy_problems


def examine_policies() -> Iterator[Finding]:
    """Every active policy, and every switch that holds."""
    sound = 0
    for row in visible_policies(SYSTEM).filter(active=True):
        found = policy_problems(row)
        sound += not found
        for problem in found:
            advice = "It asks a person wherever it cannot be evaluated: correct it in the admin, or remove it."
            yield warning(f"policy {row.name}", problem.message, advice)
    if sound:
        yield ok("policies", f"{sound} fit the agents")
    for switch in visible_switches(SYSTEM).filter(on_at=None):
        advice = "manage.py agents_switch_on, or the admin, lets calls start again."
        yield warning(f"kill switch: {switch}", f"off, by {switch.off_by}: {switch.reason}", advice)

"""Do the standing grants still allow anything?"""

from collections.abc import Iterator

from agents_app.management.doctor.findings import Finding, ok, warning
from agents_app.models import StandingGrant
from agents_app.services import grant_problems


def examine_grants() -> Iterator[Finding]:
    """Every grant that counts."""
    sound = 0
    for row in StandingGrant.objects.live():
        found = grant_problems(row)
        sound += not found
        for problem in found:
            advice = "People are asked as if there were none: revoke it, and make another if it is still wanted."
            yield warning(f"standing grant: {row}", problem, advice)
    if sound:
        yield ok("standing grants", f"{sound} fit the agents and their owners")

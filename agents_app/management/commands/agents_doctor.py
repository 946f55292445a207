"""manage.py agents_doctor"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.utils.module_loading import import_string

from agents_app.definitions.knowledge import KNOWLEDGE_APP
from agents_app.management.base import AgentsCommand
from agents_app.management.doctor.approvers import examine_approvers
from agents_app.management.doctor.database import examine_database
from agents_app.management.doctor.findings import Finding, Level, examined
from agents_app.management.doctor.grants import examine_grants
from agents_app.management.doctor.live import examine_live
from agents_app.management.doctor.llms import examine_agents, examine_llms
from agents_app.management.doctor.policies import examine_policies
from agents_app.management.doctor.queue import examine_queue
from agents_app.management.exits import Exit

KNOWLEDGE = "agents_app.knowledge.doctor.examine_knowledge"
INDENT = 9
ASKED = "Ask each LLM a question, and each embedder for a vector. May cost a little."
STYLES = {Level.OK: "SUCCESS", Level.WARNING: "WARNING", Level.BROKEN: "ERROR"}


class Command(AgentsCommand):
    help = (
        "Look whether everything that runs need is there and works: database, migrations, agents, queue, live "
        "updates, LLMs, knowledge. Says what to do; leaves with 1 if something is broken."
    )
    reads = True
    # A check that fails is one of the things to be looked at, not a reason not to look.
    requires_system_checks: list[str] = []

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--call-llm", action="store_true", help=ASKED)

    def act(self, **options: Any) -> Exit | None:
        found = list(self._findings(call_llm=options["call_llm"], quiet=options["json"]))
        bad = [finding for finding in found if finding.level is Level.BROKEN]
        if options["json"]:
            self.print_json([_as_dict(finding) for finding in found])
        elif bad:
            self.console.line(f"{len(bad)} broken.", style="ERROR")
        else:
            self.console.line("Everything that runs need is there.", style="SUCCESS")
        return Exit.FAILED if bad else None

    def _findings(self, *, call_llm: bool, quiet: bool) -> Iterator[Finding]:
        for subject, examination in (
            ("database", examine_database),
            ("agents", examine_agents),
            ("approvers", examine_approvers),
            ("policies", examine_policies),
            ("standing grants", examine_grants),
            ("queue", examine_queue),
            ("live", examine_live),
            ("LLMs", partial(examine_llms, call=call_llm)),
            ("knowledge", partial(_examine_knowledge, call=call_llm)),
        ):
            for finding in examined(subject, examination):
                if not quiet:
                    self._show(finding)
                yield finding

    def _show(self, finding: Finding) -> None:
        self.console.label(
            finding.level, f"{finding.subject}: {finding.text}", style=STYLES[finding.level], column=INDENT
        )
        if finding.advice:
            self.console.text(f"→ {finding.advice}", indent=INDENT)


def _examine_knowledge(*, call: bool) -> Iterable[Finding]:
    """By the app of its own, where it is installed."""
    if not apps.is_installed(KNOWLEDGE_APP):
        return ()
    examination: Callable[..., Iterable[Finding]] = import_string(KNOWLEDGE)
    return examination(call=call)


def _as_dict(finding: Finding) -> dict[str, Any]:
    return {
        "subject": finding.subject,
        "level": str(finding.level),
        "text": finding.text,
        "advice": finding.advice,
    }

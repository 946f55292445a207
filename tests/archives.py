"""Old runs with rows of every kind, and everything that is stored of runs, to compare."""

from datetime import timedelta
from typing import Any

from agents_app.models import AgentContext, ArchivedRun, clock
from agents_app.models.belongings import belongings, values_of
from agents_app.services import Run, answer_input, approve, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

ONE_OF_EACH = {
    "agentcontext",
    "rundetails",
    "agentstep",
    "toolcall",
    "approvalrequest",
    "decision",
    "inputrequest",
    "agentevent",
}


def eventful(agents: AgentsKit, *, user: Any = None, **options: Any) -> Run[Any]:
    """A completed run with rows of every kind: a call, a sensitive one that was approved, a question, an answer."""
    office.behaviour["sign_in"] = lambda *_: "in"
    turns = (
        calls("look", number="A-1"),
        calls("sign_in", account="ada", password="hunter2"),
        calls("ask_user", question="Which?"),
    )
    agents.scripted_llm(Clerk, *turns, "All done.")
    run: Run[Any] = start_run(Clerk, "Look and sign in.", user=user, session="mail-1", metadata={"a": 1.5}, **options)
    agents.run_until_idle()
    request = office.request_of(run)
    approve(request.pk, by=office.person("dora", *office.DECIDES), digest=request.digest, reason="because")
    agents.run_until_idle()
    answer_input(
        office.question_of(run).pk, "Blue, says Ada", by=user or office.person("ann", "agents_app.answer_inputrequest")
    )
    agents.run_until_idle()
    agents.assert_completed(run)
    return run.again()


def plain(agents: AgentsKit, count: int = 1, **options: Any) -> list[Run[Any]]:
    """Completed runs of one turn."""
    runs: list[Run[Any]] = []
    for _ in range(count):
        agents.scripted_llm(Clerk, "Done.")
        runs.append(start_run(Clerk, "Hello.", **options))
        agents.run_until_idle()
    return [run.again() for run in runs]


def stored(run_id: Any) -> dict[str, list[dict[str, Any]]]:
    """All rows of a run, by table."""
    found = {}
    for kind in belongings():
        rows = kind.model._base_manager.filter(**{kind.path: run_id}).order_by("pk")
        found[kind.name] = [values_of(row) for row in rows]
    return found


def here(run: Run[Any]) -> bool:
    return AgentContext.objects.filter(pk=run.id).exists()


def away(run: Run[Any]) -> bool:
    return ArchivedRun.objects.filter(pk=run.id).exists()


def days_later(days: float) -> Any:
    return clock.moved(timedelta(days=days))

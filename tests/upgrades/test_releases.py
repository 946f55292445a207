"""What earlier releases stored can be read, and goes on to its end.

Each `<release>.json` is a database as that release left it, inserted by the columns it knew and no others: so an old
worker's INSERT works beside the newest schema, too.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from agents_app import services
from agents_app.core.status import ENDED, ApprovalStatus, InputStatus, RunStatus, StepStatus, ToolCallStatus
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, AgentEvent, AgentStep, ApprovalRequest, InputRequest, RunDetails, ToolCall
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.selectors.transcript import messages_of
from agents_app.services import Run, read_run
from agents_app.testing import describe, move_time, run_until_idle
from agents_app.testing.kit import AgentsKit
from tests.upgrades import stored
from tests.upgrades.desk import Desk, Receipt

each_release = pytest.mark.parametrize("release", stored.RELEASES)


@pytest.fixture
def people(transactional_db: None, agents: AgentsKit) -> Iterator[tuple[Any, Any]]:
    """Olga and Dora, with the desk open."""
    with registry.override(Desk):
        yield stored.people()
    close_engine()
    heartbeat.join()


def runs() -> list[Run[Any]]:
    return [read_run(run_id) for run_id in AgentContext.objects.order_by("pk").values_list("pk", flat=True)]


def test_every_release_is_here() -> None:
    assert "0.1.0" in stored.RELEASES


@each_release
def test_it_holds_every_status(release: str, people: Any) -> None:
    stored.insert(release)
    assert set(AgentContext.objects.values_list("status", flat=True)) == set(RunStatus)
    assert set(ToolCall.objects.values_list("status", flat=True)) == set(ToolCallStatus)
    assert set(AgentStep.objects.values_list("status", flat=True)) == set(StepStatus)
    seen = set(ApprovalRequest.objects.values_list("status", flat=True))
    assert seen >= {ApprovalStatus.PENDING, ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.WITHDRAWN}


@each_release
def test_it_can_be_read(release: str, people: tuple[Any, Any], client: Client) -> None:
    tables = stored.insert(release)
    client.force_login(people[1])
    people[1].__class__.objects.filter(pk=people[1].pk).update(is_superuser=True)
    for context in AgentContext.objects.select_related("details"):
        messages = messages_of(context)
        assert messages[0].text == context.details.input  # type: ignore[union-attr]
        page = client.get(f"/admin/agents_app/agentcontext/{context.pk}/change/")
        assert page.status_code == 200
    done = next(run for run in runs() if run.status == RunStatus.COMPLETED and "Done — ok" in str(run.output))
    assert done.output == Receipt(text="Done — ok", paid="120.5")  # type: ignore[arg-type]  # as it came
    assert len(list(AgentEvent.objects.all())) == len(tables["agents_app_agentevent"])


@each_release
def test_its_runs_go_on_to_their_ends(release: str, people: tuple[Any, Any], agents: AgentsKit) -> None:
    stored.insert(release)
    olga, dora = people
    agents.scripted_llm(Desk, *[Receipt(text="Done.")] * 20)
    before = {run.id: run for run in runs()}
    assert not all(run.ended for run in before.values())
    for seconds in (0, 3 * 3600):  # what was postponed, and what starts later
        with move_time(seconds):
            run_until_idle()
            _decide_all(olga, dora)
            run_until_idle()
    for run in runs():
        assert run.ended, describe(run)
        if before[run.id].ended:
            assert run == before[run.id]
        else:
            _is_whole(run)


def _decide_all(olga: Any, dora: Any) -> None:
    """Whatever waits for people gets what it waits for."""
    for held in AgentContext.objects.filter(status=RunStatus.PAUSED):
        services.resume_run(held.pk, by=dora)
    for request in ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).select_related("call"):
        services.approve(request.pk, by=dora, digest=request.call.digest)
    for question in InputRequest.objects.filter(status=InputStatus.PENDING):
        services.answer_input(question.pk, "the first", by=olga)
    for call in ToolCall.objects.filter(status=ToolCallStatus.UNKNOWN).exclude(context__status__in=ENDED):
        services.settle_outcome(call.pk, "give_up", by=dora, reason="lost")


def _is_whole(run: Run[Any]) -> None:
    numbers = AgentEvent.objects.filter(context_id=run.id).order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, run.version + 1))
    assert not ToolCall.objects.filter(context_id=run.id).unsettled().exclude(status=ToolCallStatus.UNKNOWN).exists()


@each_release
def test_a_definition_keeps_its_hash(release: str, people: Any) -> None:
    """Another hash would mean other code to every run that waits: a new option counts only where it is used."""
    stored.insert(release)
    assert set(RunDetails.objects.values_list("definition_hash", flat=True)) == {registry.get("desk").hash}
    for call in ToolCall.objects.exclude(schema_hash=""):
        assert call.schema_hash == registry.get("desk").tools[call.tool].schema_hash

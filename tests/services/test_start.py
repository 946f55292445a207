"""Accepting a run: what is stored, what is refused, and what the same key gives."""

import asyncio
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import CalledFromEventLoop, IdempotencyConflict, InvalidInput, UnknownAgent
from agents_app.models import AgentContext, AgentSession
from agents_app.services import SYSTEM, Run, start_run
from agents_app.testing import AgentsKit
from tests import office
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


def test_a_run_is_stored_with_all_it_was_given() -> None:
    olga, group = office.person("olga"), Group.objects.create(name="about")
    run = start_run(
        Clerk, "Do it.", user=olga, session="mail-1", subject=group, metadata={"n": [1, "a\x00"], 7: True}, by=SYSTEM
    )
    context = office.context_of(run)
    details, session = context.details, context.session
    assert (context.agent, context.user, context.status, context.version) == ("clerk", olga, RunStatus.IDLE, 1)
    assert context.due_at is not None
    assert (details.input, details.metadata) == ("Do it.", {"n": [1, "a\N{REPLACEMENT CHARACTER}"], "7": True})
    assert details.subject == group
    assert (details.user_name, details.started_by, details.started_by_name) == ("olga", None, "system")
    assert details.definition_hash
    assert session is not None
    assert (session.key, session.user, session.agent) == ("mail-1", olga, "clerk")
    assert (run.status, run.output, run.error, run.agent) == (RunStatus.IDLE, None, None, "clerk")


def test_an_agent_is_named_by_its_class_or_its_name(agents: AgentsKit) -> None:
    assert start_run("clerk", "x").agent == start_run(Clerk, "x").agent == "clerk"
    with pytest.raises(UnknownAgent, match="clerk"):
        start_run("nobody", "x")


@pytest.mark.parametrize("text", ["", "  \n ", None, 7, b"x"])
def test_the_input_is_a_text_and_not_empty(text: Any) -> None:
    with pytest.raises(InvalidInput, match="input"):
        start_run(Clerk, text)


def test_the_input_has_a_limit_and_is_cleaned() -> None:
    limited = override_settings(AGENTS_APP={"EXECUTOR": "immediate", "INPUT_LIMIT": 3})
    with limited, pytest.raises(InvalidInput, match="at most 3"):
        start_run(Clerk, "four")
    run = start_run(Clerk, "a\x00b\ud800")
    assert office.context_of(run).details.input == "a\ufffdb\ufffd"


@pytest.mark.parametrize("metadata", [{"x": object()}, {"x": float("nan")}, ["x"], "x"])
def test_metadata_is_a_json_object(metadata: Any) -> None:
    with pytest.raises(InvalidInput, match="metadata"):
        start_run(Clerk, "x", metadata=metadata)


def test_a_session_is_shared_by_the_runs_of_a_user_and_without_one_by_those_of_an_agent() -> None:
    olga = office.person("olga")
    runs = [start_run(Clerk, "x", user=user, session="s") for user in (olga, olga, None, None)]
    sessions = [office.context_of(run).session_id for run in runs]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3]
    assert AgentSession.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 201])
@pytest.mark.parametrize("option", ["session", "idempotency_key"])
def test_keys_have_1_to_200_characters(option: str, key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 200"):
        start_run(Clerk, "x", **{option: key})  # type: ignore[arg-type]
    start_run(Clerk, "x", **{option: "x" * 200})  # type: ignore[arg-type]


def test_run_at_holds_the_run_back(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x", run_at=timezone.now() + timedelta(hours=1))
    assert run.status is RunStatus.SCHEDULED
    agents.run_until_idle()
    assert run.again().status is RunStatus.SCHEDULED
    with agents.move_time(3601):
        agents.run_until_idle()
    agents.assert_completed(run)


def test_a_naive_run_at_is_local_time() -> None:
    moment = datetime(2100, 1, 1, 12)  # noqa: DTZ001 - that is the case
    run_at = office.context_of(start_run(Clerk, "x", run_at=moment)).run_at
    assert run_at == timezone.make_aware(moment)


def test_the_timeout_counts_from_the_start() -> None:
    class Hasty(Clerk):
        name = "hasty"
        timeout = 60

    with registry.override(Hasty):
        soon = office.context_of(start_run(Hasty, "x"))
        late = office.context_of(start_run(Hasty, "x", run_at=timezone.now() + timedelta(hours=1)))
    assert soon.deadline_at is not None
    assert soon.deadline_at - soon.status_at == timedelta(seconds=60)
    assert late.run_at is not None
    assert late.deadline_at == late.run_at + timedelta(seconds=60)


# The same key.


def test_the_same_key_gives_the_same_run() -> None:
    olga = office.person("olga")
    first = start_run(Clerk, "x", user=olga, idempotency_key="k")
    assert start_run(Clerk, "x", user=olga, idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "y", user=olga, idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "x", user=olga, idempotency_key="k", session="mail")
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "x", user=olga, idempotency_key="k", subject=olga)
    assert start_run(Clerk, "x", idempotency_key="k").id != first.id
    assert AgentContext.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_threads_with_one_key_at_once_start_one_run() -> None:
    together, runs, errors = threading.Barrier(4), [], []

    def start() -> None:
        try:
            together.wait()
            runs.append(start_run(Clerk, "x", session="s", idempotency_key="k"))
        except Exception as error:
            errors.append(error)

    threads = [office.thread(start) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({run.id for run in runs}) == 1
    assert AgentContext.objects.count() == AgentSession.objects.count() == 1


# Where it is called.


def test_from_an_event_loop_it_says_how_to_call_it() -> None:
    async def start() -> Run[str]:
        return start_run(Clerk, "x")

    with pytest.raises(CalledFromEventLoop, match="sync_to_async"):
        asyncio.run(start())


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_start_leaves_nothing_and_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[Any] = []
    monkeypatch.setattr(
        "agents_app.testing.executor.WaitingExecutor.submit", lambda self, run_id, run_at=None: submitted.append(run_id)
    )
    office.rolled_back(lambda: start_run(Clerk, "x"))
    assert not AgentContext.objects.exists()
    assert submitted == []
    with transaction.atomic():
        run = start_run(Clerk, "x")
        assert submitted == []
    assert submitted == [run.id]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_does_not_fail_the_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*_: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("agents_app.testing.executor.WaitingExecutor.submit", down)
    run = start_run(Clerk, "x")
    assert office.context_of(run).due_at is not None
    assert "the sweep will send another" in caplog.text


def test_metadata_is_limited(settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "METADATA_LIMIT": 20}
    start_run(Clerk, "x", metadata={"a": "x" * 10})
    with pytest.raises(InvalidInput, match="21 characters as JSON; at most 20") as refused:
        start_run(Clerk, "x", metadata={"a": "x" * 12})
    assert refused.value.code == "too_long"

"""agents_run and watching."""

import json
import uuid
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents_app.exceptions import LLMError
from agents_app.management import watching
from agents_app.management.base import OPERATOR
from agents_app.management.commands import agents_run
from agents_app.models import AgentContext, RunDetails
from agents_app.selectors.presentation import run_as_dict
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls, event_types, fails, turn
from tests.management.desk import manage, resting
from tests.testing.shop import Reply, ShopAgent

REFUND = calls("refund", number="A-1", amount=120)


def test_a_run_is_accepted_and_left_to_the_workers(agents: AgentsKit, people: dict[str, Any]) -> None:
    done = manage("agents_run", "text", "hi", "--user", "customer", "--session", "mail-1", "--metadata", '{"a": 1}')
    assert done.code == 0
    context = AgentContext.objects.get()
    assert done.out.startswith(f"Run {context.pk} of text was accepted.\n")
    assert (context.status, context.user, context.session.key) == ("idle", people["customer"], "mail-1")
    assert context.details.metadata == {"a": 1}
    assert context.details.started_by_name == "system"


@pytest.mark.django_db
def test_json_is_what_rest_gives(agents: AgentsKit) -> None:
    done = manage("agents_run", "text", "hi", "--json")
    assert done.json == run_as_dict(AgentContext.objects.get(), OPERATOR)


@pytest.mark.django_db
def test_a_key_starts_one_run(agents: AgentsKit) -> None:
    first = manage("agents_run", "text", "hi", "--key", "k", "--json").json
    assert manage("agents_run", "text", "hi", "--key", "k", "--json").json["id"] == first["id"]
    assert manage("agents_run", "text", "other", "--key", "k").code == 2
    assert RunDetails.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nobody", "hi"], 2, "unknown_agent"),
        (["text", " "], 2, "must not be empty"),
        (["text", "hi", "--user", "ghost"], 3, "ghost"),
        (["text", "hi", "--metadata", "{"], 2, "--metadata takes JSON"),
    ],
)
def test_wrong(arguments: list[str], code: int, text: str) -> None:
    done = manage("agents_run", *arguments)
    assert (done.code, text in done.error) == (code, True)
    assert not AgentContext.objects.exists()


def here(agents: AgentsKit, *turns: Any, options: tuple[str, ...] = ()) -> Any:
    agents.scripted_llm(ShopAgent, *turns)
    return manage("agents_run", "shop", "please", "--here", *options)


@pytest.mark.django_db
def test_here_needs_no_worker(agents: AgentsKit) -> None:
    look = turn("I look it up.", [calls("lookup", number="A-1")])
    done = here(agents, look, Reply(text="Seen."))
    assert done.code == 0
    told = [line[12:].strip() for line in done.out.splitlines() if line.startswith("     ")]
    assert told[:6] == [
        "accepted",
        "step 1: think",
        "says: I look it up.",
        'proposes lookup(number="A-1")',
        "calls lookup",
        "lookup returned order A-1",
    ]
    assert told[-1] == "completed in 3 steps"
    assert "Output\n  text" in done.out


@pytest.mark.django_db
def test_here_drives_on_what_was_put_off(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as later:

        def sleep(seconds: float) -> None:
            later.enter_context(agents.move_time(61))

        monkeypatch.setattr(agents_run.drive_here, "__defaults__", (sleep,))
        busy = LLMError("busy", transient=True, retry_after=60)
        done = here(agents, fails(1, busy, then=Reply(text="Seen.")))
    assert "goes on at" in done.out
    assert "completed in 1 steps" in done.out
    assert (done.code, "worker" in done.out) == (0, False)


@pytest.mark.django_db(transaction=True)
def test_events_are_printed_as_they_are_committed(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    tell = watching.Watch.tell

    def counted(watch: watching.Watch) -> bool:
        found = tell(watch)
        seen.append(watch._last)
        return found

    monkeypatch.setattr(watching.Watch, "tell", counted)
    assert here(agents, calls("lookup", number="A-1"), Reply(text="Seen.")).code == 0
    assert len(set(seen)) > 3, "not all at once at the end"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("turns", "code", "text"),
    [
        ([REFUND], 6, "refund needs approval: more than 50 EUR"),
        ([calls("ask_user", question="Which colour?")], 6, "asks its user: Which colour?"),
        ([calls("pay", to="Ada")], 6, "nobody knows whether pay happened"),
        ([], 1, "failed: The script has 0 turns"),
    ],
    ids=["approval", "question", "unknown", "failed"],
)
def test_the_exit_code_says_how_it_came_to_rest(agents: AgentsKit, turns: list[Any], code: int, text: str) -> None:
    done = here(agents, *turns)
    assert done.code == code
    assert text in done.out


@pytest.mark.django_db
def test_json_lines(agents: AgentsKit) -> None:
    done = here(agents, Reply(text="Seen."), options=("--json",))
    *events, run = map(json.loads, done.out.splitlines())
    assert [event["type"] for event in events] == event_types(run["id"])
    assert (run["status"], run["output"]) == ("completed", {"text": "Seen.", "refunded": "0"})


@pytest.fixture
def worker(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A worker that comes at the third look; gives the seconds slept."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            agents.run_until_idle()

    monkeypatch.setattr(watching.Watch.until_rest, "__defaults__", (sleep,))
    return slept


@pytest.mark.django_db
def test_watch_waits_for_the_worker(agents: AgentsKit, worker: list[float]) -> None:
    agents.scripted_llm(ShopAgent, Reply(text="Seen."))
    done = manage("agents_run", "shop", "please", "--watch")
    assert (done.code, len(worker)) == (0, 3)
    assert "completed in 1 steps" in done.out


@pytest.mark.django_db
def test_show_watch(agents: AgentsKit, worker: list[float]) -> None:
    agents.scripted_llm(ShopAgent, REFUND)
    run = start_run("shop", "please")
    done = manage("agents_show", run.id, "--watch")
    assert done.code == 6
    assert done.out.count("accepted") == 1
    *events, last = map(json.loads, manage("agents_show", run.id, "--watch", "--json").out.splitlines())
    assert [event["sequence"] for event in events] == list(range(1, last["version"] + 1))


@pytest.mark.django_db
def test_a_missing_worker_is_noticed(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 12:
            agents.run_until_idle()

    monkeypatch.setattr(watching.Watch.until_rest, "__defaults__", (sleep,))
    agents.scripted_llm(ShopAgent, Reply(text="Seen."))
    done = manage("agents_run", "shop", "please", "--watch")
    assert done.out.count("Is a worker running") == 1
    assert done.code == 0


@pytest.mark.django_db
def test_the_time_that_a_run_was_put_off_is_not_the_workers_fault(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    with ExitStack() as later:

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 60:
                later.enter_context(agents.move_time(3600))
            if len(slept) == 65:
                agents.run_until_idle()

        monkeypatch.setattr(watching.Watch.until_rest, "__defaults__", (sleep,))
        agents.scripted_llm(ShopAgent, Reply(text="Seen."))
        run = start_run("shop", "please", run_at=timezone.now() + timedelta(minutes=30))
        done = manage("agents_show", run.id, "--watch")
    assert (done.code, "Is a worker running" in done.out) == (0, False)


@pytest.mark.django_db
def test_stopping_to_watch_leaves_the_run(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching.Watch.until_rest, "__defaults__", (interrupt,))
    done = manage("agents_run", "shop", "please", "--watch")
    assert (done.code, "the run stays" in done.error) == (1, True)
    run = AgentContext.objects.get()
    assert run.status == "idle"
    assert "the run goes on" in manage("agents_show", run.pk, "--watch").error


def test_what_a_viewer_may_not_read_is_not_told(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, calls("lookup", number="A-1"), Reply(text="Seen."))
    people["clerk"].user_permissions.remove(*people["clerk"].user_permissions.filter(codename="view_transcript"))
    done = manage("agents_show", run.id, "--watch", "--as", "clerk")
    assert "lookup returned" in done.out
    assert "A-1" not in done.out
    assert manage("agents_show", uuid.uuid4(), "--watch").code == 3


@pytest.mark.django_db
def test_a_priority_is_given_and_shown_and_so_is_waiting_for_a_slot(agents: AgentsKit) -> None:
    run = manage("agents_run", "text", "hi", "--priority", "low", "--json").json
    AgentContext.objects.filter(pk=run["id"]).update(at_limit="user:1")
    shown = manage("agents_show", run["id"]).out
    assert "low" in shown
    assert "for a free slot: the limit of its user" in shown


@pytest.mark.django_db
def test_a_run_whose_code_no_worker_knows_is_shown_so(agents: AgentsKit) -> None:
    run = start_run("text", "hi")
    AgentContext.objects.filter(pk=run.id).update(unknown_since=run.created_at)
    assert "Waits       for a worker that knows its code, since" in manage("agents_show", run.id).out

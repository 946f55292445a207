"""agents_list, agents_show, agents_inbox: text for people, JSON as REST gives it."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import Agent
from agents_app.definitions.registry import registry
from agents_app.management.base import OPERATOR
from agents_app.management.showing import approvals_with_origins
from agents_app.models import AgentContext, ApprovalRequest, InputRequest, ToolCall, database_now
from agents_app.selectors.presentation import call_as_dict, input_as_dict, run_as_dict
from agents_app.services import cancel_run, pause_run, start_run
from agents_app.services.principals import SYSTEM
from agents_app.testing import AgentsKit, calls, turn
from tests.management.desk import manage, resting
from tests.testing.shop import Reply

REFUND = calls("refund", number="A-1", amount=120)
SECRET = calls("enter", site="bank", password="hunter2")


def narrow(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


def test_list() -> None:
    done = manage("agents_list")
    assert "shop\n  Answers customers of the shop.\n" in done.out
    assert "LLM demo · at most 20 steps" in done.out
    assert "refund  atomic · sometimes needs approval · by people with auth.change_user\n" in done.out
    assert "send    external · always needs approval\n" in done.out
    assert narrow(done.out)


def test_list_json() -> None:
    agents = {agent["name"]: agent for agent in manage("agents_list", "--json").json}
    assert set(agents) == {"shop", "text"}
    assert [tool["name"] for tool in agents["shop"]["tools"]] == ["lookup", "refund", "send", "enter", "pay"]


def test_list_of_nothing() -> None:
    with registry.override():
        assert "No agent is registered" in manage("agents_list").out


def test_show_a_completed_run(agents: AgentsKit, people: dict[str, Any]) -> None:
    look = turn("I look it up.", [calls("lookup", number="A-1")])
    run = resting(agents, look, Reply(text="Seen."), user=people["customer"])
    done = manage("agents_show", run.id)
    assert done.code == 0
    assert f"Run {run.id} of shop\nStatus      completed, since " in done.out
    assert "User        customer\n" in done.out
    assert "Steps       3 of 20" in done.out
    assert "Input\n  Refund A-1, it broke\n" in done.out
    assert "scripted · 10 + 5 tokens · I look it up.\n" in done.out
    assert 'lookup(number="A-1") → order A-1\n' in done.out
    assert "Output\n  text      Seen.\n  refunded  0\n" in done.out
    assert narrow(done.out)


def test_show_a_run_that_waits(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, [REFUND, calls("ask_user", question="Which colour?"), calls("pay", to="Ada")])
    out = manage("agents_show", str(run.id)[:30]).out
    request, question = ApprovalRequest.objects.get(), InputRequest.objects.get()
    call = ToolCall.objects.get(tool="pay")
    assert "awaiting approval: refund(" in out
    assert f"Approval {request.pk}\n  Pay 120 EUR of A-1 back\n" in out
    assert "because more than 50 EUR · needs auth.change_user\n" in out
    assert f"  manage.py agents_approve {request.pk} --as USER\n" in out
    assert f"Question {question.pk}\n  Which colour?\n" in out
    assert f"  manage.py agents_answer {question.pk} ANSWER --as USER\n" in out
    assert f"Unknown outcome {call.pk}\n" in out
    assert f"  manage.py agents_settle {call.pk} \\\n" in out
    assert narrow(out)


def test_show_what_was_asked_and_answered(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, calls("ask_user", question="Which colour?"), Reply(text="Blue it is."))
    assert "ask_user  [started] Which colour?\n" in manage("agents_show", run.id).out
    agents.answer_pending(run, "blue", by=people["lead"])
    agents.run_until_idle()
    assert "ask_user  Which colour? → blue\n" in manage("agents_show", run.id).out
    people["clerk"].user_permissions.remove(*people["clerk"].user_permissions.filter(codename="view_transcript"))
    assert "Which colour?" not in manage("agents_show", run.id, "--as", "clerk").out


def test_show_a_failed_run(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents)
    out = manage("agents_show", run.id).out
    assert "Error\n  The script has 0 turns" in out
    assert f"Again: manage.py agents_retry {run.id}" in out


def test_show_a_paused_and_a_cancelled_run(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, REFUND)
    pause_run(run.id, by=people["lead"], reason="audit")
    out = manage("agents_show", run.id).out
    assert "Held        by lead: audit\n" in out
    assert f"manage.py agents_resume {run.id}" in out
    assert f"Waits for\nApproval {ApprovalRequest.objects.get().pk}\n" in out
    assert "agents_approve" in out
    lease = database_now() + timedelta(hours=1)
    AgentContext.objects.filter(pk=run.id).update(lease_until=lease, due_at=lease)
    cancel_run(run.id, by=SYSTEM, reason="enough")
    out = manage("agents_show", run.id).out
    assert "To cancel   system: enough\n" in out, "it is still held by a worker"
    AgentContext.objects.filter(pk=run.id).update(lease_until=None, due_at=database_now())
    agents.run_until_idle()
    out = manage("agents_show", run.id).out
    assert "Cancelled   system: enough\n" in out
    assert "To cancel" not in out
    assert "Waits for" not in out


def test_show_json_is_what_rest_gives(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, REFUND, user=people["customer"])
    context = AgentContext.objects.get(pk=run.id)
    assert manage("agents_show", run.id, "--json").json == run_as_dict(context, OPERATOR)
    mine = manage("agents_show", run.id, "--json", "--as", "customer").json
    assert mine == run_as_dict(context, people["customer"])
    assert mine["input"] == "Refund A-1, it broke"


def test_what_a_person_may_not_see(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, REFUND)
    assert manage("agents_show", run.id, "--as", "customer").code == 3
    people["clerk"].user_permissions.remove(*people["clerk"].user_permissions.filter(codename="view_transcript"))
    done = manage("agents_show", run.id, "--as", "clerk")
    assert "you may not see what was said and done" in done.out
    assert "it broke" not in done.out
    assert manage("agents_show", uuid.uuid4()).code == 3


def test_sensitive_arguments_need_a_person(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, SECRET)
    for command in (("agents_show", run.id), ("agents_inbox",), ("agents_inbox", "--json")):
        assert "hunter2" not in manage(*command).out
        assert "hunter2" in manage(*command, "--as", "lead").out


def test_show_the_latest(agents: AgentsKit, people: dict[str, Any]) -> None:
    assert manage("agents_show").out == "There are no runs.\n"
    first, second = start_run("text", "one"), start_run("text", "two", user=people["customer"])
    lines = manage("agents_show").out.splitlines()
    assert [line.split()[0] for line in lines] == [str(second.id), str(first.id)] or first.created_at
    assert lines[0].endswith("text, idle")
    assert [run["id"] for run in manage("agents_show", "--json", "--as", "customer").json] == [str(second.id)]


def test_inbox(agents: AgentsKit, people: dict[str, Any]) -> None:
    assert manage("agents_inbox").out == "Nothing waits for people.\n"
    run = resting(agents, [REFUND, calls("ask_user", question="Which colour?"), calls("pay", to="Ada")])
    out = manage("agents_inbox").out
    assert out.count(f"Run {run.id} of shop") == 3
    for word in ("agents_approve", "agents_answer", "agents_settle"):
        assert word in out
    assert narrow(out)


def test_inbox_json(agents: AgentsKit, people: dict[str, Any]) -> None:
    resting(agents, [REFUND, calls("ask_user", question="Which colour?"), calls("pay", to="Ada")])
    assert manage("agents_inbox", "--json").json == {
        "approvals": approvals_with_origins([ApprovalRequest.objects.get()], OPERATOR),
        "inputs": [input_as_dict(InputRequest.objects.get(), OPERATOR)],
        "outcomes": [call_as_dict(ToolCall.objects.get(tool="pay"), OPERATOR)],
    }
    assert manage("agents_inbox", "--json", "--as", "customer").json == {"approvals": [], "inputs": [], "outcomes": []}


def test_the_inbox_reads_as_often_for_many_as_for_two(agents: AgentsKit, people: dict[str, Any]) -> None:
    """However many requests there are, of however many runs: transcripts, too."""

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            approvals = manage("agents_inbox", "--json", "--as", "lead").json["approvals"]
        assert all(row["origins"]["number"][0]["source"] == "result" for row in approvals)
        return len(caught)

    look = turn("I look.", [calls("lookup", number="A-1")])
    for _ in range(2):
        resting(agents, look, [REFUND, REFUND])
    few = queries()
    for _ in range(3):
        resting(agents, look, [REFUND, REFUND])
    assert ApprovalRequest.objects.count() == 10
    assert queries() == few


def test_parts_of_the_inbox(agents: AgentsKit, people: dict[str, Any]) -> None:
    resting(agents, [REFUND, calls("ask_user", question="Which colour?")])
    request = ApprovalRequest.objects.get()
    ids = {
        options: [row["id"] for row in manage("agents_inbox", "--json", *options).json["approvals"]]
        for options in (
            ("--as", "lead", "--tab", "mine"),
            ("--as", "lead", "--tab", "groups"),
            ("--as", "lead", "--risk", "medium", "--tool", "refund", "--agent", "shop"),
            ("--risk", "high"),
            ("--agent", "nobody"),
        )
    }
    assert list(ids.values()) == [[str(request.pk)], [], [str(request.pk)], [], []]
    assert manage("agents_inbox", "--json", "--risk", "medium").json["inputs"] == []
    assert "risk" not in manage("agents_inbox").out
    ApprovalRequest.objects.update(risk="high")
    assert "high risk" in manage("agents_inbox").out
    assert "--tab mine needs --as USER" in manage("agents_inbox", "--tab", "mine").error


def test_show_a_run_that_nobody_took_yet(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = start_run("text", "one")
    out = manage("agents_show", run.id).out
    assert "Status      idle" in out
    assert "Steps\n" not in out


def test_show_a_plain_answer(agents: AgentsKit, people: dict[str, Any]) -> None:
    agents.scripted_llm("text", "A plain answer.\nIn two lines.")
    run = start_run("text", "one", user=people["customer"])
    agents.run_until_idle()
    assert manage("agents_show", run.id).out.endswith("Output\n  A plain answer.\n  In two lines.\n")
    people["clerk"].user_permissions.remove(*people["clerk"].user_permissions.filter(codename="view_transcript"))
    hidden = manage("agents_show", run.id, "--as", "clerk").out
    assert "plain answer" not in hidden
    assert "Output\n  (you may not see" in hidden


def test_a_question_with_a_schema_says_so(agents: AgentsKit, people: dict[str, Any]) -> None:
    schema = {"type": "integer"}
    resting(agents, calls("ask_user", question="How many?", schema=schema))
    assert 'The answer is JSON: {"type": "integer"}' in manage("agents_inbox").out


def test_list_says_that_some_cannot_be_used() -> None:
    class Nameless(Agent[str]):
        name = "not a name!"

    class Slow(Agent[str]):
        name = "slow"
        timeout = 90

    with registry.override(Nameless, Slow):
        out = manage("agents_list").out
    assert "slow\n  LLM demo · at most 20 steps, 90 s" in out
    assert "1 more cannot be used: manage.py check says why." in out


def test_deceptive_text_is_spelled_out_before_one_decides(agents: AgentsKit, people: dict[str, Any]) -> None:
    trick = "fri\u0435nds\u202e evil\u200b"
    resting(agents, [calls("refund", number=trick, amount=120), calls("ask_user", question=trick)])
    approval = ApprovalRequest.objects.get()
    approving = ("agents_approve", approval.pk, "--dry-run", "--set", "number=A-1", "--as", "lead")
    for shown in (manage("agents_inbox").out, manage(*approving).out):
        assert "fri\u0435⟨U+0435⟩nds⟨U+202E⟩" in shown
        assert not {"\u202e", "\u200b"} & set(shown)

"""The list of runs, the page of a run, and the commands on it."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext, modify_settings
from django.urls import reverse

from agents_app.admin import runs as admin_runs
from agents_app.admin.runs import socket_path
from agents_app.core.status import RunStatus
from agents_app.models import AgentContext, PartialReply, as_stored
from agents_app.services import SYSTEM, cancel_run, hide_run, pause_run, start_run
from agents_app.transitions import change, thinking
from tests.admin.conftest import list_of, page_of, request_of, told
from tests.admin.till import EVIL, PLANS
from tests.office import person

START = "admin:agents_app_agentcontext_start"


def command(run: Any, verb: str) -> str:
    return reverse("admin:agents_app_agentcontext_command", args=[run.id, verb])


def news(run: Any) -> str:
    return reverse("admin:agents_app_agentcontext_news", args=[run.id])


# Looking


def test_the_page_tells_the_story_in_order(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    page = as_("reader").get(page_of(run)).content.decode()
    told_in_order = [
        "started this run",
        "A refund.",
        "Wants to use refund",
        "friends",
        "Pay 120 EUR back to friends",
        "more than 50 EUR",
    ]
    story = page[page.index("What happened") :]
    places = [story.index(text) for text in told_in_order]
    assert places == sorted(places)
    assert "Waiting for approval" in page
    assert "<time datetime=" in page


def test_decisions_stand_with_who_why_and_what_was_changed(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund")
    till.approve_pending(run, by=people["approver"], arguments={"amount": "100"}, reason="only the kettle")
    till.run_until_idle()
    page = as_("reader").get(page_of(run)).content.decode()
    assert "<strong>approver</strong> approved refund with changes" in page
    assert "only the kettle" in page
    assert "<dd>120.00 EUR</dd>" in page, "as the approval page shows it"
    assert "<del>120.00 EUR</del>" in page
    assert "<ins>100.00 EUR</ins>" in page
    assert "paid 100" in page
    assert "Refunded." in page
    assert "Completed" in page


def test_a_rejection_and_its_reason(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund")
    till.reject_pending(run, by=people["approver"], reason="not broken")
    till.run_until_idle()
    page = as_("reader").get(page_of(run)).content.decode()
    assert "<strong>approver</strong> rejected refund" in page
    assert "not broken" in page
    assert "Not made" in page


@pytest.mark.parametrize("plan", ["hello", "look", "parcel", "unlock", "ring", "ask", "ask schema", "fail"])
@pytest.mark.parametrize("name", ["viewer", "reader", "lead", "admin"])
def test_every_kind_of_run_has_its_page(as_: Any, run_of: Any, plan: str, name: str) -> None:
    run = run_of(plan)
    response = as_(name).get(page_of(run))
    assert response.status_code == 200
    assert response.content.decode().count('class="aa-entry') >= 2


def test_without_view_transcript_no_word_of_the_conversation(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund", metadata={"ticket": "T-4711"})
    till.approve_pending(run, by=people["approver"], arguments={"amount": "99"})
    till.run_until_idle()
    client = as_("viewer")
    pages = [client.get(page_of(run)).content.decode(), client.get(list_of("agentcontext")).content.decode()]
    pages.append(json.loads(client.get(news(run)).content)["parts"]["timeline"])
    for page in pages:
        for word in ("friends", "A refund.", "Refunded.", "paid 99", "<ins>99</ins>", "T-4711"):
            assert word not in page, word
    assert "refund succeeded" in pages[0]
    assert "Completed" in pages[0]
    assert "not what was said" in pages[0]
    assert "Refunded." in as_("reader").get(page_of(run)).content.decode()


def test_sensitive_arguments_need_their_own_permission(as_: Any, run_of: Any) -> None:
    run = run_of("unlock")
    masked = as_("reader").get(page_of(run)).content.decode()
    assert "hunter2" not in masked
    assert "***" in masked
    assert "cellar" in masked
    assert "hunter2" in as_("lead").get(page_of(run)).content.decode()


def test_what_llm_and_tools_say_is_text_and_never_markup(as_: Any, run_of: Any) -> None:
    run = run_of("evil", metadata={"note": EVIL})
    client = as_("admin")
    for page in (
        client.get(page_of(run)).content.decode(),
        client.get(list_of("agentcontext")).content.decode(),
        "".join(json.loads(client.get(news(run)).content)["parts"].values()),
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert html.escape(EVIL) in client.get(page_of(run)).content.decode()


def test_long_values_are_folded(as_: Any, run_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLANS, "long", ["word " * 1000])
    page = as_("reader").get(page_of(run_of("long"))).content.decode()
    assert '<details class="aa-block" data-key=' in page
    assert "5,000 characters" in page


@pytest.mark.parametrize(
    ("name", "status"),
    [("viewer", 200), ("admin", 200), ("nobody", 403), ("requester", 200), ("gone", 302), ("customer", 302)],
)
def test_who_has_a_list(as_: Any, run_of: Any, name: str, status: int) -> None:
    run = run_of("hello")
    response = as_(name).get(list_of("agentcontext"))
    assert response.status_code == status
    # A requester sees their own runs; this one is the customer's.
    assert (str(run.id) in response.content.decode()) is (name in ("viewer", "admin"))


@pytest.mark.parametrize(
    ("name", "status"), [("viewer", 200), ("requester", 404), ("nobody", 404), ("gone", 302), ("customer", 302)]
)
def test_who_sees_a_page(as_: Any, run_of: Any, name: str, status: int) -> None:
    run = run_of("hello")
    client = as_(name)
    assert client.get(page_of(run)).status_code == status
    assert client.get(news(run)).status_code == status
    assert client.post(command(run, "cancel")).status_code == (302 if status == 200 else status)
    assert run.again().status == RunStatus.COMPLETED


def test_one_sees_ones_own_run_with_its_words(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("hello", user=people["requester"])
    assert "Hello." in as_("requester").get(page_of(run)).content.decode()


@pytest.mark.parametrize("key", ["nonsense", "00000000-0000-0000-0000-000000000000", "1"])
def test_there_is_no_such_run(as_: Any, key: str) -> None:
    assert as_("admin").get(reverse("admin:agents_app_agentcontext_change", args=[key])).status_code == 404


def test_search_by_id_subject_and_user(as_: Any, run_of: Any, people: Any) -> None:
    group = Group.objects.create(name="subject")
    one = run_of("hello", subject=group, session="mail-4711")
    other = run_of("look", user=people["requester"])
    client = as_("viewer")

    def found(words: str, **filters: str) -> set[str]:
        page = client.get(list_of("agentcontext"), {"q": words, **filters}).content.decode()
        return {str(run.id) for run in (one, other) if str(run.id) in page}

    assert found(str(one.id)) == {str(one.id)}
    assert found("requester") == {str(other.id)}
    assert found("mail-47") == {str(one.id)}
    assert found(f"{group.pk} customer") >= {str(one.id)}
    assert found("", status="completed") == {str(one.id), str(other.id)}
    assert found("", status="failed") == set()
    assert found("", agent="till") == {str(one.id), str(other.id)}
    assert found("Hello") == set(), "what was said cannot be searched for by those who may not read it"


def test_the_subject_is_a_link_for_those_who_may_open_it(as_: Any, run_of: Any) -> None:
    group = Group.objects.create(name="secret society")
    run = run_of("hello", subject=group)
    link = f'<a href="{reverse("admin:auth_group_change", args=[group.pk])}">secret society</a>'
    assert link in as_("admin").get(page_of(run)).content.decode()
    page = as_("viewer").get(page_of(run)).content.decode()
    assert "secret society" not in page
    assert f"group {group.pk}" in page
    group.delete()
    assert as_("admin").get(page_of(run)).status_code == 200


def test_the_number_of_queries_is_bounded(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    def queries(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    client = as_("lead")
    small, large = run_of("hello"), run_of("refund")
    till.approve_pending(large, by=people["approver"])
    till.run_until_idle()
    few = queries(page_of(small))
    assert few <= 20
    assert queries(page_of(large)) <= few
    before = queries(list_of("agentcontext"))
    for _ in range(5):
        run_of("hello")
    assert queries(list_of("agentcontext")) == before <= 12


# News


def test_news_are_parts_of_the_page_and_nothing_if_nothing_is_new(
    as_: Any, run_of: Any, people: Any, till: Any
) -> None:
    run = run_of("refund")
    client = as_("reader")
    page = client.get(page_of(run))
    known = page.context["news_key"]
    with CaptureQueriesContext(connection) as captured:
        assert json.loads(client.get(news(run), {"known": known}).content)["parts"] == {}
    assert len(captured) <= 7, "a page that is looked at asks again and again"
    till.approve_pending(run, by=people["approver"])
    till.run_until_idle()
    told_now = json.loads(client.get(news(run), {"known": known}).content)
    assert told_now["ended"] is True
    assert told_now["known"] != known
    assert set(told_now["parts"]) == {"head", "waiting", "commands", "answer", "timeline", "facts"}
    assert "Completed" in told_now["parts"]["head"]
    assert "Refunded." in told_now["parts"]["answer"]


def test_the_socket_is_named_where_there_is_one(as_: Any, run_of: Any, rf: Any) -> None:
    run = run_of("hello")
    assert "data-socket" not in as_("reader").get(page_of(run)).content.decode(), "WSGI"
    request = rf.get("/")
    request.scope = {}
    context = AgentContext.objects.get(pk=run.id)
    assert socket_path(request, context) == f"/ws/runs/{run.id}/"
    with modify_settings(INSTALLED_APPS={"remove": "channels"}):
        assert socket_path(request, context) == ""


def test_what_the_llm_is_writing_is_shown_to_those_who_may_read_it(as_: Any, till: Any, people: Any) -> None:
    run = start_run("till", "hello", user=people["customer"])
    with change(run.id) as edit:
        step = thinking.open_turn(edit, llm="scripted")
    client = as_("reader")
    page = client.get(page_of(run))
    assert f'data-writing="{step.number}.1" data-end="0" hidden' in page.content.decode()
    context = AgentContext.objects.get(pk=run.id)
    PartialReply.objects.create(context=context, step=step.number, attempt=1, index=7, text="Dear <b>\u202eAda")
    fresh = json.loads(client.get(news(run), {"known": page.context["news_key"]}).content)
    timeline = fresh["parts"]["timeline"]
    assert 'data-end="12"' in timeline
    assert "Dear &lt;b&gt;<mark" in timeline
    assert "\u202e" not in timeline
    for page in (as_("viewer").get(page_of(run)), as_("viewer").get(news(run))):
        assert "Dear" not in page.content.decode()
        assert "data-writing" not in page.content.decode()


# Commands


def test_commands_on_one_run(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund")
    client = as_("lead")
    page = client.get(page_of(run)).content.decode()
    assert command(run, "pause") in page
    assert command(run, "resume") not in page
    assert client.post(command(run, "pause"), {"reason": "let me look"}).status_code == 302
    page = client.get(page_of(run)).content.decode()
    assert "Paused by lead: let me look" in page
    assert "The run is paused." in page
    assert command(run, "resume") in page
    client.post(command(run, "resume"))
    assert run.again().status == RunStatus.WAITING_FOR_APPROVAL
    client.post(command(run, "cancel"), {"reason": "no longer needed"})
    assert run.again().status == RunStatus.CANCELLED
    page = client.get(page_of(run)).content.decode()
    assert "no longer needed" in page
    assert command(run, "cancel") not in page
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["pause", "resume", "cancel"]


def test_a_failed_run_is_retried(as_: Any, run_of: Any) -> None:
    run = run_of("fail")
    client = as_("lead")
    assert "script_exhausted" in client.get(page_of(run)).content.decode()
    client.post(command(run, "retry"))
    assert run.again().status == RunStatus.THINKING


def test_a_command_that_cannot_be_done_says_why(as_: Any, run_of: Any) -> None:
    run = run_of("hello")
    response = as_("lead").post(command(run, "pause"))
    assert "This run has ended" in told(response)
    response = as_("reader").post(command(run_of("refund"), "pause"))
    assert "control_run" in told(response)
    assert not LogEntry.objects.exists()


def test_looking_at_a_commands_address_does_nothing(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    assert as_("lead").get(command(run, "cancel")).status_code == 302
    as_("lead").post(command(run, "explode"))
    assert run.again().status == RunStatus.WAITING_FOR_APPROVAL


def test_viewers_are_offered_no_command(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    page = as_("reader").get(page_of(run)).content.decode()
    assert "/command/" not in page
    assert "Decide" not in page
    assert page_of(request_of(run)) in as_("approver").get(page_of(run)).content.decode()


def test_actions_on_many_runs_report_each(as_: Any, run_of: Any) -> None:
    waiting, ended = run_of("refund"), run_of("hello")
    data = {"action": "pause_selected", "_selected_action": [str(waiting.id), str(ended.id)], "index": 0}
    response = as_("lead").post(list_of("agentcontext"), data)
    assert waiting.again().status == RunStatus.PAUSED
    messages = told(response)
    assert "Done for 1 run." in messages
    assert str(ended.id)[-8:] in messages
    assert "This run has ended" in messages


def cancel_selected(client: Any, runs: list[Any], query: str = "", **typed: str) -> Any:
    data = {"action": "cancel_selected", "_selected_action": [str(run.id) for run in runs], **typed}
    return client.post(list_of("agentcontext") + query, data)


def test_cancelling_many_runs_asks_first(as_: Any, run_of: Any) -> None:
    waiting, other, ended = run_of("refund"), run_of("ask"), run_of("hello")
    client = as_("lead")
    asked = cancel_selected(client, [waiting, ended], index="0")
    page = asked.content.decode()
    assert asked.status_code == 200
    assert "Cancel these 2 runs?" in page
    assert "1 of them has ended already and stays as it is." in page
    assert page_of(waiting) in page
    assert page_of(ended) in page
    assert page_of(other) not in page
    assert waiting.again().status == RunStatus.WAITING_FOR_APPROVAL, "nothing is done before the answer"
    fields = dict(re.findall(r'<input type="hidden" name="(action|post)" value="([^"]+)">', page))
    marked = re.findall(r'name="_selected_action" value="([^"]+)"', page)
    assert set(marked) == {str(waiting.id), str(ended.id)}
    done = client.post(list_of("agentcontext"), {**fields, "_selected_action": marked, "reason": "the shop is closed"})
    assert (done.status_code, waiting.again().status) == (302, RunStatus.CANCELLED)
    details = AgentContext.objects.get(pk=waiting.id).details
    assert (details.cancelled_by, details.cancelled_why) == ("lead", "the shop is closed")
    assert other.again().status == RunStatus.WAITING_FOR_INPUT
    messages = told(done)
    assert "Done for 1 run." in messages
    assert f"…{str(ended.id)[-8:]}</span></a>: This run has ended" in messages


def test_what_was_asked_about_is_cancelled_whatever_became_of_it(as_: Any, run_of: Any, people: Any) -> None:
    run, query = run_of("refund"), "?status=waiting_for_approval"
    client = as_("lead")
    page = cancel_selected(client, [run], query, index="0").content.decode()
    assert "Cancel this run?" in page
    assert f'href="{list_of("agentcontext")}{query}"' in page
    pause_run(run.id, by=people["lead"])
    cancel_selected(client, [run], query, post="yes")
    assert run.again().status == RunStatus.CANCELLED


def test_not_too_many_are_cancelled_at_once(as_: Any, run_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_runs, "CANCELLED_AT_ONCE", 1)
    runs = [run_of("refund"), run_of("refund")]
    assert "Cancel at most 1 run at once." in told(cancel_selected(as_("lead"), runs, index="0"))


def test_the_page_that_asks_keeps_contents_to_itself(as_: Any, run_of: Any, people: Any) -> None:
    people["operator"] = person("operator", "agents_app.view_agentcontext", "agents_app.control_run", is_staff=True)
    run = run_of("refund")
    assert 'aa-excerpt">refund' in cancel_selected(as_("lead"), [run], index="0").content.decode()
    page = cancel_selected(as_("operator"), [run], index="0").content.decode()
    assert page_of(run) in page
    assert 'aa-excerpt">refund' not in page


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("resume_selected", pause_run, RunStatus.WAITING_FOR_APPROVAL),
        ("pause_selected", None, RunStatus.PAUSED),
    ],
)
def test_each_action(as_: Any, run_of: Any, people: Any, action: str, before: Any, after: RunStatus) -> None:
    run = run_of("refund")
    if before:
        before(run.id, by=people["lead"])
    as_("lead").post(list_of("agentcontext"), {"action": action, "_selected_action": [str(run.id)], "index": 0})
    assert run.again().status == after


def test_many_failures_are_not_all_told(as_: Any, run_of: Any) -> None:
    runs = [run_of("hello") for _ in range(12)]
    data = {"action": "retry_selected", "_selected_action": [str(run.id) for run in runs], "index": 0}
    assert "And 2 more could not be done." in told(as_("lead").post(list_of("agentcontext"), data))


@pytest.mark.parametrize("name", ["viewer", "reader", "approver", "requester"])
def test_actions_are_neither_offered_nor_done_without_permission(as_: Any, run_of: Any, people: Any, name: str) -> None:
    run = run_of("refund", user=people["requester"])
    client = as_(name)
    assert "cancel_selected" not in client.get(list_of("agentcontext")).content.decode()
    cancel_selected(client, [run], index="0")
    cancel_selected(client, [run], post="yes")
    assert run.again().status == RunStatus.WAITING_FOR_APPROVAL


def test_a_run_that_is_being_cancelled_offers_nothing_more(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("refund")
    later = as_stored(datetime(2099, 1, 1, tzinfo=UTC))
    AgentContext.objects.filter(pk=run.id).update(lease_until=later, due_at=later)
    cancel_run(run.id, by=people["lead"])
    page = as_("lead").get(page_of(run)).content.decode()
    assert "/command/" not in page
    assert "Being cancelled" in page


# Starting


def test_a_run_is_started_once(as_: Any, people: Any, till: Any) -> None:
    client = as_("lead")
    assert reverse(START) in client.get(list_of("agentcontext")).content.decode()
    page = client.get(reverse(START))
    token = page.context["form"]["token"].value()
    data = {"agent": "till", "input": "hello", "username": "customer", "session": "s", "token": token}
    first = client.post(reverse(START), {**data, "metadata": '{"ticket": 1}'})
    again = client.post(reverse(START), {**data, "metadata": '{"ticket": 1}'})
    assert first.status_code == 302
    assert first["Location"] == again["Location"]
    run = AgentContext.objects.select_related("details", "session").get()
    assert (run.user, run.details.started_by_name) == (people["customer"], "lead")
    assert run.session is not None
    assert (run.session.key, run.details.metadata) == ("s", {"ticket": 1})


def test_a_run_without_a_user(as_: Any, people: Any, till: Any) -> None:
    as_("lead").post(reverse(START), {"agent": "till", "input": "hello", "username": ""})
    assert AgentContext.objects.get().user is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": "  "}, "must not be empty"),
        ({"input": ""}, "This field is required"),
        ({"agent": "nobody"}, "Select a valid choice"),
        ({"username": "unknown"}, "There is no user of this name"),
        ({"metadata": "[1]"}, "Enter a JSON object"),
        ({"metadata": "{"}, "Enter a JSON object"),
        ({"session": "x" * 300}, "1 to 200 characters"),
    ],
)
def test_what_cannot_be_started_says_why_and_keeps_what_was_typed(
    as_: Any, till: Any, changes: dict[str, str], message: str
) -> None:
    data = {"agent": "till", "input": "hello", "username": "customer", "session": "keep-me", **changes}
    response = as_("lead").post(reverse(START), data)
    assert response.status_code == 400
    page = html.unescape(response.content.decode())
    assert message in page
    assert data["session"] in page
    assert not AgentContext.objects.exists()


@pytest.mark.parametrize("whose", ["customer", "unknown", ""])
def test_runs_of_others_are_started_by_those_who_control_runs(as_: Any, till: Any, whose: str) -> None:
    data = {"agent": "till", "input": "hello", "username": whose}
    response = as_("requester").post(reverse(START), data)
    assert response.status_code == 400
    assert "agents_app.control_run" in response.content.decode()
    assert not AgentContext.objects.exists()


def test_everybody_who_starts_has_runs_of_their_own(as_: Any, people: Any, till: Any) -> None:
    data = {"agent": "till", "input": "hello", "username": "requester"}
    assert as_("requester").post(reverse(START), data).status_code == 302
    assert AgentContext.objects.get().user == people["requester"]


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("approver", 403), ("gone", 302), ("customer", 302)])
def test_who_may_not_start(as_: Any, till: Any, name: str, status: int) -> None:
    client = as_(name)
    assert client.get(reverse(START)).status_code == status
    assert client.post(reverse(START), {"agent": "till", "input": "hello"}).status_code == status
    assert not AgentContext.objects.exists()


def test_a_run_that_waits_for_a_slot_says_so(as_: Any, till: Any) -> None:
    run = start_run("till", "hello", priority="high")
    AgentContext.objects.filter(pk=run.id).update(at_limit="agent:till")
    page = as_("lead").get(page_of(run)).content.decode()
    assert "It waits for a free slot" in page
    assert "High" in page


def test_a_run_whose_code_no_worker_knows_says_so(as_: Any, till: Any) -> None:
    waiting, held = start_run("till", "hello"), start_run("till", "hello")
    AgentContext.objects.update(unknown_since=waiting.created_at)
    AgentContext.objects.filter(pk=held.id).update(status=RunStatus.WAITING_FOR_APPROVAL)
    client = as_("lead")
    assert "No worker knows the code that it needs" in client.get(page_of(waiting)).content.decode()
    assert "No worker knows" not in client.get(page_of(held)).content.decode()
    assert client.get(list_of("agentcontext")).content.decode().count("waits for its code") == 1


def test_the_start_form_gives_the_priority(as_: Any, till: Any) -> None:
    client = as_("lead")
    given = {"agent": "till", "input": "hello", "username": "", "session": "", "metadata": "", "priority": "low"}
    assert client.post(reverse(START), given).status_code == 302
    assert AgentContext.objects.get().priority == -1
    assert client.post(reverse(START), {**given, "priority": "urgent"}).status_code == 400


def test_those_that_wait_for_a_free_slot_say_so_and_are_found(as_: Any, run_of: Any) -> None:
    waiting, other = start_run("till", "answer"), start_run("till", "answer")
    AgentContext.objects.filter(pk=waiting.id).update(at_limit="agent:till", at_limit_since=waiting.created_at)
    client = as_("reader")
    assert client.get(list_of("agentcontext")).content.decode().count("waits for a free slot") == 1
    found = client.get(list_of("agentcontext"), {"slot": "waits"}).context["cl"].result_list
    assert [row.pk for row in found] == [waiting.id]
    assert other.id != waiting.id


def test_the_priority_is_changed_on_the_page_and_for_many(as_: Any, run_of: Any) -> None:
    run, client = run_of("refund"), as_("admin")
    page = client.get(page_of(run)).content.decode()
    assert "Raise priority" in page
    assert "Lower priority" in page
    client.post(command(run, "high"))
    assert AgentContext.objects.get(pk=run.id).priority == 1
    page = client.get(page_of(run)).content.decode()
    assert "Raise priority" not in page
    assert "Normal → High" in page
    client.post(list_of("agentcontext"), {"action": "low_selected", "_selected_action": [str(run.id)], "index": 0})
    assert AgentContext.objects.get(pk=run.id).priority == -1
    assert "changed the priority" not in as_("reader").get(list_of("agentcontext")).content.decode()
    assert "Raise priority" not in as_("reader").get(page_of(run)).content.decode()


def test_who_sees_a_hidden_run_is_told_that_others_do_not(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("refund")
    client = as_("admin")
    assert "data-reasoned" in client.get(page_of(run)).content.decode(), "it may be cancelled, with a reason"
    cancel_run(run.id, by=SYSTEM)
    till.run_until_idle()
    hide_run(run.id, by=SYSTEM, reason="the press <asked>")
    page = client.get(page_of(run)).content.decode()
    head = page[page.index('data-part="head"') : page.index('id="aa-commands"')]
    assert "Hidden by" in head
    assert "the press &lt;asked&gt;" in head
    assert "Show it again" in page
    assert "data-reasoned" not in page, "to show it again takes no reason"

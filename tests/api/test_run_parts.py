"""Steps, tool calls, events, transcripts, questions, sessions and tickets."""

from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest

from agents_app.live.tickets import redeem
from agents_app.models import AgentEvent, ToolCall


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_steps_tell_what_was_done(client_of: Any, run_of: Any) -> None:
    run = run_of("look")
    steps = client_of("customer").get(f"/api/runs/{run.id}/steps/").json()["results"]
    assert [(step["number"], step["kind"], step["status"]) for step in steps] == [
        (1, "think", "completed"),
        (2, "respond", "completed"),
        (3, "use_tool", "completed"),
        (4, "think", "completed"),
        (5, "complete", "completed"),
    ]
    assert steps[0]["text"] == "I look."
    assert (steps[0]["input_tokens"], steps[0]["output_tokens"]) == (10, 5)
    assert steps[2]["tool_call"] == str(ToolCall.objects.get().pk)


def test_steps_come_in_pages_by_number(client_of: Any, run_of: Any) -> None:
    run = run_of("look")
    client, url, numbers = client_of("customer"), f"/api/runs/{run.id}/steps/?limit=1", []
    while url:
        page = client.get(url).json()
        numbers += [step["number"] for step in page["results"]]
        url = page["next"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 3


@pytest.mark.parametrize("position", ["p=-5", "p=x", f"p={2**70}", "o=x", "r=x", "p=%00"])
def test_a_cursor_that_is_not_ours_is_an_error(client_of: Any, run_of: Any, position: str) -> None:
    cursor = b64encode(position.encode()).decode()
    answer = client_of("customer").get(f"/api/runs/{run_of('look').id}/steps/?cursor={cursor}")
    assert code_of(answer) == (400, "invalid_cursor")


def test_calls_hold_arguments_and_results(client_of: Any, run_of: Any) -> None:
    run, client = run_of("look"), client_of("customer")
    [call] = client.get(f"/api/runs/{run.id}/tool-calls/").json()["results"]
    assert (call["tool"], call["status"], call["effect"]) == ("lookup", "succeeded", "read")
    assert (call["arguments"], call["result"]) == ({"number": "A-1"}, "order A-1")
    assert call["step"] == 3
    assert client.get(f"/api/tool-calls/{call['id']}/").json() == call
    assert client.get("/api/tool-calls/?tool=lookup&status=succeeded").json()["results"] == [call]
    assert client.get("/api/tool-calls/?status=unknown").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"verdict": "happened", "result": "receipt R-1"}, "succeeded", "R-1"),
        ({"verdict": "give_up", "reason": "bank says no"}, "failed", "bank says no"),
        ({"verdict": "try_again"}, "ready", None),
    ],
)
def test_an_unknown_outcome_is_settled(
    client_of: Any, run_of: Any, desk: Any, body: Any, status: str, told: str | None
) -> None:
    run, client = run_of("pay"), client_of("approver")
    [call] = client.get("/api/tool-calls/?status=unknown").json()["results"]
    answer = client.post(f"/api/tool-calls/{call['id']}/settle/", body, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    if told is not None:
        desk.run_until_idle()
        assert told in client.get(f"/api/runs/{run.id}/transcript/").content.decode()
        again = client.post(f"/api/tool-calls/{call['id']}/settle/", body, format="json")
        assert code_of(again) == (409, "not_unknown")
        details = again.json()["error"]["details"]
        assert (details["by"], details["verdict"], bool(details["at"])) == ("approver", body["verdict"], True)


def test_a_settling_word_is_one_of_three(client_of: Any, run_of: Any) -> None:
    run_of("pay")
    call = ToolCall.objects.get()
    answer = client_of("approver").post(f"/api/tool-calls/{call.pk}/settle/", {"verdict": "approved"}, format="json")
    assert code_of(answer) == (400, "invalid_input")


def test_events_are_numbered_without_gaps_and_replayed_from_any(client_of: Any, run_of: Any) -> None:
    run, client = run_of("look"), client_of("customer")
    all_events = client.get(f"/api/runs/{run.id}/events/").json()
    last = AgentEvent.objects.filter(context_id=run.id).count()
    assert [event["sequence"] for event in all_events["results"]] == list(range(1, last + 1))
    assert all_events["results"][0]["type"] == "run.started"
    assert (all_events["after"], all_events["more"]) == (last, False)
    after, seen = 0, []
    while True:
        page = client.get(f"/api/runs/{run.id}/events/?after={after}&limit=2").json()
        seen += page["results"]
        after = page["after"]
        if not page["more"]:
            break
    assert seen == all_events["results"]
    assert client.get(f"/api/runs/{run.id}/events/?after={last}").json() == {
        "results": [],
        "after": last,
        "more": False,
    }


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", f"after={2**63}", "after=", "limit=0", "limit=501"]
)
def test_a_wrong_place_in_the_events_is_an_error(client_of: Any, run_of: Any, query: str) -> None:
    answer = client_of("customer").get(f"/api/runs/{run_of('answer').id}/events/?{query}")
    assert code_of(answer) == (400, "invalid_input")


def test_the_transcript_is_what_was_said(client_of: Any, run_of: Any) -> None:
    run = run_of("look")
    messages = client_of("customer").get(f"/api/runs/{run.id}/transcript/").json()["messages"]
    assert [message["role"] for message in messages[:3]] == ["user", "assistant", "tool"]
    assert messages[0]["text"] == "look"
    assert messages[1]["text"] == "I look."
    [proposed] = messages[1]["calls"]
    assert (proposed["name"], proposed["arguments"]) == ("lookup", '{"number":"A-1"}')
    assert (messages[2]["name"], messages[2]["text"], messages[2]["failed"]) == ("lookup", '"order A-1"', False)


def test_the_transcript_holds_what_the_llm_was_told_to_correct(client_of: Any, run_of: Any) -> None:
    run = run_of("wrong")
    messages = client_of("customer").get(f"/api/runs/{run.id}/transcript/").json()["messages"]
    assert [message["role"] for message in messages[:3]] == ["user", "assistant", "correction"]
    assert messages[1]["text"] == "I forgot the form."
    assert messages[2]["text"]


def test_a_question_is_answered(client_of: Any, run_of: Any, desk: Any) -> None:
    run, client = run_of("ask"), client_of("customer")
    [question] = client.get("/api/input-requests/?status=pending").json()["results"]
    assert (question["question"], question["answer_schema"]) == ("Which colour?", None)
    assert client.get(f"/api/input-requests/{question['id']}/").json() == question
    path = f"/api/input-requests/{question['id']}/answer/"
    for broken in ({}, {"answer": 7}, {"answer": " "}, {"answer": None}, {"answer": "x" * 100_001}):
        assert client.post(path, broken, format="json").status_code == 400
    answered = client.post(path, {"answer": "blue\x00"}, format="json").json()
    assert (answered["status"], answered["answer"], answered["answered_by"]) == ("answered", "blue\ufffd", "customer")
    desk.run_until_idle()
    assert client.get(f"/api/runs/{run.id}/").json()["status"] == "completed"
    assert code_of(client_of("admin").post(path, {"answer": "red"}, format="json")) == (409, "already_decided")


def test_a_session_is_read_and_leads_to_its_runs(client_of: Any, run_of: Any) -> None:
    run, client = run_of("answer", session="mail-1"), client_of("customer")
    run_of("answer", session="mail-2")
    [session] = client.get("/api/sessions/?key=mail-1").json()["results"]
    assert (session["key"], session["agent"]) == ("mail-1", "desk")
    assert client.get(f"/api/sessions/{session['id']}/").json() == session
    [found] = client.get(f"/api/runs/?session_id={session['id']}").json()["results"]
    assert UUID(found["id"]) == run.id


def test_a_ticket_is_for_the_person_who_asked(client_of: Any, people: Any) -> None:
    answer = client_of("customer").post("/api/tickets/", {}, format="json")
    assert answer.status_code == 201
    assert redeem(answer.json()["ticket"]) == str(people["customer"].pk)
    assert answer.json()["expires_in"] == 60
    assert answer.headers["Cache-Control"] == "no-store"

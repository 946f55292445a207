"""Tool calls, and settling an unknown outcome."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from pydantic import BaseModel

from agents_app import Agent, tool
from agents_app.admin.settle_form import SettleForm
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of
from agents_app.models import Decision
from agents_app.services import cancel_run
from tests.admin.conftest import call_of, list_of, page_of
from tests.admin.till import EVIL
from tests.office import person


class Ticket(BaseModel):
    seat: str
    price: int


def settle(client: Any, run: Any, **typed: str) -> Any:
    return client.post(page_of(call_of(run)), typed, REMOTE_ADDR="192.0.2.7")


@pytest.mark.parametrize(
    ("typed", "result"),
    [('"it rang"', "it rang"), ("it rang", "it rang"), ("3", "3"), ('{"rings": 3}', '{"rings": 3}'), (EVIL, EVIL)],
)
def test_it_happened(as_: Any, run_of: Any, people: Any, till: Any, typed: str, result: Any) -> None:
    run = run_of("ring")
    client = as_("lead")
    page = client.get(page_of(run)).content.decode()
    assert "Nobody knows whether ring happened" in page
    assert "Nobody knows whether it happened" in client.get(page_of(call_of(run))).content.decode()
    response = settle(client, run, verdict="happened", result=typed, reason="I heard it")
    assert response["Location"] == page_of(run)
    call = call_of(run)
    assert (call.status, call.result) == (ToolCallStatus.SUCCEEDED, result)
    made = Decision.objects.get()
    assert (made.user, made.door, made.address, made.reason) == (people["lead"], "admin", "192.0.2.7", "I heard it")
    till.run_until_idle()
    assert run.again().status == RunStatus.COMPLETED
    page = client.get(page_of(run)).content.decode()
    assert "<strong>lead</strong> said that it happened: ring" in page
    assert "I heard it" in page
    assert "<script>alert" not in page
    assert "I heard it" in client.get(page_of(call_of(run))).content.decode()
    assert LogEntry.objects.get(object_id=str(call.pk)).change_message == "settled: happened (admin)"


def test_try_again_and_give_up(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("ring")
    settle(as_("lead"), run, verdict="try_again", result="not used")
    assert call_of(run).status == ToolCallStatus.READY
    till.run_until_idle()
    assert call_of(run).status == ToolCallStatus.UNKNOWN
    settle(as_("lead"), run, verdict="give_up", reason="the line is dead")
    assert (call_of(run).status, call_of(run).error) == (ToolCallStatus.FAILED, "the line is dead")
    till.run_until_idle()
    page = as_("lead").get(page_of(run)).content.decode()
    assert page.index("let it be tried again: ring") < page.index("gave it up: ring")


def test_a_settled_call_is_not_settled_again(as_: Any, run_of: Any) -> None:
    run = run_of("ring")
    client = as_("lead")
    settle(client, run, verdict="give_up", reason="first")
    response = settle(client, run, verdict="happened", result="rang", reason="second thoughts")
    assert response.status_code == 409
    assert "The outcome of this call is known" in response.content.decode()
    assert "second thoughts" in response.content.decode()


def test_a_verdict_is_needed(as_: Any, run_of: Any) -> None:
    run = run_of("ring")
    response = settle(as_("lead"), run, reason="hm")
    assert response.status_code == 400
    assert "This field is required." in response.content.decode()
    assert "hm" in response.content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [({"verdict": "happened"}, "Say what ring returned"), ({"verdict": "give_up", "result": "x"}, "Say why")],
)
def test_what_is_missing_is_said_at_its_field(as_: Any, run_of: Any, typed: dict[str, str], words: str) -> None:
    run = run_of("ring")
    response = settle(as_("lead"), run, **typed)
    page = response.content.decode()
    assert response.status_code == 400
    assert words in page[page.index("aa-invalid") :]
    assert "aa-failure" not in page
    assert call_of(run).status == ToolCallStatus.UNKNOWN


def test_in_an_ended_run_nothing_is_tried_again(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("ring")
    cancel_run(run.id, by=people["lead"])
    client = as_("lead")
    assert "try_again" not in client.get(page_of(call_of(run))).content.decode()
    assert settle(client, run, verdict="try_again").status_code == 400
    assert settle(client, run, verdict="happened", result="it rang").status_code == 302


@pytest.mark.parametrize(("name", "status"), [("reader", 403), ("viewer", 403), ("nobody", 404), ("gone", 302)])
def test_who_may_not_settle_cannot(as_: Any, run_of: Any, name: str, status: int) -> None:
    run = run_of("ring")
    assert settle(as_(name), run, verdict="happened").status_code == status
    assert call_of(run).status == ToolCallStatus.UNKNOWN


def test_the_page_of_a_call(as_: Any, run_of: Any) -> None:
    run = run_of("look")
    page = as_("reader").get(page_of(call_of(run))).content.decode()
    for words in ("it is there", "reads only", "Succeeded", str(run.id)):
        assert words in page
    page = as_("reader").get(page_of(call_of(run_of("unlock")))).content.decode()
    assert "hunter2" not in page
    assert "***" in page


def test_amounts_stand_with_their_currency(as_: Any, run_of: Any) -> None:
    call = call_of(run_of("refund"))
    assert "<dd>120.00 EUR</dd>" in as_("reader").get(page_of(call)).content.decode()
    call.schema_hash = "another"
    call.save()
    page = as_("reader").get(page_of(call)).content.decode()
    assert "<dd>120</dd>" in page, "the tool was another then: perhaps its currency, too"


def test_who_settles_reads_the_call_and_nothing_else(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("ring")
    people["settler"] = person("settler", "agents_app.settle_toolcall", is_staff=True)
    client = as_("settler")
    page = client.get(page_of(call_of(run))).content.decode()
    assert "<dd>110</dd>" in page
    assert page_of(run) not in page, "of the run they may not know"
    assert client.get(page_of(run)).status_code == 404
    response = settle(client, run, verdict="give_up", reason="dead")
    assert (response.status_code, response["Location"]) == (302, page_of(call_of(run)))


def test_viewers_see_that_a_call_is_there_and_not_what_is_in_it(as_: Any, run_of: Any) -> None:
    run = run_of("ring")
    settle(as_("lead"), run, verdict="give_up", reason="the line is dead")
    client = as_("viewer")
    address = page_of(call_of(run))
    assert address in client.get(page_of(run)).content.decode()
    assert "ring #1" in client.get(list_of("toolcall")).content.decode()
    page = client.get(address).content.decode()
    assert "that needs the permission to read transcripts" in page
    assert "<dd>110</dd>" not in page
    assert "the line is dead" not in page
    assert "the line is dead" in as_("reader").get(address).content.decode()


def test_the_list(as_: Any, run_of: Any) -> None:
    run_of("ring")
    client = as_("reader")
    assert "ring #1" in client.get(list_of("toolcall"), {"status": "unknown"}).content.decode()
    assert "ring #1" not in client.get(list_of("toolcall"), {"status": "succeeded"}).content.decode()
    assert as_("nobody").get(list_of("toolcall")).status_code == 403


def test_the_form_says_what_the_tool_returns() -> None:
    class Booker(Agent[str]):
        name = "booker"

        @tool
        def book(self) -> Ticket:
            """Book a seat."""
            return Ticket(seat="", price=0)

        @tool
        def call(self) -> str:
            """Call somebody."""
            return ""

    tools = definition_of(Booker).tools
    assert "an object with: seat, price." in SettleForm(tool=tools["book"]).as_div()
    assert "an object" not in SettleForm(tool=tools["call"]).as_div()

"""agents_approve, agents_reject, agents_settle, agents_answer."""

import uuid
from typing import Any

import pytest

from agents_app.models import Decision, InputRequest, ToolCall
from agents_app.testing import AgentsKit, calls
from tests.management.desk import manage, resting
from tests.testing.shop import Reply

REFUND = calls("refund", number="A-1", amount=120)
NOBODYS = uuid.UUID("00000000-0000-7000-8000-000000000000")


@pytest.fixture
def request_id(agents: AgentsKit, people: dict[str, Any]) -> str:
    """A refund of the customer that waits for approval."""
    run = resting(agents, REFUND, Reply(text="Paid."), user=people["customer"])
    return str(agents.assert_waits_for_approval(run).pk)


def test_approve(agents: AgentsKit, request_id: str) -> None:
    done = manage("agents_approve", request_id, "--as", "lead", "--reason", "a good customer")
    assert done.code == 0
    assert "Pay 120 EUR of A-1 back" in done.out
    assert 'refund(amount="120", number="A-1")' in done.out
    assert "Approved by lead." in done.out
    decision = Decision.objects.get()
    assert (decision.door, decision.user_name, decision.reason) == ("command", "lead", "a good customer")
    assert decision.digest_shown == decision.digest == decision.call.digest
    (run,) = agents.run_until_idle()
    agents.assert_completed(run, Reply(text="Paid."))


def test_approve_with_another_value_shows_the_difference(agents: AgentsKit, request_id: str) -> None:
    done = manage("agents_approve", request_id, "--set", "amount=100.50", "--as", "lead")
    assert done.code == 0
    assert "- amount: 120\n" in done.out
    assert "+ amount: 100.50\n" in done.out
    (run,) = agents.run_until_idle()
    assert agents.assert_called(run, "refund", number="A-1", amount="100.5").edited


def test_approve_with_nested_values(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, calls("send", to={"city": "Ulm", "lines": ["a", "b"]}), Reply(text="Sent."))
    request = agents.assert_waits_for_approval(run)
    done = manage("agents_approve", request.pk, "--as", "lead", *sets("to.city=Bonn", "to.lines.1=c", "copies=3"))
    assert done.code == 0, done.error
    assert "+ to.city: Bonn" in done.out
    agents.run_until_idle()
    agents.assert_called(run, "send", to={"city": "Bonn", "lines": ["a", "c"]}, copies=3)


def sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("amount=-1", "amount: Input should be greater than 0"),
        ("amount", "--set takes PATH=VALUE"),
        ("number.x=1", "number is no object and no list"),
        ("colour=red", "colour"),
    ],
)
def test_a_value_that_does_not_fit(agents: AgentsKit, request_id: str, value: str, text: str) -> None:
    done = manage("agents_approve", request_id, "--set", value, "--as", "lead")
    assert done.code == 2
    assert done.error.count(text) == 1, "said once, not again in a list of details"
    assert not Decision.objects.exists()


def test_a_dry_run_decides_nothing(request_id: str) -> None:
    done = manage("agents_approve", request_id, "--set", "amount=100", "--as", "lead", "--dry-run")
    assert done.code == 0
    assert "+ amount: 100" in done.out
    assert not Decision.objects.exists()


def test_a_digest_that_was_seen_elsewhere(request_id: str) -> None:
    seen = manage("agents_inbox", "--json").json["approvals"][0]["digest"]
    stale = manage("agents_approve", request_id, "--as", "lead", "--digest", "0" * 64)
    assert (stale.code, "stale_digest" in stale.error) == (5, True)
    assert manage("agents_approve", request_id, "--as", "lead", "--digest", seen).code == 0


def test_what_may_not_be_seen_is_not_shown_and_not_lost(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, calls("enter", site="bank", password="hunter2"), Reply(text="In."))
    request = agents.assert_waits_for_approval(run)
    done = manage("agents_approve", request.pk, "--as", "clerk", *sets("site=shop", "password=swordfish"))
    assert done.code == 0, done.error
    assert "+ site: shop" in done.out
    assert "hunter2" not in done.out
    assert "swordfish" not in done.out
    agents.run_until_idle()
    agents.assert_called(run, "enter", site="shop", password="swordfish")


def test_a_secret_that_is_not_edited_stays(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents, calls("enter", site="bank", password="hunter2"), Reply(text="In."))
    request = agents.assert_waits_for_approval(run)
    assert manage("agents_approve", request.pk, "--as", "clerk", "--set", "site=shop").code == 0
    agents.run_until_idle()
    agents.assert_called(run, "enter", site="shop", password="hunter2")


@pytest.mark.parametrize(
    ("command", "options"), [("agents_approve", []), ("agents_reject", ["--reason", "no"])], ids=["approve", "reject"]
)
class TestDeciding:
    def test_by_somebody_who_may_not(self, request_id: str, command: str, options: list[str]) -> None:
        done = manage(command, request_id, *options, "--as", "clerk")
        assert (done.code, "auth.change_user" in done.error) == (4, True)
        assert manage(command, request_id, *options, "--as", "customer").code == 4
        assert not Decision.objects.exists()

    def test_what_one_may_not_see(
        self, agents: AgentsKit, people: dict[str, Any], command: str, options: list[str]
    ) -> None:
        request = agents.assert_waits_for_approval(resting(agents, REFUND))
        assert manage(command, request.pk, *options, "--as", "customer").code == 3

    def test_by_nobody(self, request_id: str, command: str, options: list[str]) -> None:
        done = manage(command, request_id, *options, "--as", "ghost")
        assert (done.code, "no user “ghost”" in done.error) == (3, True)

    @pytest.mark.usefixtures("people")
    @pytest.mark.parametrize("wrong", [str(NOBODYS), str(NOBODYS)[:13], "what?", ""])
    def test_of_nothing(self, command: str, options: list[str], wrong: str) -> None:
        assert manage(command, wrong, *options, "--as", "lead").code == 3

    def test_what_is_decided(self, people: dict[str, Any], request_id: str, command: str, options: list[str]) -> None:
        people["clerk"].user_permissions.set(people["lead"].user_permissions.all())
        assert manage("agents_reject", request_id, "--reason", "no", "--as", "clerk").code == 0
        done = manage(command, request_id, *options, "--as", "lead")
        assert (done.code, "clerk rejected this" in done.error) == (5, True)

    def test_by_an_abbreviated_id(self, request_id: str, command: str, options: list[str]) -> None:
        assert manage(command, request_id[:25].upper(), *options, "--as", "lead").code == 0


def test_an_ambiguous_id(agents: AgentsKit, people: dict[str, Any]) -> None:
    first = agents.assert_waits_for_approval(resting(agents, [REFUND, calls("send", to={"city": "Ulm"})]))
    done = manage("agents_approve", str(first.pk)[:8], "--as", "lead")
    assert (done.code, str(first.pk) in done.error) == (2, True)


def test_reject_tells_the_agent_why(agents: AgentsKit, request_id: str) -> None:
    assert manage("agents_reject", request_id, "--reason", "not this month", "--as", "lead").code == 0
    (run,) = agents.run_until_idle()
    agents.assert_not_called(run, "refund")
    assert ToolCall.objects.get().error == "not this month"


def test_send_back_tells_the_agent_what_to_do_instead(agents: AgentsKit, request_id: str) -> None:
    assert "--instructions" in manage("agents_send_back", request_id, "--as", "lead").error
    done = manage("agents_send_back", request_id, "--instructions", "half of it", "--as", "lead")
    assert (done.code, "Sent back by lead" in done.out) == (0, True)
    (run,) = agents.run_until_idle()
    agents.assert_not_called(run, "refund")
    call = ToolCall.objects.get()
    assert (call.error_code, call.error) == ("sent_back", "half of it")


def test_reject_needs_a_reason(request_id: str) -> None:
    assert "reason_required" in manage("agents_reject", request_id, "--reason", " ", "--as", "lead").error
    assert "--reason" in manage("agents_reject", request_id, "--as", "lead").error


class TestSettling:
    @pytest.fixture
    def call(self, agents: AgentsKit, people: dict[str, Any]) -> ToolCall:
        return agents.assert_called(resting(agents, calls("pay", to="Ada"), Reply(text="Paid.")), "pay")

    def test_it_happened(self, agents: AgentsKit, call: ToolCall) -> None:
        done = manage("agents_settle", call.pk, "happened", "--result", '"receipt 7"', "--as", "lead")
        assert done.out == "Settled by lead: the call is succeeded.\n"
        call.refresh_from_db()
        assert call.result == "receipt 7"
        (run,) = agents.run_until_idle()
        agents.assert_completed(run)

    def test_it_is_given_up(self, call: ToolCall) -> None:
        done = manage("agents_settle", str(call.pk)[:24], "give_up", "--reason", "the bank says no", "--as", "lead")
        assert "the call is failed" in done.out
        assert Decision.objects.get().reason == "the bank says no"

    def test_it_is_tried_again(self, call: ToolCall) -> None:
        assert "the call is ready" in manage("agents_settle", call.pk, "try_again", "--as", "lead").out

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            (["happened", "--result", "{oops", "--as", "lead"], 2, "--result takes JSON"),
            (["give_up", "--result", "1", "--reason", "lost", "--as", "lead"], 2, "Only what happened"),
            (["happened", "--as", "lead"], 2, "Say what pay returned"),
            (["give_up", "--as", "lead"], 2, "reason_required"),
            (["happened", "--as", "customer"], 3, "tool call"),
            (["happened", "--as", "clerk"], 4, "settle_toolcall"),
            (["maybe", "--as", "lead"], 1, "invalid choice"),
        ],
    )
    def test_wrong(self, call: ToolCall, arguments: list[str], code: int, text: str) -> None:
        done = manage("agents_settle", call.pk, *arguments)
        assert (done.code, text in done.error) == (code, True), done.error
        call.refresh_from_db()
        assert call.status == "unknown"

    def test_what_is_settled(self, call: ToolCall) -> None:
        assert manage("agents_settle", call.pk, "give_up", "--reason", "lost", "--as", "lead").code == 0
        assert manage("agents_settle", call.pk, "happened", "--as", "lead").code == 5


class TestAnswering:
    @pytest.fixture
    def question(self, agents: AgentsKit, people: dict[str, Any]) -> InputRequest:
        turns = [calls("ask_user", question="Which colour?"), Reply(text="Fine.")]
        return agents.assert_waits_for_input(resting(agents, *turns, user=people["customer"]))

    def test_answer(self, agents: AgentsKit, question: InputRequest) -> None:
        done = manage("agents_answer", question.pk, "42", "--as", "customer")
        assert (done.code, "Answered by customer." in done.out) == (0, True)
        question.refresh_from_db()
        assert question.answer == "42", "without a schema an answer is a text"
        (run,) = agents.run_until_idle()
        agents.assert_completed(run)

    def test_the_answer_to_a_question_with_a_schema_is_json(self, agents: AgentsKit, people: dict[str, Any]) -> None:
        schema = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
        turns = [calls("ask_user", question="How big?", schema=schema), Reply(text="Fine.")]
        question = agents.assert_waits_for_input(resting(agents, *turns, user=people["customer"]))
        assert question.schema == schema
        wrong = manage("agents_answer", question.pk, '{"size": "big"}', "--as", "customer")
        assert (wrong.code, "size: 'big' is not of type 'integer'" in wrong.error) == (2, True)
        assert manage("agents_answer", question.pk, '{"size": 4}', "--as", "customer").code == 0

    def test_wrong(self, people: dict[str, Any], question: InputRequest) -> None:
        assert manage("agents_answer", question.pk, " ", "--as", "customer").code == 2
        assert manage("agents_answer", NOBODYS, "red", "--as", "customer").code == 3
        assert manage("agents_answer", question.pk, "red", "--as", "clerk").code == 3
        assert manage("agents_answer", question.pk, "red", "--as", "lead").code == 0
        done = manage("agents_answer", question.pk, "blue", "--as", "customer")
        assert (done.code, "lead has answered this" in done.error) == (5, True)

"""Commands over the websocket: the services' answers and refusals, and what is no command at all."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import OperationalError

from agents_app import Agent, tool
from agents_app.definitions.registry import registry
from agents_app.live.database import in_database
from agents_app.models import (
    AgentBudget,
    AgentContext,
    AgentEvent,
    ApprovalRequest,
    Decision,
    InputRequest,
    RunDetails,
    ToolCall,
)
from agents_app.services import (
    SYSTEM,
    Origin,
    archive_runs,
    cancel_run,
    pause_run,
    read_code_change,
    read_run,
    start_run,
)
from agents_app.testing import calls
from agents_app.testing.kit import AgentsKit
from agents_app.ws import commands, sockets
from agents_app.ws.calling import Caller
from agents_app.ws.commands import COMMANDS, FRAME_CHARACTERS, perform
from tests import office
from tests.ws.clients import connected, headers_of

Headers = list[tuple[bytes, bytes]]


class Cashier(Agent[str]):
    """Pays money out."""

    name = "cashier"
    llm = "demo"
    instructions = "Pay."

    @tool(effect="read", requires_approval=True)
    def pay(self, amount: int) -> str:
        """Pay an amount."""
        return f"paid {amount}"


@pytest.fixture
def kit(transactional_db: None) -> Iterator[AgentsKit]:
    with registry.override(Cashier), AgentsKit.opened() as kit:
        yield kit


@pytest.fixture
def paying(kit: AgentsKit, owner: Any) -> UUID:
    """A run that waits for the approval of a payment of 120."""
    kit.scripted_llm(Cashier, calls("pay", amount=120), "Done.")
    run = start_run(Cashier, "pay", user=owner)
    kit.run_until_idle()
    return run.id


@pytest.fixture
def asking(kit: AgentsKit, owner: Any) -> UUID:
    """A run that waits for its user's answer."""
    kit.scripted_llm(Cashier, calls("ask_user", question="Which order?"), "Done.")
    run = start_run(Cashier, "ask", user=owner)
    kit.run_until_idle()
    return run.id


@pytest.fixture
def operators(operator: Any) -> Headers:
    return headers_of(user=operator)


def status_of(run_id: UUID) -> str:
    return str(AgentContext.objects.values_list("status", flat=True).get(pk=run_id))


def request_of(run_id: UUID) -> ApprovalRequest:
    return ApprovalRequest.objects.select_related("call").get(context_id=run_id)


# Through the socket.


@pytest.mark.asyncio
async def test_approve_and_see_the_run_go_on(paying: UUID, kit: AgentsKit, operators: Headers) -> None:
    request = await in_database(request_of, paying)
    async with connected(f"/ws/runs/{paying}/", operators) as client:
        before = (await client.frame())["version"]
        await client.events_until(before)
        reply = await client.command(
            "approve", request=str(request.pk), digest=request.call.digest, arguments={"amount": 100}, reason="less"
        )
        assert reply == {
            "type": "reply",
            "id": "c-approve",
            "ok": True,
            "status": "approved",
            "error": None,
            "result": None,
        }
        await in_database(kit.run_until_idle)
        names: list[str | None] = [""]
        while names[-1] != "run.completed":
            names.append((await client.frame()).get("event"))
    assert "tool_call.succeeded" in names
    call = await in_database(ToolCall.objects.get, context_id=paying)
    assert call.result == "paid 100"
    decision = await in_database(Decision.objects.get)
    assert (decision.door, decision.address, decision.user_name) == ("websocket", "192.0.2.7", "operator")


@pytest.mark.asyncio
async def test_a_call_is_sent_back(paying: UUID, operators: Headers) -> None:
    request = await in_database(request_of, paying)
    async with connected("/ws/approvals/", operators) as client:
        reply = await client.command("send_back", request=str(request.pk), instructions="Less.", digest=request.digest)
        assert (reply["ok"], reply["status"]) == (True, "sent_back")
    decision = await in_database(Decision.objects.get)
    assert (decision.verdict, decision.door, decision.reason) == ("sent_back", "websocket", "Less.")


@pytest.mark.asyncio
async def test_many_are_decided_and_each_is_reported(paying: UUID, operators: Headers) -> None:
    request = await in_database(request_of, paying)
    chosen = [{"id": str(request.pk), "digest": request.digest}, {"id": "none", "digest": ""}]
    async with connected("/ws/approvals/", operators) as client:
        reply = await client.command("decide_many", verdict="reject", requests=chosen, reason="No.")
    assert reply["ok"]
    done, missing = reply["result"]
    assert done == {"id": str(request.pk), "outcome": "decided", "status": "rejected", "error": None}
    assert (missing["outcome"], missing["error"]["code"]) == ("failed", "not_found")
    assert (await in_database(Decision.objects.get)).door == "websocket"


@pytest.mark.asyncio
async def test_a_request_is_taken_on_handed_over_and_given_back(paying: UUID, operators: Headers, owner: Any) -> None:
    request = await in_database(request_of, paying)
    async with connected("/ws/approvals/", operators) as client:
        reply = await client.command("claim", request=str(request.pk))
        assert (reply["ok"], reply["status"]) == (True, "pending")
        await in_database(request.refresh_from_db)
        assert request.claimed_by_name == "operator"
        reply = await client.command("reassign", request=str(request.pk), to=owner.get_username())
        assert reply["error"]["code"] == "not_permitted"
        reply = await client.command("reassign", request=str(request.pk), to="nobody")
        assert reply["error"]["code"] == "unknown_user"
        colleague = await in_database(office.person, "colleague", "agents_app.decide_approvalrequest")
        assert (await client.command("reassign", request=str(request.pk), to="colleague"))["ok"]
        await in_database(request.refresh_from_db)
        assert request.claimed_by_key == str(colleague.pk)
        refused = await client.command("claim", request=str(request.pk))
        assert (refused["error"]["code"], refused["error"]["details"]["by"]) == ("claimed", "colleague")
    async with connected("/ws/approvals/", await in_database(headers_of, user=colleague)) as client:
        assert (await client.command("release", request=str(request.pk)))["ok"]
    await in_database(request.refresh_from_db)
    assert request.claimed_by_name == ""


@pytest.mark.asyncio
async def test_the_inbox_takes_commands_too(paying: UUID, operators: Headers) -> None:
    request = await in_database(request_of, paying)
    async with connected("/ws/approvals/", operators) as client:
        reply = await client.command("reject", request=str(request.pk), reason="too much")
        assert (reply["ok"], reply["status"]) == (True, "rejected")
        reply = await client.command("cancel")
        assert reply["error"]["code"] == "run_required"
        reply = await client.command("cancel", run=str(paying))
        assert reply["ok"]
    assert await in_database(status_of, paying) == "cancelled"


@pytest.mark.asyncio
async def test_answer_as_the_owner(asking: UUID, owner: Any) -> None:
    question = await in_database(InputRequest.objects.get, context_id=asking)
    async with connected(f"/ws/runs/{asking}/", await in_database(headers_of, user=owner)) as client:
        reply = await client.command("answer", request=str(question.pk), answer="A-1001")
        assert (reply["ok"], reply["status"]) == (True, "answered")
    await in_database(question.refresh_from_db)
    assert question.answer == "A-1001"


@pytest.mark.asyncio
async def test_pause_and_resume_the_run_of_the_socket(run_id: UUID, operators: Headers) -> None:
    async with connected(f"/ws/runs/{run_id}/", operators) as client:
        assert (await client.command("pause", reason="lunch"))["status"] == "paused"
        assert (await client.command("resume"))["ok"]
        assert (await client.command("resume"))["error"]["code"] == "wrong_state"
    assert await in_database(status_of, run_id) == "idle"


@pytest.mark.asyncio
async def test_an_ended_run_is_hidden_and_revealed(run_id: UUID, operators: Headers, owner: Any) -> None:
    discreet = await in_database(
        office.person, "discreet", *[f"agents_app.{code}" for code in ("view_agentcontext", "hide_run", "view_hidden")]
    )
    async with connected(f"/ws/runs/{run_id}/", await in_database(headers_of, user=discreet)) as client:
        assert (await client.command("hide"))["error"]["code"] == "wrong_state"  # it has not ended
        await in_database(lambda: cancel_run(run_id, by=SYSTEM))
        assert (await client.command("hide", reason="private"))["status"] == "cancelled"
        context = await in_database(AgentContext.objects.get, pk=run_id)
        assert context.hidden_at is not None
        async with connected(f"/ws/runs/{run_id}/", operators) as other:
            assert await other.closed_with() == 4404
        assert (await client.command("reveal"))["ok"]
        assert (await client.command("reveal"))["error"]["code"] == "not_hidden"
    async with connected(f"/ws/runs/{run_id}/", operators) as other:
        assert (await other.command("hide"))["error"]["code"] == "not_permitted"


@pytest.mark.asyncio
async def test_an_archived_run_is_brought_back(
    run_id: UUID, operators: Headers, owner: Any, tmp_path: Path, settings: Any
) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    await in_database(lambda: cancel_run(run_id, by=SYSTEM))
    await in_database(lambda: archive_runs(days=0))
    async with connected("/ws/approvals/", operators) as client:
        assert (await client.command("restore"))["error"]["code"] == "run_required"
        assert (await client.command("restore", run=str(run_id)))["status"] == "cancelled"
    assert await in_database(status_of, run_id) == "cancelled"


@pytest.mark.asyncio
async def test_the_owner_may_cancel_but_not_pause(run_id: UUID, owner: Any) -> None:
    async with connected(f"/ws/runs/{run_id}/", await in_database(headers_of, user=owner)) as client:
        assert (await client.command("pause"))["error"]["code"] == "not_permitted"
        assert (await client.command("cancel", reason="no need"))["status"] == "cancelled"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "text", ["", " ", "hello", "[]", "null", "1", '{"type":"command"', '{"a":NaN}', "[" * 100_000, "\x00", "{}"]
)
async def test_garbage_gets_a_reply_and_the_stream_goes_on(run_id: UUID, operators: Headers, text: str) -> None:
    async with connected(f"/ws/runs/{run_id}/", operators) as client:
        await client.send_input({"type": "websocket.receive", "text": text})
        reply = await client.reply()
        assert (reply["id"], reply["ok"], reply["error"]["code"]) == (None, False, "invalid_frame")
        assert (await client.command("pause"))["ok"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accept-language": "de"}, "Das ist kein JSON."),
        ({"accept-language": "tlh, en;q=0.9"}, "This is not JSON."),
        ({"cookie": "django_language=de", "accept-language": "en"}, "Das ist kein JSON."),
        ({}, "This is not JSON."),
    ],
    ids=["asked for", "not spoken", "chosen", "not said"],
)
async def test_replies_are_in_the_language_of_the_browser(
    run_id: UUID, operators: Headers, settings: Any, given: dict[str, str], said: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    headers = {name.decode(): value.decode() for name, value in operators}
    cookies = "; ".join(part for part in (headers["cookie"], given.get("cookie")) if part)
    sent = [(name.encode(), value.encode()) for name, value in {**headers, **given, "cookie": cookies}.items()]
    async with connected(f"/ws/runs/{run_id}/", sent) as client:
        await client.send_input({"type": "websocket.receive", "text": "hello"})
        assert (await client.reply())["error"]["message"] == said


@pytest.mark.asyncio
async def test_a_slow_command_does_not_hold_up_events(
    run_id: UUID, operators: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(commands.services, "cancel_run", lambda *args, **kwargs: go_on.wait(30) and read_run(run_id))
    async with connected(f"/ws/runs/{run_id}/", operators) as client:
        await client.events_until(1)
        for number in range(5):
            await client.send_json_to({"type": "command", "id": str(number), "name": "cancel"})
        await in_database(pause_run, run_id, by=SYSTEM)
        assert await client.events_until(2) == [2]
        go_on.set()
        assert [(await client.reply())["id"] for _ in range(5)] == ["0", "1", "2", "3", "4"]


@pytest.mark.asyncio
async def test_binary_frames_are_garbage(run_id: UUID, operators: Headers) -> None:
    async with connected(f"/ws/runs/{run_id}/", operators) as client:
        await client.send_to(bytes_data=b"\xff\x00")
        assert (await client.reply())["error"]["code"] == "invalid_frame"


@pytest.mark.asyncio
async def test_who_was_sent_away_cannot_command(run_id: UUID, stranger: Any) -> None:
    async with connected(f"/ws/runs/{run_id}/", await in_database(headers_of, user=stranger)) as client:
        await client.send_json_to({"type": "command", "id": "c", "name": "cancel"})
        assert await client.closed_with() == 4404
        assert await client.receive_nothing(timeout=0.2)
    assert await in_database(status_of, run_id) == "idle"


# Beneath it.


def done(fields: Any, user: Any, run_id: UUID | None = None) -> dict[str, Any]:
    caller = Caller(user=user, origin=Origin(door="websocket"), run_id=run_id)
    text = fields if isinstance(fields, str) else json.dumps({"type": "command", "id": "c1", **fields})
    return perform(text, caller).model_dump(mode="json")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_is_missing(name: str, operator: Any) -> None:
    reply = done({"name": name, "surplus": 1}, operator)
    assert (reply["id"], reply["error"]["code"]) == ("c1", "invalid_input")
    assert ["surplus"] in [error["path"] for error in reply["error"]["details"]["errors"]]


@pytest.mark.parametrize("name", [None, 1, "approve_all", "__class__", ["approve"]])
def test_an_unknown_command(name: Any, operator: Any) -> None:
    assert done({"name": name}, operator)["error"]["code"] == "unknown_command"


def test_a_frame_that_is_too_long(operator: Any) -> None:
    reply = done({"name": "cancel", "reason": "x" * FRAME_CHARACTERS}, operator)
    assert reply["error"]["code"] == "invalid_frame"


@pytest.mark.parametrize("key", ["", "x", "00000000-0000-4000-8000-000000000000", "\ud800", "\x00"])
@pytest.mark.parametrize(
    "fields",
    [
        {"name": "approve", "digest": "d", "request": ...},
        {"name": "reject", "reason": "r", "request": ...},
        {"name": "send_back", "instructions": "i", "request": ...},
        {"name": "settle", "verdict": "give_up", "call": ...},
        {"name": "answer", "answer": "a", "request": ...},
        {"name": "make_grant", "scope": "agent", "conditions": "any", "expires_at": "never", "request": ...},
        {"name": "revoke_grant", "grant": ...},
        {"name": "cancel", "run": ...},
        {"name": "retry", "run": ...},
    ],
)
def test_what_is_not_there(fields: dict[str, Any], key: str, operator: Any) -> None:
    given = {name: key if value is ... else value for name, value in fields.items()}
    reply = done(given, operator)
    assert reply["error"]["code"] in ("not_found", "invalid_input")
    assert reply["error"]["message"].encode()


def test_the_services_rules_hold(paying: UUID, operator: Any, owner: Any, stranger: Any) -> None:
    request = request_of(paying)
    approve = {"name": "approve", "request": str(request.pk), "digest": request.call.digest}
    assert done(approve, stranger)["error"]["code"] == "not_found"
    assert done(approve, owner)["error"]["code"] == "not_permitted"
    assert done({**approve, "digest": "other"}, operator)["error"]["code"] == "stale_digest"
    wrong = done({**approve, "arguments": {"amount": "much"}}, operator)["error"]
    assert wrong["code"] == "invalid_arguments"
    assert wrong["details"]["errors"][0]["path"] == ["amount"]
    assert done({"name": "reject", "request": str(request.pk), "reason": " "}, operator)["error"]["code"] == (
        "reason_required"
    )
    assert done(approve, operator)["ok"]
    late = done({"name": "reject", "request": str(request.pk), "reason": "no"}, operator)["error"]
    assert (late["code"], late["details"]["by"]) == ("already_decided", "operator")


def test_only_a_call_of_unknown_outcome_is_settled(paying: UUID, operator: Any) -> None:
    call = str(request_of(paying).call_id)  # type: ignore[attr-defined]
    assert done({"name": "settle", "call": call, "verdict": "happened"}, operator)["error"]["code"] == "not_unknown"
    assert done({"name": "settle", "call": call, "verdict": "approved"}, operator)["error"]["code"] == "invalid_input"


def test_only_a_failed_run_is_retried(run_id: UUID, operator: Any) -> None:
    assert done({"name": "retry"}, operator, run_id)["ok"] is False


@pytest.mark.parametrize(
    ("error", "code"), [(OperationalError("away"), "unavailable"), (KeyError("k"), "internal_error")]
)
def test_an_error_of_ours_tells_nothing_of_its_inside(
    error: Exception, code: str, run_id: UUID, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(commands.services, "pause_run", fail)
    reply = done({"name": "pause"}, operator, run_id)
    assert reply["error"]["code"] == code
    assert reply["error"]["details"] == {}
    assert str(error) not in reply["error"]["message"]


@pytest.mark.asyncio
async def test_whose_account_was_closed_meanwhile_commands_nothing(paying: UUID, operator: Any) -> None:
    headers = await in_database(headers_of, user=operator)
    async with connected(f"ws/runs/{paying}/", headers) as client:
        await client.frame()
        operator.is_active = False
        await in_database(operator.save)
        await client.send_json_to({"type": "command", "id": "c", "name": "pause"})
        assert await client.closed_with() == 4401
    assert (await in_database(AgentContext.objects.get, pk=paying)).paused_at is None


@pytest.mark.asyncio
async def test_a_permission_that_was_taken_meanwhile_is_gone(paying: UUID, operator: Any) -> None:
    headers = await in_database(headers_of, user=operator)
    async with connected(f"ws/runs/{paying}/", headers) as client:
        assert (await client.command("pause"))["ok"]
        await in_database(operator.user_permissions.clear)
        assert (await client.command("resume"))["error"]["code"] == "not_found"


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_said(paying: UUID, operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(scope: Any, user: Any) -> Any:
        raise OperationalError("away")

    headers = await in_database(headers_of, user=operator)
    async with connected(f"ws/runs/{paying}/", headers) as client:
        await client.frame()
        monkeypatch.setattr(sockets, "who_is_still", away)
        assert (await client.command("pause"))["error"]["code"] == "unavailable"


@pytest.mark.asyncio
async def test_half_a_character_in_a_command_is_replaced(paying: UUID, operator: Any) -> None:
    headers = await in_database(headers_of, user=operator)
    async with connected(f"ws/runs/{paying}/", headers) as client:
        await client.send_to(text_data='{"type": "command", "id": "\\ud800", "name": "pause", "\\udfff": 1}')
        reply = await client.reply()
        assert (reply["id"], reply["ok"]) == ("\ufffd", False)


def test_the_priority_of_a_run_is_changed(run_id: UUID, operator: Any, owner: Any) -> None:
    assert done({"name": "set_priority", "priority": "low"}, operator, run_id)["ok"]
    assert AgentContext.objects.get(pk=run_id).priority == -1
    assert done({"name": "set_priority", "priority": "high"}, owner, run_id)["error"]["code"] == "not_permitted"
    assert done({"name": "set_priority", "priority": "high"}, operator)["error"]["code"] == "run_required"


def test_budgets_are_set(run_id: UUID, operator: Any, owner: Any) -> None:
    limits = {"name": "set_budget", "tokens": 5, "money": "2.50", "period": "day"}
    assert done(limits, operator, run_id)["error"]["code"] == "not_permitted"
    operator.user_permissions.add(Permission.objects.get(codename="change_agentbudget"))
    operator = get_user_model().objects.get(pk=operator.pk)
    reply = done(limits, operator, run_id)
    assert (reply["ok"], reply["status"]) == (True, None)
    assert done({**limits, "user": owner.get_username()}, operator, run_id)["ok"]
    assert list(AgentBudget.objects.order_by("pk").values_list("scope", "context_id", "user_id", "tokens")) == [
        ("run", run_id, None, 5),
        ("user", None, owner.pk, 5),
    ]
    assert done(limits, operator)["error"]["code"] == "run_required"
    assert done({**limits, "user": "nobody"}, operator)["error"]["code"] == "unknown_user"


def test_changed_code_is_accepted(paying: UUID, operator: Any) -> None:
    """A run that is paused because its agent's code has changed goes on under the hash that was shown."""
    pause_run(paying, by=SYSTEM)
    RunDetails.objects.filter(pk=paying).update(definition_hash="0" * 64, held_code="code_changed", held_by="")
    refused = done({"name": "resume"}, operator, paying)["error"]
    assert refused["code"] == "code_changed"
    assert done({"name": "resume", "accept_changes": "f" * 64}, operator, paying)["error"]["code"] == "code_changed"
    shown = read_code_change(paying, by=operator)
    assert shown is not None
    assert done({"name": "resume", "accept_changes": shown.code}, operator, paying)["ok"]
    details = RunDetails.objects.get(pk=paying)
    assert (details.held_code, details.definition_hash) == ("", shown.code)
    told = AgentEvent.objects.get(context_id=paying, type="run.code_changed")
    assert (told.data["how"], told.data["by"]) == ("accepted", "operator")

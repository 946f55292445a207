"""What is sensitive goes over no websocket to anybody: neither in events, nor in replies to commands that hold it."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from agents_app.live.database import in_database
from agents_app.models import AgentContext, ApprovalRequest
from agents_app.services import start_run
from agents_app.testing import calls
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.ws.clients import connected, headers_of

SECRET, NEW_SECRET = "hunter2-planted-secret", "correct-horse-planted-secret"


@pytest.fixture
def kit(transactional_db: None) -> Iterator[AgentsKit]:
    with office.open_office(), AgentsKit.opened() as kit:
        yield kit


@pytest.fixture
def signing_in(kit: AgentsKit) -> UUID:
    kit.scripted_llm(office.Clerk, calls("sign_in", account="ada", password=SECRET), "Done.")
    run = start_run(office.Clerk, "Sign in.")
    kit.run_until_idle()
    return run.id


@pytest.mark.asyncio
async def test_no_frame_holds_it(signing_in: UUID, kit: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="agents_app")
    seen = ("view_agentcontext", "view_transcript", "view_sensitive", "control_run")
    dora = await in_database(office.person, "dora", *office.DECIDES, *[f"agents_app.{code}" for code in seen])
    headers = await in_database(headers_of, user=dora)
    request = await in_database(ApprovalRequest.objects.get, context_id=signing_in)
    said = {"name": "approve", "request": str(request.pk), "digest": request.digest}
    wrong: dict[str, Any] = {"account": 7, "password": NEW_SECRET, "pin": NEW_SECRET}
    right = {"account": "ada", "password": NEW_SECRET}
    frames: list[Any] = []
    async with connected("/ws/approvals/", headers) as inbox:
        frames.append(await inbox.frame())
        for arguments in (wrong, right):
            await inbox.send_json_to({"type": "command", "id": "c", **said, "arguments": arguments})
            frames.append(await inbox.reply())
    assert [frame["ok"] for frame in frames[1:]] == [False, True]
    await in_database(kit.run_until_idle)
    version = (await in_database(AgentContext.objects.get, pk=signing_in)).version
    async with connected(f"/ws/runs/{signing_in}/", headers) as client:
        frames += [await client.frame() for _ in range(version + 1)]
    assert frames[-1]["event"] == "run.completed"
    assert office.done == [("sign_in", ("ada", NEW_SECRET))]
    everything = json.dumps(frames) + caplog.text
    assert "sign_in" in everything  # it was looked at
    for secret in (SECRET, NEW_SECRET):
        assert secret not in everything

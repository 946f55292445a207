"""ws/approvals/: hints that what waits has changed."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.live import tail as tail_module
from agents_app.live.database import in_database
from agents_app.live.inbox import InboxFeed
from agents_app.services import start_run
from agents_app.testing import calls
from agents_app.testing.kit import AgentsKit
from agents_app.ws import sockets
from tests.ws.clients import connected, headers_of
from tests.ws.test_commands import Cashier, kit, request_of

__all__ = ["kit"]  # a fixture


@pytest.mark.asyncio
async def test_a_new_request_and_its_decision_are_hinted(
    kit: AgentsKit,
    owner: Any,
    operator: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tail_module, "COMPARE_SECONDS", 60.0)
    monkeypatch.setattr(tail_module, "INBOX_SECONDS", 0.05)
    headers = await in_database(headers_of, user=operator)

    def pay() -> Any:
        kit.scripted_llm(Cashier, calls("pay", amount=120), "Done.")
        run = start_run(Cashier, "pay", user=owner)
        kit.run_until_idle()
        return run.id

    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        async with connected("/ws/approvals/", headers) as client:
            assert await client.frame() == {"type": "inbox", "pending": 0, "unknown": 0}
            request = await in_database(request_of, await in_database(pay))
            assert await client.frame() == {"type": "inbox", "pending": 1, "unknown": 0}
            for name in ("claim", "release"):
                await client.send_json_to({"type": "command", "id": name, "name": name, "request": str(request.pk)})
                frames = [await client.frame(), await client.frame()]
                assert {"type": "inbox", "pending": 1, "unknown": 0} in frames, name
            await client.send_json_to(
                {"type": "command", "id": "c", "name": "reject", "request": str(request.pk), "reason": "no"}
            )
            frames = [await client.frame(), await client.frame()]
            assert {"type": "inbox", "pending": 0, "unknown": 0} in frames


@pytest.mark.asyncio
async def test_the_inbox_is_for_those_who_decide(owner: Any, viewer: Any) -> None:
    for user in (owner, viewer):
        async with connected("/ws/approvals/", await in_database(headers_of, user=user)) as client:
            assert await client.closed_with() == 4403
    async with connected("/ws/approvals/") as client:
        assert await client.closed_with() == 4401


@pytest.mark.asyncio
async def test_the_hints_of_a_part_count_that_part(kit: AgentsKit, owner: Any, operator: Any) -> None:
    def pay() -> None:
        kit.scripted_llm(Cashier, calls("pay", amount=120), "Done.")
        start_run(Cashier, "pay", user=owner)
        kit.run_until_idle()

    await in_database(pay)
    headers = await in_database(headers_of, user=operator)
    for query, pending in (("", 1), ("?tab=mine", 1), ("?tab=groups", 0), ("?tab=all", 1)):
        async with connected(f"/ws/approvals/{query}", headers) as client:
            assert (await client.frame())["pending"] == pending, query
    async with connected("/ws/approvals/?tab=yours", headers) as client:
        assert await client.closed_with() == 4400


@pytest.mark.asyncio
async def test_who_no_longer_decides_is_sent_away(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "RECHECK_SECONDS", 0.05)
    async with connected("/ws/approvals/", await in_database(headers_of, user=operator)) as client:
        assert (await client.frame())["type"] == "inbox"
        await in_database(operator.user_permissions.clear)
        assert await client.closed_with() == 4403


@pytest.mark.asyncio
async def test_of_many_changes_a_slow_watcher_is_told_the_last() -> None:
    feed = InboxFeed()
    for pending in range(5):
        feed.heard((pending, None, 1, None))
    assert (await feed.next()).pending == 4
    feed.heard((4, None, 1, None))
    assert not feed._news.is_set()

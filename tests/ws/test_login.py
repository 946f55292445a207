"""Tickets, for clients without cookies."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import signing
from django.utils import timezone

from agents_app.conf import conf
from agents_app.exceptions import NotPermitted
from agents_app.live.database import in_database
from agents_app.live.tickets import issue_ticket, redeem
from agents_app.ws import sockets
from agents_app.ws.login import address_of
from tests.ws.clients import connected, headers_of


def test_a_ticket_names_its_user(owner: Any) -> None:
    assert redeem(issue_ticket(owner)) == str(owner.pk)


def test_a_ticket_is_good_for_a_short_time(owner: Any) -> None:
    ticket = issue_ticket(owner)
    later = timezone.now() + timedelta(seconds=conf.TICKET_SECONDS + 2)
    with time_machine.travel(later, tick=False), pytest.raises(NotPermitted) as refused:
        redeem(ticket)
    assert refused.value.code == "ticket_expired"


@pytest.mark.parametrize(
    "ticket",
    ["", "x", "1:1:1", signing.dumps("1"), signing.dumps("1", salt="another")],
    ids=["empty", "word", "numbers", "unsalted", "salted otherwise"],
)
def test_what_we_have_not_signed_for_this_is_no_ticket(ticket: str) -> None:
    with pytest.raises(NotPermitted) as refused:
        redeem(ticket)
    assert refused.value.code == "invalid_ticket"


@pytest.mark.asyncio
async def test_a_ticket_opens_the_socket_without_a_cookie(run_id: UUID, owner: Any) -> None:
    async with connected(f"/ws/runs/{run_id}/?ticket={issue_ticket(owner)}&after=0") as client:
        assert (await client.frame())["run"] == str(run_id)


@pytest.mark.asyncio
async def test_a_ticket_counts_before_the_cookie(run_id: UUID, owner: Any, stranger: Any) -> None:
    cookies = await in_database(headers_of, user=owner)
    async with connected(f"/ws/runs/{run_id}/?ticket={issue_ticket(stranger)}", cookies) as client:
        assert await client.closed_with() == 4404
    async with connected(f"/ws/runs/{run_id}/?ticket=forged", cookies) as client:
        assert await client.closed_with() == 4401


@pytest.mark.asyncio
async def test_a_login_by_ticket_ends_with_the_account(
    run_id: UUID, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "RECHECK_SECONDS", 0.05)
    async with connected(f"/ws/runs/{run_id}/?ticket={issue_ticket(owner)}") as client:
        await client.events_until(1)
        assert await client.receive_nothing(timeout=0.2)
        await in_database(get_user_model().objects.filter(pk=owner.pk).update, is_active=False)
        assert await client.closed_with() == 4401


@pytest.mark.parametrize(
    ("client", "address"),
    [(["192.0.2.7", 1], "192.0.2.7"), (["::1", 1], "::1"), (["/run/socket", None], None), (None, None), ([], None)],
)
def test_the_address_is_one_or_none(client: Any, address: str | None) -> None:
    assert address_of({"client": client}) == address

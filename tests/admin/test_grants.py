"""Standing grants in the admin: from the request's page, the form, the list, the page, and ending one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from agents_app.models import StandingGrant, database_now
from agents_app.services import make_grant, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
PAGES = "/admin/agents_app"
WATCHES = ("agents_app.view_agentcontext", "agents_app.view_transcript")


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


@pytest.fixture
def olga() -> Any:
    return office.person("olga", *office.DECIDES, *WATCHES, "agents_app.add_standinggrant", is_staff=True)


def client(user: Any) -> Client:
    made = Client()
    made.force_login(user)
    return made


def paying(agents: AgentsKit, amount: int = 80, **options: Any) -> Any:
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=amount), "Done.")
    run = start_run(Clerk, "go", **options)
    agents.run_until_idle()
    return run


def typed(*rows: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    columns = {
        f"conditions-{part}": [row[place] for row in rows] for place, part in enumerate(("path", "operator", "value"))
    }
    end = (database_now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    fixed = {
        "scope": "agent",
        "uses": "20",
        "expires_at": end,
        "reason": "Postage.",
        "conditions-items": [""] * len(rows),
    }
    return {**fixed, **columns, **more}


LARGEST = ("amount", "at_most", "100")


def test_it_is_made_from_the_page_of_a_request(agents: AgentsKit, olga: Any) -> None:
    request = office.request_of(paying(agents, session="s", user=office.person("ann")))
    form = f"{PAGES}/standinggrant/from/{request.pk}/"
    assert form in client(olga).get(f"{PAGES}/approvalrequest/{request.pk}/change/").content.decode()
    shown = client(olga).get(form).content.decode()
    assert 'value="amount"' in shown
    assert 'value="80"' in shown
    assert all(f'value="{scope}"' in shown for scope in ("session", "user", "agent"))
    answer = client(olga).post(form, typed(LARGEST, ("", "equals", "")))
    assert (answer.status_code, answer.url) == (302, f"{PAGES}/approvalrequest/{request.pk}/change/")
    row = StandingGrant.objects.get()
    assert row.conditions == [{"path": "amount", "operator": "at_most", "value": "100"}]
    assert (row.door, row.uses_left, row.reason, row.owner_name) == ("admin", 20, "Postage.", "olga")
    assert LogEntry.objects.filter(object_id=str(row.pk)).exists()


def test_who_may_not_is_not_offered_it(agents: AgentsKit) -> None:
    request = office.request_of(paying(agents))
    dora = office.person("dora", *office.DECIDES, is_staff=True)
    form = f"{PAGES}/standinggrant/from/{request.pk}/"
    assert form not in client(dora).get(f"{PAGES}/approvalrequest/{request.pk}/change/").content.decode()
    assert client(dora).get(form).status_code == 403
    assert client(dora).post(form, typed(LARGEST)).status_code == 403
    assert client(dora).get(f"{PAGES}/standinggrant/from/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (typed, "say so by the word"),
        (lambda: typed(("gone", "equals", "1")), "no field gone"),
        (lambda: typed(LARGEST, any_arguments="on"), "There are conditions"),
        (lambda: typed(LARGEST, never="on"), "There is an end"),
        (lambda: typed(LARGEST, expires_at=""), "never"),
        (lambda: typed(LARGEST, expires_at="2001-01-01T00:00"), "ended already"),
        (lambda: typed(LARGEST, uses="0"), "greater than or equal to 1"),
        (lambda: typed(LARGEST, scope="user"), "not one of the available choices"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_wrong_is_told_and_what_was_typed_kept(agents: AgentsKit, olga: Any, given: Any, told: str) -> None:
    request = office.request_of(paying(agents))
    answer = client(olga).post(f"{PAGES}/standinggrant/from/{request.pk}/", given())
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert "Postage." in answer.content.decode()
    assert not StandingGrant.objects.exists()


def test_its_uses_are_shown_and_it_is_revoked(agents: AgentsKit, olga: Any) -> None:
    conditions = [{"path": "amount", "operator": "at_most", "value": 100}]
    asked = office.request_of(paying(agents))
    row = make_grant(asked.pk, by=olga, scope="agent", conditions=conditions, expires_at="never", uses=3)
    run = paying(agents, 60)
    call = office.call_of(run)
    assert (
        "allowed by the standing grant of olga"
        in client(olga).get(f"{PAGES}/agentcontext/{run.id}/change/").content.decode()
    )
    page = f"{PAGES}/standinggrant/{row.pk}/change/"
    assert page in client(olga).get(f"{PAGES}/toolcall/{call.pk}/change/").content.decode()
    shown = client(olga).get(page).content.decode()
    assert all(text in shown for text in ("amount is at most 100", "2 left", f"{PAGES}/toolcall/{call.pk}/change/"))
    listed = client(olga).get(f"{PAGES}/standinggrant/?state=live").content.decode()
    assert page in listed
    vera = office.person("vera", "agents_app.view_standinggrant", is_staff=True)
    assert "Revoke" not in client(vera).get(page).content.decode()
    client(vera).post(f"{PAGES}/standinggrant/{row.pk}/revoke/", {})
    row.refresh_from_db()
    assert row.revoked_at is None
    assert client(olga).post(f"{PAGES}/standinggrant/{row.pk}/revoke/", {"reason": "Enough."}).url == page
    row.refresh_from_db()
    assert (row.revoked_by_name, row.revoked_reason) == ("olga", "Enough.")
    assert page not in client(olga).get(f"{PAGES}/standinggrant/?state=live").content.decode()
    assert page in client(olga).get(f"{PAGES}/standinggrant/?state=over").content.decode()
    story = client(olga).get(f"{PAGES}/agentcontext/{asked.context_id}/change/").content.decode()
    assert "allowed the like of pay from now on" in story
    assert "revoked the standing grant for pay" in story


def test_hidden_values_are_not_shown(agents: AgentsKit, olga: Any) -> None:
    agents.scripted_llm(Clerk, calls("sign_in", account="a", password="sesame"), "Done.")  # a test's
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    request = office.request_of(run)
    form = client(olga).get(f"{PAGES}/standinggrant/from/{request.pk}/").content.decode()
    assert "password" in form  # nothing is said of it yet
    secret = [{"path": "password", "operator": "equals", "value": "sesame"}]
    row = make_grant(request.pk, by=olga, scope="agent", conditions=secret, expires_at="never")
    assert "sesame" not in form + client(olga).get(f"{PAGES}/standinggrant/{row.pk}/change/").content.decode()

"""One approval request: what the prepared read finds is what the queryset of all doors shows."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents_app.exceptions import NotFound
from agents_app.models import AgentContext, ApprovalRequest
from agents_app.selectors.one_approval import approval_again, approval_seen_by
from agents_app.selectors.people import visible_approvals
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls, run_until_idle
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
DECIDE, HIDDEN = "agents_app.decide_approvalrequest", "agents_app.view_hidden"


@pytest.fixture
def request_id(agents: AgentsKit) -> Any:
    agents.scripted_llm(Clerk, calls("order", what="a"), "Done.")
    run = start_run(Clerk, "x", user=office.person("owner"))
    run_until_idle()
    return ApprovalRequest.objects.get(context_id=run.id).pk


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("rights", [(), (DECIDE,), (HIDDEN,), (DECIDE, HIDDEN)], ids=str)
def test_it_is_seen_by_whom_the_queryset_shows_it(request_id: Any, rights: tuple[str, ...], hidden: bool) -> None:
    if hidden:
        AgentContext.objects.update(hidden_at=timezone.now())
    person = office.person("anybody", *rights)
    shown = visible_approvals(person).filter(pk=request_id).exists()
    assert shown == (DECIDE in rights and (HIDDEN in rights or not hidden))
    if shown:
        assert approval_seen_by(person, str(request_id)).pk == request_id
    else:
        with pytest.raises(NotFound):
            approval_seen_by(person, request_id)


def test_an_inactive_person_sees_none(request_id: Any) -> None:
    person = office.person("gone", DECIDE, HIDDEN)
    person.is_active = False
    with pytest.raises(NotFound):
        approval_seen_by(person, request_id)


@pytest.mark.parametrize("key", ["", "no id", "00000000-0000-0000-0000-000000000000"])
def test_what_is_not_there_is_not_found(request_id: Any, key: str) -> None:
    with pytest.raises(NotFound):
        approval_seen_by(office.person("dora", DECIDE), key)


def test_it_comes_with_its_call_and_its_run_and_as_it_is_now(request_id: Any) -> None:
    person = office.person("dora", DECIDE)
    first = approval_seen_by(person, request_id)
    ApprovalRequest.objects.update(reason="another")
    person.has_perm(HIDDEN)
    with CaptureQueriesContext(connection) as queries:
        again = approval_again(first)
        assert (again.call.tool, again.context.details.input) == ("order", "x")
    assert len(queries) == 1
    assert again is not first
    assert again.reason == "another"

"""A hidden run is there for those who may see hidden runs alone, at every door."""

from typing import Any

import pytest

from agents_app.exceptions import InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.selectors import people
from agents_app.selectors.archives import run_seen_by, visible_archived_runs
from agents_app.services import archive_runs, hide_run, restore_run, reveal_run, start_run
from agents_app.services.runs import REASON_LIMIT
from agents_app.testing import AgentsKit
from tests import office
from tests.archives import eventful, plain
from tests.office import Clerk

pytestmark = pytest.mark.django_db
HIDES = ("agents_app.view_agentcontext", "agents_app.hide_run")
SEES_ALL = (
    *("agents_app.view_agentcontext", "agents_app.view_transcript", "agents_app.view_approvalrequest"),
    *("agents_app.view_inputrequest", "agents_app.settle_toolcall"),
)


def seen(user: Any, run: Any) -> set[str]:
    """What this person may know of a run, by every rule that doors ask."""
    context = office.context_of(run)
    found = {
        "runs": people.visible_runs(user).filter(pk=run.id).exists(),
        "approvals": people.visible_approvals(user).filter(context_id=run.id).exists(),
        "inputs": people.visible_inputs(user).filter(context_id=run.id).exists(),
        "calls": people.visible_calls(user).filter(context_id=run.id).exists(),
        "run": people.may_view_run(user, context),
        "transcript": people.may_view_transcript(user, context),
    }
    return {name for name, it_is in found.items() if it_is}


EVERYTHING = {"runs", "approvals", "inputs", "calls", "run", "transcript"}


def test_hidden_from_everybody_but_auditors(agents: AgentsKit) -> None:
    owner, staff = office.person("olga"), office.person("staff", *SEES_ALL)
    auditor = office.person("aud", *SEES_ALL, "agents_app.view_hidden")
    hider = office.person("hank", *HIDES)
    run = eventful(agents, user=owner)
    assert [seen(user, run) for user in (owner, staff, auditor)] == [EVERYTHING] * 3
    hidden = hide_run(run.id, by=hider, reason="wrong customer")
    assert hidden.version == run.version + 1
    context = office.context_of(run)
    assert (context.details.hidden_by, context.details.hidden_why) == ("hank", "wrong customer")
    assert context.hidden_at is not None
    assert agents.events(run)[-1].data == {"by": "hank", "reason": "wrong customer"}
    assert [seen(user, run) for user in (owner, staff, hider, auditor)] == [set(), set(), set(), EVERYTHING]
    for user in (owner, staff, hider):
        with pytest.raises(NotFound):
            run_seen_by(user, run.id)


def test_shown_again_by_somebody_who_sees_it(agents: AgentsKit) -> None:
    owner, hider = office.person("olga"), office.person("hank", *HIDES)
    both = office.person("both", *HIDES, "agents_app.view_hidden")
    (run,) = plain(agents, user=owner)
    hide_run(run.id, by=hider)
    with pytest.raises(NotFound):
        reveal_run(run.id, by=hider)
    reveal_run(run.id, by=both)
    assert "run" in seen(owner, run)
    assert agents.event_types(run)[-2:] == ["run.hidden", "run.revealed"]
    with pytest.raises(WrongState) as refused:
        reveal_run(run.id, by=both)
    assert refused.value.code == "not_hidden"


def test_hiding_twice_is_hiding_once(agents: AgentsKit) -> None:
    both = office.person("both", *HIDES, "agents_app.view_hidden")
    (run,) = plain(agents)
    first = hide_run(run.id, by=both)
    assert hide_run(run.id, by=both).version == first.version


def test_what_is_refused(agents: AgentsKit) -> None:
    owner, hider = office.person("olga"), office.person("hank", *HIDES)
    (run,) = plain(agents, user=owner)
    with pytest.raises(NotPermitted):
        hide_run(run.id, by=owner)
    with pytest.raises(InvalidInput) as refused:
        hide_run(run.id, by=hider, reason="x" * (REASON_LIMIT + 1))
    assert refused.value.code == "too_long"
    waiting = start_run(Clerk, "x", user=owner)
    with pytest.raises(WrongState):
        hide_run(waiting.id, by=hider)


def test_a_hidden_run_stays_hidden_in_its_archive(agents: AgentsKit, tmp_path: Any, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    owner, hider = office.person("olga"), office.person("hank", *HIDES)
    auditor = office.person("aud", *SEES_ALL, "agents_app.view_hidden")
    (run,) = plain(agents, user=owner)
    hide_run(run.id, by=hider)
    archive_runs(days=0)
    assert [visible_archived_runs(user).exists() for user in (owner, hider, auditor)] == [False, False, True]
    restore_run(run.id)
    assert seen(owner, run) == set()
    with pytest.raises(WrongState) as refused:
        hide_run(run.id, by=office.person("both", *HIDES, "agents_app.view_hidden"))
    assert refused.value.code == "restored"

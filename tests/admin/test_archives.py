"""Archived runs in the admin: the address of a run leads to what is still known of it."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from agents_app.models import AgentContext
from agents_app.selectors.people import CONTROL, ERASE, VIEW_RUN
from agents_app.services import Run, archive_runs, restore_run
from tests.office import person


@pytest.fixture
def run(run_of: Any, tmp_path: Path, settings: Any) -> Run[Any]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    found: Run[Any] = run_of("look")
    assert archive_runs(days=0).runs == 1
    return found


def page_of(run: Run[Any]) -> str:
    return reverse("admin:agents_app_agentcontext_change", args=[run.id])


def test_the_address_of_the_run_leads_to_what_is_known(as_: Any, run: Run[Any]) -> None:
    answer = as_("viewer").get(page_of(run), follow=True)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Archived run of" in text
    assert "Bring it back" not in text  # a viewer may not
    assert "Completed" in text


def test_who_may_not_know_finds_nothing(as_: Any, run: Run[Any]) -> None:
    assert as_("requester").get(page_of(run)).status_code == 404
    url = reverse("admin:agents_app_archivedrun_change", args=[run.id])
    assert as_("requester").get(url).status_code in (403, 404)
    assert as_("requester").get(reverse("admin:agents_app_archivedrun_changelist")).status_code == 403
    assert as_("viewer").get(page_of(run)[:-10] + "0000000000/change/").status_code == 404


def test_the_list(as_: Any, run: Run[Any]) -> None:
    pages = [f"admin:agents_app_{model}_changelist" for model in ("archivedrun", "agentcontext")]
    texts = [as_("viewer").get(reverse(page)).content.decode() for page in pages]
    assert [str(run.id)[-8:] in text for text in texts] == [True, False]


def test_a_restored_run_has_its_page_and_no_buttons(as_: Any, run: Run[Any]) -> None:
    restore_run(run.id)
    text = as_("lead").get(page_of(run)).content.decode()
    assert "to be read only" in text
    assert "/command/" not in text
    archived = reverse("admin:agents_app_archivedrun_change", args=[run.id])
    assert "It is back" in as_("viewer").get(archived).content.decode()


def test_who_controls_runs_brings_one_back(as_: Any, run: Run[Any]) -> None:
    archived = reverse("admin:agents_app_archivedrun_change", args=[run.id])
    restore = reverse("admin:agents_app_archivedrun_restore", args=[run.id])
    assert restore in as_("lead").get(archived).content.decode()
    as_("viewer").post(restore)
    as_("lead").get(restore)
    assert not AgentContext.objects.exists()
    answer = as_("lead").post(restore, follow=True)
    assert "to be read only" in answer.content.decode()
    assert AgentContext.objects.get(pk=run.id).details.restored_at is not None
    assert as_("requester").post(restore).status_code in (403, 404)


def test_a_broken_archive_is_said(as_: Any, run: Run[Any], tmp_path: Path) -> None:
    for path in tmp_path.rglob("*.gz"):
        path.unlink()
    restore = reverse("admin:agents_app_archivedrun_restore", args=[run.id])
    answer = as_("lead").post(restore, follow=True)
    assert answer.status_code == 200
    assert "messagelist" in answer.content.decode()
    assert not AgentContext.objects.exists()


@pytest.fixture
def eraser(as_: Any, people: Any) -> Any:
    people["eraser"] = person("eraser", ERASE, is_staff=True)
    return as_("eraser")


ERASE_PAGE = "/admin/agents_app/archivedrun/erase/"


def test_a_person_is_erased_after_one_was_told_what_would_go(eraser: Any, run: Run[Any], run_of: Any) -> None:
    live = run_of("look")
    told = eraser.post(ERASE_PAGE, {"username": "customer", "reason": "ticket 1"}).content.decode()
    assert "runs: 1, archived runs: 1" in told
    assert AgentContext.objects.get(pk=live.id).details.erased_at is None
    wrong = eraser.post(ERASE_PAGE, {"username": "customer", "confirm": "custome"})
    assert wrong.status_code == 400
    assert "nothing was erased" in wrong.content.decode()
    assert AgentContext.objects.get(pk=live.id).details.erased_at is None
    done = eraser.post(ERASE_PAGE, {"username": "customer", "confirm": "customer"}, follow=True).content.decode()
    assert "Erased. Runs: 1, archived runs: 1" in done
    assert AgentContext.objects.get(pk=live.id).details.erased_at is not None


def test_erasing_refuses_what_it_cannot_do(eraser: Any, as_: Any, people: Any, run_of: Any) -> None:
    run_of("refund")
    assert as_("lead").get(ERASE_PAGE).status_code == 403
    assert "There is no such user" in eraser.post(ERASE_PAGE, {"username": "nobody-at-all"}).content.decode()
    refused = eraser.post(ERASE_PAGE, {"username": "customer", "confirm": "customer"})
    assert refused.status_code == 409
    assert "have not ended" in refused.content.decode()
    may_not = eraser.post(ERASE_PAGE, {"username": "customer", "confirm": "customer", "cancel": "on"})
    assert may_not.status_code == 403
    assert "Nothing was erased" in may_not.content.decode()
    people["chief"] = person("chief", ERASE, CONTROL, VIEW_RUN, is_staff=True)
    done = as_("chief").post(ERASE_PAGE, {"username": "customer", "confirm": "customer", "cancel": "on"}, follow=True)
    assert "Erased. Runs: 1," in done.content.decode()

"""Archived runs in the admin: the address of a run leads to what is still known of it."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from agents_app.services import Run, archive_runs, restore_run


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
    assert f"manage.py agents_restore {run.id}" in text
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

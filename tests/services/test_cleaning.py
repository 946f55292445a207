"""What nobody needs any more is deleted, in the same round that archives."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents_app import tasks
from agents_app.models import PartialReply, StoredResponse, database_now
from agents_app.models.fields import first_uuid7, uuid7
from agents_app.services import cleaning, start_run
from agents_app.testing import AgentsKit
from tests.archives import days_later, here, plain
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}


def test_keys_are_ordered_by_time() -> None:
    now = database_now()
    assert first_uuid7(now - timedelta(seconds=1)) < uuid7() < first_uuid7(now + timedelta(seconds=60))


def test_old_answers_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "BATCH", 2)
    for number in range(5):
        StoredResponse.objects.create(principal="1", key=str(number), fingerprint="f")
    with days_later(29):
        cleaning.clean_up(1)
    assert StoredResponse.objects.count() == 5
    with days_later(31):
        cleaning.clean_up(1)
    assert StoredResponse.objects.count() == 0


def test_texts_of_llms_go_when_their_run_is_over(agents: AgentsKit) -> None:
    (ended,) = plain(agents)
    open_ = start_run(Clerk, "x")
    for run in (ended, open_):
        PartialReply.objects.create(context_id=run.id, step=1, attempt=1, index=1, text="Wha")
    cleaning.clean_up(1)
    assert [row.pk for row in PartialReply.objects.all()] == [open_.id]


def test_the_task_archives_if_the_settings_say_so(agents: AgentsKit, settings: Any) -> None:
    (run,) = plain(agents)
    with days_later(40):
        tasks.clean_up()
        assert here(run)
        settings.AGENTS_APP = {**settings.AGENTS_APP, "ARCHIVE_AFTER_DAYS": 30}
        tasks.clean_up()
    assert not here(run)

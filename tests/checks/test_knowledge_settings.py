"""Settings of knowledge that cannot be used are told before they do harm."""

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage
from django.test import override_settings

from agents_app.checks.knowledge_settings import check_knowledge_settings


def found(installed: list[str] | None = None, **given: Any) -> list[CheckMessage]:
    names = installed if installed is not None else [each.name for each in apps.get_app_configs()]
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, **given}, INSTALLED_APPS=names):
        return check_knowledge_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KNOWLEDGE_BYTES", "50 MB"),
        ("KNOWLEDGE_CHARACTERS", 0),
        ("KNOWLEDGE_PAGES", -1),
        ("KNOWLEDGE_MEMORY", 1_000),
        ("KNOWLEDGE_ATTEMPTS", True),
        ("KNOWLEDGE_CHUNK", 5),
        ("KNOWLEDGE_PAGE_SECONDS", None),
        ("KNOWLEDGE_FOLDER", ""),
        ("EMBEDDING_BATCH", 1.5),
        ("EMBEDDING_SECONDS", float("inf")),
    ],
)
def test_values_of_the_wrong_kind_or_size(name: str, value: Any) -> None:
    [error] = found(**{name: value})
    assert (error.id, repr(name) in error.msg, repr(value) in error.msg) == ("agents_app.E182", True, True)
    assert error.hint


def test_the_defaults_are_right_and_nothing_is_said_where_it_is_not_installed() -> None:
    assert found() == []
    without = [each.name for each in apps.get_app_configs() if "knowledge" not in each.name]
    assert found(without, KNOWLEDGE_CHUNK=None) == []


def test_a_folder_that_is_served_to_everybody(tmp_path: Any) -> None:
    with override_settings(MEDIA_ROOT=str(tmp_path)):
        [warning] = found(KNOWLEDGE_FOLDER=str(tmp_path / "documents"))
        assert (warning.id, "MEDIA_ROOT" in warning.msg) == ("agents_app.W182", True)
        assert found(KNOWLEDGE_FOLDER=str(tmp_path.parent / "elsewhere")) == []


def test_an_executor_whose_queue_reads_no_documents() -> None:
    without = [each.name for each in apps.get_app_configs() if each.name != "django_q"]
    [info] = found(without, EXECUTOR="agents_app.executors.immediate.ImmediateExecutor")
    assert (info.id, "--every" in str(info.hint)) == ("agents_app.I182", True)
    assert found(EXECUTOR="celery") == [], "django-q2 is there"
    assert found(without, EXECUTOR="immediate") == []

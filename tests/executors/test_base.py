"""Which executor the settings name."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from agents_app.executors import get_executor
from agents_app.executors.django_q2 import DjangoQ2Executor
from agents_app.executors.immediate import ImmediateExecutor
from agents_app.testing.executor import WAITING, WaitingExecutor

CASES = [
    ({}, DjangoQ2Executor),
    ({"EXECUTOR": "django_q2"}, DjangoQ2Executor),
    ({"EXECUTOR": "immediate"}, ImmediateExecutor),
    ({"EXECUTOR": WAITING}, WaitingExecutor),
]


@pytest.mark.parametrize(("given", "kind"), CASES)
def test_by_name_or_dotted_path(given: dict[str, str], kind: type) -> None:
    with override_settings(AGENTS_APP=given):
        assert isinstance(get_executor(), kind)


@pytest.mark.parametrize("name", ["slate", "agents_app.nowhere.Executor"])
def test_another_name_says_which_there_are(name: str) -> None:
    with override_settings(AGENTS_APP={"EXECUTOR": name}), pytest.raises(ImproperlyConfigured, match="immediate"):
        get_executor()
